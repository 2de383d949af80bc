"""Operators of com.microsoft on images: QLinearConv in either layout, and quantized means.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md, under the operators' names. With
``channels_last`` the input and the output are NHWC; the weight of a convolution stays as ONNX has it.
"""

from __future__ import annotations

import numpy as np

from cases.case import Array
from matrix.verdict.reference.arithmetic import dequantized, quantized
from matrix.verdict.reference.operators.products import convolved_codes, evaluated
from matrix.verdict.reference.plug import Node


def convolution(node: Node) -> Array:
    last = bool(node.get("channels_last", 0))
    x = node.number(0)
    found = convolved_codes(node, np.moveaxis(x, -1, 1) if last else x, output_scale=6, bias=8)
    return np.moveaxis(found, 1, -1) if last else found


def average(node: Node) -> Array:
    """Return the means that ONNX's AveragePool gives, between dequantizing and quantizing."""
    kept = {name: value for name, value in node.attributes.items() if name != "channels_last"}
    last = bool(node.get("channels_last", 0))
    x = dequantized(node, 0)
    found = evaluated("AveragePool", {"x": np.moveaxis(x, -1, 1) if last else x}, kept)
    return quantized(node, np.moveaxis(found, 1, -1) if last else found, 3, node.array(0).dtype)


def global_average(node: Node) -> Array:
    x = dequantized(node, 0)
    first = 1 if node.get("channels_last", 0) else 2
    mean = x.mean(axis=tuple(range(first, first + x.ndim - 2)), keepdims=True)
    return quantized(node, mean, 3, node.array(0).dtype)


def reduced_mean(node: Node) -> Array:
    x = dequantized(node, 0)
    axes = node.get("axes", None)
    mean = x.mean(axis=None if axes is None else tuple(axes), keepdims=bool(node.get("keepdims", 1)))
    return quantized(node, np.asarray(mean), 3, node.array(0).dtype)


OPERATORS = {
    "QLinearConv": convolution,
    "QLinearAveragePool": average,
    "QLinearGlobalAveragePool": global_average,
    "QLinearReduceMean": reduced_mean,
}
