"""Inputs of com.microsoft cases show a wrong implementation too: three typical mistakes change what comes out.

Where a mistake can be made in the model, ONNX Runtime runs the changed model; rounding is changed in the references.
QAttention, QMoE and MatMulBnb4 do not round; DynamicQuantizeLSTM does so inside, where no tie can be arranged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from cases.case import Array, Case
from cases.catalogue import INVALID_ON_PURPOSE, generate
from cases.quantization import contrib
from matrix.verdict.reference.operators import CONTRIB, OPERATORS
from tests.implementations import kills_onnxruntime, reference, run_if_possible
from tests.test_mistakes import beyond_tolerance

CASES = [
    case
    for case in contrib.cases()
    if INVALID_ON_PURPOSE not in case.tags and not case.no_reference and not kills_onnxruntime(case)
]
OPS = sorted({case.op for case in CASES} - {"QLinearReduceMean"})  # of which ONNX Runtime has no kernel

WITHOUT_ZERO_POINT = {"MatMulBnb4": "its types, NF4 and FP4, have none"}
WITHOUT_CHANNELS = dict.fromkeys(
    [
        *("QLinearAdd", "QLinearMul", "QLinearSigmoid", "QLinearLeakyRelu", "QLinearWhere", "QLinearConcat"),
        *("QLinearSoftmax", "QLinearAveragePool", "QLinearGlobalAveragePool"),
    ],
    "its schema has one scale for the whole tensor",
)
WITHOUT_TIES = {
    "DequantizeLinear": "it does not round",
    "MatMulIntegerToFloat": "it does not round",
    "MatMulNBits": "it does not round",
    "GatherBlockQuantized": "it does not round",
    "QLinearReduceMean": "its few means meet no tie",
    "QLinearSigmoid": "an exponential meets no tie",
    "QLinearSoftmax": "an exponential meets no tie",
}


def cases_of(op: str) -> list[Case]:
    return [case for case in CASES if case.op == op]


def changed(case: Case, change: Callable[[str, Array], Array]) -> Iterator[tuple[Array, Array]]:
    """Yield what ONNX Runtime makes of the case, and of it with its initializers changed; nothing if it makes none."""
    made = generate(case)
    model = onnx.ModelProto.FromString(made.model_bytes)
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(change(tensor.name, numpy_helper.to_array(tensor)), tensor.name))
    if model != made.model:
        other = replace(made, model=model, model_bytes=model.SerializeToString())
        point = list(made.inputs)[-1]
        right, wrong = run_if_possible(made).outputs, run_if_possible(other).outputs
        if right is not None and wrong is not None:
            yield right[point][0], wrong[point][0]


def without_zero_point(name: str, array: Array) -> Array:
    return np.zeros_like(array) if "zero_point" in name else array


def exchanged(name: str, array: Array) -> Array:
    """Give every channel, or block, the parameters of another one."""
    return np.flip(array).copy() if "scale" in name or "absmax" in name else array


@pytest.mark.parametrize(
    ("change", "impossible"), [(without_zero_point, WITHOUT_ZERO_POINT), (exchanged, WITHOUT_CHANNELS)]
)
@pytest.mark.parametrize("op", OPS)
def test_a_mistake_with_the_parameters_shows_wherever_it_can_be_made(
    op: str, change: Callable[[str, Array], Array], impossible: dict[str, str]
) -> None:
    pairs = [(case, *pair) for case in cases_of(op) for pair in changed(case, change)]
    for case, right, wrong in pairs:
        assert beyond_tolerance(case, wrong, right), case.id
    assert bool(pairs) != (op in impossible)


ROUNDING = sorted(
    {name for domain, name in OPERATORS if domain == CONTRIB}
    - {"QAttention", "QMoE", "MatMulBnb4", "DynamicQuantizeLSTM"}
)


def half_away(value: Any) -> Any:
    return np.trunc(value + np.copysign(0.5, value))


@pytest.mark.parametrize("op", ROUNDING)
def test_rounding_half_away_from_zero_shows(op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = [computed(case) for case in cases_of(op)]
    monkeypatch.setattr(np, "rint", half_away)
    wrong = [computed(case) for case in cases_of(op)]
    assert any(map(beyond_tolerance, cases_of(op), wrong, right)) != (op in WITHOUT_TIES)


def computed(case: Case) -> Array:
    outputs = reference(generate(case))
    return outputs[next(iter(outputs))][0]
