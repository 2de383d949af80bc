"""Properties of the drift figures, and the dtypes and edge values that they must survive."""

from __future__ import annotations

import math
from dataclasses import fields

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cases.case import EXACT, Array, Tolerance
from matrix.verdict import comparison
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
     ml_dtypes.float8_e4m3fnuz, ml_dtypes.float8_e5m2fnuz, ml_dtypes.float8_e8m0fnu, ml_dtypes.float6_e2m3fn,
     ml_dtypes.float6_e3m2fn, ml_dtypes.int4, ml_dtypes.uint4, ml_dtypes.int2, ml_dtypes.uint2, np.bool_, np.uint8,
     np.int8, np.uint16, np.int16, np.uint32, np.int32, np.int64, np.uint64, np.float32, np.float64, np.complex64,
     np.complex128],
)  # fmt: skip
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (2, 2)])
def test_every_dtype_and_shape_is_measured(dtype: type, shape: tuple[int, ...]) -> None:
    want: Array = np.ones(shape, np.float32).astype(dtype)
    half = 0.0 if dtype is np.bool_ else 0.5  # of an integer 0; float8_e8m0fnu has no zero
    got: Array = np.full(shape, half, np.float32).astype(dtype)
    same, off = measure(want, want, EXACT), measure(got, want, EXACT)
    assert (same.share_off, same.max_abs, same.worst_value) == (0, 0, None)
    assert off.share_off == (1.0 if want.size else 0.0)
    assert off.worst_index == ((0,) * len(shape) if want.size else ())
    if want.size:
        assert (off.worst_value, off.worst_reference) == (float(got.flat[0].real), 1.0)


def test_a_boolean_is_never_within_tolerance_of_its_opposite() -> None:
    assert measure(np.array([True]), np.array([False]), Tolerance(absolute=2, steps=2)).share_off == 1


def test_wide_integers_keep_differences_that_float64_would_lose() -> None:
    want = np.array([2**63 - 1, -(2**63), 2**53 + 1], np.int64)
    got = np.array([2**63 - 2, -(2**63), 2**53], np.int64)
    drift = measure(got, want, EXACT)
    assert drift.max_steps == 1
    assert drift.share_off == pytest.approx(2 / 3)
    assert (drift.worst_value, drift.worst_reference) == (2**63 - 2, 2**63 - 1)
    assert measure(got, want, Tolerance(steps=1)).share_off == 0
    extremes = measure(np.array([-(2**63)], np.int64), np.array([2**63 - 1], np.int64), EXACT)
    assert (extremes.max_abs, extremes.max_steps) == (2.0**64, 2**64 - 1)
    unsigned = measure(np.array([0, 2**64 - 2], np.uint64), np.array([0, 2**64 - 1], np.uint64), EXACT)
    assert (unsigned.max_steps, unsigned.worst_index, unsigned.worst_reference) == (1, (1,), 2**64 - 1)


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


# ---- Laws ------------------------------------------------------------------------------------------------------------


@given(FLOATS, st.integers(0, 2**32 - 1))
def test_the_order_of_the_elements_does_not_matter(want: np.ndarray, seed: int) -> None:
    random = np.random.default_rng(seed)
    got = want + random.normal(0, 1, want.shape).astype(np.float32)
    order = random.permutation(want.size)
    plain, mixed = measure(got, want, LOOSE), measure(got.reshape(-1)[order], want.reshape(-1)[order], LOOSE)
    for name in ("max_abs", "max_rel", "share_off", "nonfinite_mismatches", "max_ulp"):
        assert getattr(plain, name) == getattr(mixed, name)
    for name in ("mean_abs", "rmse", "cosine", "sqnr_db"):
        assert getattr(plain, name) == pytest.approx(getattr(mixed, name))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3, 7, 100]))
def test_where_the_elements_are_cut_does_not_matter(seed: int, stretch: int) -> None:
    random = np.random.default_rng(seed)
    want = random.normal(0, 1, 40)
    got = want + random.choice([0.0, 0.25, np.nan, np.inf], 40, p=[0.6, 0.3, 0.05, 0.05])
    whole = measure(got, want, LOOSE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "STRETCH", stretch)
        cut = measure(got, want, LOOSE)
    for field in fields(whole):
        assert getattr(cut, field.name) == pytest.approx(getattr(whole, field.name), nan_ok=True), field.name


@given(st.sampled_from([-1000, -600, -300, 300, 600, 900]))
def test_ratios_hold_at_both_ends_of_float64(exponent: int) -> None:
    want, got = np.array([1.0, -2.0, 3.0, 0.5]), np.array([1.0, -2.25, 3.0, 0.5])
    plain = measure(got, want, EXACT)
    far = measure(np.ldexp(got, exponent), np.ldexp(want, exponent), EXACT)
    assert far.sqnr_db == pytest.approx(plain.sqnr_db)
    assert far.cosine == pytest.approx(plain.cosine)
    assert far.max_rel == plain.max_rel
    assert far.rmse == pytest.approx(math.ldexp(plain.rmse, exponent), rel=1e-12)
    assert far.mean_abs == pytest.approx(math.ldexp(plain.mean_abs, exponent), rel=1e-12)


def test_small_noise_on_a_large_signal_is_not_lost() -> None:
    drift = measure(np.array([1e200, 1e-200]), np.array([1e200, 0.0]), EXACT)
    assert drift.sqnr_db == pytest.approx(8000.0)
    assert drift.cosine == 1.0
    assert measure(np.array([1.7e308] * 9), np.array([1.6e308] * 9), EXACT).mean_abs == pytest.approx(1e307)


def test_an_error_beyond_float64_is_endless() -> None:
    drift = measure(np.array([1.7e308, 1.7e308]), np.array([-1.7e308, -1.7e308]), EXACT)
    assert (drift.max_abs, drift.sqnr_db, drift.nonfinite_mismatches) == (math.inf, -math.inf, 0)
    assert drift.worst_index == (0,)


@given(ANY_FLOATS, st.integers(0, 2**32 - 1))
def test_nan_and_infinity_are_counted_and_poison_nothing(want: np.ndarray, seed: int) -> None:
    got = want.copy()
    put = np.random.default_rng(seed).choice([False, True], want.shape)
    got[put] = np.nan
    drift = measure(got, want, EXACT)
    assert drift.nonfinite_mismatches == int((put & ~np.isnan(want)).sum())
    assert drift.share_off == drift.nonfinite_mismatches / want.size
    for name in ("max_abs", "mean_abs", "max_rel", "rmse", "cosine", "max_ulp"):
        assert math.isfinite(getattr(drift, name))
    if drift.nonfinite_mismatches:
        assert drift.worst_index == tuple(np.argwhere(put & ~np.isnan(want))[0])
        assert drift.worst_value is not None
        assert math.isnan(drift.worst_value)


def test_a_mismatch_comes_before_any_error() -> None:
    want = np.array([1.0, 1.0, 1.0, np.inf])
    got = np.array([1.0, 900.0, np.inf, -np.inf])
    drift = measure(got, want, EXACT)
    assert (drift.worst_index, drift.worst_value, drift.nonfinite_mismatches) == ((2,), math.inf, 2)
    assert (drift.max_abs, drift.share_off) == (899.0, 0.75)


def test_the_largest_value_of_an_output_gives_room() -> None:
    want = np.array([100.0, 0.0, np.inf, -np.nan], np.float32)
    got = want + np.float32(0.9)
    assert measure(got, want, Tolerance(peak=0.01)).share_off == 0
    assert measure(got, want, Tolerance(peak=0.005)).share_off == 0.5
    assert measure(got[:0], want[:0], Tolerance(peak=0.005)).share_off == 0


# ---- Complex numbers and text ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_errors_are_distances_in_the_plane(dtype: type) -> None:
    want: Array = np.array([[3 + 4j, 1 - 1j]], dtype)
    drift = measure(want + np.array([0, 0.375 - 0.5j], dtype), want, Tolerance(absolute=0.5))
    assert (drift.max_abs, drift.share_off) == (0.625, 0.5)
    assert drift.rmse == pytest.approx(0.625 / math.sqrt(2))
    assert drift.sqnr_db == pytest.approx(10 * math.log10(27 / 0.625**2))
    assert (drift.worst_index, drift.worst_value, drift.worst_reference) == ((0, 1), -1.5, -1.0)


def test_complex_parts_have_their_own_infinities() -> None:
    want = np.array([complex(math.inf, 1), complex(1, math.nan), 1j], np.complex64)
    assert measure(want.copy(), want, EXACT).share_off == 0
    got = np.array([complex(math.inf, 2), complex(1, math.nan), complex(0, math.inf)], np.complex64)
    drift = measure(got, want, EXACT)
    assert (drift.nonfinite_mismatches, drift.worst_index, drift.worst_value) == (2, (0,), 2.0)


@pytest.mark.parametrize("kind", [object, np.str_])
def test_text_is_right_or_infinitely_far_off(kind: type) -> None:
    want: Array = np.array([["a", "b"], ["c", ""]], dtype=kind)
    same = measure(want.copy(), want, LOOSE)
    assert (same.share_off, same.max_abs, same.sqnr_db, same.cosine) == (0, 0, math.inf, 1)
    got = want.copy()
    got[1, 0] = "d"
    drift = measure(got, want, LOOSE)
    assert (drift.share_off, drift.worst_index, drift.sqnr_db) == (0.25, (1, 0), -math.inf)
    assert (drift.worst_value, drift.max_ulp, drift.max_steps) == (None, None, None)
    assert measure(want[:0], want[:0], EXACT).share_off == 0
    assert measure(np.array("x", kind), np.array("y", kind), EXACT).worst_index == ()
    assert measure(np.ones((2, 2)), want, LOOSE).share_off == 1


def test_layout_in_memory_does_not_matter() -> None:
    want = np.arange(24, dtype=np.float32).reshape(4, 6)
    got = want + np.float32(1)
    got[2, 3] += 4
    for left, right in ((got.T, want.T), (got[::-1], want[::-1]), (got.astype(">f4"), want)):
        drift = measure(left, right, EXACT)
        assert (drift.max_abs, left[drift.worst_index]) == (5.0, got[2, 3])
    backwards = (got.astype(np.complex64)[::-1], want.astype(np.complex64)[::-1])
    assert measure(*backwards, EXACT).max_abs == 5.0


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (np.array([1 + 1j, 2]), np.array([1.0, 2.0])),
        (np.array([1.0, 2.0], np.float32), np.array([1 + 1j, 2], np.complex64)),
        (np.array([1.5, np.nan], np.float32), np.array([1, 2], np.int32)),
        (np.array([1, 2], np.int64), np.array([1.5, 2], np.float32)),
        (np.array([True, False]), np.array([1.5, 0], np.float16)),
        (np.array([0.5, 1], np.float16), np.array([True, True])),
    ],
    ids=str,
)
def test_arrays_of_two_types_are_compared_by_value(got: Array, want: Array) -> None:
    """A reference may answer in another type than the model declares; what came back has the declared one."""
    drift = measure(got, want, EXACT)
    assert drift.share_off > 0
    assert drift.max_steps is None
    assert drift.worst_value != drift.worst_reference
