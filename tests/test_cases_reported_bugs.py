"""The reported bugs: every report has a case or a reason, and every case is valid, deterministic, and says its bug."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from cases.case import Case
from cases.catalogue import (
    INVALID_ON_PURPOSE,
    INVALID_REQUEST,
    MODULES,
    WRONG_CALIBRATION,
    Generated,
    generate,
)
from cases.promise import promises_dynamic_shapes, why_not_dynamic
from cases.quantization.calibration import WRITERS
from cases.reported_bugs.facts import facts
from cases.reported_bugs.skipped import SKIPPED
from matrix.record import Precision, Symptom
from matrix.reported_bug import reported_bug
from matrix.runtimes.releases import Product
from tests.implementations import close, equal, evaluate, flat, run_if_possible

PRODUCTS = {product.value for product in Product}
ALL_ZERO = {"bug-onnx_tensorrt-764"}  # a scale of 0 makes everything 0


def enumerate_cases() -> Iterator[Case]:
    for module in MODULES["reported_bugs"]:
        yield from import_module(f"cases.reported_bugs.{module}").cases()


CASES = {case.id: case for case in enumerate_cases()}
AT_FAULT = {INVALID_ON_PURPOSE, INVALID_REQUEST}
INVALID_MODELS = {name: case for name, case in CASES.items() if case.tags & AT_FAULT == {INVALID_ON_PURPOSE}}
VALID = {name: case for name, case in CASES.items() if name not in INVALID_MODELS}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
every_valid_case = pytest.mark.parametrize("case", VALID.values(), ids=VALID.keys())


@cache
def made(case_id: str) -> Generated:
    return generate(CASES[case_id])


def allowed(case_id: str) -> Generated:
    """Return the case with the inputs of those points alone that a runtime must not refuse."""
    names = {point.name for point in CASES[case_id].points if point.allowed}
    return replace(made(case_id), inputs={name: each for name, each in made(case_id).inputs.items() if name in names})


# ---- Reports ---------------------------------------------------------------------------------------------------------


def test_every_report_has_a_case_or_a_reason() -> None:
    with_case = {name for name, fact in facts().items() if fact.case_id in CASES}
    assert with_case | SKIPPED.keys() == facts().keys()
    assert not with_case & SKIPPED.keys()
    assert {fact.case_id for fact in facts().values()} >= CASES.keys()
    assert all(re.match(r"[a-z].{20,}", reason) for reason in SKIPPED.values())


def test_there_are_enough_and_each_has_its_own_id() -> None:
    assert len(facts()) == len({fact.case_id for fact in facts().values()}) == 101
    assert len(CASES) == len(list(enumerate_cases())) >= 60
    named = {"bug-tensorrt-3963", "bug-onnxruntime-22741", "bug-onnx_tensorrt-560", "bug-tensorrt_rtx-36"}
    assert named <= CASES.keys()


def test_the_table_is_whole() -> None:
    for fact in facts().values():
        assert re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+", fact.url)
        assert fact.kind in ("quantization", "dynamic_shape")
        assert all((fact.id, fact.trt_versions, fact.op_or_pattern, fact.symptom, fact.minimal_pattern))


def test_no_two_cases_have_the_same_model_and_profiles() -> None:
    seen = {(made(name).model_bytes, str(case.profiles), str(case.points)) for name, case in CASES.items()}
    assert len(seen) == len(CASES)


@every_case
def test_case_says_what_its_report_says(case: Case) -> None:
    (fact,) = (fact for fact in facts().values() if fact.case_id == case.id)
    assert (case.source, case.summary) == (fact.url, fact.minimal_pattern)
    assert {"reported_bug", fact.kind} <= case.tags
    bug = reported_bug(case)
    assert bug
    assert (bug.versions, bug.symptom, bug.fixed_in) == (fact.trt_versions, fact.symptom, fact.fixed_in)
    assert bug.product in PRODUCTS
    assert bug.shown_by
    assert set(bug.shown_by) <= set(Symptom)
    assert bug.shown_by != (Symptom.DIED,), "another symptom has to say how far a cell must come"
    assert bug.rightly_refused == bool(case.tags & {INVALID_ON_PURPOSE, WRONG_CALIBRATION})
    assert (bug.precision is Precision.INT8_CALIBRATED) == (case.calibration is not None)
    assert not bug.control or bug.control in CASES
    if bug.operators:
        assert set(bug.operators) & {node.op_type for node in made(case.id).model.graph.node}


def test_the_products_of_the_reports_are_those_of_their_repositories() -> None:
    assert {case.report.product for case in CASES.values() if case.report} == PRODUCTS
    for name, case in CASES.items():
        if name.startswith(("bug-tensorrt-", "bug-onnx_tensorrt-")):
            assert case.report
            assert case.report.product == "tensorrt"


# ---- Models and inputs -----------------------------------------------------------------------------------------------


def test_listing_builds_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("make_model", "make_graph", "make_node", "make_tensor_value_info"):
        monkeypatch.setattr(helper, name, None)
    spent = -os.times().user
    for _ in range(20):
        assert len(list(enumerate_cases())) == len(CASES)
    assert spent + os.times().user < 1


@every_case
def test_case_says_what_its_model_is(case: Case) -> None:
    model = made(case.id).model
    assert case.family == "reported_bugs"
    assert re.fullmatch(r"bug-[a-z0-9_]+-\d+", case.id)
    assert {case.op.lower(), f"opset{case.opset}"} <= case.tags
    assert case.op in {node.op_type for node in model.graph.node}
    assert {each.domain: each.version for each in model.opset_import}[""] == case.opset
    assert model.ir_version == case.ir_version
    assert len(made(case.id).model_bytes) < 100_000


@every_case
def test_a_conv_of_a_weight_that_is_computed_says_its_kernel_shape(case: Case) -> None:
    graph = made(case.id).model.graph
    constant = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Conv" and node.input[1] not in constant:
            assert "kernel_shape" in {attribute.name for attribute in node.attribute}


@every_valid_case
def test_case_passes_the_checker_and_strict_shape_inference(case: Case) -> None:
    model = made(case.id).model
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, strict_mode=True, check_type=True, data_prop=True)


def test_the_only_model_that_is_not_valid_has_scales_of_another_axis() -> None:
    assert set(INVALID_MODELS) == {"bug-onnxruntime-10045"}
    constants = {item.name: list(item.dims) for item in made("bug-onnxruntime-10045").model.graph.initializer}
    assert constants["w_scale"] != constants["w_codes"][:1]


@every_case
def test_dynamic_cases_are_dynamic_and_span_their_profiles(case: Case) -> None:
    assert not why_not_dynamic(made(case.id))
    if not case.profiles:
        assert len(case.points) == 1 or INVALID_REQUEST in case.tags
        return
    assert promises_dynamic_shapes(case) or case.op in ("LSTM", "Reshape")
    if INVALID_REQUEST in case.tags:
        return
    for point in case.points:
        assert any(
            all(low <= size <= high for name, shape in point.shapes.items()
                for low, size, high in zip(profile.shapes[name][0], shape, profile.shapes[name][2], strict=True))
            for profile in case.profiles
        )  # fmt: skip
    assert {"min", "opt", "inside", "max"} <= {point.name for point in case.points}


def test_many_have_dynamic_shapes_and_some_several_profiles() -> None:
    assert sum(bool(case.profiles) for case in CASES.values()) >= 60
    assert sum(len(case.profiles) > 1 for case in CASES.values()) >= 4


@every_case
def test_inputs_are_what_the_model_declares(case: Case) -> None:
    declared = {
        value.name: helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        for value in made(case.id).model.graph.input
    }
    for arrays in made(case.id).inputs.values():
        assert {name: array.dtype for name, array in arrays.items()} == declared


@every_valid_case
def test_onnxruntime_agrees_with_the_reference(case: Case) -> None:
    """Exactly where nothing is rounded, otherwise within the case's own tolerance."""
    ran, run = evaluate(allowed(case.id)), run_if_possible(allowed(case.id))
    if case.no_reference:
        both = zip(flat(run.outputs or {}), flat(ran.outputs or {}), strict=False)
        assert ran.error or not all(equal(*pair) for pair in both)
        return
    assert not ran.error
    assert not run.error
    for got, want in zip(flat(run.outputs or {}), flat(ran.outputs or {}), strict=True):
        assert close(case, got, want)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.no_reference and name in VALID])
def test_the_answer_depends_on_the_input(name: str) -> None:
    """Or a runtime could be wrong unseen: at no point is everything one number, where there is more than one."""
    if name in ALL_ZERO or CASES[name].op == "NonZero":
        return
    outputs = [array for array in flat(evaluate(allowed(name)).outputs or {}) if array.size > 1]
    assert not outputs or any(np.unique(array.astype(np.float64)).size > 1 for array in outputs)


def test_calibration_cases_hand_over_batches_of_opt() -> None:
    calibrated = [case for case in CASES.values() if case.calibration]
    assert len(calibrated) >= 8
    for case in calibrated:
        assert case.calibration
        best = next((point for point in case.points if point.name == "opt"), case.points[0])
        batches = case.calibration.batches()
        assert len(batches) > 1
        assert all({name: array.shape for name, array in batch.items()} == dict(best.shapes) for batch in batches)
        assert case.calibration.mistake == WRITERS[case.calibration.writer]


def test_cases_are_the_same_in_another_process() -> None:
    """PYTHONHASHSEED, which changes the order of sets, changes nothing."""
    program = (
        "from cases.catalogue import catalogue, generate\n"
        "for case in catalogue():\n"
        "    if case.family == 'reported_bugs': print(case.id, generate(case).digest)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.splitlines() == [f"{name} {made(name).digest}" for name in CASES]
