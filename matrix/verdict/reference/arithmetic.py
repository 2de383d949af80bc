"""Quantization in float64, shared by the operators of ours: codes, the layout of scales, packed bits.

quantize: saturate(round_half_to_even(x / scale) + zero_point); dequantize: (code - zero_point) * scale.
https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html, https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from cases.case import Array, Shape
from cases.inputs import is_integer, representable
from matrix.verdict.reference.plug import Floats, Node


def to_codes(steps: Floats, zero: Floats | float, dtype: np.dtype[Any], *, saturate: bool = True) -> Array:
    """Return ``steps``, x / scale, as codes of an integer or float8, float6 or float4 type.

    Integers: the zero point is added after rounding, and infinities saturate. NaN, of which the specification says
    nothing, becomes the zero point. Floats: "saturate" and its absence are those of ONNX's Cast,
    https://onnx.ai/onnx/operators/onnx__Cast.html.
    """
    if is_integer(dtype):
        low, high = representable(dtype)[[0, -1]]
        rounded = np.where(np.isnan(steps), 0.0, np.rint(steps)) + zero
        return np.asarray(np.clip(rounded, low, high).astype(dtype))
    values = np.asarray(steps + zero)
    if saturate and dtype.name.startswith("float8"):
        return np.asarray(onnx.numpy_helper.saturate_cast(values, dtype))
    return values.astype(dtype)


def laid_out(parameter: Floats, shape: Shape, *, axis: int, block: int = 0) -> Floats:
    """Return a scale or zero point so that it broadcasts against ``shape``: per tensor, per axis, or in blocks.

    Raises:
        ValueError: it has a shape that fits none of the three.
    """
    if parameter.size == 1 and not (block and parameter.ndim == len(shape)):
        return parameter.reshape(())
    at = axis % len(shape) if shape else 0
    if block:
        spread = np.repeat(parameter, block, axis=at).take(np.arange(shape[at]), axis=at)
        if spread.shape != tuple(shape):
            raise ValueError(f"a scale of shape {parameter.shape} in blocks of {block} does not fit {shape}")
        return spread
    if parameter.shape != (shape[at],):
        raise ValueError(f"a scale of shape {parameter.shape} does not fit axis {at} of {shape}")
    return parameter.reshape([-1 if index == at else 1 for index in range(len(shape))])


def along(parameter: Floats, rank: int, axis: int) -> Floats:
    """Return a vector laid along ``axis`` of ``rank`` axes, one element as a scalar, and anything else as it is."""
    if parameter.size == 1:
        return parameter.reshape(())
    return (
        parameter.reshape([-1 if index == axis % rank else 1 for index in range(rank)])
        if parameter.ndim == 1
        else parameter
    )


def dequantized(node: Node, at: int) -> Floats:
    """Return the operand at ``at`` by the scale and the zero point that follow it, each for the whole tensor."""
    return (node.number(at) - node.number(at + 2)) * node.number(at + 1)


def quantized(node: Node, value: Floats, at: int, dtype: np.dtype[Any]) -> Array:
    """Return ``value`` by the scale at ``at`` and the zero point behind it, each for the whole tensor."""
    return to_codes(np.asarray(value / node.number(at)), node.number(at + 1), dtype)


def unpacked(packed: Array, bits: int) -> Floats:
    """Return codes of 2, 4 or 8 ``bits`` from bytes, the lowest bits first, along the last axis.

    Raises:
        ValueError: another number of bits, of which the operators' descriptions do not say how they are packed.
    """
    if bits not in (2, 4, 8):
        raise ValueError(f"{bits} bits do not fill a byte")
    shifts = np.arange(0, 8, bits)
    codes = packed.astype(np.int64)[..., None] >> shifts & (2**bits - 1)
    return np.asarray(codes.reshape(*packed.shape[:-1], -1), np.float64)
