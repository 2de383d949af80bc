"""Inputs, outputs and attributes that exporters seldom write: training, norms over windows, types of sums, old scans.

What they are taken for by who ignores them has another answer at every shape point but where the summary of a case says
that it must not: a seed without training, a type of sums that changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import onnx

from cases.case import EXACT, Array, Case, Shape
from cases.dynamic_shapes import scan_bodies
from cases.dynamic_shapes.control_flow import control_flow_case
from cases.dynamic_shapes.fills import point_of
from cases.dynamic_shapes.layers import EPSILON, FEATURES
from cases.dynamic_shapes.rounding import (
    function_rounding,
    log_rounding,
    normalization_rounding,
    softmax_rounding,
)
from cases.dynamic_shapes.single_node import Operand, node_case
from cases.dynamic_shapes.symbolic import POINTS, SIZES, Body, Fill, Sizes, dynamic_case, extent, f32, i64
from cases.inputs import distinct_floats, floats
from cases.model import Signature, node

IMAGE = f32("N", 6, "H", "W")
TOKENS = f32("N", "S", FEATURES)
CHANNELS = 6
SMALL: Mapping[str, Sizes] = {"H": (5, 9, 7, 12), "W": (4, 11, 6, 14)}
PIXELS = SIZES["N"][-1] * SMALL["H"][-1] * SMALL["W"][-1]
KERNEL = [3, 2]


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _softmax()
    yield from _dropout()
    yield from _batch_normalization()
    yield from _norms()
    yield from _places()
    yield from _types_of_sums()
    yield from _scan_8()


def _softmax() -> Iterator[Case]:
    """Yield axes that are not the default up to opset 12, 1, where all from the axis on are one row."""
    for op in ("Softmax", "LogSoftmax", "Hardmax"):
        for name, axis, x, row, opset in (
            ("axis_2", 2, f32("N", 3, "S"), SIZES["S"][-1], 7),
            ("axis_minus_1", -1, f32("N", 3, "S"), SIZES["S"][-1], 11),
            ("axis_0", 0, f32("N", 3), 3 * SIZES["N"][-1], 11),
        ):
            softmax = softmax_rounding(row)
            exact_or_log = EXACT if op == "Hardmax" else log_rounding(softmax.relative)
            yield node_case(
                f"{name}-flattened",
                op,
                {"x": x},
                x,
                opset=opset,
                attributes={"axis": axis},
                fill={"x": distinct_floats} if op == "Hardmax" else None,
                tolerance=softmax if op == "Softmax" else exact_or_log,
            )


def _dropout() -> Iterator[Case]:
    x = f32("N", "S")
    constants: dict[str, Operand] = {"ratio": np.array(0.75, np.float32), "training": np.array(False)}
    for opset in (12, 22):
        yield node_case("seed-not_training", "Dropout", {"x": x, **constants}, x, opset=opset, attributes={"seed": 7})


def _batch_normalization() -> Iterator[Case]:
    """Yield training: the statistics are those of the batch, whatever its size, and the running ones move to them."""
    operands: dict[str, Operand] = {
        "x": IMAGE,
        "scale": floats("rare/scale", (CHANNELS,), limit=1.0),
        "bias": floats("rare/bias", (CHANNELS,), limit=1.0),
        "mean": floats("rare/mean", (CHANNELS,), limit=1.0),
        "variance": np.full(CHANNELS, 2, np.float32),
    }
    statistics = {"running_mean": f32(CHANNELS), "running_variance": f32(CHANNELS)}
    for opset in (14, 15):
        yield node_case(
            "training",
            "BatchNormalization",
            operands,
            {"y": IMAGE, **statistics},
            opset=opset,
            attributes={"training_mode": 1, "epsilon": EPSILON, "momentum": 0.75},
            sizes=SMALL,
            tolerance=normalization_rounding(PIXELS),
        )


def _norms() -> Iterator[Case]:
    """Yield LpPool with what opset 18 added, and with the pads that auto_pad makes."""
    window: Mapping[str, Any] = {"kernel_shape": KERNEL, "strides": [2, 2]}
    for name, p, attributes, opset in (
        ("ceil", 2, {**window, "ceil_mode": 1}, 18),
        ("ceil", 1, {**window, "ceil_mode": 1}, 22),
        ("dilated", 2, {"kernel_shape": KERNEL, "dilations": [2, 3]}, 18),
        ("dilated", 1, {"kernel_shape": KERNEL, "dilations": [2, 3]}, 22),
        ("same_upper", 2, {**window, "auto_pad": "SAME_UPPER"}, 11),
        ("same_lower", 2, {**window, "auto_pad": "SAME_LOWER"}, 18),
    ):
        yield node_case(
            f"{name}-p_{p}",
            "LpPool",
            {"x": IMAGE},
            f32("N", CHANNELS, None, None),
            opset=opset,
            attributes={**attributes, "p": p},
            sizes=SMALL,
            tolerance=function_rounding(24.0 if p == 1 else 10.0),  # six elements of at most 4: 24, or sqrt(6) * 4
        )


def _places() -> Iterator[Case]:
    """Yield places of maxima counted down the columns; a window that all strides leave at 1 in each direction."""
    places: Signature = i64("N", CHANNELS, None, None)
    for name, attributes, opset in (
        ("columns_first", {"storage_order": 1, "strides": [2, 2]}, 8),
        ("columns_first", {"storage_order": 1, "strides": [2, 2]}, 12),
        ("columns_first-stride_1", {"storage_order": 1, "pads": [1, 0, 0, 1]}, 12),
        ("rows_first-stride_1", {"pads": [1, 0, 0, 1]}, 12),
    ):
        yield node_case(
            f"places-{name}",
            "MaxPool",
            {"x": IMAGE},
            {"y": f32("N", CHANNELS, None, None), "places": places},
            opset=opset,
            attributes={"kernel_shape": KERNEL, **attributes},
            sizes=SMALL,
            fill={"x": distinct_floats},
        )


def _types_of_sums() -> Iterator[Case]:
    affine: Mapping[str, Array] = {
        "scale": floats("rare/wide_scale", (FEATURES,), limit=1.0),
        "bias": floats("rare/wide_bias", (FEATURES,), limit=1.0),
    }
    yield node_case(
        "stash_type",
        "LayerNormalization",
        {"x": TOKENS, **affine},
        TOKENS,
        attributes={"stash_type": 1, "epsilon": EPSILON},
        tolerance=normalization_rounding(FEATURES),
    )
    yield dynamic_case(
        "range-float16-stash_type",
        "Range",
        _stashed_range,
        {"x": f32("N", "S")},
        {"y": (np.float16, ("length",))},
        opset=27,
    )


def _stashed_range() -> Body:
    """A float16 Range to the size of x, computed in float32, where every sum is exact, and rounded once."""
    constants = {"start": np.array(0.5, np.float16), "delta": np.array(0.3, np.float16)}
    nodes = [
        *extent("x", 1, "size", rank=0),
        node("Cast", ["size"], ["limit"], to=onnx.TensorProto.FLOAT16),
        node("Range", ["start", "limit", "delta"], ["y"], stash_type=onnx.TensorProto.FLOAT),
    ]
    return nodes, constants


def _scan_8() -> Iterator[Case]:
    """Yield Scan of opset 8 backwards, and with the lengths of its sequences, which are all that of the tensor."""
    inputs: dict[str, Signature] = {"x": f32("N", "S", 4)}
    outputs = {"total": f32("N", 4), "y": f32("N", "S", 4)}
    back = partial(scan_bodies.batched, directions=[1])
    yield control_flow_case("scan-batched_reverse", "Scan", back, inputs, outputs, opset=8)
    lengths = partial(scan_bodies.batched, lengths="lengths")
    given = {**inputs, "lengths": i64("N")}
    whole: dict[str, Fill] = {"lengths": _whole}
    yield control_flow_case("scan-batched_lengths", "Scan", lengths, given, outputs, opset=8, fill=whole)


def _whole(key: str, shape: Shape) -> Array:
    """Return the length of the tensor for each sequence: what is behind the end of a shorter one is undefined."""
    return np.full(shape, SIZES["S"][POINTS.index(point_of(key))], np.int64)
