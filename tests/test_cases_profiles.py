"""The profile cases: each point has a profile that holds it, and each fault on purpose is refused by real runtimes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from itertools import combinations
from pathlib import Path

import numpy as np
import onnx
import pytest

from cases.case import Case, Profile, ShapePoint
from cases.catalogue import INVALID_ON_PURPOSE, INVALID_REQUEST, generate
from cases.promise import why_not_dynamic
from matrix.case_folder import CaseFolders
from matrix.verdict.outputs import compare_outputs
from matrix.verdict.reference import Answer
from matrix.verdict.reference.answer import choose
from matrix.verdict.reference.specification import evaluate
from tests.dynamic_cases import OF_PROFILES
from tests.real_workers import Run

CASES = {case.id: case for name in OF_PROFILES for case in import_module(f"cases.dynamic_shapes.{name}").cases()}
INVALID = {name: case for name, case in CASES.items() if INVALID_ON_PURPOSE in case.tags}
ORDINARY = {name: case for name, case in CASES.items() if name not in INVALID}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
ordinary = pytest.mark.parametrize("case", ORDINARY.values(), ids=ORDINARY.keys())
invalid = pytest.mark.parametrize("case", INVALID.values(), ids=INVALID.keys())


def holds(profile: Profile, point: ShapePoint) -> bool:
    pairs = [(profile.shapes[name], shape) for name, shape in point.shapes.items()]
    pairs += [(profile.values[name], values) for name, values in point.values.items()]
    return all(
        len(low) == len(numbers) and all(a <= n <= b for a, n, b in zip(low, numbers, high, strict=True))
        for (low, _, high), numbers in pairs
    )


def share_a_point(one: Profile, other: Profile) -> bool:
    return all(
        max(a, c) <= min(b, d)
        for mine, yours in ((one.shapes, other.shapes), (one.values, other.values))
        for name in mine
        for a, b, c, d in zip(mine[name][0], mine[name][2], yours[name][0], yours[name][2], strict=True)
    )


def extents(case: Case, which: int) -> list[int]:
    return [extent for profile in case.profiles for span in profile.shapes.values() for extent in span[which]]


def test_there_are_enough_of_each_kind() -> None:
    assert len(ORDINARY) >= 30
    assert len(INVALID) >= 30
    tags = [case.tags for case in ORDINARY.values()]
    for tag in ("empty_tensor", "unused_input", "anonymous_dimension", "shape_input", "several_profiles"):
        assert sum(tag in each for each in tags) >= 3, tag
    several = [case.profiles for case in ORDINARY.values() if len(case.profiles) > 1]
    meeting = [any(share_a_point(*pair) for pair in combinations(profiles, 2)) for profiles in several]
    assert sum(meeting) >= 3
    assert meeting.count(False) >= 3
    assert any(0 in extents(case, 0) and len(case.profiles) > 1 for case in ORDINARY.values())
    fixed = [case for case in ORDINARY.values() if extents(case, 0) == extents(case, 2)]
    assert all(len(case.profiles) == 4 for case in fixed)
    assert len(fixed) >= 3
    shared = [set(re.findall(r"shared_\w+", name)) for name in ORDINARY]
    assert len(set.union(*shared)) >= 3


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_values_of_either_type_have_ranges(dtype: str) -> None:
    found = [case for name, case in ORDINARY.items() if dtype in name and case.profiles[0].values]
    spans = [span for case in found for span in case.profiles[0].values.values()]
    assert any(low < high for low, _, high in spans)
    assert any(low == high for low, _, high in spans)
    assert any(0 in low for low, _, _ in spans)
    assert any(max(high) < 0 for _, _, high in spans)
    assert any(len(case.profiles) == 2 for case in found)


@every_case
def test_case_is_valid_onnx_and_says_what_it_is(case: Case) -> None:
    made = generate(case)
    onnx.checker.check_model(made.model, full_check=True)
    onnx.shape_inference.infer_shapes(made.model, strict_mode=True, check_type=True, data_prop=True)
    assert why_not_dynamic(made) == ""
    assert case.family == "dynamic_shapes"
    assert re.fullmatch(rf"[a-z0-9_]+(-[a-z0-9_]+)*-opset{case.opset}", case.id)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", tag) for tag in case.tags)
    assert "profile" in case.tags
    assert case.op in {node.op_type for node in made.model.graph.node}
    assert case.summary
    assert generate(case).digest == made.digest
    for point in case.points:
        for name, values in point.values.items():
            assert made.inputs[point.name][name].reshape(-1).tolist() == list(values)


@ordinary
def test_an_ordinary_case_runs_at_four_points_that_a_profile_holds(case: Case) -> None:
    low, best, inside, high = case.points[:4]
    assert [point.name for point in case.points[:4]] == ["min", "opt", "inside", "max"]
    homes = [[number for number, profile in enumerate(case.profiles) if holds(profile, point)] for point in case.points]
    assert all(homes), case.points
    assert {number for found in homes for number in found} == set(range(len(case.profiles)))
    assert [point.shapes for point in (low, best, high)] != [inside.shapes] * 3
    for profile in case.profiles:
        for span in (*profile.shapes.values(), *profile.values.values()):
            assert all(a <= b <= c for a, b, c in zip(*span, strict=True))
    if extents(case, 0) != extents(case, 2):
        first = case.profiles[0]
        for place, point in enumerate((low, best, high)):
            assert {name: span[place] for name, span in first.shapes.items()} == dict(point.shapes)
            assert {name: span[place] for name, span in first.values.items()} == dict(point.values)


@ordinary
def test_onnxruntime_answers_every_point_as_the_reference(case: Case, ort: Run, tmp_path: Path) -> None:
    reply, outputs = ort(case)
    assert reply.failed is None, reply.diagnostics
    folder = CaseFolders(tmp_path).get(case)
    made = generate(case)
    reference = choose(evaluate(made.model, made.inputs), Answer())
    assert reference.why == ""
    results = compare_outputs(outputs, reference, folder.outputs, case.tolerance)
    assert len(results) == len(case.points) * len(folder.outputs)
    assert [result for result in results if result.problem or not result.reference] == []
    assert {point.point: dict(point.shapes) for point in reply.points} == {
        point.name: dict(point.shapes) for point in case.points
    }


def test_an_empty_tensor_really_runs(ort: Run) -> None:
    _, outputs = ort(CASES["profile_min_zero-matmul-opset17"], optimization="all")
    assert outputs["min"]["y"].shape == (0, 8)
    assert outputs["max"]["y"].shape == (8, 8)
    assert np.abs(outputs["max"]["y"]).max() > 0


@pytest.mark.parametrize(
    "fault",
    [
        *("opt_above_max", "opt_below_min", "min_above_max", "negative_min", "max_of_zero", "rank_too_high"),
        *("rank_too_low", "no_profile", "one_input_left_out", "another_name", "a_further_name", "no_values"),
        *("value_opt_above_max", "above_max", "below_min", "value_above_max", "value_below_min", "another_name"),
    ],
)
def test_every_fault_that_was_asked_for_is_there(fault: str) -> None:
    assert any(name.partition("-")[2].startswith(f"{fault}-") for name in INVALID)


@invalid
def test_a_fault_on_purpose_is_refused_by_onnxruntime_or_for_it(case: Case, ort: Run) -> None:
    reply, outputs = ort(case)
    assert {INVALID_ON_PURPOSE, INVALID_REQUEST} <= case.tags
    forbidden = [point.name for point in case.points if not point.allowed]
    if not forbidden:
        assert (reply.failed, reply.executed) == ("profile", False)
        return
    assert (forbidden, reply.failed) == (["at_fault"], "run:at_fault")
    assert [point.point for point in reply.points if point.error] == forbidden
    assert {name for name, arrays in outputs.items() if arrays} == {p.name for p in case.points if p.allowed}


@invalid
def test_a_fault_on_purpose_is_refused_by_tensorrt_rtx_or_for_it(case: Case, rtx: Run) -> None:
    reply, _ = rtx(case)
    refused = "run:at_fault" if any(not point.allowed for point in case.points) else ("build", "profile")
    assert reply.failed is not None
    assert reply.failed in refused
    silent = [name for name in ("a_further_name", "max_of_zero") if f"invalid_profile-{name}" in case.id]
    assert (reply.failed == "profile") is bool(silent)
    assert sources(reply.diagnostics, "error")
    assert ("harness" in sources(reply.diagnostics, "info")) is (reply.failed != "build")


def sources(diagnostics: Sequence[object], severity: str) -> set[str]:
    return {getattr(item, "source") for item in diagnostics if getattr(item, "severity") == severity}  # noqa: B009


def test_the_digest_tells_what_a_point_may_and_what_it_is_called() -> None:
    case = CASES["invalid_request-no_input_at_all-relu-opset17"]
    *others, last = case.points
    changes = (replace(last, name="another"), replace(last, allowed=not last.allowed))
    digests = {generate(replace(case, points=(*others, point))).digest for point in (last, *changes)}
    assert len(digests) == 3
