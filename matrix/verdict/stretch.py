"""The figures of one stretch of elements, small enough for the processor's cache; `comparison` puts them together.

A square leaves the range of float64 long before its value does, so norms and cosines are kept, never sums of squares.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cases.case import Array
from matrix.verdict.ulp import integer_distance, max_ulp

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

SMALLEST_SQUARE = 1e-280  # what is below may have lost elements of some weight


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How the elements of an output are compared: what is within tolerance, and which figures its type has."""

    absolute: float = 0.0
    relative: float = 0.0
    integer: bool = False
    wide: bool = False  # 64-bit integers, which float64 cannot tell apart above 2^53
    ulp: bool = False


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Figures of some elements: all but ``off`` and ``mismatches`` are over those that are finite on both sides."""

    finite: int = 0
    off: int = 0  # elements outside tolerance
    mismatches: int = 0  # elements that are not finite on one side, and not the same on the other
    max_abs: float = 0.0
    mean_abs: float = 0.0
    max_rel: float = 0.0
    norm_got: float = 0.0
    norm_want: float = 0.0
    norm_error: float = 0.0
    cosine: float = 0.0
    max_steps: int = 0
    max_ulp: int = 0
    max_lsb: float = 0.0
    worst: int | None = None  # the place of the first mismatch, otherwise of max_abs; None where nothing differs


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Elements side by side: as they came, in float64 (complex128), and how far apart."""

    got: Array
    want: Array
    left: Array
    right: Array
    size: Floats
    lsb: Floats | None  # quantization step of each element

    def at(self, places: Places) -> Pairs:
        return Pairs(
            got=self.got[places],
            want=self.want[places],
            left=self.left[places],
            right=self.right[places],
            size=self.size[places],
            lsb=None if self.lsb is None else self.lsb[places],
        )


def measure_stretch(got: Array, want: Array, rule: Rule, lsb: Floats | None) -> Stretch:
    """Return the figures of two flat arrays of one length, at least 1; ``lsb`` is the quantization step of each."""
    kind = np.complex128 if "c" in (got.dtype.kind, want.dtype.kind) else np.float64
    left, right = np.asarray(got, kind), np.asarray(want, kind)
    pairs = Pairs(got=got, want=want, left=left, right=right, size=np.abs(left - right), lsb=lsb)
    if math.isfinite(pairs.size.max()):  # neither NaN nor infinity can hide from it
        return _measure(pairs, rule)
    finite = np.isfinite(left) & np.isfinite(right)
    mismatched = ~(finite | _same(left, right))
    places = np.flatnonzero(finite)
    part = _measure(pairs.at(places), rule) if places.size else Stretch()
    mismatches = int(np.count_nonzero(mismatched))
    worst = int(mismatched.argmax()) if mismatches else None if part.worst is None else int(places[part.worst])
    return replace(part, off=part.off + mismatches, mismatches=mismatches, worst=worst)


def _measure(pairs: Pairs, rule: Rule) -> Stretch:
    """Return the figures of pairs that are all finite."""
    size, steps = pairs.size, 0
    magnitude = np.abs(pairs.right)
    if rule.wide:
        distance = integer_distance(pairs.got, pairs.want)
        size, steps = distance.astype(np.float64), int(distance.max())
        off = np.count_nonzero(distance > np.uint64(rule.absolute))
    else:
        off = np.count_nonzero(size > (rule.absolute + rule.relative * magnitude if rule.relative else rule.absolute))
    norm_got, norm_want = _norm(pairs.left), _norm(pairs.right)
    plain = Stretch(
        finite=size.size,
        norm_got=norm_got,
        norm_want=norm_want,
        cosine=_cosine(pairs.left, pairs.right, norm_got, norm_want),
    )
    worst = int(distance.argmax() if rule.wide else size.argmax())
    peak = float(size[worst])
    if peak == 0:
        return plain
    return replace(
        plain,
        off=int(off),
        max_abs=peak,
        mean_abs=_mean(size),
        max_rel=_largest_ratio(size, magnitude),
        norm_error=_norm(size),
        max_steps=steps if rule.wide else int(peak) if rule.integer else 0,
        max_ulp=max_ulp(pairs.got, pairs.want) if rule.ulp else 0,
        max_lsb=0.0 if pairs.lsb is None else _largest_ratio(size, pairs.lsb),
        worst=worst,
    )


def _same(left: Array, right: Array) -> npt.NDArray[np.bool_]:
    """Say where NaN meets NaN and an infinity an infinity of its sign; of complex numbers, part by part."""
    if left.dtype.kind == "c":
        return _same(left.real, right.real) & _same(left.imag, right.imag)
    same: npt.NDArray[np.bool_] = (left == right) | (np.isnan(left) & np.isnan(right))
    return same


def _mean(size: Floats) -> float:
    total = float(size.sum())
    return total / size.size if math.isfinite(total) else float((size / size.size).sum())


def _largest_ratio(size: Floats, unit: Floats) -> float:
    """Return the largest ``size / unit``, where 0/0 is 0 and so is what has no unit (NaN)."""
    return float(np.fmax.reduce(size / unit, initial=0.0))


def _norm(values: Array) -> float:
    """Return the Euclidean norm, scaled by a power of two where the squares would leave the range of float64."""
    flat = values.view(np.float64)
    square = _dot(flat, flat)
    if SMALLEST_SQUARE < square < math.inf:
        return math.sqrt(square)
    peak = float(np.abs(flat).max())
    if peak == 0 or peak == math.inf:
        return peak
    exponent = math.frexp(peak)[1]
    scaled = np.ldexp(flat, -exponent)
    return float(np.ldexp(math.sqrt(_dot(scaled, scaled)), exponent))


def _cosine(left: Array, right: Array, norm_left: float, norm_right: float) -> float:
    if norm_left == 0 or norm_right == 0:
        return 0.0
    a, b, norms = left.view(np.float64), right.view(np.float64), norm_left * norm_right
    if not SMALLEST_SQUARE < norms < math.inf:
        a, b, norms = a / norm_left, b / norm_right, 1.0
    return _dot(a, b) / norms


def _dot(a: Floats, b: Floats) -> float:
    """Return the inner product, summed pairwise; np.dot would wake BLAS's threads for what takes some microseconds."""
    return float((a * b).sum())
