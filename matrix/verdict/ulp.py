"""How many representable values lie between two floats: the error in units in the last place of the output's own type.

The bits of a float, read as sign and magnitude, are an integer that grows with the value, so the difference of two of
them counts the steps from one float to the other: neighbours are 1 apart, and so are zero and the smallest subnormal;
-0 and +0 are the same place
(https://randomascii.wordpress.com/2012/02/25/comparing-floating-point-numbers-2012-edition/). This holds for every type
that numpy and ml_dtypes have; float8_e8m0fnu has no sign bit.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np
import numpy.typing as npt

from cases.case import Array

UNSIGNED = frozenset({"float8_e8m0fnu"})


def max_ulp(got: Array, want: Array) -> int:
    """Return the largest distance between two arrays of the same shape and float dtype, all of whose values are finite.

    A complex number is as far off as the further of its two parts.
    """
    if not got.size:
        return 0
    return int(integer_distance(_ordered(_parts(got)), _ordered(_parts(want))).max())


def integer_distance(left: Array, right: Array) -> npt.NDArray[np.uint64]:
    """Return ``|left - right|`` of two int64 or two uint64 arrays, exact where int64 itself would overflow."""
    high, low = np.maximum(left, right), np.minimum(left, right)
    return np.subtract(high.view(np.uint64), low.view(np.uint64))  # modulo 2^64, and never negative


def _parts(array: Array) -> Array:
    return array.view(array.real.dtype) if array.dtype.kind == "c" else array


def _ordered(array: Array) -> npt.NDArray[np.int64]:
    bits = array.view(f"u{array.dtype.itemsize}").astype(np.uint64, copy=False)
    if array.dtype.name in UNSIGNED:
        return bits.view(np.int64)
    sign = np.uint64(1 << (ml_dtypes.finfo(array.dtype).bits - 1))  # type: ignore[no-untyped-call]
    magnitude = (bits & (sign - np.uint64(1))).view(np.int64)
    return np.where(bits & sign, -magnitude, magnitude)
