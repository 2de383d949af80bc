"""Operators of com.microsoft that multiply matrices of 8 bits.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md, under the operators' names. Sums are exact;
what is a float is rounded once, at the end.
"""

from __future__ import annotations

import numpy as np

from cases.case import Array
from matrix.verdict.reference.arithmetic import quantized
from matrix.verdict.reference.operators.products import columns
from matrix.verdict.reference.plug import Floats, Node


def gemm(node: Node) -> Array:
    """Return alpha * A * B + C, float or quantized; C is int32 in units of a_scale * b_scale * alpha.

    One scale or zero point of B per unit lies along the columns of B, transposed or not.
    """
    a, b = node.number(0) - node.number(2), node.number(3)
    a, b = a.T if node.get("transA", 0) else a, b.T if node.get("transB", 0) else b
    unit = float(np.float32(node.get("alpha", 1.0))) * node.number(1) * columns(node.number(4), 2)
    value = unit * (a @ (b - columns(node.number(5), 2)) + node.number(6))
    if node.has(7):
        return quantized(node, value, 7, node.array(0).dtype)
    return value.astype(np.float32)


def to_float(node: Node) -> Array:
    a, b = node.number(0), node.number(1)
    product = (a - node.number(4)) @ (b - columns(node.number(5), b.ndim))
    value = product * node.number(2) * columns(node.number(3), b.ndim) + node.number(6)
    return np.asarray(value.astype(node.array(2).dtype))


def dynamic(node: Node) -> Array:
    a, b = node.number(0), node.number(1)
    codes, scale, zero = dynamic_codes(a)
    product = (codes - zero) @ (b - columns(node.number(3), b.ndim))
    value = product * scale * columns(node.number(2), b.ndim) + node.number(4)
    return np.asarray(value.astype(np.float32))


def dynamic_codes(x: Floats) -> tuple[Floats, float, float]:
    """Return x as uint8 codes, its scale and its zero point: https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html.

    The scale of a tensor without range is 1: the operators of com.microsoft do not say, and every scale gives zeros.
    """
    low, high = min(x.min(initial=0.0), 0.0), max(x.max(initial=0.0), 0.0)
    scale = float(np.float32(np.float32(high - low) / np.float32(255))) or 1.0
    zero = float(np.clip(np.rint(np.float32(-low / scale)), 0, 255))
    steps = (x / scale).astype(np.float32).astype(np.float64)
    return np.clip(np.rint(steps) + zero, 0, 255), scale, zero


OPERATORS = {"QGemm": gemm, "MatMulIntegerToFloat": to_float, "DynamicQuantizeMatMul": dynamic}
