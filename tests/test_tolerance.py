"""What a precision adds to a tolerance: enough for its own arithmetic, and too little for any coarser one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from cases.case import EXACT, Tolerance
from matrix.record import Precision
from matrix.verdict.comparison import measure
from matrix.verdict.tolerance import tolerance_for

Floats = npt.NDArray[np.float64]
Round = Callable[[Floats], Floats]

CASE = Tolerance(absolute=1e-4, relative=1e-5, steps=1)


def to_tf32(values: Floats) -> Floats:
    """Round to 11 significant bits, to nearest even, as the 19-bit TF32 of NVIDIA's tensor cores keeps them."""
    bits = values.astype(np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0xFFF) + ((bits >> np.uint32(13)) & np.uint32(1))) & np.uint32(0xFFFFE000)
    return rounded.view(np.float32).astype(np.float64)


def to_int8(values: Floats) -> Floats:
    step = float(np.abs(values).max()) / 127
    rounded: Floats = np.rint(values / step) * step
    return rounded


ROUND: dict[Precision, Round] = {
    Precision.FP32: lambda values: values.astype(np.float32).astype(np.float64),
    Precision.TF32: to_tf32,
    Precision.FP16: lambda values: values.astype(np.float16).astype(np.float64),
    Precision.BF16: lambda values: values.astype(ml_dtypes.bfloat16).astype(np.float64),
    Precision.INT8_CALIBRATED: to_int8,
}


def network(x: Floats, weights: list[Floats], rounding: Round) -> Floats:
    """Run matrix products with ReLU between them, every tensor rounded."""
    for number, weight in enumerate(weights):
        x = rounding(rounding(x) @ rounding(weight))
        x = np.maximum(x, 0) if number < len(weights) - 1 else x
    return x


def share_off(rounded: Precision, judged: Precision, depth: int, width: int, seed: int) -> float:
    random = np.random.default_rng(seed)
    weights = [random.standard_normal((width, width)) / width**0.5 for _ in range(depth)]
    x = random.standard_normal((16, width))
    got, want = network(x, weights, ROUND[rounded]), network(x, weights, lambda values: values)
    return measure(got, want, tolerance_for(Tolerance(absolute=1e-5), judged)).share_off


@pytest.mark.parametrize("precision", ROUND)
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("width", [8, 64])
def test_arithmetic_of_a_precision_is_within_its_tolerance(precision: Precision, depth: int, width: int) -> None:
    assert not any(share_off(precision, precision, depth, width, seed) for seed in range(3))


@pytest.mark.parametrize(
    ("finer", "coarser"),
    [(Precision.FP32, Precision.TF32), (Precision.FP32, Precision.FP16), (Precision.FP16, Precision.BF16)],
)
@pytest.mark.parametrize("width", [8, 64])
def test_arithmetic_of_a_coarser_precision_is_not(finer: Precision, coarser: Precision, width: int) -> None:
    """8 bits are not here: of one range they are as fine as bfloat16."""
    assert all(share_off(coarser, finer, 3, width, seed) > 0 for seed in range(3))


def test_explicit_and_fp32_add_nothing() -> None:
    assert tolerance_for(CASE, Precision.EXPLICIT) == CASE
    assert tolerance_for(CASE, Precision.FP32) == CASE


@pytest.mark.parametrize("case", [EXACT, CASE, Tolerance(relative=0.5, steps=7)])
def test_a_coarser_precision_never_narrows(case: Tolerance) -> None:
    order = [Precision.EXPLICIT, Precision.FP32, Precision.TF32, Precision.FP16, Precision.BF16]
    for finer, coarser in pairwise(order):
        one, other = tolerance_for(case, finer), tolerance_for(case, coarser)
        assert (one.absolute, one.relative, one.peak, one.steps) <= (
            other.absolute, other.relative, other.peak, other.steps,
        )  # fmt: skip


def test_figures_of_the_documentation() -> None:
    """docs/accuracy.md states these."""
    case = Tolerance(steps=1)
    fp16 = Tolerance(relative=2**-9, peak=2**-9, steps=2)
    assert tolerance_for(case, Precision.TF32) == tolerance_for(case, Precision.FP16) == fp16
    assert tolerance_for(case, Precision.BF16) == Tolerance(relative=2**-6, peak=2**-6, steps=5)
    assert tolerance_for(case, Precision.INT8_CALIBRATED) == Tolerance(peak=8 / 254, steps=9)


def test_integers_that_must_be_exact_stay_so() -> None:
    assert all(tolerance_for(EXACT, precision).steps == 0 for precision in Precision)
