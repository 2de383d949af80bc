"""MaxPool, AveragePool and LpPool of ONNX, all versions, window by window.

https://onnx.ai/onnx/operators/onnx__MaxPool.html and its like. The evaluator rounds the sizes of SAME_LOWER down,
leaves dilations out of those of VALID, and where all strides are 1 mixes up uneven pads and the places of maxima.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import ml_dtypes
import numpy as np
import numpy.typing as npt

from cases.case import Array
from cases.inputs import is_integer
from matrix.verdict.reference.plug import Node


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The windows along one axis of ``size``, of which those of explicit pads reach from -begin to size + end."""

    size: int
    begin: int
    end: int
    places: npt.NDArray[np.int64]  # window, tap

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        return np.asarray((self.places >= 0) & (self.places < self.size))

    @property
    def padded(self) -> npt.NDArray[np.bool_]:
        """Which taps are in the input or its pads; rounding up may let a window reach beyond these."""
        return np.asarray(self.places < self.size + self.end)


def max_pool(node: Node) -> tuple[Array, ...]:
    """Return the maxima, and where the node names them the places of the first of each: offsets into the input."""
    x, axes = node.array(0), _axes(node)
    taken = np.where(_taps([axis.inside for axis in axes]), _taken(x, axes), _lowest(x.dtype))
    y = taken.max(axis=-1)
    if node.outputs == 1:
        return (y,)
    order = [axis.size for axis in axes]
    steps = [prod(order[:at]) if node.get("storage_order", 0) else prod(order[at + 1 :]) for at in range(len(order))]
    offsets = _taps([axis.places * step for axis, step in zip(axes, steps, strict=True)], np.add)
    chosen = np.take_along_axis(np.broadcast_to(offsets, taken.shape), taken.argmax(axis=-1)[..., np.newaxis], -1)
    images = np.arange(x.shape[0] * x.shape[1]).reshape(*x.shape[:2], *[1] * len(axes))
    return y, (images * prod(order) + chosen[..., 0]).astype(np.int64)


def average_pool(node: Node) -> Array:
    x, axes = node.array(0), _axes(node)
    inside = _taps([axis.inside for axis in axes])
    counted = _taps([axis.padded for axis in axes]) if node.get("count_include_pad", 0) else inside
    sums = np.where(inside, _taken(x.astype(np.float64), axes), 0).sum(axis=-1)
    return np.asarray(sums / counted.sum(axis=-1), x.dtype)


def lp_pool(node: Node) -> Array:
    x, axes, p = node.array(0), _axes(node), node.get("p", 2)
    powers = np.where(_taps([axis.inside for axis in axes]), np.abs(_taken(x.astype(np.float64), axes)) ** p, 0)
    return np.asarray(powers.sum(axis=-1) ** (1 / p), x.dtype)


def _axes(node: Node) -> list[Axis]:
    """Return the windows along every axis.

    Raises:
        ValueError: ``auto_pad`` asks for pads that are negative, of which the specification says nothing.
    """
    sizes = node.array(0).shape[2:]
    kernel = node.attributes["kernel_shape"]
    ones, zeros = [1] * len(kernel), [0] * (2 * len(kernel))
    strides, dilations, pads = node.get("strides", ones), node.get("dilations", ones), node.get("pads", zeros)
    how, up = node.get("auto_pad", "NOTSET"), bool(node.get("ceil_mode", 0))
    return [
        _axis(size, taps, stride, dilation, (begin, end), how, up=up)
        for size, taps, stride, dilation, begin, end in zip(
            sizes, kernel, strides, dilations, pads[: len(kernel)], pads[len(kernel) :], strict=True
        )
    ]


def _axis(size: int, taps: int, stride: int, dilation: int, pads: tuple[int, int], how: str, *, up: bool) -> Axis:
    span = (taps - 1) * dilation + 1
    begin, end = pads if how in ("", "NOTSET") else (0, 0)
    if how.startswith("SAME"):
        count = -(-size // stride)
        total = (count - 1) * stride + span - size
        if total < 0:
            raise ValueError("windows that auto_pad would pad by less than nothing have no reference")
        begin, end = (total // 2, -(-total // 2)) if how == "SAME_UPPER" else (-(-total // 2), total // 2)
    else:
        room = size + begin + end - span
        count = (-(-room // stride) if up else room // stride) + 1
        if up and (count - 1) * stride >= size + begin:  # a window that would start in the pad at the end is left out
            count -= 1
    places = np.arange(count)[:, np.newaxis] * stride - begin + np.arange(taps) * dilation
    return Axis(size=size, begin=begin, end=end, places=places)


def _taken(x: Array, axes: list[Axis]) -> Array:
    """Return batch x channels x windows along each axis x taps of a window; taps outside are any element of x."""
    for at, axis in enumerate(axes):
        x = np.take(x, np.clip(axis.places, 0, axis.size - 1), axis=2 + 2 * at)
    spatial = range(len(axes))
    moved = x.transpose(0, 1, *(2 + 2 * at for at in spatial), *(3 + 2 * at for at in spatial))
    return moved.reshape(*moved.shape[: 2 + len(axes)], prod(moved.shape[2 + len(axes) :]))


def _taps(of_axes: list[Array], join: np.ufunc = np.logical_and) -> Array:
    """Return what ``of_axes`` say of windows and taps along each axis, joined, in the order of `_taken`."""
    count = len(of_axes)
    joined = np.asarray(np.bool_(True) if join is np.logical_and else np.int64(0))
    for at, each in enumerate(of_axes):
        shape = [1] * (2 * count)
        shape[at], shape[count + at] = each.shape
        joined = join(joined, each.reshape(shape))
    return joined.reshape(*joined.shape[:count], prod(joined.shape[count:]))


def _lowest(dtype: npt.DTypeLike) -> Array:
    lowest = ml_dtypes.iinfo(dtype).min if is_integer(dtype) else -np.inf  # type: ignore[no-untyped-call]
    return np.asarray(lowest, dtype)


OPERATORS = {"MaxPool": max_pool, "AveragePool": average_pool, "LpPool": lp_pool}
