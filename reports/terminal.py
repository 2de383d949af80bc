"""The run on a terminal: the table of cases and runtimes, what has changed, what needs attention, and what to do."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from matrix.record import FINE, Record, Verdict
from reports.cells import CHANGED, MARKS, MEANINGS, NO_REASON
from reports.differences import Difference, right_text, size_text, tallies
from reports.known_issues import issue_text
from reports.placement import cpu_text
from reports.references import Disagreement, sides_text
from reports.summary import Finding, Gap, Remedy, Summary, change_text, headline, summarize
from reports.terminal_tables import WORDS, case_tables, op_tables, plain_table, tally
from reports.text import count, one_line, share

FULL_TABLE = 150  # cases; of more only one line per op is printed
NO_DIFFERENCE = "No two runtimes of one product gave different answers to one case."
LISTED = 25  # findings of one section
LISTED_DIFFERENCES = 2  # cases of one way in which two runtimes differ
LISTED_CASES = 3  # cases of one finding or remedy


def render_differences(records: Iterable[Record], *, width: int, color: bool, problems: Sequence[str] = ()) -> str:
    """Return every difference between runtimes as text of at most ``width`` columns."""
    summary = summarize(records, problems)
    lines = list(_differences(summary.differences, examples=len(summary.differences)))
    parts = [Text(one_line(problem), "bold red") for problem in summary.problems]
    found = list(_section("Differences between runtimes", lines, limit=len(lines)))
    return _printed([*parts, *(found or [Text(NO_DIFFERENCE)])], width=width, color=color)


def render(records: Iterable[Record], *, width: int, color: bool, problems: Sequence[str] = ()) -> str:
    """Return the run as text of at most ``width`` columns, with ANSI colours where ``color`` is true."""
    return _printed(_parts(summarize(records, problems), max(width, 40)), width=width, color=color)


def _printed(parts: Iterable[RenderableType], *, width: int, color: bool) -> str:
    console = Console(
        file=io.StringIO(),
        width=max(width, 40),
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        highlight=False,
        legacy_windows=False,
    )
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _parts(summary: Summary, width: int) -> Iterable[RenderableType]:
    matrix = summary.matrix
    for problem in summary.problems:
        yield Text(one_line(problem), "bold red")
    if not matrix.cases:
        return
    tables = case_tables if len(matrix.cases) <= FULL_TABLE else op_tables
    for table in tables(matrix, width):
        yield Text()
        yield table
    yield _legend(summary)
    yield _counts(summary)
    for column in summary.columns:
        if any(column.on_cpu):
            yield Text(f"{one_line(column.name)}: {cpu_text(*column.on_cpu)}", "dim")
    yield from _section("Changed against the baselines", [_change(finding) for finding in summary.changes])
    yield from _section("Needs attention", [_attention(finding) for finding in summary.attention])
    yield from _section("What to do", [_remedy(remedy) for remedy in summary.remedies])
    yield from _section("The references disagree", [_disagreement(found) for found in summary.disagreements])
    yield from _section("Not run", [_gap(gap) for gap in summary.gaps])
    yield from _section("Differences between runtimes", list(_differences(summary.differences)))
    yield Text()
    if summary.second_reference:
        yield Text(f"second reference: {summary.second_reference}", "dim")
    yield Text(headline(summary), "bold")


def _legend(summary: Summary) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    for status in summary.counts:
        table.add_row(Text(*WORDS[status]), Text(MEANINGS[status], "dim"))
    for verdict, meaning in CHANGED.items():
        if any(verdict in column.verdicts for column in summary.columns):
            table.add_row(Text(MARKS[verdict], "bold"), Text(meaning, "dim"))
    return Padding(table, (1, 0))


def _counts(summary: Summary) -> Table:
    table = plain_table()
    table.add_column("runtime", no_wrap=True)
    table.add_column("loaded version")
    table.add_column("cells", justify="right")
    table.add_column("match or builds", justify="right")
    table.add_column("otherwise")
    for column in summary.columns:
        others = {status: number for status, number in column.counts.items() if status not in FINE}
        table.add_row(
            Text(one_line(column.name)),
            Text(", ".join(map(one_line, column.versions)) or "none loaded"),
            f"{column.total:,}",
            f"{column.calm:,} ({share(column.calm, column.total)})",
            Text(", ").join(tally(others).split("\n")),
        )
    return table


def _section(title: str, lines: Sequence[tuple[Text, Text]], limit: int = LISTED) -> Iterable[RenderableType]:
    """Yield a list of findings: what it is on the left, the words beside it."""
    if not lines:
        return
    yield Text(f"\n{title}", "bold underline")
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, words in lines[:limit]:
        table.add_row(label, words)
    if len(lines) > limit:
        table.add_row("", Text(f"and {len(lines) - limit:,} more: see matrix.md", "dim"))
    yield Padding(table, (0, 0, 0, 2))


def _change(finding: Finding) -> tuple[Text, Text]:
    style = "bold red" if finding.verdict is Verdict.REGRESSION else "bold"
    verdict = finding.verdict.value if finding.verdict else ""
    return Text(verdict, style), _place(finding, change_text(finding))


def _attention(finding: Finding) -> tuple[Text, Text]:
    same = " (as in the baseline)" if finding.verdict is Verdict.SAME else ""
    known = f"\nknown: {issue_text(finding.known)}\n{one_line(finding.known.link)}" if finding.known else ""
    return Text(*WORDS[finding.status]), _place(finding, (finding.reason or NO_REASON) + same + known)


def _remedy(remedy: Remedy) -> tuple[Text, Text]:
    places = Text(f"\n{_listed(list(remedy.cells))}\n{one_line(remedy.source)}", "dim")
    words = Text(f"{one_line(remedy.signature)}: ", "bold") + Text(one_line(remedy.text, 2_000)) + places
    return Text(count(remedy.total, "cell")), words


def _disagreement(found: Disagreement) -> tuple[Text, Text]:
    where = f"{one_line(found.case)}, output {one_line(found.output)} at {one_line(found.point)}"
    return Text("differ"), Text(f"{where}: {found.figure}") + Text(f"\n{sides_text(found)}", "dim")


def _differences(differences: Sequence[Difference], examples: int = LISTED_DIFFERENCES) -> Iterable[tuple[Text, Text]]:
    """Yield a line for each pair and way of differing, with the first cases; the whole table is differences.csv."""
    for pair, way, found in tallies(differences):
        lines = [f"{one_line(item.case)}: {size_text(item)}; {right_text(item)}" for item in found[:examples]]
        more = [f"and {len(found) - examples:,} more: see differences.csv"] if len(found) > examples else []
        yield Text(" | ".join(map(one_line, pair)), "bold"), Text(way) + Text("\n" + "\n".join([*lines, *more]), "dim")


def _gap(gap: Gap) -> tuple[Text, Text]:
    return Text(count(gap.total, "cell")), Text(f"{one_line(gap.column)}: {gap.reason or NO_REASON}")


def _place(finding: Finding, words: str) -> Text:
    where = f" on {', '.join(map(one_line, finding.columns))}: {words}"
    if len(finding.cases) == 1:
        return Text(one_line(finding.cases[0]) + where)
    return Text(count(len(finding.cases), "case") + where) + Text(f"\n{_listed(finding.cases)}", "dim")


def _listed(cases: Sequence[str]) -> str:
    more = f" and {len(cases) - LISTED_CASES:,} more" if len(cases) > LISTED_CASES else ""
    return f"{', '.join(map(one_line, cases[:LISTED_CASES]))}{more}"
