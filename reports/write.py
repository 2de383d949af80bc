"""A run folder in, its reports out; a file appears complete or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from matrix.record import Record
from matrix.record_json import RecordError, from_json
from reports.csv_table import to_csv
from reports.differences_csv import to_csv as differences_to_csv
from reports.html_page import to_html
from reports.json_export import to_json
from reports.markdown_summary import to_markdown
from reports.text import count, one_line

Write = Callable[[Sequence[Record], Sequence[str]], str]

FILES: Mapping[str, Write] = {
    "matrix.csv": lambda records, _problems: to_csv(records),
    "matrix.md": to_markdown,
    "index.html": to_html,
    "summary.json": to_json,
    "differences.csv": lambda records, _problems: differences_to_csv(records),
}


def write_reports(run: Path) -> tuple[Path, ...]:
    """Write every report of the run folder ``run`` from its ``records.jsonl``, and return their paths.

    Lines that cannot be read are left out, and every report but the CSV says so.

    Raises:
        OSError: there is no ``records.jsonl``, or a report cannot be written.
    """
    records, problems = read_run(run / "records.jsonl")
    return tuple(_write(run / name, write(records, problems)) for name, write in FILES.items())


def read_run(path: Path) -> tuple[list[Record], list[str]]:
    """Return the records in ``path``, and one sentence for each kind of line that could not be read.

    Raises:
        OSError: the file cannot be read.
    """
    records: list[Record] = []
    broken: list[str] = []
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                records.append(from_json(line))
            except RecordError as error:
                broken.append(f"line {number} ({one_line(str(error), 200)})")
    return records, [_broken_text(path.name, broken)] if broken else []


def _broken_text(name: str, broken: Sequence[str]) -> str:
    more = f" and {len(broken) - 3:,} more" if len(broken) > 3 else ""
    return f"{name}: {count(len(broken), 'line')} could not be read and left out: {', '.join(broken[:3])}{more}."


def _write(path: Path, text: str) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        # A lone surrogate, which JSON can spell, cannot be written as UTF-8.
        temporary.write_text(text, encoding="utf-8", errors="replace", newline="\n")
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return path
