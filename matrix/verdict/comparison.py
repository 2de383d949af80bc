"""How far an output is from its reference: figures in float64, and whether that is within tolerance. Pure.

Figures, over the elements that are finite on both sides, with error e = got - want:
    max_abs = max|e|, mean_abs = mean|e|, max_rel = max|e|/|want| (0/0 counts as 0), rmse = sqrt(mean e^2),
    cosine = <got,want> / (|got| |want|) (1 for two zero vectors), sqnr_db = 10 log10(sum want^2 / sum e^2), the
    signal-to-quantization-noise ratio of signal processing (inf for e = 0), share_off = elements outside tolerance
    over all elements, max_steps = max|e| in units of one integer, for integer outputs.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from cases.case import Array, Tolerance
from matrix.record import Drift

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

INTEGER_NAMES = frozenset(
    f"{sign}int{bits}" for sign in ("", "u") for bits in (2, 4, 8, 16, 32, 64)
)  # ml_dtypes has no abstract base for its integers


def measure(got: Array, want: Array, tolerance: Tolerance) -> Drift:
    """Return the drift of ``got`` against ``want``, two numeric or boolean arrays of equal shape and any dtype.

    NaN matches NaN and an infinity matches an infinity of its sign; anything else that is not finite on one side
    counts in ``nonfinite_mismatches`` and in ``share_off``.
    """
    with np.errstate(all="ignore"):  # infinities are data here
        return _measure(got, want, tolerance)


def _measure(got: Array, want: Array, tolerance: Tolerance) -> Drift:
    left, right = np.asarray(got, np.float64), np.asarray(want, np.float64)
    finite: Flags = np.isfinite(left) & np.isfinite(right)
    agree: Flags = (np.isnan(left) & np.isnan(right)) | (left == right)
    mismatched = ~finite & ~agree
    errors = np.where(finite, left - np.where(finite, right, 0.0), 0.0)
    integer = want.dtype.name in INTEGER_NAMES
    if want.dtype.itemsize == 8 and integer:
        errors = _wide_errors(got, want)
    size = np.abs(errors)
    off = mismatched | (finite & (size > _allowed(right, tolerance, integer=integer, boolean=want.dtype == np.bool_)))
    a, b, e = left[finite], right[finite], errors[finite]
    worst = _worst(size, mismatched)
    return Drift(
        max_abs=float(size.max(initial=0.0)),
        mean_abs=float(np.abs(e).mean()) if e.size else 0.0,
        max_rel=_max_relative(e, b),
        rmse=math.sqrt(float(np.square(e).mean())) if e.size else 0.0,
        cosine=_cosine(a, b),
        sqnr_db=_sqnr_db(b, e),
        share_off=float(off.mean()) if off.size else 0.0,
        nonfinite_mismatches=int(mismatched.sum()),
        max_steps=round(float(size.max(initial=0.0))) if integer else None,
        worst_index=worst,
        worst_value=float(left[worst]) if left.size else None,
        worst_reference=float(right[worst]) if right.size else None,
    )


def _allowed(want: Floats, tolerance: Tolerance, *, integer: bool, boolean: bool) -> Floats | float:
    if boolean:
        return 0.0
    if integer:
        return float(tolerance.steps)
    allowed: Floats = tolerance.absolute + tolerance.relative * np.abs(want)
    return allowed


def _wide_errors(got: Array, want: Array) -> Floats:
    """Return got - want of 64-bit integers, which float64 alone cannot tell apart above 2^53; exact below 2^53."""
    low, high = np.minimum(got, want), np.maximum(got, want)
    distance = np.subtract(high.astype(np.uint64), low.astype(np.uint64))  # modulo 2^64, and never negative
    return np.where(got >= want, 1.0, -1.0) * distance.astype(np.float64)


def _max_relative(error: Floats, want: Floats) -> float:
    if not error.size:
        return 0.0
    return float(np.where(error == 0, 0.0, np.abs(error) / np.abs(want)).max())


def _cosine(got: Floats, want: Floats) -> float:
    norms = float(np.linalg.norm(got)) * float(np.linalg.norm(want))
    if norms == 0:
        return 1.0 if not got.any() and not want.any() else 0.0
    return float(np.clip(np.dot(got, want) / norms, -1.0, 1.0))


def _sqnr_db(want: Floats, error: Floats) -> float:
    noise, signal = float(np.square(error).sum()), float(np.square(want).sum())
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf


def _worst(size: Floats, mismatched: Flags) -> tuple[int, ...]:
    """Return the index of a non-finite mismatch if there is one, else of the largest error."""
    if not size.size:
        return ()
    flat = int(mismatched.argmax()) if mismatched.any() else int(size.argmax())
    return tuple(int(index) for index in np.unravel_index(flat, size.shape))
