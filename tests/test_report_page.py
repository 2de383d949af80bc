"""The page asks for nothing, runs only its own program, and links only what it may."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from matrix.record import Status
from reports import html_data
from reports.html_page import to_html
from reports.html_safety import file_link, web_link
from reports.reproduction import quoted, selection
from reports.summary import summarize
from tests.report_records import QUANTIZE, RUNTIMES, UINT8, all_records, record

RECORDS = all_records()


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
