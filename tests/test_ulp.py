"""Units in the last place, in every float type: neighbours are 1 apart, and distances add up along the number line."""

from __future__ import annotations

from itertools import pairwise

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.case import EXACT, Array
from matrix.verdict.comparison import measure
from matrix.verdict.ulp import integer_distance, max_ulp

SMALL = [
    name for name in dir(ml_dtypes) if name.startswith("float") and np.dtype(getattr(ml_dtypes, name)).itemsize == 1
]  # fmt: skip


def every_finite(name: str, bits: int) -> Array:
    """Return every finite value of a small float type, ascending, -0 left out."""
    values = np.arange(2**bits, dtype=f"u{-(-bits // 8)}").view(name)
    with np.errstate(invalid="ignore"):  # NaN among them
        wide = values.astype(np.float64)
    kept = np.flatnonzero(np.isfinite(wide) & ~(np.signbit(wide) & (wide == 0)))
    return values[kept[np.argsort(wide[kept])]]


def test_every_small_float_type_is_here() -> None:
    assert {"float8_e4m3fn", "float8_e5m2fnuz", "float8_e8m0fnu", "float6_e2m3fn", "float4_e2m1fn"} <= set(SMALL)


@pytest.mark.parametrize("name", [*SMALL, "float16", "bfloat16"])
def test_neighbours_are_one_apart(name: str) -> None:
    bits = ml_dtypes.finfo(np.dtype(name)).bits  # type: ignore[no-untyped-call]
    line = every_finite(name, bits)
    assert np.all(np.diff(line.astype(np.float64)) > 0)
    for one, other in pairwise(line) if bits <= 8 else ():
        assert max_ulp(np.array([one]), np.array([other])) == 1
    assert max_ulp(line[1:], line[:-1]) == 1
    assert max_ulp(line[:1], line[-1:]) == line.size - 1


@given(st.floats(allow_nan=False, allow_infinity=False, exclude_max=True, max_value=1.7e308))
def test_the_next_float64_is_one_apart(value: float) -> None:
    array = np.array([value])
    assert max_ulp(np.nextafter(array, np.inf), array) == 1
    assert measure(np.nextafter(array, np.inf), array, EXACT).max_ulp == 1


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(0, 200))
def test_steps_of_float32_are_counted(value: float, steps: int) -> None:
    start = np.array([value], np.float32)
    end = start
    for _ in range(steps):
        end = np.nextafter(end, np.float32(0))
    walked = steps if end[0] != 0 else max_ulp(start, np.zeros(1, np.float32))
    assert max_ulp(end, start) == max_ulp(start, end) == walked


def test_zeros_are_one_place_and_signs_add_up() -> None:
    assert max_ulp(np.array([-0.0]), np.array([0.0])) == 0
    tiny = np.array([5e-324])
    assert max_ulp(-tiny, tiny) == 2
    widest = np.array([np.finfo(np.float64).max])
    assert max_ulp(-widest, widest) == 2 * 0x7FEFFFFFFFFFFFFF


def test_a_complex_number_is_as_far_off_as_its_further_part() -> None:
    want = np.array([1 + 1j], np.complex64)
    got = np.array([complex(np.nextafter(np.float32(1), np.float32(2)), 1 + 3 * 2**-23)], np.complex64)
    assert max_ulp(got, want) == 3


def test_nothing_is_no_distance() -> None:
    assert max_ulp(np.zeros(0, np.float16), np.zeros(0, np.float16)) == 0
    assert measure(np.zeros((0, 2), np.float16), np.zeros((0, 2), np.float16), EXACT).max_ulp == 0


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_distances_of_integers_are_exact(one: int, other: int) -> None:
    assert int(integer_distance(np.array([one]), np.array([other]))[0]) == abs(one - other)


def test_only_floats_of_one_type_have_units_in_the_last_place() -> None:
    assert measure(np.ones(1, np.int8), np.ones(1, np.int8), EXACT).max_ulp is None
    assert measure(np.ones(1, np.bool_), np.ones(1, np.bool_), EXACT).max_ulp is None
    assert measure(np.ones(1, np.float32), np.ones(1, np.float64), EXACT).max_ulp is None
    assert measure(np.array([np.nan, 1.0]), np.array([1.0, 1.0]), EXACT).max_ulp == 0
