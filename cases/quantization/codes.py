"""Quantized tensors to feed: every code of a type where there is room, and both ends where there is not."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from cases.case import Array, Shape
from cases.inputs import floats, integers, is_integer, representable, saturating, spread, ties
from cases.model import dtype_named
from cases.quantization.parameters import expand

Values = Callable[[str, Shape], Array]
WIDE_STRIDE = 509  # through the codes of a 16-bit type: a prime, so every low byte occurs


def every_code(type_name: str, limit: float = np.inf) -> Values:
    """Return what feeds codes, up to ``limit``, of the type that ONNX calls ``type_name``, in lower case."""

    def values(key: str, shape: Shape) -> Array:
        codes = _codes(type_name)
        return spread(key, codes[np.abs(codes) <= limit], shape).astype(dtype_named(type_name))

    return values


def quantizable(type_name: str, scale: Array, zero_point: Array, *, axis: int) -> Values:
    """Return what feeds floats of the scale's type: each code times its scale, ties, and values beyond the range.

    Both directions are exact as long as the steps have no more bits than that type, scales being powers of two.
    """

    def values(key: str, shape: Shape) -> Array:
        steps = spread(key, _steps(type_name, scale.dtype == np.float16), shape)
        wide = [expand(each, shape, axis=axis) for each in (scale, zero_point)]
        return np.asarray((steps - wide[1]) * wide[0]).astype(scale.dtype)

    return values


def grid(limit: float, step: float, dtype: npt.DTypeLike = np.float32) -> Values:
    """Return what feeds multiples of ``step`` up to ``limit``."""

    def values(key: str, shape: Shape) -> Array:
        return floats(key, shape, limit=limit, step=step, dtype=dtype)

    return values


def full_range(low: int, high: int, step: float) -> Values:
    """Return what feeds half steps from ``low`` to ``high`` steps, both ends among them in every row.

    With ``high - low = 255`` and ``step`` a power of two, DynamicQuantizeLinear makes ``step`` its scale.
    """

    def values(key: str, shape: Shape) -> Array:
        x = integers(key, shape, 2 * low, 2 * high) * (step / 2)
        x[..., 0], x[..., 1] = high * step, low * step
        return x.astype(np.float32)

    return values


@cache
def _codes(type_name: str) -> npt.NDArray[np.float64]:
    dtype = dtype_named(type_name)
    if type_name == "int32":  # an accumulator, a bias: exact in float32
        return np.unique([*np.arange(-(2.0**24), 2**24 + 1, 2**17), *np.arange(-2000.0, 2001, 125)])
    codes = representable(dtype)
    return codes if codes.size <= 256 else np.unique([*codes[::WIDE_STRIDE], *codes[:3], *codes[-3:], -1, 0, 1])


@cache
def _steps(type_name: str, half: bool) -> npt.NDArray[np.float64]:
    dtype = dtype_named(type_name)
    codes = _codes(type_name)
    if not is_integer(dtype) or (codes.size <= 256 and representable(dtype).size <= 256):
        return np.concatenate([codes, ties(dtype), saturating(dtype)])
    inside = np.arange(max(codes[0], -(2**10)) + 1, 2**10, 7) if half else codes[:-1]  # float16 has 11 bits
    return np.concatenate([inside, inside + 0.5, [] if half else saturating(dtype)])
