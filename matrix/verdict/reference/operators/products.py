"""MatMulInteger, ConvInteger, QLinearMatMul and QLinearConv of ONNX, with sums in exact integers.

Ours take the place of the evaluator's because of what the latter does beside the specification
(https://onnx.ai/onnx/operators/onnx__QLinearMatMul.html and onnx__QLinearConv.html, onnx__MatMulInteger.html,
onnx__ConvInteger.html in the same place):

* QLinearMatMul and QLinearConv add the zero point before they round: with an odd one, ties go to the odd neighbour;
* QLinearMatMul has no float8, which the operator takes since opset 21;
* MatMulInteger subtracts one zero point per row from the columns, where the two numbers happen to fit;
* ConvInteger and QLinearConv take one zero point or scale per channel for two spatial axes only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import helper
from onnx.reference import ReferenceEvaluator

from cases.case import Array
from matrix.verdict.reference.arithmetic import along, to_codes
from matrix.verdict.reference.plug import Floats, Node


def matmul_integer(node: Node) -> Array:
    a = node.number(0) - rows(node.number(2), node.array(0).ndim)
    b = node.number(1) - columns(node.number(3), node.array(1).ndim)
    return wrapped(np.matmul(a, b))


def conv_integer(node: Node) -> Array:
    weight = node.number(1) - along(node.number(3), node.array(1).ndim, 0)
    return wrapped(convolve(node.number(0) - node.number(2), weight, node.attributes))


def qlinear_matmul(node: Node) -> Array:
    a, b = node.array(0), node.array(3)
    left = (node.number(0) - rows(node.number(2), a.ndim)) * rows(node.number(1), a.ndim)
    right = (node.number(3) - columns(node.number(5), b.ndim)) * columns(node.number(4), b.ndim)
    zero = node.array(7)
    return to_codes(np.matmul(left, right) / node.number(6), node.number(7), zero.dtype)


def qlinear_conv(node: Node) -> Array:
    return convolved_codes(node, node.number(0), output_scale=6, bias=8)


def convolved_codes(node: Node, x: Floats, *, output_scale: int, bias: int) -> Array:
    """Return QLinearConv of ``x``, the first operand in NCHW; its bias is in units of x_scale * w_scale."""
    rank = x.ndim
    scale = along(node.number(4), rank, 1)
    weight = node.number(3) - along(node.number(5), node.array(3).ndim, 0)
    sums = convolve(x - node.number(2), weight, node.attributes) + along(node.number(bias), rank, 1)
    return to_codes(
        sums * (node.number(1) * scale) / node.number(output_scale),
        node.number(output_scale + 1),
        node.array(output_scale + 1).dtype,
    )


def convolve(x: Floats, weight: Floats, attributes: Mapping[str, Any]) -> Floats:
    """Return ONNX's Conv of whole numbers in float64, which is exact below 2^53."""
    kept = {name: value for name, value in attributes.items() if name != "channels_last" and value is not None}
    return evaluated("Conv", {"x": x, "w": weight}, kept)


def evaluated(op: str, operands: Mapping[str, Floats], attributes: Mapping[str, Any]) -> Floats:
    """Return what the evaluator's own ``op`` makes of operands in float64."""
    evaluator = ReferenceEvaluator(helper.make_node(op, list(operands), ["y"], **attributes))
    (found,) = evaluator.run(None, dict(operands))
    return np.asarray(found, np.float64)


def rows(parameter: Floats, rank: int) -> Floats:
    """Return a parameter of the left factor: one for all, or a vector of one per row."""
    return parameter[:, None] if parameter.ndim == 1 and parameter.size > 1 and rank > 1 else _single(parameter)


def columns(parameter: Floats, rank: int) -> Floats:
    """Return a parameter of the right factor: one for all, or a vector of one per column."""
    return along(parameter, rank, -1) if rank > 1 else _single(parameter)


def _single(parameter: Floats) -> Floats:
    return parameter.reshape(()) if parameter.size == 1 else parameter


def wrapped(sums: Floats) -> Array:
    """Return whole numbers as int32; "accumulation may overflow if and only if in 32 bits"."""
    return np.asarray(sums.astype(np.int64).astype(np.int32))


OPERATORS = {
    "MatMulInteger": matmul_integer,
    "ConvInteger": conv_integer,
    "QLinearMatMul": qlinear_matmul,
    "QLinearConv": qlinear_conv,
}
