"""`matrix.md`: the run for people who read it in a pull request or in a terminal's pager."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from matrix.record import FINE, Record, Status, Verdict
from reports.case_types import Subject
from reports.cells import ATTENTION, CHANGED, MARKS, MEANINGS, NO_REASON
from reports.differences import WITHIN, Difference, size_text, tallies
from reports.documented import Release, Row, compare
from reports.documented_text import (
    MEANING,
    TITLE,
    basis,
    by_kind,
    claim_text,
    disagreement_text,
    grid,
    observed_text,
)
from reports.known_issues import issue_text, stale_text
from reports.placement import cpu_text
from reports.references import sides_text
from reports.reported_bugs import reported_bugs
from reports.reported_bugs_markdown import section as reported_bugs_section
from reports.summary import Column, Finding, Remedy, Summary, change_text, headline, machine_text, summarize, time_text
from reports.text import count, one_line, share

LISTED = 500  # findings of one section
LISTED_CASES = 25  # cases of one finding or remedy

_CODE = re.compile(r"[\w.:/+-]+")


def to_markdown(records: Iterable[Record], problems: Sequence[str] = ()) -> str:
    """Return the summary as GitHub-flavoured Markdown."""
    summary = summarize(records, problems)
    sections = [_header(summary), _counts(summary), _changes(summary), _attention(summary), _remedies(summary)]
    sections += [_disagreements(summary), _gaps(summary), _stale(summary), _differences(summary)]
    sections += [reported_bugs_section(reported_bugs(summary.matrix.records()), escape, code, _link)]
    sections += [_documented(compare(summary.matrix.records())), _table(summary), _legend(summary.counts)]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def escape(text: str, limit: int = 600) -> str:
    """Return ``text`` as one line of Markdown that is shown as it is written."""
    line = one_line(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]|~#$])", r"\\\1", line)


def code(text: str) -> str:
    """Return a name as code where it holds nothing that could end the code, otherwise escaped."""
    return f"`{text}`" if _CODE.fullmatch(text) else escape(text)


def _header(summary: Summary) -> list[str]:
    return [
        "# Compatibility matrix",
        "",
        f"**{escape(headline(summary))}**",
        "",
        f"* Run: {', '.join(map(code, summary.runs)) or 'none'}, {escape(time_text(summary.time)) or 'no time'}",
        *(f"* Machine: {escape(machine_text(machine))}" for machine in summary.machines),
        *([f"* Second reference: {escape(summary.second_reference)}"] if summary.second_reference else []),
        *(f"* **Incomplete**: {escape(problem)}" for problem in summary.problems),
    ]


def _counts(summary: Summary) -> list[str]:
    statuses = list(summary.counts)
    if not statuses:
        return []
    head = ["runtime", "loaded version", "cells", *(_word(status) for status in statuses), "match or builds"]
    return [
        "## Runtimes",
        "",
        *_rows(head, ([code(column.name), *_count_cells(column, statuses)] for column in summary.columns)),
        *_left_to_cpu(summary.columns),
    ]


def _left_to_cpu(columns: Sequence[Column]) -> list[str]:
    lines = [f"{code(column.name)}: {cpu_text(*column.on_cpu)}" for column in columns if any(column.on_cpu)]
    return ["", *_list(lines)] if lines else []


def _count_cells(column: Column, statuses: Sequence[Status]) -> list[str]:
    return [
        ", ".join(map(code, column.versions)) or "none loaded",
        f"{column.total:,}",
        *(f"{column.counts[status]:,}" if status in column.counts else "" for status in statuses),
        share(column.calm, column.total),
    ]


def _changes(summary: Summary) -> list[str]:
    new = sum(column.verdicts.get(Verdict.NEW, 0) for column in summary.columns)
    lines = [f"**{_verdict(finding)}** {_place(finding)}: {change_text(finding)}" for finding in summary.changes]
    first_seen = [f"{count(new, 'cell')} not in any baseline yet"] if new else []
    if not lines and not first_seen:
        return []
    return ["## Changes against the baselines", "", *_list(lines), *_list(first_seen)]


def _attention(summary: Summary) -> list[str]:
    lines = [
        f"{_word(finding.status)} {_place(finding)}: {escape(finding.reason or NO_REASON)}"
        + (" (as in the baseline)" if finding.verdict is Verdict.SAME else "")
        + (f"; known: {escape(issue_text(finding.known))}{_link(finding.known.link)}" if finding.known else "")
        for finding in summary.attention
    ]
    return ["## Needs attention", "", *_list(lines)] if lines else []


def _remedies(summary: Summary) -> list[str]:
    if not summary.remedies:
        return []
    lines = ["## What to do"]
    for remedy in summary.remedies:
        lines += ["", f"### {code(remedy.signature) or 'unnamed'} ({count(remedy.total, 'cell')})", ""]
        lines += [escape(remedy.text, 2_000) + _source(remedy), ""]
        places = [
            f"{code(case)} on {', '.join(map(code, columns))}"
            for case, columns in list(remedy.cells.items())[:LISTED_CASES]
        ]
        lines += _list(places, left_out=len(remedy.cells) - len(places))
    return lines


def _disagreements(summary: Summary) -> list[str]:
    lines = [
        f"{code(found.case)}, output {code(found.output)} at {code(found.point)}: {escape(found.figure)}; "
        f"{escape(sides_text(found))}"
        for found in summary.disagreements
    ]
    return ["## The references disagree", "", *_list(lines)] if lines else []


def _gaps(summary: Summary) -> list[str]:
    lines = [
        f"{code(gap.column)}, {count(gap.total, 'cell')}: {escape(gap.reason or NO_REASON)}" for gap in summary.gaps
    ]
    return ["## Not run", "", *_list(lines)] if lines else []


def _documented(releases: Sequence[Release]) -> list[str]:
    if not releases:
        return []
    lines = [f"## {TITLE}", "", MEANING, "", *(f"* {code(each.column)}: {escape(basis(each))}" for each in releases)]
    for release in releases:
        for kind, found in by_kind(release):
            told = [escape(disagreement_text(each)) for each in found]
            lines += ["", f"**{code(release.column)}: {escape(kind.value)}**", "", *_list(told)]
    rows = grid(releases)
    if rows:
        columns = [code(each.column) for each in releases if each.table]
        head = ["operator", "type", *(f"{column} {word}" for column in columns for word in ("documented", "observed"))]
        lines += ["", *_rows(head, (_documented_row(*row) for row in rows))]
    return lines


def _documented_row(about: Subject, cells: Sequence[Row | None]) -> list[str]:
    told = [(claim_text(cell), observed_text(cell)) if cell else ("", "") for cell in cells]
    return [code(about.op), escape(about.type_text), *(escape(text) for pair in told for text in pair)]


def _stale(summary: Summary) -> list[str]:
    lines = [escape(stale_text(stale)) + _link(stale.issue.link) for stale in summary.stale]
    return ["## Known issues that no cell shows", "", *_list(lines)] if lines else []


def _differences(summary: Summary) -> list[str]:
    if not summary.differences:
        return []
    lines = ["## Differences between runtimes"]
    for pair, way, found in tallies(summary.differences):
        lines += ["", f"### {' and '.join(map(code, pair))}: {escape(way)}", ""]
        head = ["case", *map(code, pair), "difference", "agrees with the reference"]
        shown = found[:LISTED] if found[0].kind != WITHIN else found[:LISTED_CASES]
        lines += _rows(head, map(_difference, shown))
        lines += ["", f"and {len(found) - len(shown):,} more: see `differences.csv`"] if len(found) > len(shown) else []
    return lines


def _difference(item: Difference) -> list[str]:
    statuses = [_word(record.status) for record in (item.first, item.second)]
    return [code(item.case), *statuses, escape(size_text(item)), code(item.right)]


def _table(summary: Summary) -> list[str]:
    matrix = summary.matrix
    if not matrix.cases:
        return []
    rows = ([code(case), *(_cell(record) if record else "" for record in matrix.row(case))] for case in matrix.cases)
    return ["## Cases", "", *_rows(["case", *map(code, matrix.columns)], rows)]


def _legend(counts: Mapping[Status, int]) -> list[str]:
    marks = [f"{mark}: {CHANGED[verdict]}" for verdict, mark in MARKS.items()]
    return ["---", "", *_list([f"{_word(status)}: {MEANINGS[status]}" for status in counts] + marks)] if counts else []


def _cell(record: Record) -> str:
    mark = MARKS.get(record.verdict, "") if record.verdict else ""
    return f"{_word(record.status)} {mark}".strip()


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _list(lines: Sequence[str], left_out: int = 0) -> list[str]:
    left_out += max(0, len(lines) - LISTED)
    more = [f"* and {left_out:,} more: see `matrix.csv`"] if left_out else []
    return [f"* {line}" for line in lines[:LISTED]] + more


def _place(finding: Finding) -> str:
    shown = ", ".join(map(code, finding.cases[:LISTED_CASES]))
    left_out = len(finding.cases) - LISTED_CASES
    more = f" and {left_out:,} more" if left_out > 0 else ""
    return f"{shown}{more} on {', '.join(map(code, finding.columns))}"


def _verdict(finding: Finding) -> str:
    return finding.verdict.value if finding.verdict else ""


def _word(status: Status) -> str:
    """Return the status as a word; the weight of the word carries what a colour would."""
    word = status.value.replace("_", " ")
    if status is Status.WRONG:
        return f"**{word.upper()}**"
    return word if status in FINE or status not in ATTENTION else f"**{word}**"


def _source(remedy: Remedy) -> str:
    return _link(remedy.source)


def _link(address: str) -> str:
    return f" (<{address}>)" if re.fullmatch(r"https?://[\w./~#?=&%:+-]+", address) else ""
