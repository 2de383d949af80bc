"""Reports about single layers under dynamic shapes, control flow, and sizes that depend on the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx

from cases.case import Array, Case, Shape, Tolerance
from cases.dynamic_shapes.symbolic import f32, ints, scalar
from cases.inputs import integers
from cases.model import Signature, graph, node
from cases.reported_bugs.blocks import EPSILON, FEATURES, normalized
from cases.reported_bugs.bug import INEXACT, NOT_BUILT, NOT_BUILT_OR_EXECUTED, NOT_PARSED, REFUSED, WRONG, bug
from cases.reported_bugs.sketch import Sketch

CHANNELS, UNITS, HIDDEN = 4, 8, 4
MAPS = f32("N", CHANNELS, "H", "W")
ROWS = f32("N", "C")
PLACES = (np.int64, (2, None))
ROUNDED = Tolerance(absolute=2.0**-10, relative=2.0**-12)
RECURRENT = Tolerance(absolute=2.0**-12)


def cases() -> Iterator[Case]:
    """Yield the cases: normalization and sums, branches, NonZero."""
    yield from _layers()
    yield from _branches()
    yield from _found_at_run_time()


def _layers() -> Iterator[Case]:
    yield bug(
        "D030", "GroupNormalization", lambda g: _group_normalization(g, 1), {"x": MAPS}, MAPS, (*WRONG, *INEXACT),
        opset=21, tolerance=ROUNDED,
    )  # fmt: skip
    yield bug(
        "D031", "GroupNormalization", lambda g: _group_normalization(g, 2), {"x": MAPS}, MAPS, NOT_PARSED,
        operators=("GroupNormalization",), opset=21, tolerance=ROUNDED,
    )  # fmt: skip
    yield bug(
        "D059", "InstanceNormalization", _instance_normalization, {"x": MAPS}, MAPS, NOT_PARSED,
        operators=("InstanceNormalization",), opset=13, tolerance=ROUNDED,
    )  # fmt: skip
    yield bug("D032", "Conv", _residual, {"x": MAPS}, MAPS, NOT_BUILT)
    yield bug("D038", "MatMul", _wide_product, {"x": f32("N", "S", FEATURES)}, f32("N", "S", 64), NOT_BUILT)
    yield bug(
        "D061", "LSTM", _masked_lstm, {"x": f32("S", "N", FEATURES), "lengths": (np.int32, ("N",))},
        f32("S", 1, "N", HIDDEN), REFUSED, fill={"lengths": _lengths}, tolerance=RECURRENT,
    )  # fmt: skip


def _branches() -> Iterator[Case]:
    unlike = ("If", "Squeeze", "Identity", "Reshape", "Unsqueeze")
    yield bug("D041", "If", _squeezed_or_not, {"x": f32("N", 3)}, f32(None), REFUSED, operators=unlike)
    yield bug("D042", "If", _reshaped_or_not, {"x": f32("N", "S", UNITS)}, f32(None), REFUSED, operators=unlike)


def _found_at_run_time() -> Iterator[Case]:
    yield bug(
        "D052", "NonZero", lambda g: g.add("NonZero", ["x"]), {"x": ROWS}, PLACES, NOT_PARSED,
        operators=("NonZero",), fill={"x": _sparse},
    )  # fmt: skip
    yield bug("D058", "NonZero", _positive_places, {"x": ROWS}, PLACES, NOT_BUILT_OR_EXECUTED, product="tensorrt_rtx")
    yield bug(
        "D053", "Reshape", _flat_places, {"x": ROWS}, (np.int64, (None,)), NOT_BUILT_OR_EXECUTED, control="D052",
        fill={"x": _sparse},
    )  # fmt: skip
    yield bug(
        "D022", "Reshape", _the_only_place, {"x": f32("C")}, (np.int64, ()), NOT_BUILT_OR_EXECUTED, control="D052",
        fill={"x": _one_hot},
    )  # fmt: skip
    yield bug(
        "D056", "LayerNormalization", _chosen_rows, {"x": f32("N", FEATURES), "keep": f32("N")}, f32(None, FEATURES),
        NOT_BUILT, control="D052", fill={"keep": _sparse}, tolerance=ROUNDED,
    )  # fmt: skip


def _group_normalization(g: Sketch, groups: int) -> None:
    scale, bias = np.array([0.5, 1.0, 1.5, 2.0], np.float32), np.array([-1.0, 0.0, 0.5, 1.0], np.float32)
    operands = ["x", g.constant("scale", scale), g.constant("bias", bias)]
    g.add("GroupNormalization", operands, num_groups=groups, epsilon=EPSILON)


def _instance_normalization(g: Sketch) -> None:
    scale = np.array([0.5, 1.0, 1.5, 2.0], np.float32)
    g.add("InstanceNormalization", ["x", g.constant("scale", scale), g.constant("bias", -scale)], epsilon=EPSILON)


def _residual(g: Sketch) -> None:
    g.add("Conv", ["x", g.kernel("w", (CHANNELS, CHANNELS, 3, 3))], "c", pads=[1, 1, 1, 1])
    g.add("Relu", [g.add("Add", ["c", "x"], "sum")])


def _wide_product(g: Sketch) -> None:
    g.add("MatMul", ["x", g.kernel("w", (FEATURES, 64))])


def _masked_lstm(g: Sketch) -> None:
    weights = [g.kernel("w", (1, 4 * HIDDEN, FEATURES)), g.kernel("r", (1, 4 * HIDDEN, HIDDEN))]
    g.add("LSTM", ["x", *weights, "", "lengths"], hidden_size=HIDDEN)


def _lengths(key: str, shape: Shape) -> Array:
    """Return lengths that every shape point has room for."""
    return integers(key, shape, 1, 3, np.int32)


def _squeezed_or_not(g: Sketch) -> None:
    """Add what exporters write for a squeeze of a batch of which nobody knows whether it is 1."""
    first = node("Constant", [], ["axes"], value=onnx.numpy_helper.from_array(ints(0)))
    then = [first, node("Squeeze", ["x", "axes"], ["then_y"])]
    _if_batch_of_one(g, then, f32(3), [node("Identity", ["x"], ["else_y"])], f32("N", 3))


def _reshaped_or_not(g: Sketch) -> None:
    """Add branches of two and of four dimensions."""
    rows = node("Constant", [], ["rows"], value=onnx.numpy_helper.from_array(ints(-1, UNITS)))
    axes = node("Constant", [], ["axes"], value=onnx.numpy_helper.from_array(ints(1)))
    then = [rows, node("Reshape", ["x", "rows"], ["then_y"])]
    otherwise = [axes, node("Unsqueeze", ["x", "axes"], ["else_y"])]
    _if_batch_of_one(g, then, f32(None, UNITS), otherwise, f32("N", 1, "S", UNITS))


def _if_batch_of_one(
    g: Sketch, then: list[onnx.NodeProto], then_y: Signature, otherwise: list[onnx.NodeProto], else_y: Signature
) -> None:
    """Add an If whose result, of a rank that only the batch tells, ends in one dimension."""
    g.size("x", 0, "batch")
    g.add("Squeeze", ["batch"], "number")
    g.add("Equal", ["number", g.constant("one", scalar(1))], "condition")
    branches: dict[str, Any] = {
        f"{name}_branch": graph(nodes, {}, {f"{name}_y": y}, name=name)
        for name, nodes, y in (("then", then, then_y), ("else", otherwise, else_y))
    }
    g.add("Reshape", [g.add("If", ["condition"], "chosen", **branches), g.ints("flat", -1)])


def _positive_places(g: Sketch) -> None:
    g.add("NonZero", [g.add("Greater", ["x", g.constant("limit", 1.0)], "positive")])


def _flat_places(g: Sketch) -> None:
    g.add("Transpose", [g.add("NonZero", ["x"], "places")], "rows", perm=[1, 0])
    g.add("Reshape", ["rows", g.ints("flat", -1)])


def _the_only_place(g: Sketch) -> None:
    """Add the one place that is not zero, as a number without dimensions."""
    g.add("Reshape", [g.add("NonZero", ["x"], "places"), g.constant("none", np.zeros(0, np.int64))])


def _chosen_rows(g: Sketch) -> None:
    g.add("Squeeze", [g.add("NonZero", ["keep"], "places"), g.ints("first", 0)], "rows")
    normalized(g, g.add("Gather", ["x", "rows"], "chosen", axis=0), "y")


def _sparse(key: str, shape: Shape) -> Array:
    """Return zeros and ones, the first of which is one."""
    found = integers(key, shape, 0, 1, np.float32)
    found.reshape(-1)[0] = 1
    return found


def _one_hot(key: str, shape: Shape) -> Array:
    found = np.zeros(shape, np.float32)
    found[integers(key, (1,), 0, shape[0] - 1)] = 1
    return found
