"""Reports about INT8 calibration of float models: each shows itself in the cell of precision int8-calibrated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from cases.case import Array, Calibration, Case, ShapePoint, Tolerance
from cases.catalogue import WRONG_CALIBRATION
from cases.dynamic_shapes.symbolic import f32
from cases.quantization.calibration import BATCHES, WRITERS
from cases.reported_bugs.blocks import layer_norm_block
from cases.reported_bugs.bug import DIES_BUILDING, NOT_BUILT, Draw, Inputs, bug, calibrated
from cases.reported_bugs.sketch import Sketch

FEATURES, OTHER, UNITS, CHANNELS, OPSET = 16, 12, 8, 3, 17
IMAGE = f32("N", CHANNELS, "H", "W")
SAME = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
ROUNDED = Tolerance(absolute=2.0**-12, relative=2.0**-12)  # of layer normalization and softmax in float32


def cases() -> Iterator[Case]:
    """Yield the cases: several inputs, images, sequences."""
    pair: Inputs = {"a": f32("N", FEATURES), "b": f32("N", OTHER)}
    yield _case("Q020", "MatMul", _sum_of_products, pair, ("N", UNITS))
    four: Inputs = {name: f32("N", size) for name, size in (("a", 16), ("b", 12), ("c", 8), ("d", 4))}
    yield _case("Q021", "Concat", _concatenated_product, four, ("N", UNITS), writer="forgets_input")
    yield _case("Q029", "Concat", _concatenated, pair, ("N", FEATURES + OTHER))
    yield _case("Q023", "Conv", _conv_relu, {"x": IMAGE}, ("N", UNITS, "H", "W"), writer="wrong_shape")
    yield _case("Q025", "Resize", _conv_resize, {"x": IMAGE}, ("N", UNITS, None, None))
    yield _case("Q026", "Conv", _conv_chain, {"x": f32("N", CHANNELS, 8, 6)}, ("N", UNITS, 8, 6))
    yield _case("Q031", "TopK", _conv_topk, {"x": f32("N", CHANNELS, 8, 6)}, ("N", 4, 2), shown_by=DIES_BUILDING)
    yield _case("Q032", "Conv", _conv_relu, {"x": f32(2, CHANNELS, 8, 6)}, (2, UNITS, 8, 6), writer="no_data")
    masked: Inputs = {"x": f32("N", "S", FEATURES), "mask": f32("N", "S")}
    yield _case("Q024", "Reshape", _masked_product, masked, (None, UNITS))
    tokens: Inputs = {"x": f32("N", "S", FEATURES)}
    yield _case("Q075", "LayerNormalization", layer_norm_block, tokens, ("N", "S", FEATURES), tolerance=ROUNDED)


def _case(
    name: str,
    op: str,
    draw: Draw,
    inputs: Inputs,
    y: tuple[int | str | None, ...],
    *,
    writer: str = "right",
    shown_by: tuple[str, ...] = NOT_BUILT,
    tolerance: Tolerance | None = None,
) -> Case:
    mistake = WRITERS[writer]
    case = bug(
        name, op, draw, inputs, f32(*y), shown_by, opset=OPSET, tolerance=tolerance or Tolerance(absolute=2.0**-14),
        tags=["calibration", "entropy2", writer, *([WRONG_CALIBRATION] if mistake else [])],
    )  # fmt: skip
    best = case.points[1 if len(case.points) > 1 else 0]
    batches = partial(_batches, case, best)
    return calibrated(case, Calibration(algorithm="entropy2", writer=writer, batches=batches, mistake=mistake))


def _batches(case: Case, best: ShapePoint) -> list[Mapping[str, Array]]:
    return [case.inputs(replace(best, name=f"batch{number}")) for number in range(BATCHES)]


def _sum_of_products(g: Sketch) -> None:
    g.add("MatMul", ["a", g.kernel("wa", (FEATURES, UNITS))], "pa")
    g.add("MatMul", ["b", g.kernel("wb", (OTHER, UNITS))], "pb")
    g.add("Add", ["pa", "pb"])


def _concatenated_product(g: Sketch) -> None:
    g.add("Concat", ["a", "b", "c", "d"], "all", axis=1)
    g.add("MatMul", ["all", g.kernel("w", (40, UNITS))])


def _concatenated(g: Sketch) -> None:
    g.add("Concat", ["a", "b"], axis=1)


def _conv(g: Sketch, x: str, result: str, channels: int = CHANNELS) -> str:
    return g.add("Conv", [x, g.kernel(f"{result}_w", (UNITS, channels, 3, 3))], result, **SAME)


def _conv_relu(g: Sketch) -> None:
    g.add("Relu", [_conv(g, "x", "c")])


def _conv_chain(g: Sketch) -> None:
    g.add("Relu", [_conv(g, "x", "c")], "r")
    _conv(g, "r", "y", UNITS)


def _conv_resize(g: Sketch) -> None:
    scales = g.constant("scales", [1, 1, 2, 2])
    nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    g.add("Resize", [_conv(g, "x", "c"), "", scales], **nearest)


def _conv_topk(g: Sketch) -> None:
    """Add a Conv of which the places of the four largest values choose rows of a table."""
    g.add("Reshape", [_conv(g, "x", "c"), g.ints("rows", 0, -1)], "flat")
    g.add("TopK", ["flat", g.ints("k", 4)], "best", axis=1)
    g.nodes[-1].output.append("places")
    g.add("Gather", [g.kernel("table", (UNITS * 48, 2)), "places"], axis=0)


def _masked_product(g: Sketch) -> None:
    g.add("Unsqueeze", ["mask", g.ints("last", -1)], "column")
    g.add("Mul", ["x", "column"], "masked")
    g.add("Reshape", ["masked", g.ints("rows", -1, FEATURES)], "flat")
    g.add("MatMul", ["flat", g.kernel("w", (FEATURES, UNITS))])
