"""Coverage of the operators' schemas: complete now, and a gap, a stale exemption or a new release shows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import onnx
import pytest

from cases.catalogue import INVALID_ON_PURPOSE, catalogue, select
from cases.coverage import (
    EXEMPTIONS,
    OPS,
    Coverage,
    Exemption,
    Need,
    Operator,
    Row,
    Schema,
    cover,
    gaps,
    needs,
    stale,
    standard_operators,
)
from cases.coverage_table import LEFT_OUT, report, table

OPERATORS = standard_operators()


@pytest.fixture(scope="module")
def coverage() -> Coverage:
    return cover(catalogue(), OPERATORS)


def test_every_type_of_every_version_of_every_operator_has_a_case(coverage: Coverage) -> None:
    assert gaps(needs(OPERATORS), coverage.met, EXEMPTIONS) == []


def test_no_exemption_is_left_that_nothing_needs(coverage: Coverage) -> None:
    assert stale(needs(OPERATORS), coverage.met, EXEMPTIONS) == []
    assert all(exemption.reason for exemption in EXEMPTIONS)


def test_cases_use_nothing_that_no_schema_allows(coverage: Coverage) -> None:
    assert coverage.met <= needs(OPERATORS)


def test_needs_are_those_of_the_schemas() -> None:
    wanted = needs(OPERATORS)
    assert {need.op for need in wanted} == set(OPS)
    newest = max(need.since_version for need in wanted if need.op == "QuantizeLinear")
    assert newest == onnx.defs.get_schema("QuantizeLinear").since_version
    assert Need(op="QuantizeLinear", since_version=10, parameter="T2", dtype="uint8") in wanted
    assert Need(op="QuantizeLinear", since_version=10, parameter="T2", dtype="int4") not in wanted
    assert Need(op="DynamicQuantizeLinear", since_version=11) in wanted


@pytest.mark.parametrize("op", OPS)
def test_a_missing_type_shows(op: str) -> None:
    """Take the cases with int8 or uint8 away: their types are then missing, at each version that has them."""
    left = [case for case in catalogue() if case.op == op and not {"int8", "uint8"} & case.tags]
    operators = [operator for operator in OPERATORS if operator.name == op]
    missing = gaps(needs(operators), cover(left, operators).met, ())
    if op == "DynamicQuantizeLinear":  # it has uint8 alone, and its cases do not say so
        assert not missing
    else:
        assert {need.dtype for need in missing} >= {"int8"}


def test_a_new_version_shows() -> None:
    newer = [
        replace(operator, schemas=(*operator.schemas, replace(operator.schemas[-1], since_version=99)))
        for operator in OPERATORS
    ]
    missing = gaps(needs(newer), cover(catalogue(), newer).met, ())
    assert {need.op for need in missing if not need.dtype} == set(OPS)
    assert {need.since_version for need in missing} == {99}


def test_an_exemption_counts_until_it_is_stale() -> None:
    need, other = Need(op="X", since_version=1), Need(op="X", since_version=2)
    exemption = Exemption(need=need, reason="because")
    assert gaps(frozenset({need, other}), frozenset({other}), [exemption]) == []
    assert stale(frozenset({need, other}), frozenset({other}), [exemption]) == []
    assert stale(frozenset({need, other}), frozenset({need, other}), [exemption]) == [need]
    assert stale(frozenset({other}), frozenset(), [exemption]) == [need]


def test_operators_of_other_domains_are_covered_the_same_way() -> None:
    schema = Schema(since_version=1, types={"T": frozenset({"int8"})}, inputs=("T",), outputs=("T",))
    operator = Operator(name="QLinearAdd", domain="com.microsoft", schemas=(schema,))
    assert needs([operator]) == {
        Need(op="QLinearAdd", since_version=1),
        Need(op="QLinearAdd", since_version=1, parameter="T", dtype="int8"),
    }


def test_granularities_of_the_cases_are_those_of_their_tags(coverage: Coverage) -> None:
    for op in ("QuantizeLinear", "DequantizeLinear"):
        for granularity in ("per_tensor", "per_axis", "blocked"):
            tagged = [
                case for case in select(catalogue(), tags=[granularity]) if case.op == op and "contrib" not in case.tags
            ]
            valid = [case for case in tagged if INVALID_ON_PURPOSE not in case.tags]
            assert len(valid) == sum(
                count for row, count in coverage.rows.items() if (row.op, row.granularity) == (op, granularity)
            )


def test_table_has_a_line_for_each_row_and_adds_up() -> None:
    rows = Counter(
        {Row(op="MatMulInteger", dtype="int8/int8", granularity="per_tensor", opset=opset): 2 for opset in (10, 21)}
    )
    lines = list(table(Coverage(met=frozenset(), rows=rows)))
    assert lines[0].split() == ["op", "dtype", "granularity", "10", "21", "all"]
    assert lines[1].split() == ["MatMulInteger", "int8/int8", "per_tensor", "2", "2", "4"]
    assert len(lines) == 2


def test_report_says_what_is_left_out() -> None:
    lines = list(report(catalogue()))
    text = "\n".join(lines)
    assert all(what in text and why in text for what, why in LEFT_OUT)
    assert "0 missing" in text
    assert all(case.no_reference in text for case in catalogue())


def test_old_releases_have_something_to_say() -> None:
    """TensorRT 8.5 reads opset 17 at most, ONNX Runtime 1.15 opset 19 and IR version 9."""
    old = [case for case in catalogue() if case.family == "quantization" and case.opset <= 13 and case.ir_version <= 8]
    valid = [case for case in old if case.op in OPS and INVALID_ON_PURPOSE not in case.tags]
    assert len(valid) >= 300
    everywhere = {"int8", "uint8", "per_tensor", "zp_zero", "zp_nonzero"}
    for op in OPS:
        tags = {tag for case in valid if case.op == op for tag in case.tags}
        assert tags >= everywhere - (
            {"zp_zero", "zp_nonzero", "per_tensor"} if op == "DynamicQuantizeLinear" else set()
        )
    linear = {tag for case in valid if case.op == "QuantizeLinear" for tag in case.tags}
    assert linear >= {"per_axis", "axis0", "axis_last", "axis_negative", "scale_input", "scale_computed", "x_int32"}
    assert linear >= {"ties", "saturation", "zeros", "constant", "denormals", "infinities", "nan", "outliers", "empty"}
