"""Shapes that arrive at run time as graph inputs: shape tensors, whose values the profile bounds as well.

Everything here moves data, or adds small integers: every result is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import onnx

from cases.case import Case
from cases.dynamic_shapes.symbolic import SIZES, Body, Values, dynamic_case, f32, i64, scalar
from cases.model import Signature, node, tensor

# id without opset, op, body, signature of x, signature and values of the shape tensor, signature of y
Row = tuple[str, str, Callable[[], Body], Signature, Signature, Values, Signature]

SHAPE = "shape"  # the shape tensor in every model here
TOKENS = f32("N", "S", 4)
PLANE: Values = ((1, 3), (4, 12), (2, 7), (8, 24))
ENDS: Values = ((2,), (8,), (5,), (20,))


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for axes, op, body, x, shape, values, y in _rows():
        yield dynamic_case(axes, op, body, {"x": x, SHAPE: shape}, {"y": y}, values={SHAPE: values})


def _rows() -> Iterator[Row]:
    twelves: Values = ((2, 6), (6, 8), (3, 8), (8, 12))  # as many elements as x[N, 12] has
    yield (
        "reshape-shape_input",
        "Reshape",
        partial(_direct, "Reshape"),
        f32("N", 12),
        i64(2),
        twelves,
        f32("rows", "columns"),
    )
    yield "expand-shape_input", "Expand", partial(_direct, "Expand"), f32("N", 1), i64(2), PLANE, f32("N", "columns")
    repeats: Values = ((1, 1), (2, 3), (3, 4), (4, 6))
    yield "tile-repeats_input", "Tile", partial(_direct, "Tile"), f32("N", 4), i64(2), repeats, f32("rows", "columns")
    for name, dtype in (("ends_input", np.int64), ("ends_input_int32", np.int32)):
        yield f"slice-{name}", "Slice", partial(_slice, dtype), TOKENS, (dtype, (1,)), ENDS, f32("N", "end", 4)
    limits: Values = tuple((length,) for length in SIZES["S"])
    yield "range-limit_input", "Range", _range, f32("N", 1), i64(), limits, f32("N", "limit")
    row: Values = tuple((1, length) for length in SIZES["S"])
    yield "constantofshape-shape_input", "ConstantOfShape", _constant, f32("N", 1), i64(2), row, f32("N", "columns")
    pads: Values = ((0, 0, 0, 1), (0, 2, 0, 4), (0, 1, 0, 3), (0, 4, 0, 6))
    yield (
        "pad-pads_input",
        "Pad",
        partial(_direct, "Pad", mode="constant"),
        f32("N", "S"),
        i64(4),
        pads,
        f32("N", "S_padded"),
    )
    image, large = f32("N", 2, "H", "W"), f32("N", 2, "H_twice", "W_twice")
    sizes: Values = tuple((n, 2, 2 * h, 2 * w) for n, h, w in zip(SIZES["N"], SIZES["H"], SIZES["W"], strict=True))
    yield "resize-sizes_input", "Resize", _resize, image, i64(4), sizes, large


def _direct(op: str, **attributes: Any) -> Body:
    """Take the shape straight from a graph input."""
    return [node(op, ["x", SHAPE], ["y"], **attributes)], {}


def _slice(dtype: type[np.signedinteger]) -> Body:
    """Cut a sequence at an end that is given at run time."""
    return [node("Slice", ["x", "start", SHAPE, "axis"], ["y"])], {
        "start": np.array([0], dtype),
        "axis": np.array([1], dtype),
    }


def _range() -> Body:
    """Add 0, 1, ... to x, up to a limit that is given at run time."""
    nodes = [
        node("Range", ["zero", SHAPE, "one"], ["steps"]),
        node("Cast", ["steps"], ["steps_float"], to=onnx.TensorProto.FLOAT),
        node("Add", ["x", "steps_float"], ["y"]),
    ]
    return nodes, {"zero": scalar(0), "one": scalar(1)}


def _constant() -> Body:
    """Add a constant of a shape that is given at run time."""
    half = tensor("half", np.array([0.5], np.float32))
    return [node("ConstantOfShape", [SHAPE], ["halves"], value=half), node("Add", ["x", "halves"], ["y"])], {}


def _resize() -> Body:
    """Resize to sizes that are given at run time."""
    attributes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return [node("Resize", ["x", "", "", SHAPE], ["y"], **attributes)], {}
