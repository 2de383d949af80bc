"""The matrix as tables for a terminal of any width: by case, or by operator where there are too many cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from matrix.record import Record, Status
from reports.cells import MARKS, MEANINGS, Matrix
from reports.text import one_line

LEAST_ROOM = 20  # for a case or an operator
GAP = 2  # columns between two columns

# One word of at most seven letters for each status, and how it looks: calm, telling or alarming.
WORDS: Mapping[Status, tuple[str, str]] = {
    Status.MATCH: ("match", "green"),
    Status.BUILDS: ("builds", "green"),
    Status.DRIFT: ("drift", "bold yellow"),
    Status.WRONG: ("WRONG", "bold white on red"),
    Status.UNSUPPORTED: ("unsupp", "cyan"),
    Status.BUILD_FAILED: ("bfail", "yellow"),
    Status.RUN_FAILED: ("rfail", "yellow"),
    Status.CRASH: ("CRASH", "bold red"),
    Status.TIMEOUT: ("TIMEOUT", "bold red"),
    Status.UNVERIFIED: ("unverif", ""),
    Status.NOT_APPLICABLE: ("n/a", "dim"),
    Status.NOT_RUN: ("not run", "dim"),
    Status.INVALID_CASE: ("invalid", "bold magenta"),
}


def case_tables(matrix: Matrix, width: int) -> Iterator[Table]:
    """Yield the table of cases and runtimes, in several parts if the runtimes do not fit side by side."""
    rows: dict[str, dict[str, Text]] = {}
    for (case, column), record in matrix.cells.items():
        rows.setdefault(case, {})[column] = _cell(record)
    yield from _tables("case", rows, matrix.columns, width)


def op_tables(matrix: Matrix, width: int) -> Iterator[Table]:
    """Yield the table of operators and runtimes; a cell counts how its cases ended."""
    counters: dict[str, dict[str, Counter[Status]]] = {}
    for (_, column), record in matrix.cells.items():
        found = counters.setdefault(record.case.op or record.case.family, {})
        found.setdefault(column, Counter())[record.status] += 1
    rows = {op: {column: tally(counter) for column, counter in found.items()} for op, found in counters.items()}
    yield from _tables("op", rows, matrix.columns, width)


def plain_table() -> Table:
    return Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold underline")


def tally(counter: Mapping[Status, int]) -> Text:
    """Return the counts of the statuses that occur, one on each line."""
    counts = [(counter[status], *WORDS[status]) for status in MEANINGS if counter.get(status)]
    return Text("\n").join(Text(f"{number:,} {word}", style) for number, word, style in counts)


def _tables(head: str, rows: Mapping[str, Mapping[str, Text]], columns: Sequence[str], width: int) -> Iterator[Table]:
    for names, room in _parts(rows, columns, width):
        table = plain_table()
        table.add_column(head, no_wrap=True)
        for name in names:
            table.add_column(_header(name), no_wrap=True)
        for label, cells in rows.items():
            table.add_row(_folded(one_line(label), room), *(cells.get(name, Text()) for name in names))
        yield table


def _parts(
    rows: Mapping[str, Mapping[str, Text]], columns: Sequence[str], width: int
) -> Iterator[tuple[Sequence[str], int]]:
    """Yield the columns of each part, and the room that is left for the labels."""
    part: list[str] = []
    room = width
    for name in columns:
        texts = [_header(name), *(cells[name] for cells in rows.values() if name in cells)]
        wide = max(cell_len(line) for text in texts for line in text.plain.split("\n")) + GAP
        if part and room - wide < LEAST_ROOM:
            yield part, room
            part, room = [], width
        part.append(name)
        room -= wide
    yield part, room


def _header(name: str) -> Text:
    return Text(one_line(name, 20))


def _cell(record: Record) -> Text:
    mark = MARKS.get(record.verdict, "") if record.verdict else ""
    return Text(*WORDS[record.status]) + Text(mark, "bold")


def _folded(label: str, room: int) -> Text:
    """Break a long label after a hyphen; what follows is indented, so that no label looks like two."""
    lines = []
    rest = label
    while len(rest) > room:
        cut = rest.rfind("-", 3, room) + 1 or room
        lines.append(rest[:cut])
        rest = "  " + rest[cut:]
    return Text("\n".join([*lines, rest]))
