"""What reports say of two references: where they disagree, which side each runtime is on, and why there is but one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from matrix.record import Drift, Status
from reports.cells import arrange
from reports.references import (
    Disagreement,
    figure_text,
    find_disagreements,
    second_reference_text,
    second_text,
    sides_text,
)
from tests.report_records import EXACT, NOT_A_NUMBER, OFF, TORN, record, result, torn


def test_a_case_and_output_is_listed_once_with_the_side_of_each_runtime() -> None:
    other = replace(torn("onnxruntime", OFF), point="max", references_differ=replace(OFF, share_off=0.5))
    found = find_disagreements(
        arrange(
            [
                record(TORN, "ort-1.31", Status.DRIFT, results=(torn("onnxruntime", OFF), other)),
                record(
                    TORN, "rtx-1.7", Status.MATCH, results=(torn("onnx", EXACT), replace(other, sides_with="neither"))
                ),
            ]
        )
    )
    assert found == (
        Disagreement(
            case=TORN.id,
            output="y",
            point="max",
            figure="up to 2 steps, 50 % of the elements outside tolerance",
            sides={"ort-1.31": "onnxruntime", "rtx-1.7": "onnx and neither"},
        ),
    )
    assert sides_text(found[0]) == "onnxruntime: ort-1.31; onnx and neither: rtx-1.7"


def test_a_difference_within_tolerance_is_no_disagreement() -> None:
    within = replace(torn("both", EXACT), references_differ=replace(OFF, share_off=0.0))
    assert find_disagreements(arrange([record(TORN, "rtx-1.7", Status.MATCH, results=(within,))])) == ()
    assert second_text(within).endswith("the references differ: up to 2 steps; sides with both")


def test_references_of_another_shape_disagree() -> None:
    (found,) = find_disagreements(
        arrange(
            [record(TORN, "rtx-1.7", Status.MATCH, results=(replace(torn("onnx", EXACT), references_differ=None),))]
        )
    )
    assert found.figure == "another type or shape"


def test_the_second_reference_or_why_there_is_none_is_said_once() -> None:
    why = "there is no second reference: ONNX Runtime 1.31: no network"
    alone = record(TORN, "rtx-1.7", Status.MATCH, results=(result("opt", EXACT),), no_second_reference=why)
    assert second_reference_text(arrange([alone])) == f"none: {why}"
    beside = record(TORN, "ort-1.31", Status.MATCH, results=(torn("onnx", EXACT),))
    assert second_reference_text(arrange([alone, beside])) == "onnxruntime"
    assert second_reference_text(arrange([record(TORN, "rtx-1.7", Status.BUILDS)])) == ""
    assert second_text(result("opt", EXACT)) == ""


@pytest.mark.parametrize(
    ("drift", "text"),
    [
        (None, "another type or shape"),
        (EXACT, "equal"),
        (replace(EXACT, share_off=0.5), "50 % of the elements differ"),
        (NOT_A_NUMBER, "4 elements differ in NaN or infinity"),
        (replace(OFF, max_steps=None, max_abs=0.12345, share_off=0.0), "up to 0.123"),
    ],
)
def test_figures_in_words(drift: Drift | None, text: str) -> None:
    assert figure_text(drift) == text
