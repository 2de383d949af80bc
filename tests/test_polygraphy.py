"""The figures that Polygraphy also computes are the same here, on random arrays: abs, rel, L2, cosine, SNR and PSNR.

Polygraphy 0.53.6 takes the first of two results as the signal of SNR and PSNR, and the second as the unit of the
relative error, so that the reference is given to it on the side where that metric wants it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polygraphy.comparator import (
    CosineSimilarityCompareFunc,
    IterationResult,
    L2CompareFunc,
    PsnrCompareFunc,
    SimpleCompareFunc,
    SnrCompareFunc,
)
from polygraphy.logger import G_LOGGER

from cases.case import EXACT, Array
from matrix.verdict.comparison import measure

G_LOGGER.module_severity = G_LOGGER.CRITICAL
SEEDS = st.integers(0, 2**32 - 1)


def arrays(seed: int, dtype: str = "float64") -> tuple[Array, Array]:
    """Return an output and its reference: 1 to 200 elements, no zero in the reference."""
    random = np.random.default_rng(seed)
    size = int(random.integers(1, 200))
    want = random.uniform(0.5, 100, size) * random.choice([-1.0, 1.0], size)
    return (want + random.normal(0, 10.0 ** random.integers(-3, 2), size)).astype(dtype), want.astype(dtype)


def compare(function: Any, first: Array, second: Array) -> Any:
    sides = (IterationResult({"y": side}, runner_name=name) for side, name in ((first, "first"), (second, "second")))
    return function(*sides)["y"]


@settings(deadline=None)
@given(SEEDS, st.sampled_from(["float32", "float64"]))
def test_absolute_and_relative_errors(seed: int, dtype: str) -> None:
    got, want = arrays(seed, dtype)
    ours, theirs = measure(got, want, EXACT), compare(SimpleCompareFunc(), got, want)
    near = 1e-3 if dtype == "float32" else 1e-9  # Polygraphy computes in the type of the arrays
    assert ours.max_abs == pytest.approx(theirs.max_absdiff, rel=near)
    assert ours.mean_abs == pytest.approx(theirs.mean_absdiff, rel=max(near, 1e-6))  # its mean is in float32
    assert ours.max_rel == pytest.approx(theirs.max_reldiff, rel=near)


@settings(deadline=None)
@given(SEEDS)
def test_l2_and_cosine(seed: int) -> None:
    got, want = arrays(seed)
    ours = measure(got, want, EXACT)
    assert ours.rmse * math.sqrt(want.size) == pytest.approx(compare(L2CompareFunc(), got, want).l2_norm)
    assert ours.cosine == pytest.approx(compare(CosineSimilarityCompareFunc(), got, want).cosine_similarity)


@settings(deadline=None)
@given(SEEDS)
def test_signal_to_noise(seed: int) -> None:
    got, want = arrays(seed)
    assume(want.max() > 0)  # Polygraphy takes 1 as the peak of a signal that is nowhere positive
    ours = measure(got, want, EXACT)
    assert ours.sqnr_db == pytest.approx(compare(SnrCompareFunc(), want, got).snr)
    psnr = 20 * math.log10(want.max() / ours.rmse)
    assert psnr == pytest.approx(compare(PsnrCompareFunc(), want, got).psnr)


@pytest.mark.parametrize(("got", "want"), [([1.0, 2.0], [1.0, 2.0]), ([1.0, 2.0], [0.0, 0.0]), ([0.0], [0.0])])
def test_edges(got: list[float], want: list[float]) -> None:
    left, right = np.array(got), np.array(want)
    ours = measure(left, right, EXACT)
    assert ours.sqnr_db == compare(SnrCompareFunc(), right, left).snr
    assert ours.cosine == pytest.approx(compare(CosineSimilarityCompareFunc(), left, right).cosine_similarity)
