"""Holds one output against what was expected, with numpy alone: within tolerance, outside, or another thing entirely.

Source of the rules: docs/accuracy.md of the project that wrote this bundle. A float is within tolerance where
``|got - want| <= absolute + relative * |want| + peak * max|want|``, an integer where ``|got - want| <= steps``.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import tensors

WRONG_BELOW_DB = 10.0  # an error of a third of the signal's amplitude
DIGITS = 9  # of an SQNR in dB: those behind them are rounding of the sums
INTEGER = re.compile(r"u?int\d+")
TEXT = ("string", "none")
Tables = Dict[str, List[float]]


def decode(dtype: str, shape: List[int], raw: bytes, tables: Tables) -> Any:
    """Return the values of a stored tensor: types that numpy lacks are float64, looked up in ``tables``."""
    if dtype == "none":
        return np.array(None, dtype=object)
    if dtype == "string":
        return np.array(json.loads(raw), dtype=object).reshape(shape)
    if dtype == "bfloat16":  # the upper half of a float32
        upper = np.frombuffer(raw, np.uint16).astype(np.uint32) << np.uint32(16)
        return upper.view(np.float32).reshape(shape)
    if dtype in tables:
        codes = np.frombuffer(raw, np.uint8) & ((1 << tensors.BITS[dtype]) - 1)
        return np.array(tables[dtype], np.float64)[codes].reshape(shape)
    return np.frombuffer(raw, tensors.carrier(dtype)).reshape(shape)


def compare(
    got: Any, dtype: str, want: Any, wanted: str, declared: str, tolerance: Dict[str, float]
) -> Tuple[str, str]:
    """Return ("", "") for an output that is right, else ("drift" or "wrong", why).

    ``got`` is of ``dtype``, ``want`` of ``wanted`` or None where nothing is expected; ``declared`` is the model's word.
    """
    expected = declared or wanted
    if expected and dtype != expected:
        return "wrong", "dtype {}, expected {}".format(dtype, expected)
    if want is None:
        return "", ""
    if got.shape != want.shape:
        return "wrong", "shape {}, expected {}".format(list(got.shape), list(want.shape))
    if dtype in TEXT:
        same = got.reshape(-1).tolist() == want.reshape(-1).tolist()
        return ("", "") if same else ("wrong", "the strings differ")
    with np.errstate(all="ignore"):
        return _measure(got, want, wanted, dtype == wanted, tolerance)


def _measure(got: Any, want: Any, wanted: str, same_type: bool, tolerance: Dict[str, float]) -> Tuple[str, str]:
    got, want = got.reshape(-1), want.reshape(-1)
    complex_numbers = "c" in (got.dtype.kind, want.dtype.kind)
    kind = np.dtype(np.complex128 if complex_numbers else np.float64)
    left, right = got.astype(kind), want.astype(kind)
    finite = np.isfinite(left) & np.isfinite(right)
    mismatches = int(np.count_nonzero(~(finite | _same(left, right))))
    if mismatches:
        return "wrong", "{} elements differ in NaN or infinity".format(mismatches)
    size = np.abs(left - right)[finite]
    if INTEGER.fullmatch(wanted) and same_type and want.dtype.itemsize == 8 and want.dtype.kind in "iu":
        size = _distance(got, want)
        off = size > np.uint64(tolerance["steps"])
    else:
        off = size > _allowed(right, wanted, tolerance)[finite]
    if not off.any():
        return "", ""
    decibels = _sqnr_db(_norm(np.abs(right[finite])), _norm(size.astype(np.float64)))
    words = "off by up to {:.3g} in {} of {} elements, SQNR {:.1f} dB".format(
        float(size.max()), int(np.count_nonzero(off)), off.size, decibels
    )
    return ("wrong" if round(decibels, DIGITS) < WRONG_BELOW_DB else "drift"), words


def _allowed(want: Any, dtype: str, tolerance: Dict[str, float]) -> Any:
    if dtype == "bool":
        return np.zeros(want.shape)
    if INTEGER.fullmatch(dtype):
        return np.full(want.shape, float(tolerance["steps"]))
    magnitude = np.abs(want)
    peak = float(magnitude[np.isfinite(magnitude)].max(initial=0.0)) if tolerance["peak"] else 0.0
    absolute = tolerance["absolute"] + tolerance["peak"] * peak
    return absolute + tolerance["relative"] * magnitude if tolerance["relative"] else np.full(want.shape, absolute)


def _same(left: Any, right: Any) -> Any:
    if left.dtype.kind == "c":
        return _same(left.real, right.real) & _same(left.imag, right.imag)
    return (left == right) | (np.isnan(left) & np.isnan(right))


def _distance(left: Any, right: Any) -> Any:
    """Return ``|left - right|`` of 64-bit integers, exact where they themselves would overflow."""
    high, low = np.maximum(left, right), np.minimum(left, right)
    return np.subtract(high.view(np.uint64), low.view(np.uint64))


def _norm(values: Any) -> float:
    peak = float(values.max(initial=0.0))
    if peak in (0.0, math.inf):
        return peak
    return peak * math.sqrt(float(((values / peak) ** 2).sum()))


def _sqnr_db(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    if signal == 0 or math.isinf(noise):
        return -math.inf
    return 20 * (math.log10(signal) - math.log10(noise))


def by_name(values: List[Tuple[str, Any, str]], name: str) -> Optional[Tuple[Any, str]]:
    """Return the array and dtype called ``name``."""
    return next(((array, dtype) for known, array, dtype in values if known == name), None)
