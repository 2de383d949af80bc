"""Scales and zero points, per tensor, per axis and in blocks, chosen so that quantizing is exact in float32."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cases.case import Array, Shape
from cases.inputs import floats, integers, is_integer, representable, spread

# Dividing by a power of two and multiplying by its reciprocal are the same, so only the rounding is left to go wrong.
POWERS_OF_TWO: Array = 2.0 ** np.arange(-6, -1)
ODD_MULTIPLES: Array = np.outer([3, 5, 7], 2.0 ** np.arange(-7, -4)).reshape(-1)
# Multiplying by the rounded reciprocal of one of these misses a tie, where dividing meets it.
RECIPROCAL_PARTS: Array = np.outer([7, 15], 2.0 ** np.arange(-7, -4)).reshape(-1)


def scales(key: str, shape: Shape = (), *, pool: Array = POWERS_OF_TWO) -> Array:
    """Return float32 scales from ``pool``, neighbours different."""
    return spread(f"{key}/scale", pool, shape).astype(np.float32)


def zero_points(key: str, dtype: npt.DTypeLike, shape: Shape = (), *, zero: bool, odd: bool = True) -> Array:
    """Return zero points: all zero, or else all odd, or all even.

    An odd zero point shows a runtime that adds it before it rounds: half to even then goes the other way.
    """
    if zero:
        return np.zeros(shape, dtype)
    values = representable(dtype)
    return spread(f"{key}/zero_point", values[(values % 2 == odd) & (values != 0)], shape).astype(dtype)


def expand(parameter: Array, shape: Shape, *, axis: int, block: int = 0) -> npt.NDArray[np.float64]:
    """Return a scale or zero point as float64, so shaped that it broadcasts against a tensor of ``shape``.

    ``parameter`` is one number, one number for each index of ``axis``, or one for each block of ``block`` indices, of
    which the last block may have fewer.
    """
    numbers = parameter.astype(np.float64)
    if parameter.size == 1:
        return numbers.reshape(())
    if block:
        return np.repeat(numbers, block, axis=axis).take(range(shape[axis]), axis=axis)
    return numbers.reshape([-1 if index == axis % len(shape) else 1 for index in range(len(shape))])


def small_weights(key: str, dtype: npt.DTypeLike, shape: Shape) -> Array:
    """Return codes of a weight such that no sum of products is rounded or overflows, in float32 or in int16.

    int8 stays within 64 steps: x86 processors without VNNI add two products of uint8 and int8 in 16 bits, with
    saturation, and 2 * 255 * 64 just fits (what ONNX Runtime's quantizers call reduce_range). float8 gets quarters up
    to 4, int4 and unsigned types all their values.
    """
    kind = np.dtype(dtype)
    key = f"{key}/weight"
    if not is_integer(kind):
        return floats(key, shape, limit=4.0, step=0.25, dtype=kind)
    values = representable(kind)
    return integers(key, shape, int(max(values[0], -64)), int(min(values[-1], 64 if values[0] < 0 else 255)), kind)
