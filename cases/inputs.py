"""Seeded tensors, and the edge values that matter to quantization; the same bits in every process, on every machine.

Randomness is the raw stream of PCG64, which numpy promises never to change (the methods of ``Generator`` it may
change), seeded by SHA-256 of a text, which does not depend on PYTHONHASHSEED. Floats are integers times a power of two:
no transcendental function, whose last bit would depend on the machine, and short sums of products are exact in float32
in whatever order they are taken.
"""

from __future__ import annotations

from hashlib import sha256

import ml_dtypes
import numpy as np
import numpy.typing as npt

from cases.case import Array, Shape


def stable_seed(key: str) -> int:
    """Return the first 64 bits of SHA-256 of ``key``."""
    return int.from_bytes(sha256(key.encode()).digest()[:8], "big")


def integers(key: str, shape: Shape, low: int, high: int, dtype: npt.DTypeLike = np.int64) -> Array:
    """Return integers of ``dtype`` from ``low`` to ``high``, both ends included.

    ``key`` decides the values, here and below; usually it is ``"<case id>/<point>/<input>"``.
    """
    raw = _raw(key, int(np.prod(shape, dtype=np.int64)))
    numbers = (raw % np.uint64(high - low + 1)).astype(np.int64) + low
    return numbers.reshape(shape).astype(dtype)


def floats(
    key: str, shape: Shape, *, limit: float = 4.0, step: float = 2.0**-4, dtype: npt.DTypeLike = np.float32
) -> Array:
    """Return multiples of ``step`` in [-limit, limit].

    With ``step`` a power of two, a sum of K products of two such tensors is exact in float32 while
    ``K * (limit / step) ** 2 <= 2**24``: with the defaults, K up to 4096.

    Raises:
        ValueError: ``limit`` is not a multiple of ``step``.
    """
    bound = round(limit / step)
    if bound * step != limit:
        raise ValueError(f"limit {limit} is not a multiple of step {step}")
    return (integers(key, shape, -bound, bound) * step).astype(dtype)


def distinct_floats(key: str, shape: Shape, *, step: float = 2.0**-4, dtype: npt.DTypeLike = np.float32) -> Array:
    """Return pairwise different multiples of ``step`` around 0, in a seeded order: sorting and TopK have no ties."""
    count = int(np.prod(shape, dtype=np.int64))
    return ((permutation(key, count) - count // 2) * step).reshape(shape).astype(dtype)


def permutation(key: str, count: int) -> npt.NDArray[np.int64]:
    """Return the integers 0 .. count - 1 in a seeded order."""
    return np.argsort(_raw(key, count), kind="stable").astype(np.int64)


def spread(key: str, pool: Array, shape: Shape) -> Array:
    """Return ``pool`` in a seeded order, repeated until ``shape`` is full: every value occurs if there is room."""
    flat = pool.reshape(-1)
    return np.resize(flat[permutation(key, flat.size)], shape)


def representable(dtype: npt.DTypeLike) -> npt.NDArray[np.float64]:
    """Return every finite value of a type of at most 16 bits, ascending, without the negative zero."""
    kind = np.dtype(dtype)
    if is_integer(kind):
        limits = ml_dtypes.iinfo(kind)  # type: ignore[no-untyped-call]
        return np.arange(limits.min, limits.max + 1, dtype=np.float64)
    bits = ml_dtypes.finfo(kind).bits  # type: ignore[no-untyped-call]
    codes = np.arange(2**bits, dtype=np.uint8 if bits <= 8 else np.uint16)
    with np.errstate(invalid="ignore"):  # casting the NaN codes
        values = codes.view(kind).astype(np.float64)
    return np.unique(values[np.isfinite(values)] + 0.0)


def between(dtype: npt.DTypeLike, fraction: float) -> npt.NDArray[np.float64]:
    """Return, for each two neighbouring values of ``dtype``, the point that ``fraction`` of their distance parts."""
    values = representable(dtype)
    return values[:-1] + fraction * np.diff(values)


def ties(dtype: npt.DTypeLike) -> npt.NDArray[np.float64]:
    """Return the midpoints between neighbouring values of ``dtype``, ascending.

    For integers these are k + 0.5 of both signs, where rounding half to even, half away from zero and half up part.
    """
    return between(dtype, 0.5)


def saturating(dtype: npt.DTypeLike) -> npt.NDArray[np.float64]:
    """Return values at both ends of ``dtype`` and beyond them: by half a last step, by one step, and far beyond."""
    values = representable(dtype)
    low, high = values[0], values[-1]
    below, above = values[1] - low, high - values[-2]
    far = 4 * (high - low)
    return np.array(
        [low - far, low - below, low - below / 2, low, high, high + above / 2, high + above, high + far], np.float64
    )


def is_integer(dtype: npt.DTypeLike) -> bool:
    """Tell whether ``dtype`` is an integer type, those of ml_dtypes (int4, uint4, int2, uint2) among them."""
    kind = np.dtype(dtype)
    return kind.kind in "iu" or kind.name in {"int4", "uint4", "int2", "uint2"}


def _raw(key: str, count: int) -> npt.NDArray[np.uint64]:
    return np.asarray(np.random.PCG64(stable_seed(key)).random_raw(count), dtype=np.uint64)
