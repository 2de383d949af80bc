"""Coverage of the operators that shapes go through: complete now, and a gap, a stale entry or a new release shows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import onnx
import pytest

from cases import shape_coverage
from cases.case import Case
from cases.catalogue import INVALID_ON_PURPOSE, catalogue
from cases.coverage import Need, gaps, stale
from cases.dynamic_shapes.single_node import node_case
from cases.dynamic_shapes.symbolic import f32, ints
from cases.shape_coverage import (
    EXEMPTIONS,
    FAMILY,
    OLDEST_OPSET,
    OPS,
    Use,
    met,
    shape_needs,
    shape_uses,
    stale_turns,
)
from cases.shape_coverage_table import shape_report, shape_table

SUM_OF_11 = Need(op="ReduceSum", since_version=1)
SUM_OF_13 = Need(op="ReduceSum", since_version=13)


@pytest.fixture(scope="module")
def uses() -> Counter[Use]:
    return shape_uses(catalogue())


def reduction(opset: int) -> Case:
    if opset < 13:
        return node_case("x", "ReduceSum", {"x": f32("N", 3)}, f32("N", 1), opset=opset, attributes={"axes": [1]})
    return node_case("x", "ReduceSum", {"x": f32("N", 3), "axes": ints(1)}, f32("N", 1), opset=opset)


def test_every_version_of_every_operator_has_a_case(uses: Counter[Use]) -> None:
    assert gaps(shape_needs(), met(uses), EXEMPTIONS) == []


def test_no_exemption_is_left_that_nothing_needs(uses: Counter[Use]) -> None:
    assert stale(shape_needs(), met(uses), EXEMPTIONS) == []
    assert all(exemption.reason for exemption in EXEMPTIONS)


def test_a_version_that_changed_its_meaning_did_not_change_its_signature() -> None:
    assert list(stale_turns()) == []


def test_every_operator_that_moves_shapes_or_is_a_layer_is_the_subject_of_a_case() -> None:
    subjects = {case.op for case in catalogue() if case.family == FAMILY and INVALID_ON_PURPOSE not in case.tags}
    assert {op for group in ("moves", "reductions", "control flow") for op in OPS[group]} - subjects == set()


def test_no_operator_is_listed_twice() -> None:
    listed = Counter(op for ops in OPS.values() for op in ops)
    assert {op for op, count in listed.items() if count > 1} == set()


def test_needs_are_the_versions_whose_signature_or_meaning_changed() -> None:
    wanted = {(need.op, need.since_version) for need in shape_needs()}
    assert {version for op, version in wanted if op == "ReduceSum"} == {1, 13}
    assert {version for op, version in wanted if op == "ReduceMean"} == {1, 18}
    assert {version for op, version in wanted if op == "Squeeze"} == {1, 11, 13}
    assert {version for op, version in wanted if op == "Split"} == {2, 13, 18}
    assert {version for op, version in wanted if op == "Resize"} == {10, 11, 13, 18, 19}
    assert {version for op, version in wanted if op == "Pad"} == {2, 11, 18, 19}
    assert {version for op, version in wanted if op == "TopK"} == {1, 10, 11}
    assert {version for op, version in wanted if op == "Scan"} == {8, 9}


def test_versions_that_no_model_from_the_oldest_opset_on_can_mean_are_not_needed() -> None:
    for need in shape_needs():
        newer = [other.since_version for other in shape_needs() if other.op == need.op]
        assert need.since_version > OLDEST_OPSET or need.since_version == min(newer)
        assert not any(need.since_version < version <= OLDEST_OPSET for version in newer)


def test_a_case_counts_for_the_version_that_its_opset_means() -> None:
    assert shape_uses([reduction(11), reduction(12), reduction(13)]) == {
        Use(need=SUM_OF_11, opset=11): 1,
        Use(need=SUM_OF_11, opset=12): 1,
        Use(need=SUM_OF_13, opset=13): 1,
    }


def test_what_is_invalid_on_purpose_or_of_another_family_does_not_count() -> None:
    case = reduction(13)
    assert not shape_uses([replace(case, tags=frozenset({INVALID_ON_PURPOSE})), replace(case, family="quantization")])


def test_bodies_of_control_flow_count() -> None:
    found = shape_uses(case for case in catalogue() if case.id == "loop-if_inside-opset17")
    assert {"Loop", "If"} <= {use.need.op for use in found}


@pytest.mark.parametrize("op", ["ReduceSum", "Split", "Resize", "Pad"])
def test_a_missing_side_of_a_change_shows(op: str) -> None:
    """Take all cases of the newest version of an operator away."""
    newest = max(need.since_version for need in shape_needs() if need.op == op)
    left = [case for case in catalogue() if not (case.family == FAMILY and case.opset >= newest)]
    assert Need(op=op, since_version=newest) in gaps(shape_needs(), met(shape_uses(left)), ())


def test_a_new_version_of_onnx_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A schema with one more attribute, as a later release might have it."""
    newest = onnx.defs.get_schema("Tile")
    changed = onnx.defs.OpSchema(
        "Tile",
        "",
        99,
        inputs=list(newest.inputs),
        outputs=list(newest.outputs),
        type_constraints=[(each.type_param_str, list(each.allowed_type_strs), "") for each in newest.type_constraints],
        attributes=[onnx.defs.OpSchema.Attribute("later", onnx.defs.OpSchema.AttrType.INT, "", required=False)],
    )
    history = {**shape_coverage._history(), "Tile": [*shape_coverage._history()["Tile"], changed]}
    shape_coverage._turns.cache_clear()
    monkeypatch.setattr(shape_coverage, "_history", lambda: history)
    assert Need(op="Tile", since_version=99) in shape_needs()
    shape_coverage._turns.cache_clear()


def test_table_has_a_line_for_each_version_and_adds_up() -> None:
    lines = [line.split() for line in shape_table(shape_uses([reduction(11), reduction(12), reduction(13)]))]
    assert lines == [
        ["op", "list", "since", "changed", "11", "12", "13", "all"],
        ["ReduceSum", "reductions", "1", "signature", "1", "1", "-", "2"],
        ["ReduceSum", "reductions", "13", "signature", "-", "-", "1", "1"],
    ]


def test_report_says_what_is_missing_and_what_is_exempt() -> None:
    text = "\n".join(shape_report([reduction(13)]))
    assert "missing: ReduceSum since opset 1" in text
    assert "missing: ReduceSum since opset 13" not in text
    assert all(exemption.reason in text for exemption in EXEMPTIONS)
