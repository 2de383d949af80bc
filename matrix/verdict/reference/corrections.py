"""Operators that the reference evaluator lacks or gets wrong at some opset, in numpy, after the ONNX specification.

The evaluator (onnx 1.23) follows the newest version of most operators: at old opsets it refuses, or has new semantics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from cases.case import Array

Compute = Callable[..., Array]
NEWEST = 99


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What replaces an operator of the evaluator in models of the opsets ``first`` to ``last``."""

    op: str
    first: int = 1
    last: int = NEWEST
    compute: Compute


def replacements(corrections: Sequence[Correction], opset: int) -> list[type[OpRun]]:
    """Return the classes that the evaluator takes for its ``new_ops`` in a model of ``opset``."""
    return [_plugged(each.op, each.compute) for each in corrections if each.first <= opset <= each.last]


def _plugged(op: str, compute: Compute) -> type[OpRun]:
    def _run(_self: OpRun, *operands: Array | None, **attributes: Any) -> tuple[Array]:
        return (compute(*operands, **{name: value for name, value in attributes.items() if value is not None}),)

    return type(op, (OpRun,), {"op_domain": "", "op_schema": None, "_run": _run})


def _flattened(x: Array, axis: int) -> Array:
    """Return ``x`` with the two dimensions that Softmax had up to opset 12: all before ``axis``, and all from it on."""
    return x.reshape(int(np.prod(x.shape[: axis % x.ndim], dtype=np.int64)), -1)


def softmax(x: Array, axis: int = 1) -> Array:
    """https://onnx.ai/onnx/operators/onnx__Softmax.html#softmax-11."""
    flat = _flattened(x, axis).astype(np.float64)
    powers = np.exp(flat - flat.max(axis=1, keepdims=True))
    return np.asarray((powers / powers.sum(axis=1, keepdims=True)).reshape(x.shape), x.dtype)


def log_softmax(x: Array, axis: int = 1) -> Array:
    """https://onnx.ai/onnx/operators/onnx__LogSoftmax.html#logsoftmax-11."""
    flat = _flattened(x, axis).astype(np.float64)
    shifted = flat - flat.max(axis=1, keepdims=True)
    return np.asarray((shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))).reshape(x.shape), x.dtype)


def hardmax(x: Array, axis: int = 1) -> Array:
    """https://onnx.ai/onnx/operators/onnx__Hardmax.html#hardmax-11."""
    flat = _flattened(x, axis)
    return np.asarray(np.eye(flat.shape[1])[flat.argmax(axis=1)].reshape(x.shape), x.dtype)


def squeeze(x: Array, axes: Sequence[int]) -> Array:
    """All axes at once; the evaluator takes one after the other, which fails where their signs are mixed."""
    return np.squeeze(x, axis=tuple(axes))


def gather_elements(x: Array, indices: Array, axis: int = 0) -> Array:
    """The evaluator refuses a negative axis, and indices with fewer elements than x along the other axes."""
    along = axis % x.ndim
    kept = tuple(slice(None) if at == along else slice(size) for at, size in enumerate(indices.shape))
    return np.asarray(np.take_along_axis(x[kept], indices, along))


def scatter(x: Array, indices: Array, updates: Array, axis: int = 0) -> Array:
    """https://onnx.ai/onnx/operators/onnx__Scatter.html#scatter-9."""
    y = x.copy()
    np.put_along_axis(y, indices, updates, axis)
    return y


def pad(
    x: Array, pads: Array, value: Array | float | None = None, axes: Array | None = None, *, mode: str = "constant"
) -> Array:
    """Pad with a constant, and cut where a number is negative, which the evaluator refuses.

    Raises:
        ValueError: it pads with something else, and the text does not say whether what is cut counts.
    """
    if mode != "constant":
        raise ValueError(f"negative pads with mode {mode} have no reference")
    along = range(x.ndim) if axes is None else [axis % x.ndim for axis in np.asarray(axes).tolist()]
    sides = [[0, 0] for _ in x.shape]
    for axis, begin, end in zip(along, *np.asarray(pads).reshape(2, -1).tolist(), strict=True):
        sides[axis] = [begin, end]
    cut = tuple(slice(max(-a, 0), size - max(-b, 0)) for (a, b), size in zip(sides, x.shape, strict=True))
    widths = [(max(a, 0), max(b, 0)) for a, b in sides]
    return np.pad(x[cut], widths, constant_values=0 if value is None else np.asarray(value).item())


def batch_normalization(
    x: Array, scale: Array, bias: Array, mean: Array, variance: Array, *, epsilon: float, **_: Any
) -> Array:
    """https://onnx.ai/onnx/operators/onnx__BatchNormalization.html#batchnormalization-7, in test mode."""
    s, b, m, v = (each.astype(np.float64).reshape(-1, *[1] * (x.ndim - 2)) for each in (scale, bias, mean, variance))
    return np.asarray((x - m) / np.sqrt(v + epsilon) * s + b, x.dtype)


def one_hot(indices: Array, depth: Array, values: Array, axis: int = -1) -> Array:
    """Take a depth of one dimension, which the evaluator does as long as numpy lets it."""
    wrapped = np.where(indices < 0, indices + depth.item(), indices)
    hits = wrapped[..., np.newaxis] == np.arange(depth.item())
    return np.where(np.moveaxis(hits, -1, axis), values[1], values[0])


def resample(x: Array, scales: Any, mode: str = "nearest", before: float = 0.0, after: float = 0.0) -> Array:
    """Interpolate in float64: sample k of an axis is at (k + before) / scale - after, nearest is the one below.

    https://onnx.ai/onnx/operators/onnx__Resize.html; Upsample and Resize up to opset 10 leave the coordinates open,
    and ONNX Runtime and TensorRT take k / scale.
    """
    y = x.astype(np.float64)
    for axis, scale in enumerate(scales):
        size = x.shape[axis]
        at = np.clip((np.arange(int(size * scale)) + before) / scale - after, 0, size - 1)
        below = np.floor(at).astype(int)
        share = (at - below).reshape(-1, *[1] * (x.ndim - axis - 1)) if mode == "linear" else 0.0
        y = np.take(y, below, axis) * (1 - share) + np.take(y, np.minimum(below + 1, size - 1), axis) * share
    return y.astype(x.dtype)


def resize(
    x: Array,
    roi: Array | None = None,
    scales: Array | None = None,
    sizes: Array | None = None,
    *,
    axes: Sequence[int] | None = None,
    **attributes: Any,
) -> Array:
    """Resize as the evaluator does where it is right.

    It refuses negative axes and the coordinates tf_half_pixel_for_nn, and takes a sample at -0.5 where those of
    pytorch_half_pixel have one at 0, for a length of one: https://onnx.ai/onnx/operators/onnx__Resize.html.

    Raises:
        ValueError: tf_half_pixel_for_nn does not choose samples by scales, rounding down or to the nearest.
    """
    coordinates = attributes.get("coordinate_transformation_mode")
    if coordinates == "tf_half_pixel_for_nn":
        return _nearest_of_tensorflow(x, scales, sizes, **attributes)
    along = list(range(x.ndim)) if axes is None else [axis % x.ndim for axis in axes]
    if axes is not None:
        attributes["axes"] = along
    if coordinates == "pytorch_half_pixel":
        x, scales = _cut_to_first(x, scales, sizes, along)
    operands = {"x": x, "roi": roi, "scales": scales, "sizes": sizes}
    given = {name: each for name, each in operands.items() if each is not None}
    names = [name if name in given else "" for name in operands]
    (y,) = ReferenceEvaluator(helper.make_node("Resize", names, ["y"], **attributes)).run(None, given)
    return np.asarray(y)


def _cut_to_first(
    x: Array, scales: Array | None, sizes: Array | None, along: Sequence[int]
) -> tuple[Array, Array | None]:
    """Leave, of each axis that is to have a length of one, the sample that it is made of."""
    factors = None if scales is None or scales.size == 0 else scales.copy()
    for at, axis in enumerate(along):
        length = int(x.shape[axis] * factors[at]) if factors is not None else np.asarray(sizes)[at]
        if length == 1:
            x = np.take(x, [0], axis)
            if factors is not None:
                factors[at] = 1
    return x, scales if factors is None else factors


def _nearest_of_tensorflow(
    x: Array,
    scales: Array | None,
    sizes: Array | None,
    *,
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
    **_: Any,
) -> Array:
    if mode != "nearest" or scales is None or sizes is not None or nearest_mode not in NEAREST:
        raise ValueError(f"tf_half_pixel_for_nn with mode {mode}, {nearest_mode} or to sizes has no reference")
    return resample(x, scales.tolist(), mode, 0.5, -NEAREST[nearest_mode])


NEAREST: Mapping[str, float] = {"floor": 0.0, "round_prefer_floor": 0.5 - 2.0**-20}  # what is added before a floor

WRONG = (  # answers without an error, and not what the specification says
    Correction(op="Softmax", last=12, compute=softmax),
    Correction(op="LogSoftmax", last=12, compute=log_softmax),
    Correction(op="Hardmax", last=12, compute=hardmax),
    Correction(op="Resize", first=11, compute=resize),
)
LACKING = (  # refuses some models
    Correction(op="BatchNormalization", last=8, compute=batch_normalization),
    Correction(op="Squeeze", last=12, compute=squeeze),
    Correction(op="GatherElements", compute=gather_elements),
    Correction(op="Scatter", compute=scatter),
    Correction(op="OneHot", compute=one_hot),
    Correction(op="Pad", compute=pad),
    Correction(op="Upsample", compute=resample),
    Correction(op="Resize", last=10, compute=resample),
)
