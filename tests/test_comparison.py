"""Properties of the drift figures, and the dtypes and edge values that they must survive."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cases.case import EXACT, Array, Tolerance
from matrix.verdict.comparison import measure

FLOATS = hnp.arrays(
    np.float32,
    hnp.array_shapes(max_dims=3, max_side=5),
    elements=st.floats(-1e6, 1e6, width=32),
)
ANY_FLOATS = hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=5), elements=st.floats(width=32))
LOOSE = Tolerance(absolute=1e-3, relative=1e-3)


@given(ANY_FLOATS)
def test_an_array_does_not_differ_from_itself(array: np.ndarray) -> None:
    drift = measure(array, array.copy(), EXACT)
    assert (drift.max_abs, drift.rmse, drift.share_off, drift.nonfinite_mismatches) == (0, 0, 0, 0)
    assert drift.sqnr_db == math.inf
    assert drift.cosine == pytest.approx(1.0)


@given(FLOATS, st.integers(0, 2**32 - 1))
def test_absolute_figures_are_symmetric(want: np.ndarray, seed: int) -> None:
    got = want + np.random.default_rng(seed).integers(-3, 4, want.shape).astype(np.float32)
    one, other = measure(got, want, EXACT), measure(want, got, EXACT)
    assert (one.max_abs, one.mean_abs, one.rmse, one.share_off) == (
        other.max_abs,
        other.mean_abs,
        other.rmse,
        other.share_off,
    )
    assert one.cosine == pytest.approx(other.cosine)


@given(FLOATS, st.sampled_from([2.0**k for k in range(-8, 9)]))
def test_scaling_both_sides_scales_the_absolute_figures_only(want: np.ndarray, factor: float) -> None:
    want = want.astype(np.float64)
    got = want + 0.5
    plain, scaled = measure(got, want, EXACT), measure(got * factor, want * factor, EXACT)
    assert scaled.max_abs == pytest.approx(plain.max_abs * factor)
    assert scaled.rmse == pytest.approx(plain.rmse * factor)
    assert scaled.sqnr_db == pytest.approx(plain.sqnr_db)
    assert scaled.max_rel == pytest.approx(plain.max_rel)


@given(hnp.arrays(np.int8, hnp.array_shapes(max_dims=2, max_side=6)), st.integers(1, 5))
def test_integer_errors_are_counted_in_steps(want: np.ndarray, steps: int) -> None:
    want = np.clip(want, -100, 100).astype(np.int8)
    got = (want + steps).astype(np.int8)
    assert measure(got, want, Tolerance(steps=steps)).share_off == 0
    off = measure(got, want, Tolerance(steps=steps - 1))
    assert (off.share_off, off.max_steps) == (1.0, steps)


@pytest.mark.parametrize("pattern", [[np.nan, 1.0], [np.inf, 1.0], [-np.inf, 1.0]])
def test_nonfinite_elements_match_their_own_kind_only(pattern: list[float]) -> None:
    want = np.array(pattern, np.float32)
    assert measure(want.copy(), want, EXACT).share_off == 0
    for other in (0.0, np.nan, np.inf, -np.inf):
        got = np.array([other, 1.0], np.float32)
        if not np.array_equal(got, want, equal_nan=True):
            drift = measure(got, want, LOOSE)
            assert (drift.nonfinite_mismatches, drift.share_off, drift.worst_index) == (1, 0.5, (0,))


@pytest.mark.parametrize(
    "dtype",
    [np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.float4_e2m1fn,
     ml_dtypes.int4, ml_dtypes.uint4, ml_dtypes.int2, ml_dtypes.uint2, np.bool_, np.uint8, np.int64, np.uint64],
)  # fmt: skip
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (2, 2)])
def test_every_dtype_and_shape_is_measured(dtype: type, shape: tuple[int, ...]) -> None:
    want: Array = np.ones(shape, np.float32).astype(dtype)
    got: Array = np.zeros(shape, np.float32).astype(dtype)
    assert measure(want, want, EXACT).share_off == 0
    assert measure(got, want, EXACT).share_off == (1.0 if want.size else 0.0)


def test_a_boolean_is_never_within_tolerance_of_its_opposite() -> None:
    assert measure(np.array([True]), np.array([False]), Tolerance(absolute=2, steps=2)).share_off == 1


def test_wide_integers_keep_differences_that_float64_would_lose() -> None:
    want = np.array([2**63 - 1, -(2**63), 2**53 + 1], np.int64)
    got = np.array([2**63 - 2, -(2**63), 2**53], np.int64)
    drift = measure(got, want, EXACT)
    assert drift.max_steps == 1
    assert drift.share_off == pytest.approx(2 / 3)
    extremes = measure(np.array([-(2**63)], np.int64), np.array([2**63 - 1], np.int64), EXACT)
    assert extremes.max_abs == 2.0**64


def test_figures_of_a_known_example() -> None:
    want, got = np.array([3.0, -4.0, 0.0]), np.array([3.0, -4.5, 0.0])
    drift = measure(got, want, Tolerance(absolute=0.1, relative=0.05))
    assert drift.max_abs == 0.5
    assert drift.mean_abs == pytest.approx(0.5 / 3)
    assert drift.max_rel == 0.125
    assert drift.rmse == pytest.approx(math.sqrt(0.25 / 3))
    assert drift.sqnr_db == pytest.approx(20.0)
    assert drift.cosine == pytest.approx(27 / (5 * math.hypot(3, 4.5)))
    assert drift.share_off == pytest.approx(1 / 3)
    assert drift.worst_index == (1,)
    assert (drift.worst_value, drift.worst_reference) == (-4.5, -4.0)


def test_an_error_on_a_silent_signal_has_no_finite_ratio() -> None:
    drift = measure(np.array([0.0, 1.0]), np.zeros(2), EXACT)
    assert (drift.sqnr_db, drift.max_rel, drift.cosine) == (-math.inf, math.inf, 0.0)
