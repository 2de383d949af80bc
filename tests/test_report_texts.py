"""What strangers wrote harms no report: control characters, formulas, escape sequences, rows and widths."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from matrix.record import Status
from reports.csv_table import FORMULA_STARTS, to_csv
from reports.markdown_summary import to_markdown
from reports.terminal import FULL_TABLE, render
from reports.text import one_line, plain, share
from tests.report_records import LOOP, QUANTIZE, RUNTIMES, all_records, record

RECORDS = all_records()


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_share_is_never_a_false_0_or_100(count: int, more: int) -> None:
    assert (share(count, count + more) == "0 %") == (count == 0)
    assert share(count, count + more) != "100 %"
    assert share(more, more) == "100 %"


def test_share_of_nothing() -> None:
    assert share(0, 0) == "none"
    assert share(1, 1000) == "<1 %"
    assert share(999, 1000) == ">99 %"
    assert share(1, 3) == "33 %"


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec=None, categories=None), max_size=60))
def test_plain_text_has_nothing_unseen(text: str) -> None:
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]", plain(text))
    assert "\n" not in one_line(text)


def test_escape_sequences_leave_nothing_behind() -> None:
    assert plain("\x1b[1;31mred\x9b0m \x1b]8;;http://e.org\x1b\\link\x1b]8;;\x07 \x1bM\x1b") == "red link "
    assert one_line("a\r\n\tb\u2028c\x00") == "a b c"
    assert one_line("x" * 500, 10) == "x" * 9 + "…"
    assert one_line(" " * 900 + "x", 10) == "…"


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=40))
def test_no_cell_is_a_formula(text: str) -> None:
    case = replace(QUANTIZE, id=text, family=text, op=text)
    written = to_csv([record(case, "rtx-1.7", Status.WRONG, reason=text, stage=text, signature=text)])
    (row,) = csv.DictReader(io.StringIO(written))
    assert not [column for column, cell in row.items() if cell.startswith(FORMULA_STARTS)]


def test_numbers_are_not_taken_for_formulas() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(RECORDS))))
    assert {row["sqnr_db"] for row in rows} == {"", "inf", "34.25", "nan"}
    assert {row["max_steps"] for row in rows} == {"", "0", "2"}


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=40))
def test_a_row_of_markdown_stays_a_row(text: str) -> None:
    written = to_markdown([record(replace(QUANTIZE, id=text), "rtx-1.7", Status.WRONG, reason=text)])
    rows = written.split("## Cases")[1].split("---\n\n*")[0].strip().splitlines()
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [3, 3, 3]
    assert "<" not in re.sub(r"&lt;", "", written)


def test_markdown_lists_are_cut() -> None:
    many = [record(replace(LOOP, id=f"case-{n}"), "rtx-1.7", Status.CRASH, reason=str(n)) for n in range(600)]
    assert "* and 100 more: see `matrix.csv`" in to_markdown(many)
    text = to_markdown([replace(seen, reason="") for seen in many])
    assert "`case-24` and 575 more on `rtx-1.7`: no reason was recorded" in text


@pytest.mark.parametrize("width", [1, 40, 60, 80, 133, 200])
@pytest.mark.parametrize("copies", [1, 30])
def test_terminal_keeps_its_width(width: int, copies: int) -> None:
    many = [replace(seen, case=replace(seen.case, id=f"{seen.case.id}-{n}")) for seen in RECORDS for n in range(copies)]
    assert (len({seen.case.id for seen in many}) > FULL_TABLE) == (copies == 30)
    text = render(many, width=width, color=False)
    assert max(cell_len(line) for line in text.splitlines()) <= max(width, 40)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert "WRONG" in text


def test_terminal_says_what_is_missing() -> None:
    text = render([], width=80, color=False, problems=["records.jsonl: 1 line could not be read and left out."])
    assert text.splitlines() == [
        "records.jsonl: 1 line could not be read and left out.",
        "There are no records: no cell has ended yet.",
    ]


def test_terminal_colours_are_all_that_escapes() -> None:
    text = render(RECORDS, width=80, color=True)
    assert "\x1b[" in text
    assert "\x1b" not in re.sub(r"\x1b\[[\d;]*m", "", text)


def test_runtimes_that_do_not_fit_are_shown_below() -> None:
    many = [
        replace(record(QUANTIZE, "rtx-1.7", Status.BUILDS), runtime=replace(RUNTIMES["rtx-1.7"], name=f"release-{n}"))
        for n in range(20)
    ]
    text = render(many, width=80, color=False)
    assert all(f"release-{n} " in text.replace("\n", " \n") for n in range(20))
    assert text.count("case  ") > 1


def test_terminal_lists_are_cut() -> None:
    many = [record(replace(LOOP, id=f"case-{n}"), "rtx-1.7", Status.CRASH, reason=str(n)) for n in range(40)]
    assert "and 15 more: see matrix.md" in render(many, width=80, color=False)
    text = render([replace(seen, reason="the same") for seen in many], width=80, color=False)
    assert "40 cases on rtx-1.7: the same" in text
    assert "case-0, case-1, case-2 and 37 more" in text
