"""QuantizeLinear and DequantizeLinear of ONNX, all versions.

Ours take the place of the evaluator's because of what the latter does beside the specification
(https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html):

* it casts x / y_scale to int32 before it saturates, so that whatever is beyond 2^31, infinity included, becomes the
  lowest code; the specification saturates;
* it divides in the wider type where x and y_scale have different ones; the specification names that of y_scale, unless
  ``precision`` says otherwise;
* it has no DequantizeLinear below opset 19.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto
from onnx.helper import tensor_dtype_to_np_dtype

from cases.case import Array
from cases.inputs import is_integer
from matrix.verdict.reference.arithmetic import laid_out, to_codes
from matrix.verdict.reference.plug import Node


def quantize(node: Node) -> Array:
    """Return saturate(x / y_scale + y_zero_point); the quotient is rounded to the precision of the division."""
    x, scale = node.array(0), node.array(1)
    axis, block = int(node.get("axis", 1)), int(node.get("block_size", 0))
    kind = tensor_dtype_to_np_dtype(int(node.get("output_dtype", 0)) or TensorProto.UINT8)
    if node.has(2):
        kind = node.array(2).dtype
    given = int(node.get("precision", 0))
    precision = tensor_dtype_to_np_dtype(given) if given else scale.dtype
    if is_integer(precision):  # of a division of int32 ONNX does not say how it rounds: not at all, then
        precision = np.dtype(np.float64)
    if precision.name == "float8_e8m0fnu":  # has powers of two alone, by which every type divides exactly
        precision = x.dtype
    divisor = laid_out(scale.astype(precision).astype(np.float64), x.shape, axis=axis, block=block)
    exact = x.astype(precision).astype(np.float64) / divisor
    steps = exact.astype(precision).astype(np.float64)
    zero = laid_out(node.number(2), x.shape, axis=axis, block=block)
    return to_codes(steps, zero, kind, saturate=bool(node.get("saturate", 1)))


def dequantize(node: Node) -> Array:
    """Return (x - x_zero_point) * x_scale, rounded once to the type of the output.

    The difference is exact but for int32, which is a factor of a product in float32.
    """
    x, scale = node.array(0), node.array(1)
    axis, block = int(node.get("axis", 1)), int(node.get("block_size", 0))
    given = int(node.get("output_dtype", 0))
    kind = tensor_dtype_to_np_dtype(given) if given else scale.dtype
    difference = x.astype(np.float64) - laid_out(node.number(2), x.shape, axis=axis, block=block)
    factor = difference.astype(np.float32).astype(np.float64)
    product = factor * laid_out(scale.astype(np.float64), x.shape, axis=axis, block=block)
    return np.asarray(product.astype(kind))


OPERATORS = {"QuantizeLinear": quantize, "DequantizeLinear": dequantize}
