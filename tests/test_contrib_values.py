"""ONNX Runtime is what gives com.microsoft cases their reference: here its answers against the operators' formulas."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from cases.case import Array, Case
from cases.catalogue import Generated, generate
from cases.quantization import contrib
from tests.implementations import run_onnxruntime

Wide = npt.NDArray[np.float64]
Formula = Callable[["Operands"], Wide]


class Operands:
    """A node's inputs as float64, by position; what is absent is ``default``."""

    def __init__(self, made: Generated) -> None:
        (self.node,) = made.model.graph.node
        self.attributes = {each.name: helper.get_attribute_value(each) for each in self.node.attribute}
        self.arrays: dict[str, Array] = {
            each.name: numpy_helper.to_array(each) for each in made.model.graph.initializer
        }
        self.arrays |= made.inputs[next(iter(made.inputs))]
        self.output = helper.tensor_dtype_to_np_dtype(made.model.graph.output[0].type.tensor_type.elem_type)

    def __call__(self, index: int, default: Any = 0.0) -> Wide:
        name = self.node.input[index] if index < len(self.node.input) else ""
        return np.asarray(self.arrays[name] if name else default, np.float64)

    def dequantized(self, index: int) -> Wide:
        """Return input, scale and zero point in a row, put together."""
        return (self(index) - self(index + 2)) * self(index + 1)

    def quantized(self, value: Wide, index: int) -> Wide:
        limits = np.iinfo(self.output)
        return np.clip(np.rint(value / self(index)) + self(index + 1), limits.min, limits.max)


def concat(x: Operands) -> Wide:
    parts = [x.quantized(x.dequantized(index), 0) for index in range(2, len(x.node.input), 3)]
    return np.concatenate(parts, axis=x.attributes["axis"])


def softmax(x: Operands) -> Wide:
    value = x.dequantized(0)
    axis = x.attributes["axis"] % value.ndim
    axes = tuple(range(axis, value.ndim)) if x.attributes["opset"] < 13 else (axis,)
    powers = np.exp(value - value.max(axis=axes, keepdims=True))
    return x.quantized(powers / powers.sum(axis=axes, keepdims=True), 3)


def gemm(x: Operands) -> Wide:
    a, b = x(0) - x(2), x(3) - (x(5)[:, None] if x.attributes["transB"] and x(5).ndim else x(5))
    a, b = a.T if x.attributes["transA"] else a, b.T if x.attributes["transB"] else b
    value = x.attributes["alpha"] * x(1) * x(4) * (a @ b + x(6))
    return x.quantized(value, 7) if len(x.node.input) > 7 else np.asarray(value)


def matmul_to_float(x: Operands) -> Wide:
    return np.asarray((x(0) - x(4)) @ (x(1) - x(5)) * x(2) * x(3) + x(6))


def dynamic_matmul(x: Operands) -> Wide:
    a = x(0)
    low, high = min(a.min(), 0.0), max(a.max(), 0.0)
    scale = (high - low) / 255
    zero = np.rint(-low / scale)
    codes = np.clip(np.rint(a / scale) + zero, 0, 255)
    return np.asarray((codes - zero) @ (x(1) - x(3)) * scale * x(2) + x(4))


def unpacked(packed: Wide, bits: int) -> Wide:
    shifts = np.arange(0, 8, bits)
    codes = packed.astype(np.int64)[..., None] >> shifts & (2**bits - 1)
    return np.asarray(codes.reshape(*packed.shape[:-1], -1), np.float64)


def nbits(x: Operands) -> Wide:
    bits, inner = x.attributes["bits"], x.attributes["K"]
    codes = unpacked(x(1), bits)
    units, blocks, _ = codes.shape
    zeros = x(3, np.full((units, blocks), 2.0 ** (bits - 1)))
    given = x.arrays.get("zero_points")
    if given is not None and given.dtype == np.uint8:
        zeros = unpacked(zeros, bits)[:, :blocks]
    weight = ((codes - zeros[..., None]) * x(2)[..., None]).reshape(units, -1)[:, :inner]
    return x(0) @ weight.T + x(5)


def gathered(x: Operands) -> Wide:
    data, scales = x(0), x(2)
    integer = x.arrays["data"].dtype.name in ("int4", "uint4")
    bits = x.attributes.get("bits", 0)
    packed = x.arrays["data"].dtype == np.uint8
    if packed:
        data = unpacked(data, bits)
    zeros = np.zeros_like(scales) if integer or not packed else np.full_like(scales, 2.0 ** (bits - 1))
    if len(x.node.input) > 3:
        zeros = unpacked(x(3), bits)[..., : scales.shape[-1]] if packed else x(3)
    block = data.shape[-1] // scales.shape[-1]
    table = (data - np.repeat(zeros, block, axis=-1)) * np.repeat(scales, block, axis=-1)
    return np.take(table, x(1).astype(np.int64), axis=x.attributes["gather_axis"], mode="wrap")


def pooled(x: Operands) -> Wide:
    axes = (1, 2) if x.attributes["channels_last"] else (2, 3)
    return x.quantized(x.dequantized(0).mean(axis=axes, keepdims=True), 3)


def windowed(x: Operands) -> Wide:
    """Average as ONNX's own AveragePool does, between dequantizing and quantizing."""
    kept = dict(x.attributes)
    last = kept.pop("channels_last", 0)
    value = np.moveaxis(x.dequantized(0), -1, 1) if last else x.dequantized(0)
    pool = ReferenceEvaluator(helper.make_node("AveragePool", ["x"], ["y"], **kept))
    (found,) = (np.asarray(each, np.float64) for each in pool.run(None, {"x": value}))
    return x.quantized(np.moveaxis(found, 1, -1) if last else found, 3)


def convolved(x: Operands) -> Wide:
    """Sum over the kernel's positions; 3 x 2, pads 1 1 1 0, strides 2 1."""
    last, group = x.attributes["channels_last"], x.attributes["group"]
    a = x(0) - x(2)
    a = np.moveaxis(a, -1, 1) if last else a
    a = np.pad(a, ((0, 0), (0, 0), (1, 1), (1, 0)))
    weight = (x(3) - x(5)[:, None, None, None]) * x(4)[:, None, None, None]
    rows, columns = (a.shape[2] - 3) // 2 + 1, a.shape[3] - 2 + 1
    found = np.zeros((a.shape[0], weight.shape[0], rows, columns))
    per_group = a.shape[1] // group
    for unit, i, j in itertools.product(range(weight.shape[0]), range(3), range(2)):
        first = unit // (weight.shape[0] // group) * per_group
        part = a[:, first : first + per_group, i : i + 2 * rows - 1 : 2, j : j + columns]
        found[:, unit] += np.einsum("nchw,c->nhw", part, weight[unit, :, i, j])
    found = found * x(1) + (x(8) * x(1) * x(4))[:, None, None]
    return x.quantized(np.moveaxis(found, 1, -1) if last else found, 6)


def along(x: Operands, index: int) -> Wide:
    parameter = x(index)
    return parameter.reshape(-1, 1, 1) if parameter.ndim else parameter


def quantize(x: Operands) -> Wide:
    limits = numpy_limits(x.output)
    return np.clip(np.rint(x(0) / along(x, 1)) + along(x, 2), *limits)


def numpy_limits(dtype: np.dtype[Any]) -> tuple[int, int]:
    bits = {"int4": 4, "uint4": 4}.get(dtype.name, 8 * dtype.itemsize)
    return (0, 2**bits - 1) if dtype.name.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


FORMULAS: Mapping[str, Formula] = {
    "QuantizeLinear": quantize,
    "DequantizeLinear": lambda x: (x(0) - along(x, 2)) * along(x, 1),
    "QLinearAdd": lambda x: x.quantized(x.dequantized(0) + x.dequantized(3), 6),
    "QLinearMul": lambda x: x.quantized(x.dequantized(0) * x.dequantized(3), 6),
    "QLinearWhere": lambda x: x.quantized(np.where(x(0) != 0, x.dequantized(1), x.dequantized(4)), 7),
    "QLinearConcat": concat,
    "QLinearSigmoid": lambda x: x.quantized(1 / (1 + np.exp(-x.dequantized(0))), 3),
    "QLinearLeakyRelu": lambda x: x.quantized(
        np.maximum(x.dequantized(0), 0) + x.attributes.get("alpha", 0.01) * np.minimum(x.dequantized(0), 0), 3
    ),
    "QLinearSoftmax": softmax,
    "QLinearGlobalAveragePool": pooled,
    "QLinearAveragePool": windowed,
    "QLinearConv": convolved,
    "QGemm": gemm,
    "MatMulIntegerToFloat": matmul_to_float,
    "DynamicQuantizeMatMul": dynamic_matmul,
    "MatMulNBits": nbits,
    "GatherBlockQuantized": gathered,
}
CASES = {case.id: case for case in contrib.cases() if case.op in FORMULAS and not case.no_reference}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_onnxruntime_computes_the_formula(case: Case) -> None:
    ort = pytest.importorskip("onnxruntime", reason="onnxruntime has no release for this Python")
    made = generate(case)
    first = next(iter(made.inputs))
    (found,) = run_onnxruntime(ort, made)[first]
    wanted = FORMULAS[case.op](Operands(made))
    assert found.shape == wanted.shape
    error = np.abs(found.astype(np.float64) - wanted)
    rounding = {"float16": 2.0**-11}.get(found.dtype.name, 0.0) * np.abs(wanted)
    limit = case.tolerance.steps if found.dtype.kind in "iu" else rounding
    assert (error <= limit).all(), (case.id, error.max())
