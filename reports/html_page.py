"""`index.html`: the dashboard. One file that asks the network for nothing and needs no JavaScript to be read."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import jinja2

from matrix.record import FINE, Record, Status, Verdict
from reports import documented_text, reported_bugs_text
from reports.cells import ATTENTION, CHANGED, MARKS, MEANINGS, NO_REASON, is_changed
from reports.differences import size_text, tallies
from reports.documented import compare
from reports.html_data import Details
from reports.html_safety import as_json, web_link
from reports.known_issues import issue_text, stale_text
from reports.placement import cpu_text
from reports.references import sides_text
from reports.reported_bugs import columns as bug_columns
from reports.reported_bugs import reported_bugs
from reports.summary import Column, Summary, change_text, headline, machine_text, summarize, time_text
from reports.text import count, one_line, plain, share

TEMPLATES = Path(__file__).with_name("templates")
LISTED = 100  # findings of one section
LISTED_CASES = 50  # cases of one finding or remedy


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of the table; ``number`` is the record's place in the embedded details."""

    number: int
    status: Status
    mark: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One case; ``cells`` has None where a runtime has no record of it."""

    case: str
    summary: str
    different: bool
    changed: bool
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, kw_only=True)
class Group:
    """The cases of one operator."""

    family: str
    op: str
    rows: tuple[Row, ...]
    counts: Counter[Status]


def to_html(records: Iterable[Record], problems: Sequence[str] = ()) -> str:
    """Return the page."""
    summary = summarize(records, problems)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        line=one_line,
        count=count,
        word=_word,
        change=change_text,
        machine=machine_text,
        time=time_text,
        link=web_link,
        sides=sides_text,
        issue=issue_text,
        stale=stale_text,
        size=size_text,
        on_cpu=lambda cells: cpu_text(*cells),
    )
    style, script = (TEMPLATES / "style.css").read_text("utf-8"), (TEMPLATES / "page.js").read_text("utf-8")
    return environment.get_template("index.html.jinja").render(
        summary=summary,
        headline=headline(summary),
        counts=summary.counts,
        groups=_groups(summary),
        differences=list(tallies(summary.differences)),
        meanings=MEANINGS,
        marks=MARKS,
        no_reason=NO_REASON,
        changed=CHANGED,
        attention=ATTENTION,
        listed=LISTED,
        listed_cases=LISTED_CASES,
        bars={column.name: list(_bar(column)) for column in summary.columns},
        share=share,
        cell=_fragment,
        documented=compare(summary.matrix.records()),
        words=documented_text,
        bugs=reported_bugs(summary.matrix.records()),
        bug_words=reported_bugs_text,
        bug_columns=bug_columns,
        # The only text that the template does not escape: our own files, and JSON that cannot end its element.
        style=style,
        script=script,
        details=as_json(Details(summary.matrix).packed()),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _groups(summary: Summary) -> list[Group]:
    """Return the cases by family and operator, each in order of first appearance."""
    matrix = summary.matrix
    numbers = {key: number for number, key in enumerate(matrix.cells)}
    different = set(summary.different)
    grouped: dict[tuple[str, str], list[Row]] = {}
    counts: dict[tuple[str, str], Counter[Status]] = {}
    for case in matrix.cases:
        records = matrix.row(case)
        info = next(record.case for record in records if record)
        row = Row(
            case=case,
            summary=one_line(info.summary),
            different=case in different,
            changed=any(is_changed(record) for record in records if record),
            cells=tuple(
                _cell(record, numbers[case, column]) if record else None
                for column, record in zip(matrix.columns, records, strict=True)
            ),
        )
        grouped.setdefault((info.family, info.op), []).append(row)
        counts.setdefault((info.family, info.op), Counter()).update(record.status for record in records if record)
    families = list(dict.fromkeys(family for family, _ in grouped))
    return [
        Group(family=family, op=op, rows=tuple(rows), counts=counts[family, op])
        for (family, op), rows in sorted(grouped.items(), key=lambda item: families.index(item[0][0]))
    ]


def _cell(record: Record, number: int) -> Cell:
    return Cell(
        number=number,
        status=record.status,
        mark=MARKS.get(record.verdict, "") if record.verdict else "",
        title="" if record.status in FINE else one_line(record.reason, 160),
    )


def _bar(column: Column) -> Iterator[tuple[Status, float, float]]:
    """Yield the segments of a stacked bar: status, start and width in percent."""
    start = 0.0
    for status, number in column.counts.items():
        width = 100 * number / column.total
        yield status, round(start, 3), round(width, 3)
        start += width


def _fragment(case: str, column: str) -> str:
    return f"#cell={quote(plain(case), safe='')}|{quote(plain(column), safe='')}"


def _word(value: Status | Verdict) -> str:
    return value.value.replace("_", " ")


def _hash(text: str) -> str:
    """Return a Content-Security-Policy source: only this very text may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
