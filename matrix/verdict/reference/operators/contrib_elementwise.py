"""Operators of com.microsoft that map quantized elements: dequantize, compute, quantize.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md, under the operators' names. An output has
the type of its input; a zero point that is left out is 0.
"""

from __future__ import annotations

import numpy as np

from cases.case import Array
from matrix.verdict.reference.arithmetic import dequantized, quantized, to_codes
from matrix.verdict.reference.plug import Floats, Node


def add(node: Node) -> Array:
    return quantized(node, dequantized(node, 0) + dequantized(node, 3), 6, node.array(0).dtype)


def multiply(node: Node) -> Array:
    return quantized(node, dequantized(node, 0) * dequantized(node, 3), 6, node.array(0).dtype)


def where(node: Node) -> Array:
    value = np.where(node.array(0), dequantized(node, 1), dequantized(node, 4))
    return quantized(node, value, 7, node.array(1).dtype)


def concat(node: Node) -> Array:
    """Return the parts, each by its own scale and zero point, in those of the output, which come first."""
    kind = node.array(2).dtype
    parts = [
        to_codes(dequantized(node, at) / node.number(0), node.number(1), kind) for at in range(2, len(node.operands), 3)
    ]
    return np.concatenate(parts, axis=int(node.get("axis", 0)))


def sigmoid(node: Node) -> Array:
    return quantized(node, 1 / (1 + np.exp(-dequantized(node, 0))), 3, node.array(0).dtype)


def leaky_relu(node: Node) -> Array:
    x = dequantized(node, 0)
    slope = float(np.float32(node.get("alpha", 0.01)))
    return quantized(node, np.where(x < 0, slope * x, x), 3, node.array(0).dtype)


def softmax(node: Node) -> Array:
    """Return the softmax over one axis, or below opset 13 over all axes from that one on."""
    x = dequantized(node, 0)
    axis = int(node.get("axis", -1)) % x.ndim
    axes = tuple(range(axis, x.ndim)) if int(node.get("opset", 13)) < 13 else (axis,)
    powers: Floats = np.exp(x - x.max(axis=axes, keepdims=True))
    return quantized(node, powers / powers.sum(axis=axes, keepdims=True), 3, node.array(0).dtype)


OPERATORS = {
    "QLinearAdd": add,
    "QLinearMul": multiply,
    "QLinearWhere": where,
    "QLinearConcat": concat,
    "QLinearSigmoid": sigmoid,
    "QLinearLeakyRelu": leaky_relu,
    "QLinearSoftmax": softmax,
}
