"""Reports say what the records say, are the same for the same records, and are not harmed by what strangers wrote.

``UPDATE_GOLDEN=1 pytest tests/test_reports.py`` writes the golden files anew; read the difference before committing it.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from matrix.record import Precision, Record, Status, Verdict
from matrix.record_json import to_json
from reports import html_data, json_export, table
from reports.__main__ import main
from reports.cells import ATTENTION, MEANINGS, differs
from reports.csv_table import COLUMNS, FORMULA_STARTS, to_csv
from reports.html_data import file_link, web_link
from reports.html_page import to_html
from reports.markdown_summary import to_markdown
from reports.reproduction import quoted, selection
from reports.summary import headline, summarize
from reports.terminal import FULL_TABLE, render
from reports.terminal_tables import WORDS
from reports.text import one_line, plain, share
from reports.write import read_run, write_reports
from tests.report_records import DYNAMIC, HOSTILE, LOOP, QUANTIZE, RUNTIMES, UINT8, all_records, record

GOLDEN = Path(__file__).with_name("golden")
RECORDS = all_records()


def check_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    written = text.encode("utf-8", "replace").decode()
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(written, encoding="utf-8", newline="\n")
    assert written == path.read_bytes().decode(), f"{name} is not what it was; see this module's docstring"


# ---- What is written -------------------------------------------------------------------------------------------------


def test_golden_csv() -> None:
    check_golden("matrix.csv", to_csv(RECORDS))


def test_golden_markdown() -> None:
    check_golden("matrix.md", to_markdown(RECORDS))


def test_golden_json() -> None:
    check_golden("summary.json", json_export.to_json(RECORDS))


def test_golden_html() -> None:
    """The page but for its style and its program, which are read in the template folder."""
    page = re.sub(r"(<style>|<script>).*?(</style>|</script>)", r"\1\2", to_html(RECORDS), flags=re.DOTALL)
    check_golden("index.html", re.sub(r"sha256-[\w+/=]+", "sha256-", page))


@pytest.mark.parametrize(("width", "color"), [(80, False), (140, False), (100, True)])
def test_golden_terminal(width: int, color: bool) -> None:
    text = render(RECORDS, width=width, color=color)
    check_golden(f"terminal-{width}{'-color' if color else ''}.txt", text)


def test_every_status_has_its_words() -> None:
    assert set(Status) == set(MEANINGS) == set(WORDS)
    assert {seen.status for seen in RECORDS} == set(Status), "the golden files show every status"
    assert {seen.verdict for seen in RECORDS} == {*Verdict, None}
    assert all(len(word) <= 7 for word, _ in WORDS.values())


# ---- Summary and tables ----------------------------------------------------------------------------------------------


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


# ---- Text of strangers -----------------------------------------------------------------------------------------------


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


# ---- The page --------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser would make of the page: its elements, its attributes, and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.contents: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._inside = tag
        if tag in self.contents:
            self.contents[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in self.contents:
            self.contents[self._inside][-1] += data


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(to_html(RECORDS))


def test_page_asks_for_nothing(page: Page) -> None:
    """No element that loads, no handler, no style attribute; links lead to cells, files of the run, or the web."""
    allowed = {
        "html", "head", "meta", "title", "style", "body", "header", "main", "section", "div", "h1", "h2", "h3", "p",
        "dl", "dt", "dd", "time", "ul", "li", "b", "i", "br", "span", "code", "a", "svg", "rect", "form", "label",
        "input", "select", "option", "fieldset", "legend", "output", "button", "table", "thead", "tbody", "tr", "th",
        "td", "details", "summary", "aside", "noscript", "script",
    }  # fmt: skip
    assert {tag for tag, _ in page.elements} <= allowed
    for tag, attributes in page.elements:
        assert not {name for name in attributes if name.startswith("on")} | (
            attributes.keys() & {"src", "style", "srcset"}
        )
        if "href" in attributes:
            assert tag == "a"
            assert re.match(r"#cell=|https?://", attributes["href"])


def test_page_allows_only_its_own_style_and_program(page: Page) -> None:
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for text in (page.contents["style"][0], page.contents["script"][1]):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_page_holds_its_details(page: Page) -> None:
    kinds = [attributes.get("type", "") for tag, attributes in page.elements if tag == "script"]
    assert kinds == ["application/json", ""], "hostile text made no script of its own"
    details = json.loads(page.contents["script"][0])
    assert len(details["records"]) == len(RECORDS)
    texts = details["texts"]
    assert "<script>alert(1)</script>" in texts
    assert max(map(len, texts)) < 5_000, "a message of a million characters is cut"
    assert any(text.endswith("more characters in records.jsonl") for text in texts)
    wrong = next(packed for packed in details["records"] if texts[packed[5]] == "wrong")
    assert texts[details["cases"][wrong[0]][0]] == UINT8.id
    assert details["columns"][wrong[1]] == "rtx-1.6"
    assert texts[details["runtimes"][wrong[2]][6]] == "pytest matrix/ --trt-version rtx-1.6"


def test_page_reads_without_a_program(page: Page) -> None:
    html = to_html(RECORDS)
    assert html.count('<button class="s s-') == len(RECORDS)
    for word in ("Needs attention", "Changed against the baselines", "What to do", "Not run", "Quantize statically"):
        assert word in html


def test_page_of_nothing() -> None:
    html = to_html([], ["records.jsonl: 2 lines could not be read and left out."])
    assert "2 lines could not be read" in html
    assert "There are no records" in html
    assert "<table>" not in html


def test_page_script_and_packer_agree_on_the_fields() -> None:
    """page.js names the fields in the order in which html_data.py packs them."""
    script = (Path(html_data.__file__).with_name("templates") / "page.js").read_text(encoding="utf-8")
    fields = {
        name: re.findall(r'"(\w+)"', names)
        for name, names in re.findall(r"const (CASE|RUNTIME|RECORD) = \[(.*?)\];", script, re.DOTALL)
    }
    packed = html_data.Details(summarize(RECORDS).matrix).packed()
    assert len(fields["CASE"]) == len(packed["cases"][0])
    assert len(fields["RUNTIME"]) == len(packed["runtimes"][0])
    assert len(fields["RECORD"]) == len(packed["records"][0])
    for name in ("status", "verdict", "baseline"):
        place = fields["RECORD"].index(name)
        seen = {packed["texts"][row[place]] for row in packed["records"]}
        assert seen >= ({"wrong", "match"} if name != "verdict" else {"regression", "same"})


def test_large_runs_show_less_of_each_cell() -> None:
    talkative = record(
        QUANTIZE, "rtx-1.7", Status.CRASH, diagnostics=RECORDS[6].diagnostics * 50, results=RECORDS[0].results * 50
    )
    small = html_data.Details(summarize([talkative]).matrix).packed()["records"][0]
    assert len(small[13]) == html_data.SHOWN_DIAGNOSTICS.stop - 1
    assert small[14] == 50
    assert len(small[15]) == html_data.SHOWN_RESULTS.stop - 1
    assert small[16] == 100


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("jobs/a b#c", "./jobs/a%20b%23c"),
        ("javascript:alert(1)", "./javascript%3Aalert%281%29"),
        ("/etc/passwd", ""),
        ("../other", ""),
        ("jobs/../../x", ""),
        ("jobs\\..\\x", ""),
        ("jobs/\x00", ""),
        ("", ""),
    ],
)
def test_files_outside_the_run_are_not_linked(path: str, link: str) -> None:
    assert file_link(path) == link


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://e.org/a?b=c&d", "https://e.org/a?b=c&d"),
        ("http://e.org", "http://e.org"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ('https://e.org/"onclick=', ""),
        ("https://e.org/ x", ""),
        ("//e.org", ""),
        ("", ""),
    ],
)
def test_only_web_addresses_are_linked(url: str, link: str) -> None:
    assert web_link(url) == link


def test_reproduction() -> None:
    assert selection(RUNTIMES["rtx-1.7"]) == "--trt-version rtx-1.7"
    assert selection(RUNTIMES["ort-1.31"]) == "--trt-version none --ort-version 1.31"
    assert selection(replace(RUNTIMES["ort-1.31"], name="ort-1.31:all")) == "--trt-version none --ort-version 1.31:all"
    assert selection(replace(RUNTIMES["rtx-1.7"], name="x; rm -rf ~")) == "--trt-version 'x; rm -rf ~'"
    assert quoted(QUANTIZE.id) == f'"{QUANTIZE.id}"'
    assert quoted('$(rm)"`') == "'$(rm)\"`'"


# ---- Files and the command line --------------------------------------------------------------------------------------


def write_run(folder: Path, records: list[Record], rubbish: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "records.jsonl").write_text("".join(f"{to_json(seen)}\n" for seen in records) + rubbish, encoding="utf-8")
    return folder


def test_write_reports(tmp_path: Path) -> None:
    run = write_run(tmp_path, RECORDS)
    paths = write_reports(run)
    assert [path.name for path in paths] == ["matrix.csv", "matrix.md", "index.html", "summary.json", "differences.csv"]
    assert all(path.stat().st_size > 500 for path in paths if path.name != "differences.csv")
    assert sorted(path.name for path in run.iterdir()) == sorted([*(path.name for path in paths), "records.jsonl"])
    records, problems = read_run(run / "records.jsonl")
    assert [*map(to_json, records)] == [*map(to_json, RECORDS)], "not a number is unlike itself"
    assert problems == []


def test_reports_of_an_empty_run_say_so(tmp_path: Path) -> None:
    for path in write_reports(write_run(tmp_path, []))[1:4]:
        assert "There are no records" in path.read_text(encoding="utf-8")


def test_reports_of_a_damaged_run_say_so(tmp_path: Path) -> None:
    rubbish = '{"half":\n[]\n{}\n"x"\n\x00\xff'
    paths = write_reports(write_run(tmp_path, RECORDS[:3], rubbish))
    for path in paths[1:4]:
        assert "5 lines could not be read" in path.read_text(encoding="utf-8").replace("\\", "")
    assert len(paths[0].read_text(encoding="utf-8").splitlines()) == 4


def test_a_report_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    run = write_run(tmp_path, RECORDS[:1])
    (run / "matrix.md").mkdir()
    with pytest.raises(OSError, match=r"matrix\.md"):
        write_reports(run)
    assert not list(run.glob(".matrix*"))


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path, RECORDS)
    assert main([str(run)]) == 0
    assert capsys.readouterr().out.splitlines()[2] == str(run / "index.html")
    assert main([str(run / "records.jsonl")]) == 0
    assert main(["table", str(run)]) == 0
    assert "WRONG" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["table"], ["--unknown", "x"]])
def test_command_line_misused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = int(str(stop.code))
    assert status == 2
    assert capsys.readouterr().err


def test_command_line_without_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "missing")]) == 2
    error = capsys.readouterr().err
    assert "no records.jsonl here" in error
    assert error.count("\n") == 1
    (tmp_path / "records.jsonl").mkdir()
    assert main(["table", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_hostile_texts_are_in_the_records() -> None:
    """The golden files would prove nothing without them."""
    assert all(any(seen.reason == text for seen in RECORDS) for text in HOSTILE)
    assert any(seen.precision is not Precision.EXPLICIT for seen in RECORDS)
