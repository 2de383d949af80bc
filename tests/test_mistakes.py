"""Inputs show a wrong implementation: three typical mistakes change the results by more than the tolerance."""

from __future__ import annotations

import numpy as np
import pytest

from cases.case import Array, Case
from cases.catalogue import INVALID_ON_PURPOSE, Generated, catalogue, generate
from cases.coverage import OPS
from tests.implementations import evaluate
from tests.quantized_arithmetic import Mistake, answer

# What the arithmetic here does not follow: an overflow that is not saturated, another precision, and other operators.
OTHER = frozenset(
    {"contrib", "saturate0", "precision_float16", "precision_bfloat16", "infinities", "nan", "empty", "scale_computed"}
    | {"function_body", "matmulinteger", "dequantized", "minus_infinity"}
)
# int32 sums are exact, and DynamicQuantizeLinear has one scale for the whole tensor.
IMPOSSIBLE = {
    ("MatMulInteger", Mistake.HALF_AWAY),
    ("ConvInteger", Mistake.HALF_AWAY),
    ("DynamicQuantizeLinear", Mistake.OTHER_AXIS),
}


def followed(op: str) -> list[Case]:
    return [
        case
        for case in catalogue()
        if case.op == op and INVALID_ON_PURPOSE not in case.tags and not case.no_reference
        if not OTHER & (case.tags - {op.lower()})
    ]


def beyond_tolerance(case: Case, got: Array, want: Array) -> bool:
    exact = want.astype(np.float64)
    error = np.abs(got.astype(np.float64) - exact)
    if want.dtype.kind in "iu" or want.dtype.name.removeprefix("u").startswith("int"):
        return bool((error > case.tolerance.steps).any())
    return bool((error > case.tolerance.absolute + case.tolerance.relative * np.abs(exact)).any())


def reference_of(made: Generated) -> tuple[str, Array] | None:
    """Return the shape point with the most data and the reference's first output at it."""
    outputs = evaluate(made).outputs
    if outputs is None:
        return None
    point = "max" if "max" in outputs else "static"
    return point, outputs[point][0]


@pytest.mark.parametrize("op", OPS)
def test_each_mistake_shows_in_each_case_that_it_can_touch(op: str) -> None:
    shown = dict.fromkeys(Mistake, 0)
    for case in followed(op):
        made = generate(case)
        found = reference_of(made)
        if found is None:
            continue
        point, want = found
        for mistake in Mistake:
            with np.errstate(all="ignore"):
                got = answer(made, op, point, mistake)
            if mistake is Mistake.NONE:
                assert not beyond_tolerance(case, got.value, want), f"{case.id}: {op} is not what the reference does"
            elif got.applicable:
                assert beyond_tolerance(case, got.value, want), f"{case.id}: nothing shows that it {mistake}"
                shown[mistake] += 1
    for mistake in (Mistake.HALF_AWAY, Mistake.NO_ZERO_POINT, Mistake.OTHER_AXIS):
        assert (shown[mistake] == 0) == ((op, mistake) in IMPOSSIBLE), f"{op} {mistake}: {shown[mistake]} cases"
