"""Which cells there are, in which order, and which cannot apply."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cases.case import Calibration, Case
from cases.catalogue import catalogue
from matrix.applicability import why_not_applicable
from matrix.plan import Cell, plan
from matrix.record import Precision
from matrix.runtimes.releases import load
from matrix.runtimes.selection import Runtime

CASE = next(case for case in catalogue() if case.id == "batch-relu-opset17")
CALIBRATION = Calibration(algorithm="entropy2", writer="polygraphy", batches=list)
CALIBRATED = replace(CASE, id="calibrated", calibration=CALIBRATION)


def runtime(name: str) -> Runtime:
    return Runtime(next(release for release in load() if release.name == name))


def cell(name: str, precision: Precision, case: Case = CALIBRATED) -> Cell:
    return Cell(case=case, runtime=runtime(name), precision=precision)


def test_by_default_a_model_runs_as_it_is_and_a_calibrated_one_in_stages() -> None:
    cells = plan([CASE, CALIBRATED], [runtime("8.6"), runtime("ort-1.31")])
    assert [cell.id for cell in cells] == [
        "8.6-batch-relu-opset17",
        "8.6-calibrated-fp32",
        "8.6-calibrated-fp16",
        "8.6-calibrated-int8-calibrated",
        "ort-1.31-batch-relu-opset17",
        "ort-1.31-calibrated",
    ]


def test_float_stages_come_before_int8_whatever_the_order_asked_for() -> None:
    cells = plan([CASE], [runtime("8.6")], [Precision.INT8_CALIBRATED, Precision.FP16, Precision.FP32])
    assert [cell.precision for cell in cells] == [Precision.FP32, Precision.FP16, Precision.INT8_CALIBRATED]


@pytest.mark.parametrize(
    ("name", "precision", "why"),
    [
        ("8.5", Precision.FP16, ""),
        ("8.5", Precision.TF32, ""),
        ("8.5", Precision.INT8_CALIBRATED, ""),
        ("8.6", Precision.BF16, "TensorRT 8.6 has no builder flag for BF16"),
        ("10.16", Precision.INT8_CALIBRATED, ""),
        ("11.0", Precision.FP32, ""),
        (
            "11.0",
            Precision.FP16,
            "TensorRT 11.0 is strongly typed and has no builder flag for FP16: the model's own types decide",
        ),
        (
            "rtx-1.4",
            Precision.INT8_CALIBRATED,
            "TensorRT-RTX 1.4 is strongly typed and has no builder flag for INT8: the model's own types decide",
        ),
        (
            "ort-1.31",
            Precision.FP16,
            "ONNX Runtime 1.31 computes in the types of the model; it has no setting for fp16",
        ),
    ],
)
def test_a_precision_that_a_release_cannot_have_is_said(name: str, precision: Precision, why: str) -> None:
    assert why_not_applicable(cell(name, precision)) == why


def test_what_cannot_be_calibrated_is_said() -> None:
    assert why_not_applicable(cell("8.6", Precision.INT8_CALIBRATED, CASE)) == "the case has no calibration data"
    without = replace(runtime("8.6"), release=replace(runtime("8.6").release, calibrators=False))
    int8 = replace(cell("8.6", Precision.INT8_CALIBRATED), runtime=without)
    assert why_not_applicable(int8) == "TensorRT 8.6 has no INT8 calibrators; quantize the model with Q/DQ nodes"


def test_every_release_and_precision_has_an_answer() -> None:
    for release in load():
        for precision in Precision:
            why = why_not_applicable(Cell(case=CALIBRATED, runtime=Runtime(release), precision=precision))
            assert why == "" or why[0].isupper()
