"""Reports about layers with Q/DQ around them that a release could not parse, build or compute right."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cases.case import Case, Tolerance
from cases.dynamic_shapes.symbolic import f32
from cases.reported_bugs.blocks import EPSILON, FEATURES, normalized
from cases.reported_bugs.bug import INEXACT, NOT_BUILT, REFUSED, WRONG, bug
from cases.reported_bugs.sketch import SUM_SCALE, Sketch

CHANNELS, UNITS = 3, 8
LONG = 32_768  # of a convolution in one dimension
IMAGE, MAPS = f32("N", CHANNELS, 8, 6), f32("N", UNITS, 6, 4)
ROUNDED = Tolerance(absolute=2.0**-12, relative=2.0**-12)
ONE_CODE = Tolerance(absolute=SUM_SCALE)  # of a result that is quantized behind a function that rounds
BLOCK = Tolerance(absolute=2.0**-4)  # one code of the normalized input, through a weight of at most 31 / 128
DECONVOLVED = ("ConvTranspose", "QuantizeLinear", "DequantizeLinear")


def cases() -> Iterator[Case]:
    """Yield the cases: ConvTranspose, Conv, Add and what stands at a border, blocks."""
    yield from _transposed()
    yield from _convolutions()
    yield from _sums_and_borders()
    yield from _blocks()


def _transposed() -> Iterator[Case]:
    maps = {"x": f32("N", UNITS, 4, 3)}
    yield bug(
        "Q055", "ConvTranspose", _transposed_and_normalized, maps, f32("N", UNITS, 8, 6), (*REFUSED, *WRONG),
        operators=(*DECONVOLVED, "BatchNormalization"), opset=13, tolerance=ROUNDED,
    )  # fmt: skip
    yield bug(
        "Q057", "ConvTranspose", _transposed_weight_only, maps, f32("N", UNITS, 8, 6), REFUSED,
        operators=DECONVOLVED, opset=13,
    )  # fmt: skip
    yield bug(
        "Q058", "ConvTranspose", _transposed_to_twice_the_channels, maps, f32("N", 2 * UNITS, 8, 6), REFUSED,
        operators=DECONVOLVED, opset=13,
    )  # fmt: skip


def _convolutions() -> Iterator[Case]:
    yield bug("Q062", "Conv", _long_conv, {"x": f32(1, 4, 1, LONG)}, f32(1, 4, 1, LONG), NOT_BUILT, opset=13)
    yield bug("Q065", "Conv", _depthwise, {"x": f32("N", 6, 8, 6)}, f32("N", 6, 8, 6), NOT_BUILT, opset=13)
    yield bug("Q074", "Conv", _beside_a_float_branch, {"x": IMAGE}, MAPS, REFUSED, opset=13)
    yield bug("Q084", "Conv", _conv_and_add, {"x": IMAGE, "r": MAPS}, MAPS, INEXACT, opset=13)
    yield bug("Q087", "Conv", _conv_block, {"x": IMAGE}, MAPS, INEXACT, opset=13, tolerance=ROUNDED)


def _sums_and_borders() -> Iterator[Case]:
    wide = f32("N", 8, 8, 6)
    yield bug("Q068", "Add", _one_sided_add, {"x": wide}, wide, NOT_BUILT, opset=13)
    yield bug("Q071", "Add", _add_behind_relus, {"a": wide, "b": wide}, wide, NOT_BUILT, opset=13)
    yield bug("Q073", "Conv", _quantized_output, {"x": IMAGE}, MAPS, REFUSED, opset=13)


def _blocks() -> Iterator[Case]:
    tokens = f32("N", "S", FEATURES)
    yield bug("Q070", "MatMul", _fused_region, {"x": tokens}, tokens, NOT_BUILT, tolerance=BLOCK)


def _transposed_and_normalized(g: Sketch) -> None:
    g.add("ConvTranspose", [g.qdq("x"), g.weight("w", (UNITS, UNITS, 2, 2), 1)], "c", strides=[2, 2])
    parts = {"scale": 1.5, "bias": 0.25, "mean": 0.5, "var": 1.0}
    names = [g.constant(name, np.full(UNITS, value, np.float32)) for name, value in parts.items()]
    g.add("BatchNormalization", ["c", *names], epsilon=EPSILON)


def _transposed_weight_only(g: Sketch) -> None:
    g.add("ConvTranspose", ["x", g.weight("w", (UNITS, UNITS, 2, 2), 1)], strides=[2, 2])


def _transposed_to_twice_the_channels(g: Sketch) -> None:
    g.add("ConvTranspose", [g.qdq("x"), g.weight("w", (UNITS, 2 * UNITS, 2, 2), 1)], strides=[2, 2])


def _long_conv(g: Sketch) -> None:
    g.add("Conv", [g.qdq("x"), g.weight("w", (4, 4, 1, 3), 0)], pads=[0, 1, 0, 1])


def _depthwise(g: Sketch) -> None:
    """Add a depthwise Conv of 6 channels: no multiple of 4."""
    g.add("Conv", [g.qdq("x"), g.weight("w", (6, 1, 3, 3), 0)], group=6, pads=[1, 1, 1, 1])


def _beside_a_float_branch(g: Sketch) -> None:
    g.add("Conv", [g.qdq("x"), g.weight("w", (UNITS, CHANNELS, 3, 3), 0)], "quantized")
    g.add("Conv", ["x", g.kernel("v", (UNITS, CHANNELS, 3, 3))], "plain")
    g.add("Add", ["quantized", "plain"])


def _conv_and_add(g: Sketch) -> None:
    g.add("Conv", [g.qdq("x"), g.weight("w", (UNITS, CHANNELS, 3, 3), 0)], "c")
    g.add("Add", [g.qdq("c", scale=SUM_SCALE), g.qdq("r")], "sum")
    g.qdq("sum", "y", scale=3 * SUM_SCALE)


def _conv_block(g: Sketch) -> None:
    """Add Conv, BatchNormalization and Relu, of which only the input and the weight of the Conv are quantized."""
    g.add("Conv", [g.qdq("x"), g.weight("w", (UNITS, CHANNELS, 3, 3), 0)], "c")
    parts = {"scale": 0.75, "bias": 0.5, "mean": 0.25, "var": 2.0}
    names = [g.constant(name, np.full(UNITS, value, np.float32)) for name, value in parts.items()]
    g.add("Relu", [g.add("BatchNormalization", ["c", *names], "n", epsilon=EPSILON)])


def _one_sided_add(g: Sketch) -> None:
    """Add a depthwise Conv and an Add of which only one operand is quantized again."""
    g.add("Conv", [g.qdq("x"), g.weight("w", (8, 1, 3, 3), 0)], "c", group=8, pads=[1, 1, 1, 1])
    g.add("Add", [g.qdq("c", scale=SUM_SCALE), "x"])


def _add_behind_relus(g: Sketch) -> None:
    for name in ("a", "b"):
        g.qdq(g.add("Relu", [name], f"{name}_relu"))
    g.add("Add", ["a_relu_dq", "b_relu_dq"])


def _quantized_output(g: Sketch) -> None:
    g.add("Conv", [g.qdq("x"), g.weight("w", (UNITS, CHANNELS, 3, 3), 0)], "c")
    g.qdq("c", "y", scale=SUM_SCALE)


def _fused_region(g: Sketch) -> None:
    """Add layer normalization, a quantized MatMul and a gate beside a residual: what one fused kernel computes."""
    g.add("MatMul", [g.qdq(normalized(g, "x", "n")), g.weight("w", (FEATURES, FEATURES), 1)], "m")
    g.add("Mul", ["m", g.add("Sigmoid", ["m"], "gate")], "gated")
    g.add("Add", ["gated", "x"])
