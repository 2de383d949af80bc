"""Inputs for a model that comes without recorded ones: seeded, the same on every machine, and harmless in its type."""

from __future__ import annotations

from typing import Any

import numpy as np

from cases.case import Array, Shape
from cases.inputs import floats, integers, is_integer
from matrix.models.interface import STRING

# Token ids, masks and indices are mostly of these types: 0 and 1 are within the vocabulary, the mask and the axis of
# nearly every model, where a larger number would have it refused for the wrong reason.
INDEX_TYPES = ("int32", "int64")
BLOCK = 1_000_003  # values that are drawn, and then repeated: a prime, so that rows of the usual lengths differ
WORDS = np.array(["", "a", "token", "Ünï", "two words"], dtype=object)


def seeded(key: str, dtype: str, shape: Shape) -> Array:
    """Return a tensor of ``dtype``, a name of numpy or ml_dtypes or "string"; ``key`` decides the values.

    Floats are multiples of 1/16 in [-4, 4]; ``int32`` and ``int64`` are 0 or 1; other signed integers lie in [-8, 7]
    and unsigned ones in [0, 8], or within their type if it is smaller.
    """
    count = int(np.prod(shape, dtype=object))
    values = _draw(key, dtype, (min(count, BLOCK),))
    return np.resize(values, shape) if count > BLOCK else values.reshape(shape)


def _draw(key: str, dtype: str, shape: Shape) -> Array:
    if dtype == STRING:
        return np.asarray(WORDS[integers(key, shape, 0, len(WORDS) - 1)], dtype=object)
    kind: np.dtype[Any] = np.dtype(dtype)
    if kind.kind == "b" or dtype in INDEX_TYPES:
        return integers(key, shape, 0, 1, kind)
    if is_integer(kind):
        bits = int(dtype.lstrip("uint"))
        low, high = (
            (0, min(8, 2**bits - 1))
            if dtype.startswith("u")
            else (max(-8, -(2 ** (bits - 1))), min(7, 2 ** (bits - 1) - 1))
        )
        return integers(key, shape, low, high, kind)
    if kind.kind == "c":
        real, imaginary = floats(f"{key}/real", shape), floats(f"{key}/imaginary", shape)
        return np.asarray(real + 1j * imaginary, kind)
    if dtype == "float8_e8m0fnu":  # powers of two, and no sign
        return np.asarray(np.exp2(integers(key, shape, -2, 2).astype(np.float32)).astype(kind))
    return floats(key, shape, dtype=kind)
