"""The summary and the tables: what comes first, what is one finding, and which figures a row has."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from matrix.record import Status, Verdict
from reports import json_export, table
from reports.cells import ATTENTION, differs
from reports.csv_table import COLUMNS
from reports.html_page import to_html
from reports.markdown_summary import to_markdown
from reports.summary import headline, summarize
from reports.terminal import render
from tests.report_records import DYNAMIC, LOOP, QUANTIZE, UINT8, all_records, record

RECORDS = all_records()


def test_summary_puts_regressions_and_wrong_answers_first() -> None:
    summary = summarize(RECORDS)
    assert [finding.verdict for finding in summary.changes] == [
        Verdict.REGRESSION,
        Verdict.REGRESSION,
        Verdict.FLAKY,
        Verdict.PROGRESSION,
    ]
    order = [ATTENTION.index(finding.status) for finding in summary.attention]
    assert order == sorted(order)
    assert summary.attention[0].columns == ("rtx-1.6",), "another verdict is another finding"


def test_equal_findings_are_one() -> None:
    """The same reason on the same runtimes is one finding; another set of runtimes is another one."""
    both = [record(case, name, Status.WRONG, reason="r") for case in (UINT8, LOOP) for name in ("rtx-1.6", "rtx-1.7")]
    alone = record(DYNAMIC, "rtx-1.7", Status.WRONG, reason="r")
    first, second = summarize([*both, alone]).attention
    assert (first.cases, first.columns) == ((UINT8.id, LOOP.id), ("rtx-1.6", "rtx-1.7"))
    assert (second.cases, second.columns) == ((DYNAMIC.id,), ("rtx-1.7",))
    for text in (render(both, width=80, color=False), to_markdown(both), to_html(both)):
        assert text.count(UINT8.id) >= 1


def test_remedies_are_for_cells_that_are_not_fine() -> None:
    fine = record(QUANTIZE, "rtx-1.7", Status.BUILDS, signature="s", remedy="do", remedy_source="https://e.org")
    bad = replace(fine, case=DYNAMIC, status=Status.UNSUPPORTED)
    (remedy,) = summarize([fine, bad]).remedies
    assert dict(remedy.cells) == {DYNAMIC.id: ("rtx-1.7",)}
    assert remedy.total == 1


def test_headline() -> None:
    same = record(QUANTIZE, "rtx-1.7", Status.BUILDS)
    start = "1 case on 1 runtime, 1 cell: nothing needs attention; "
    assert headline(summarize([same])) == f"{start}no change against the baselines."
    new = replace(same, verdict=Verdict.NEW, baseline=None)
    assert headline(summarize([new])) == f"{start}1 cell not in the baselines yet."
    assert headline(summarize([replace(same, verdict=None)])).endswith("nothing was judged against a baseline.")
    assert headline(summarize(RECORDS)).startswith("14 cases on 5 runtimes, 26 cells: 7 wrong, 1 crash, 1 timeout")


def test_a_later_record_of_a_cell_counts() -> None:
    first = record(QUANTIZE, "rtx-1.7", Status.CRASH)
    summary = summarize([first, replace(first, status=Status.BUILDS)])
    assert dict(summary.counts) == {Status.BUILDS: 1}


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], False),
        ([Status.MATCH, Status.BUILDS, Status.BUILDS], False),
        ([Status.BUILDS, Status.NOT_RUN, Status.NOT_APPLICABLE], False),
        ([Status.MATCH, Status.UNSUPPORTED], True),
        ([Status.BUILD_FAILED, Status.UNSUPPORTED], True),
        ([Status.WRONG, Status.WRONG], False),
    ],
)
def test_differs(statuses: list[Status], expected: bool) -> None:
    assert differs(statuses) is expected


def test_wide_table_keeps_the_order_of_first_appearance() -> None:
    frame = table.wide(RECORDS)
    assert list(frame.columns) == ["ort-1.31", "rtx-1.6", "rtx-1.7", "8.6", "8.6/fp16"]
    assert list(frame.index[:5]) == [QUANTIZE.id, UINT8.id, DYNAMIC.id, "nonzero-float32-opset17", LOOP.id]
    assert frame.loc[UINT8.id, "rtx-1.7"] == "wrong"
    assert frame.loc[UINT8.id, "8.6"] == ""
    assert table.wide([]).empty


def test_long_table_has_the_worst_figures() -> None:
    frame = table.long(RECORDS)
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == len(RECORDS)
    drift = frame[(frame.case == UINT8.id) & (frame.runtime == "ort-1.31")].iloc[0]
    assert (drift.max_abs, drift.sqnr_db, drift.max_steps, drift.seconds) == (2.0, 34.25, 2, 0.1255)
    broken = frame[(frame.case == LOOP.id) & (frame.runtime == "8.6")].iloc[0]
    assert str(broken.max_abs) == "nan"
    assert broken.max_steps is None


def test_summary_json_is_strict_and_complete() -> None:
    found = json.loads(json_export.to_json(RECORDS, ["a line is missing"]), parse_constant=pytest.fail)
    assert found["schema"] == json_export.SCHEMA
    assert found["counts"]["wrong"] == 7
    assert sum(found["counts"].values()) == len(RECORDS)
    assert [case["id"] for case in found["cases"][:2]] == [QUANTIZE.id, UINT8.id]
    assert found["cases"][1]["cells"] == {"ort-1.31": "drift", "rtx-1.6": "wrong", "rtx-1.7": "wrong"}
    assert found["cases"][1]["verdicts"]["rtx-1.7"] == "regression"
    assert found["problems"] == ["a line is missing"]
    assert json.loads(json_export.to_json([]))["cases"] == []
