"""The operators of com.microsoft: our references against ONNX Runtime, over all cases that it can run."""

from __future__ import annotations

import re

import numpy as np
import pytest

from cases.case import Case
from cases.catalogue import INVALID_ON_PURPOSE, generate
from cases.quantization import contrib
from tests.implementations import evaluate, flat, kills_onnxruntime, run_if_possible

VALID = {
    case.id: case
    for case in contrib.cases()
    if INVALID_ON_PURPOSE not in case.tags and not case.no_reference and not kills_onnxruntime(case)
}
# Of these the description leaves something open, and their tolerance stands for it; all others are rounded once.
OPEN = {"QAttention", "QMoE", "MatMulBnb4", "DynamicQuantizeLSTM"}


@pytest.mark.parametrize("case", VALID.values(), ids=VALID.keys())
def test_onnxruntime_computes_what_the_reference_says(case: Case) -> None:
    made = generate(case)
    wanted, found = evaluate(made), run_if_possible(made)
    if wanted.outputs is None:
        assert "does not say what weight an expert has" in wanted.error
    elif found.outputs is None:
        assert re.search("NOT_IMPLEMENTED|TypeInferenceError|Only 2b and 4b", found.error), found.error
    else:
        for got, want in zip(flat(found.outputs), flat(wanted.outputs), strict=True):
            assert (got.dtype, got.shape) == (want.dtype, want.shape)
            exact = want.astype(np.float64)
            error = np.abs(got.astype(np.float64) - exact)
            rounding = {"float16": 2.0**-10}.get(got.dtype.name, 0.0) * np.abs(exact)
            bound = case.tolerance
            open_limit = np.maximum(rounding, bound.absolute + bound.relative * np.abs(exact))
            limit = bound.steps if got.dtype.kind in "iu" else open_limit if case.op in OPEN else rounding
            assert (error <= limit).all(), error.max()
