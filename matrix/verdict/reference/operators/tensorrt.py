"""Operators of TensorRT's own domain, trt, as far as NVIDIA's documentation says what they compute.

https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/quantized-types-schemes.html: codes are
round_half_to_even(clip(x / scale)), or the clipped quotient cast to the float type, and values are code * scale; every
zero point is zero. Scales of MXFP8 are E8M0, 2^(byte - 127):
https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf

How the dynamic operators (TRT_DynamicQuantize, TRT_FP4DynamicQuantize, TRT_MXFP8DynamicQuantize) round the scale of a
block to its type is not documented, so they have no reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
from onnx import TensorProto
from onnx.helper import tensor_dtype_to_np_dtype

from cases.case import Array, Shape
from matrix.verdict.reference.arithmetic import laid_out, to_codes
from matrix.verdict.reference.plug import Compute, Floats, Node

FP8, INT4 = np.dtype(ml_dtypes.float8_e4m3fn), np.dtype(ml_dtypes.int4)
Layout = Callable[[Node, Shape], Floats]


def _scale(node: Node, shape: Shape) -> Floats:
    return laid_out(node.number(1), shape, axis=int(node.get("axis", 1)), block=int(node.get("block_size", 0)))


def _exponent_scale(node: Node, shape: Shape) -> Floats:
    """Return scales of E8M0, stored in their type or as bytes, laid out in blocks of 32 along the last axis."""
    given = node.array(1)
    scale = np.exp2(given.astype(np.float64) - 127) if given.dtype == np.uint8 else given.astype(np.float64)
    return laid_out(scale, shape, axis=int(node.get("axis", -1)), block=int(node.get("block_size", 32)))


def _block_scale(node: Node, shape: Shape) -> Floats:
    """Return one scale for each block of several axes; -1 is a whole axis."""
    spread = node.number(1)
    for axis, size in enumerate(node.attributes["block_shape"]):
        spread = np.repeat(spread, shape[axis] if size == -1 else size, axis=axis)
    if spread.shape != tuple(shape):
        raise ValueError(f"scales of shape {node.array(1).shape} in such blocks do not fit {shape}")
    return spread


def _quantizer(dtype: np.dtype[Any] | None, layout: Layout) -> Compute:
    def quantize(node: Node) -> Array:
        x = node.array(0)
        steps = (x.astype(np.float64) / layout(node, x.shape)).astype(np.float32).astype(np.float64)
        return to_codes(steps, 0.0, dtype or tensor_dtype_to_np_dtype(int(node.attributes["output_dtype"])))

    return quantize


def _dequantizer(layout: Layout) -> Compute:
    def dequantize(node: Node) -> Array:
        """Return float32 where neither the scale nor ``output_dtype`` says otherwise."""
        q, scale = node.array(0), node.array(1)
        kind = scale.dtype if scale.dtype.name in ("float32", "float16", "bfloat16") else np.dtype(np.float32)
        given = int(node.get("output_dtype", TensorProto.UNDEFINED))
        product = q.astype(np.float64) * layout(node, q.shape)
        return np.asarray(product.astype(tensor_dtype_to_np_dtype(given) if given else kind))

    return dequantize


OPERATORS = {
    "TRT_FP8QuantizeLinear": _quantizer(FP8, _scale),
    "TRT_FP8DequantizeLinear": _dequantizer(_scale),
    "TRT_INT4QuantizeLinear": _quantizer(INT4, _scale),
    "TRT_INT4DequantizeLinear": _dequantizer(_scale),
    "TRT_MXFP8QuantizeLinear": _quantizer(FP8, _exponent_scale),
    "TRT_MXFP8DequantizeLinear": _dequantizer(_exponent_scale),
    "TRT_BlockQuantize": _quantizer(None, _block_scale),
    "TRT_BlockDequantize": _dequantizer(_block_scale),
}
