"""How far an output is from its reference: figures in float64, and how much of it is outside tolerance. Pure.

What each figure means, its formula and its source: docs/accuracy.md, "Figures".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cases.case import Array, Tolerance
from matrix.record import Drift
from matrix.verdict.quantization_step import QuantizationStep, StepsBetween
from matrix.verdict.stretch import Rule, Stretch, measure_stretch

STRETCH = 1 << 13  # elements at a time: 64 KB in float64, which stays in the cache and is not handed back to the system
TEXT_KINDS = "OUS"
INTEGER_NAMES = frozenset(
    f"{sign}int{bits}" for sign in ("", "u") for bits in (1, 2, 4, 8, 16, 32, 64)
)  # ml_dtypes has no abstract base for its integers


def measure(got: Array, want: Array, tolerance: Tolerance, step: QuantizationStep | None = None) -> Drift:
    """Return the drift of ``got`` against ``want``, two arrays of equal shape and any dtype of ONNX.

    NaN matches NaN and an infinity matches an infinity of its sign; anything else that is not finite on one side
    counts in ``nonfinite_mismatches`` and in ``share_off``. Text is right or infinitely far off. ``max_ulp`` is None
    where the two have different types. ``step`` is the output's quantization step where it is known; one that does not
    fit the output's shape is left out.
    """
    if got.dtype.kind in TEXT_KINDS or want.dtype.kind in TEXT_KINDS:
        return _measure_text(got, want)
    steps = step.over(want.shape) if step else None
    left, right = _flat(got), _flat(want)
    with np.errstate(all="ignore"):  # infinities are data here
        rule = _rule(left, right, tolerance)
        parts = list(_stretches(left, right, rule, steps)) or [Stretch()]
    finite = sum(part.finite for part in parts)
    norm_got = math.hypot(*(part.norm_got for part in parts))
    signal = math.hypot(*(part.norm_want for part in parts))
    noise = math.hypot(*(part.norm_error for part in parts))
    where = _worst(parts)
    value, reference = (None, None) if where is None else _values(left[where], right[where], integer=rule.integer)
    return Drift(
        max_abs=max(part.max_abs for part in parts),
        mean_abs=math.fsum(part.mean_abs * (part.finite / finite) for part in parts if part.finite),
        max_rel=max(part.max_rel for part in parts),
        rmse=noise / math.sqrt(finite) if finite else 0.0,
        cosine=_cosine(parts, norm_got, signal) if noise else 1.0,
        sqnr_db=_sqnr_db(signal, noise),
        share_off=sum(part.off for part in parts) / want.size if want.size else 0.0,
        nonfinite_mismatches=sum(part.mismatches for part in parts),
        max_steps=max(part.max_steps for part in parts) if rule.integer else None,
        max_ulp=float(max(part.max_ulp for part in parts)) if rule.ulp else None,
        max_lsb=max(part.max_lsb for part in parts) if steps else None,
        worst_index=() if where is None else _index(where, want),
        worst_value=value,
        worst_reference=reference,
    )


def _flat(array: Array) -> Array:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("=")).reshape(-1)


def _rule(got: Array, want: Array, tolerance: Tolerance) -> Rule:
    same = got.dtype == want.dtype
    if want.dtype == np.bool_:
        return Rule()
    if want.dtype.name in INTEGER_NAMES:
        whole = got.dtype.name in INTEGER_NAMES
        return Rule(absolute=tolerance.steps, integer=whole, wide=want.dtype.itemsize == 8 and same)
    peak = tolerance.peak * _peak(want) if tolerance.peak else 0.0
    return Rule(absolute=tolerance.absolute + peak, relative=tolerance.relative, ulp=same)


def _peak(want: Array) -> float:
    """Return the largest finite magnitude."""
    kind = np.complex128 if want.dtype.kind == "c" else np.float64
    sizes = (np.abs(want[start : start + STRETCH].astype(kind)) for start in range(0, want.size, STRETCH))
    return max((float(size.max(where=np.isfinite(size), initial=0.0)) for size in sizes), default=0.0)


def _stretches(got: Array, want: Array, rule: Rule, steps: StepsBetween | None) -> Iterator[Stretch]:
    for start in range(0, want.size, STRETCH):
        stop = min(start + STRETCH, want.size)
        lsb = steps(start, stop) if steps else None
        part = measure_stretch(got[start:stop], want[start:stop], rule, lsb)
        yield part if part.worst is None else replace(part, worst=start + part.worst)


def _worst(parts: Sequence[Stretch]) -> int | None:
    """Return the place of the first non-finite mismatch if there is one, else of the largest error."""
    mismatched = next((part for part in parts if part.mismatches), None)
    return (mismatched or max(parts, key=lambda part: part.max_abs)).worst


def _values(value: Any, reference: Any, *, integer: bool) -> tuple[float, float]:
    """Return two elements as numbers: whole ones of integers, and of complex ones the part that is further off."""
    if integer:
        return int(value), int(reference)
    parts = [(float(value.real), float(reference.real)), (float(value.imag), float(reference.imag))]
    return max(parts, key=lambda part: _apart(*part))


def _apart(value: float, reference: float) -> float:
    if value == reference or (math.isnan(value) and math.isnan(reference)):
        return 0.0
    distance = abs(value - reference)
    return math.inf if math.isnan(distance) else distance


def _cosine(parts: Sequence[Stretch], norm_got: float, norm_want: float) -> float:
    if norm_got == 0 or norm_want == 0:
        return 1.0 if norm_got == norm_want else 0.0
    terms = (part.cosine * (part.norm_got / norm_got) * (part.norm_want / norm_want) for part in parts)
    return min(1.0, max(-1.0, math.fsum(terms)))


def _sqnr_db(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    if signal == 0 or math.isinf(noise):
        return -math.inf
    return 20 * (math.log10(signal) - math.log10(noise))


def _measure_text(got: Array, want: Array) -> Drift:
    left, right = got.reshape(-1), want.reshape(-1)
    off, first = 0, None
    for start in range(0, right.size, STRETCH):
        stop = start + STRETCH
        differ = np.flatnonzero(left[start:stop].astype(object) != right[start:stop].astype(object))
        off += differ.size
        if first is None and differ.size:
            first = start + int(differ[0])
    far = math.inf if off else 0.0
    return Drift(
        max_abs=far,
        mean_abs=far,
        max_rel=far,
        rmse=far,
        cosine=0.0 if off else 1.0,
        sqnr_db=-math.inf if off else math.inf,
        share_off=off / right.size if right.size else 0.0,
        nonfinite_mismatches=0,
        worst_index=() if first is None else _index(first, want),
    )


def _index(where: int, array: Array) -> tuple[int, ...]:
    return tuple(int(index) for index in np.unravel_index(where, array.shape))
