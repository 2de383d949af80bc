"""Inputs: the same bits everywhere, exact in float32, and with the edge values that they promise."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.inputs import (
    between,
    distinct_floats,
    floats,
    integers,
    is_integer,
    permutation,
    representable,
    saturating,
    spread,
    ties,
)

KEYS = st.text(max_size=20)
SHAPES = st.lists(st.integers(0, 5), max_size=4).map(tuple)
SMALL_TYPES = ["int8", "uint8", "int4", "uint4", "int2", "uint2", "float8_e4m3fn", "float8_e5m2", "float4_e2m1fn"]


def test_the_stream_is_the_one_that_the_digests_of_all_cases_rest_on() -> None:
    assert integers("a key", (8,), 0, 99).tolist() == [39, 96, 44, 53, 45, 88, 32, 50]
    assert floats("a key", (4,)).tolist() == [-3.3125, 1.9375, -1.75, -1.125]


@given(KEYS, SHAPES, st.integers(-1000, 1000), st.integers(0, 300))
def test_integers_stay_between_their_ends(key: str, shape: tuple[int, ...], low: int, span: int) -> None:
    found = integers(key, shape, low, low + span, np.int32)
    assert found.shape == shape
    assert found.dtype == np.int32
    assert ((found >= low) & (found <= low + span)).all()
    assert (integers(key, shape, low, low + span, np.int32) == found).all()


def test_both_ends_occur_and_another_key_gives_other_values() -> None:
    found = integers("x", (1000,), -3, 4)
    assert set(found.tolist()) == set(range(-3, 5))
    assert (found != integers("y", (1000,), -3, 4)).any()


@given(KEYS, st.integers(0, 12), st.integers(1, 64))
def test_floats_are_multiples_of_their_step(key: str, exponent: int, steps: int) -> None:
    step = 2.0**-exponent
    found = floats(key, (50,), limit=steps * step, step=step)
    assert found.dtype == np.float32
    assert (found / step == np.round(found / step)).all()
    assert (np.abs(found) <= steps * step).all()


def test_a_limit_between_two_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="not a multiple"):
        floats("x", (1,), limit=1.0, step=0.3)


def test_sums_of_products_do_not_depend_on_their_order() -> None:
    a, b = floats("a", (4096,)), floats("b", (4096,))
    forward = np.float32(0)
    for product in a * b:
        forward = forward + product
    assert float(forward) == float(np.dot(a.astype(np.float64), b.astype(np.float64)))


def test_distinct_floats_differ() -> None:
    found = distinct_floats("x", (5, 20))
    assert found.shape == (5, 20)
    assert len(np.unique(found)) == 100


@given(KEYS, st.integers(0, 200))
def test_a_permutation_has_each_index_once(key: str, count: int) -> None:
    assert sorted(permutation(key, count).tolist()) == list(range(count))


def test_spread_uses_the_whole_pool_before_it_repeats() -> None:
    found = spread("x", np.arange(10), (3, 7))
    assert sorted(found.reshape(-1)[:10].tolist()) == list(range(10))
    assert (found.reshape(-1)[10:20] == found.reshape(-1)[:10]).all()


@pytest.mark.parametrize(
    ("dtype", "count", "low", "high"),
    [
        ("int8", 256, -128, 127),
        ("uint16", 65536, 0, 65535),
        ("int4", 16, -8, 7),
        ("uint2", 4, 0, 3),
        ("float8_e4m3fn", 253, -448, 448),
        ("float8_e5m2", 247, -57344, 57344),
        ("float4_e2m1fn", 15, -6, 6),
        ("float16", 63487, -65504, 65504),
    ],
)
def test_representable_values_are_all_there(dtype: str, count: int, low: float, high: float) -> None:
    values = representable(dtype)
    assert (len(values), values[0], values[-1]) == (count, low, high)
    assert (np.diff(values) > 0).all()
    assert (values.astype(dtype).astype(np.float64) == values).all()


@pytest.mark.parametrize("dtype", SMALL_TYPES)
def test_ties_are_half_way_and_no_value_of_the_type(dtype: str) -> None:
    values, middles = representable(dtype), ties(dtype)
    assert (middles - values[:-1] == values[1:] - middles).all()
    assert not np.isin(middles, values).any()
    if is_integer(dtype):
        assert (np.abs(middles % 1) == 0.5).all()
    assert (middles.astype(np.float32) == middles).all()


@pytest.mark.parametrize("dtype", SMALL_TYPES)
def test_between_keeps_to_its_side(dtype: str) -> None:
    values, points = representable(dtype), between(dtype, 0.25)
    assert ((points > values[:-1]) & (points < ties(dtype))).all()


@pytest.mark.parametrize("dtype", SMALL_TYPES)
def test_saturating_values_lie_at_and_beyond_both_ends(dtype: str) -> None:
    values, found = representable(dtype), saturating(dtype)
    assert {values[0], values[-1]} <= set(found)
    assert ((found <= values[0]) | (found >= values[-1])).all()
    assert (found < values[0]).sum() == (found > values[-1]).sum() == 3


def test_integer_types_are_told_from_floats() -> None:
    assert [is_integer(dtype) for dtype in (np.uint8, ml_dtypes.int4, ml_dtypes.float8_e4m3fn, np.float16)] == [
        True,
        True,
        False,
        False,
    ]
