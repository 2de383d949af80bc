"""Which reported bugs a run reproduces: said only where the cell tells, of the product that the report is about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cases.catalogue import catalogue
from matrix.record import CaseInfo, Diagnostic, Precision, Record, ReportedBug, Status, Symptom
from matrix.record_json import from_json, to_json
from matrix.reported_bug import reported_bug
from reports.__main__ import main
from reports.html_page import to_html
from reports.markdown_summary import to_markdown
from reports.reported_bugs import SHOWN, Answer, reported_bugs
from reports.reported_bugs_text import render
from tests.golden_files import check_golden
from tests.report_records import EXACT, HOSTILE, OFF, QUANTIZE, record, result

REPORT = ReportedBug(
    product="tensorrt", versions="8.6.1", symptom="no importer", shown_by=(Symptom.NOT_PARSED,), fixed_in="10.9"
)
RTX = replace(REPORT, product="tensorrt_rtx")
ORT = replace(REPORT, product="onnxruntime")
STAGE: Mapping[Status, str] = {
    Status.UNSUPPORTED: "parse",
    Status.BUILD_FAILED: "build",
    Status.BUILDS: "build",
    Status.NOT_RUN: "",
    Status.NOT_APPLICABLE: "",
    Status.INVALID_CASE: "",
}


def case_of(report: ReportedBug, name: str = "bug-tensorrt-1") -> CaseInfo:
    link = f"https://github.com/NVIDIA/TensorRT/issues/{name.rpartition('-')[2]}"
    return replace(QUANTIZE, id=name, family="reported_bugs", source=link, report=report)


def cell(report: ReportedBug, runtime: str, status: Status, **fields: Any) -> Record:
    name = fields.pop("name", "bug-tensorrt-1")
    compared = status in (Status.MATCH, Status.DRIFT, Status.WRONG)
    drift = EXACT if status is Status.MATCH else OFF
    defaults = {"stage": STAGE.get(status, "run:max"), "results": (result("max", drift),) if compared else ()}
    return record(case_of(report, name), runtime, status, **{**defaults, **fields})


def answer(*cells: Record) -> Answer | None:
    """Return what the first cell says."""
    (bug,) = (bug for bug in reported_bugs(cells) if bug.case == cells[0].case.id)
    told = list(bug.told.values())
    return told[0].answer if told else None


def some_records() -> list[Record]:
    """Return a bug that every product answers, one that nobody was asked for, and the reporter's own fault."""
    wrong = replace(REPORT, symptom="wrong | output", shown_by=(Symptom.WRONG_ANSWER,), fixed_in="")
    fault = replace(REPORT, symptom="no profile", shown_by=(Symptom.NOT_BUILT,), rightly_refused=True)
    calibrated = replace(REPORT, shown_by=(Symptom.NOT_BUILT,), precision=Precision.INT8_CALIBRATED)
    refused = Diagnostic(source="parser", message="false", op="QLinearConv")
    return [
        cell(REPORT, "ort-1.31", Status.MATCH),
        cell(REPORT, "8.6", Status.UNSUPPORTED, reason="[UNSUPPORTED_NODE] QLinearConv: false", diagnostics=(refused,)),
        cell(REPORT, "rtx-1.6", Status.UNSUPPORTED, reason="refused", diagnostics=(refused,)),
        cell(REPORT, "rtx-1.7", Status.BUILDS),
        cell(wrong, "8.6", Status.MATCH, name="bug-tensorrt-2"),
        cell(wrong, "rtx-1.7", Status.BUILDS, name="bug-tensorrt-2"),
        cell(fault, "8.6", Status.BUILD_FAILED, name="bug-tensorrt-3", reason="no optimization profile"),
        cell(ORT, "8.6", Status.MATCH, name="bug-onnxruntime-4"),
        cell(RTX, "rtx-1.7", Status.CRASH, name="bug-tensorrt_rtx-5", stage="build", reason="SIGSEGV"),
        cell(calibrated, "8.6", Status.MATCH, name="bug-tensorrt-6", precision=Precision.FP32),
        cell(calibrated, "8.6", Status.NOT_RUN, name="bug-tensorrt-6", precision=Precision.INT8_CALIBRATED),
    ]


# ---- What a cell says ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown_by", "status", "wanted"),
    [
        (Symptom.NOT_PARSED, Status.UNSUPPORTED, Answer.REPRODUCED),
        *((Symptom.NOT_PARSED, status, Answer.NOT_REPRODUCED) for status in (Status.BUILD_FAILED, Status.BUILDS)),
        (Symptom.NOT_PARSED, Status.MATCH, Answer.NOT_REPRODUCED),
        (Symptom.NOT_BUILT, Status.BUILD_FAILED, Answer.REPRODUCED),
        (Symptom.NOT_BUILT, Status.UNSUPPORTED, Answer.NOT_RUN),
        (Symptom.NOT_BUILT, Status.BUILDS, Answer.NOT_REPRODUCED),
        (Symptom.NOT_EXECUTED, Status.RUN_FAILED, Answer.REPRODUCED),
        (Symptom.NOT_EXECUTED, Status.BUILDS, Answer.NOT_RUN),
        (Symptom.NOT_EXECUTED, Status.DRIFT, Answer.NOT_REPRODUCED),
        (Symptom.WRONG_ANSWER, Status.WRONG, Answer.REPRODUCED),
        (Symptom.WRONG_ANSWER, Status.DRIFT, Answer.NOT_REPRODUCED),
        (Symptom.WRONG_ANSWER, Status.UNVERIFIED, Answer.NOT_RUN),
        (Symptom.WRONG_ANSWER, Status.RUN_FAILED, Answer.NOT_RUN),
        (Symptom.INEXACT_ANSWER, Status.DRIFT, Answer.REPRODUCED),
        (Symptom.INEXACT_ANSWER, Status.BUILDS, Answer.NOT_RUN),
        *((symptom, Status.NOT_RUN, Answer.NOT_RUN) for symptom in Symptom),
        *((symptom, Status.NOT_APPLICABLE, Answer.NOT_RUN) for symptom in Symptom),
        *((symptom, Status.INVALID_CASE, Answer.NOT_RUN) for symptom in Symptom),
    ],
)
def test_the_symptom_and_the_status_decide(shown_by: Symptom, status: Status, wanted: Answer) -> None:
    assert answer(cell(replace(REPORT, shown_by=(shown_by,)), "8.6", status)) is wanted


def test_every_symptom_is_shown_by_something() -> None:
    assert set(SHOWN) == set(Symptom)
    assert all(statuses for statuses, _ in SHOWN.values())


@pytest.mark.parametrize(
    ("stage", "wanted"),
    [("parse", Answer.NOT_RUN), ("build", Answer.NOT_REPRODUCED), ("run:max", Answer.NOT_REPRODUCED)],
)
def test_a_crash_tells_nothing_of_what_would_have_come_after_it(stage: str, wanted: Answer) -> None:
    report = replace(REPORT, shown_by=(Symptom.NOT_BUILT,))
    assert answer(cell(report, "8.6", Status.CRASH, stage=stage)) is wanted
    died = replace(report, shown_by=(Symptom.DIED, Symptom.NOT_BUILT))
    assert answer(cell(died, "8.6", Status.CRASH, stage=stage)) is Answer.REPRODUCED


def test_a_wrong_network_that_was_not_executed_is_no_wrong_answer() -> None:
    report = replace(REPORT, shown_by=(Symptom.WRONG_ANSWER,))
    assert answer(cell(report, "8.6", Status.WRONG, stage="build", results=())) is Answer.NOT_RUN


def test_a_refusal_of_another_operator_tells_nothing_of_the_reported_one() -> None:
    report = replace(REPORT, operators=("QLinearConv",))
    for op, wanted in {"QLinearConv": Answer.REPRODUCED, "Conv": Answer.NOT_RUN, "": Answer.REPRODUCED}.items():
        refused = Diagnostic(source="parser", message="false", op=op)
        assert answer(cell(report, "8.6", Status.UNSUPPORTED, diagnostics=(refused,))) is wanted


def test_a_refusal_by_the_harness_is_not_the_runtimes() -> None:
    report = replace(REPORT, shown_by=(Symptom.NOT_EXECUTED,))
    ours, theirs = (Diagnostic(source=source, message="outside the profile") for source in ("harness", "binding"))
    assert answer(cell(report, "8.6", Status.RUN_FAILED, diagnostics=(ours,))) is Answer.NOT_RUN
    assert answer(cell(report, "8.6", Status.RUN_FAILED, diagnostics=(theirs, ours))) is Answer.REPRODUCED


def test_a_symptom_counts_only_where_the_control_works() -> None:
    report = replace(REPORT, shown_by=(Symptom.NOT_BUILT,), control="bug-tensorrt-2")
    shown = cell(report, "8.6", Status.BUILD_FAILED)
    assert answer(shown) is Answer.NOT_RUN
    for status, wanted in {Status.MATCH: Answer.REPRODUCED, Status.BUILD_FAILED: Answer.NOT_RUN}.items():
        assert answer(shown, cell(REPORT, "8.6", status, name="bug-tensorrt-2")) is wanted
    assert answer(cell(report, "8.6", Status.MATCH)) is Answer.NOT_REPRODUCED


@pytest.mark.parametrize(
    ("report", "runtime", "shows", "does_not"),
    [
        (REPORT, "8.6", Answer.REPRODUCED, Answer.NOT_REPRODUCED),
        (REPORT, "rtx-1.7", Answer.RELATED_SHOWS, Answer.RELATED_DOES_NOT),
        (REPORT, "ort-1.31", None, None),
        (RTX, "rtx-1.7", Answer.REPRODUCED, Answer.NOT_REPRODUCED),
        (RTX, "8.6", Answer.RELATED_SHOWS, Answer.RELATED_DOES_NOT),
        (ORT, "ort-1.31", Answer.REPRODUCED, Answer.NOT_REPRODUCED),
        (ORT, "8.6", None, None),
    ],
)
def test_only_the_product_of_the_report_reproduces_it(
    report: ReportedBug, runtime: str, shows: Answer | None, does_not: Answer | None
) -> None:
    assert answer(cell(report, runtime, Status.UNSUPPORTED)) is shows
    assert answer(cell(report, runtime, Status.MATCH)) is does_not


def test_only_the_precision_of_the_report_counts() -> None:
    report = replace(REPORT, shown_by=(Symptom.NOT_BUILT,), precision=Precision.INT8_CALIBRATED)
    assert answer(cell(report, "8.6", Status.BUILD_FAILED)) is None
    assert answer(cell(report, "8.6", Status.BUILD_FAILED, precision=Precision.INT8_CALIBRATED)) is Answer.REPRODUCED


# ---- What crosses to the reports -------------------------------------------------------------------------------------


def test_the_record_carries_the_report() -> None:
    for case in catalogue():
        bug = reported_bug(case)
        assert bool(bug) == (case.family == "reported_bugs")
        if bug:
            there = cell(bug, "8.6", Status.MATCH)
            assert from_json(to_json(there)) == there


def test_a_record_without_the_field_is_read() -> None:
    line = to_json(record(QUANTIZE, "8.6", Status.MATCH)).replace(',"report":null', "")
    assert '"report"' not in line
    assert from_json(line).case.report is None


# ---- Reports ---------------------------------------------------------------------------------------------------------


def test_golden_text() -> None:
    check_golden("reported_bugs.txt", render(reported_bugs(some_records())))


def test_golden_markdown() -> None:
    check_golden("reported_bugs.md", section_in(to_markdown(some_records())))


def test_golden_html() -> None:
    check_golden("reported_bugs.html", section_of(to_html(some_records())))


def section_in(summary: str) -> str:
    (section,) = re.findall(r"^## Reported bugs\n.*?(?=^## )", summary, re.DOTALL | re.MULTILINE)
    return str(section)


def section_of(page: str) -> str:
    (section,) = re.findall(r'<section aria-labelledby="reported-bugs">.*?</section>\n', page, re.DOTALL)
    return str(section)


def test_without_reported_bugs_there_is_no_section() -> None:
    records = [record(QUANTIZE, "8.6", Status.MATCH)]
    assert "Reported bugs" not in to_markdown(records) + to_html(records)
    assert "no case of a reported bug" in render(reported_bugs(records))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_strangers_wrote_is_shown_as_it_is_written(text: str) -> None:
    report = ReportedBug(
        product=text, versions=text, symptom=text, shown_by=(Symptom.NOT_PARSED,), fixed_in=text, operators=(text,)
    )
    case = replace(case_of(report), id=text, source="javascript:alert(1)")
    unknown = [replace(cell(report, "8.6", Status.UNSUPPORTED), case=case, reason=text)]
    told = [replace(unknown[0], case=replace(case, report=replace(report, product="tensorrt")))]
    for records in (unknown, told):
        assert not re.search(r"<(script|img)|href=.javascript", section_of(to_html(records)))
        head, _, *rows = (line for line in section_in(to_markdown(records)).splitlines() if line.startswith("|"))
        (row,) = rows
        assert len(re.findall(r"(?<!\\)\|", row)) == head.count("|")
        assert not re.search(r"<(script|img)", row)
        assert not re.search("[\x1b\x9b\u2028\u202e]", render(reported_bugs(records)))


def test_the_command_prints_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "records.jsonl").write_text("".join(f"{to_json(each)}\n" for each in some_records()), encoding="utf-8")
    assert main(["bugs", str(tmp_path)]) == 0
    assert capsys.readouterr().out == render(reported_bugs(some_records()))
