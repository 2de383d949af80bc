"""Reports about the integer operators, and about ONNX Runtime's own Q/DQ kernels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cases.case import Array, Case, Shape, Tolerance
from cases.dynamic_shapes.symbolic import f32
from cases.inputs import integers
from cases.model import onnx_type
from cases.reported_bugs.bug import INEXACT, NOT_EXECUTED, NOT_PARSED, REFUSED, bug
from cases.reported_bugs.sketch import CODES, SUM_UNIT, WEIGHT_SCALE, X_SCALE, Sketch

FEATURES, UNITS, CHANNELS = 16, 8, 3
VOCABULARY = 64
HALVES = X_SCALE / 4  # of a quantization step: ties, and what lies between them
# DynamicQuantizeLinear has 255 steps for inputs in [-4, 4]; where a tie lies is up to the rounding of its scale.
ONE_STEP = Tolerance(absolute=8 / 255 * FEATURES * CODES * WEIGHT_SCALE)


def cases() -> Iterator[Case]:
    """Yield the cases, TensorRT's first."""
    yield from _tensorrt()
    yield from _onnxruntime()


def _tensorrt() -> Iterator[Case]:
    yield bug(
        "Q001", "DynamicQuantizeLinear", _dynamic_matmul, {"x": f32("N", FEATURES)}, f32("N", UNITS), NOT_PARSED,
        operators=("DynamicQuantizeLinear",), opset=13, tolerance=ONE_STEP,
    )  # fmt: skip
    yield bug(
        "Q002", "DequantizeLinear", _embedding, {"x": (np.int64, ("N", "S"))}, f32("N", "S", UNITS), REFUSED,
        operators=("DequantizeLinear",), opset=13, fill={"x": _tokens},
    )  # fmt: skip
    yield bug(
        "Q005", "QLinearConv", lambda g: _qlinear_conv(g, np.uint8), {"x": (np.uint8, ("N", CHANNELS, 8, 6))},
        (np.uint8, ("N", UNITS, 6, 4)), NOT_PARSED, operators=("QLinearConv",), opset=10,
    )  # fmt: skip


def _onnxruntime() -> Iterator[Case]:
    int8, uint8 = np.int8, np.uint8
    yield bug(
        "Q011", "QLinearConv", lambda g: _qlinear_conv(g, int8), {"x": (int8, ("N", CHANNELS, 8, 6))},
        (int8, ("N", UNITS, 6, 4)), REFUSED, product="onnxruntime", opset=10,
    )  # fmt: skip
    yield bug(
        "Q014", "QLinearMatMul", _qlinear_matmul, {"a": (int8, (2, FEATURES)), "b": (int8, (FEATURES, UNITS))},
        (int8, (2, UNITS)), REFUSED, product="onnxruntime", opset=21,
    )  # fmt: skip
    yield bug(
        "Q016", "MatMulInteger", lambda g: g.add("MatMulInteger", ["a", "b"]),
        {"a": (int8, (1, 4)), "b": (uint8, (4, 4))}, (np.int32, (1, 4)), REFUSED, product="onnxruntime", opset=10,
    )  # fmt: skip
    yield bug(
        "Q088", "QuantizeLinear", _quantize_half, {"x": (np.float16, ("N", 256))}, (int8, ("N", 256)), INEXACT,
        product="onnxruntime", opset=19, fill={"x": _half_steps},
    )  # fmt: skip
    yield bug(
        "Q089", "DequantizeLinear", _wider_output, {"x": (int8, ("N", FEATURES))}, f32("N", FEATURES), REFUSED,
        product="onnxruntime", opset=23,
    )  # fmt: skip
    yield bug(
        "Q090", "MatMulInteger", _batched_per_column, {"x": f32(2, 5, FEATURES)}, f32(2, 5, UNITS),
        (*REFUSED, *NOT_EXECUTED), product="onnxruntime", opset=13, tolerance=ONE_STEP,
    )  # fmt: skip
    yield bug(
        "Q094", "QuantizeLinear", lambda g: g.add("QuantizeLinear", ["x", g.constant("scale", X_SCALE)]),
        {"x": f32("N", FEATURES)}, (uint8, ("N", FEATURES)), REFUSED, product="onnxruntime", opset=10,
    )  # fmt: skip


def _dynamic_matmul(g: Sketch) -> None:
    """Add what quantize_dynamic makes of a MatMul."""
    _dynamically_quantized(g)
    g.constant("w", integers("reported/dynamic/w", (FEATURES, UNITS), -CODES, CODES, np.int8))
    g.constant("w_zero", np.int8(0))
    _scaled_product(g, g.constant("w_scale", WEIGHT_SCALE))


def _batched_per_column(g: Sketch) -> None:
    """Add the same for a weight of three dimensions with parameters for each column."""
    _dynamically_quantized(g)
    g.constant("w", integers("reported/batched/w", (2, FEATURES, UNITS), -CODES, CODES, np.int8))
    g.constant("w_zero", np.zeros((2, 1, UNITS), np.int8))
    _scaled_product(g, g.constant("w_scale", np.full((2, 1, UNITS), WEIGHT_SCALE, np.float32)))


def _dynamically_quantized(g: Sketch) -> None:
    g.add("DynamicQuantizeLinear", ["x"], "q")
    g.nodes[-1].output.extend(["x_scale", "x_zero"])


def _scaled_product(g: Sketch, w_scale: str) -> None:
    g.add("MatMulInteger", ["q", "w", "x_zero", "w_zero"], "sums")
    g.add("Cast", ["sums"], "floats", to=onnx_type(np.float32))
    g.add("Mul", ["x_scale", w_scale], "scale")
    g.add("Mul", ["floats", "scale"])


def _embedding(g: Sketch) -> None:
    g.weight("w", (VOCABULARY, UNITS), dtype=np.uint8, zero=128)
    g.add("Gather", ["w", "x"], axis=0)


def _qlinear_conv(g: Sketch, dtype: type[np.integer]) -> None:
    zero = 128 if dtype is np.uint8 else 0
    g.constant("w", integers("reported/qlinearconv/w", (UNITS, CHANNELS, 3, 3), zero - CODES, zero + CODES, dtype))
    names = ["x", *g.parameters("x", X_SCALE, dtype(zero)), "w", *g.parameters("w", WEIGHT_SCALE, dtype(zero))]
    g.add("QLinearConv", [*names, *g.parameters("y", 1601 * SUM_UNIT, dtype(zero))])


def _qlinear_matmul(g: Sketch) -> None:
    scales = {"a": X_SCALE, "b": WEIGHT_SCALE, "y": 1537 * SUM_UNIT}
    parts = {name: g.parameters(name, scale, np.int8(0)) for name, scale in scales.items()}
    g.add("QLinearMatMul", ["a", *parts["a"], "b", *parts["b"], *parts["y"]])


def _quantize_half(g: Sketch) -> None:
    g.add("QuantizeLinear", ["x", g.constant("scale", np.float16(X_SCALE)), g.constant("zero", np.int8(0))])


def _wider_output(g: Sketch) -> None:
    """Add DequantizeLinear to float32 with a scale of float16."""
    g.add("DequantizeLinear", ["x", g.constant("scale", np.float16(X_SCALE))], output_dtype=onnx_type(np.float32))


def _half_steps(key: str, shape: Shape) -> Array:
    return (integers(key, shape, -256, 256) * HALVES).astype(np.float16)


def _tokens(key: str, shape: Shape) -> Array:
    return integers(key, shape, 0, VOCABULARY - 1)
