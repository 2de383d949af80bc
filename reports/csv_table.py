"""`matrix.csv`: one line per record, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence

from matrix.record import Drift, Record
from reports.known_issues import issue_text
from reports.placement import placement_text
from reports.text import one_line

COLUMNS = (
    "case", "family", "op", "opset", "runtime", "version", "precision", "status", "verdict", "baseline", "stage",
    "reason", "signature", "max_abs", "sqnr_db", "max_steps", "seconds", "ran_in", "known_issue", "placement",
)  # fmt: skip
# A cell that begins with one of these is a formula to a spreadsheet, and a formula can start programs.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
TEXT_CHARACTERS = 2_000

Value = str | int | float | None


def to_csv(records: Iterable[Record]) -> str:
    """Return the records as CSV with a header; a number that is not one is "nan", an absent one is empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([safe(value) for value in values(record)] for record in records)
    return file.getvalue()


def values(record: Record) -> tuple[Value, ...]:
    """Return the values of `COLUMNS`.

    The drift figures are the worst over outputs and shape points: ``max_abs`` in the output's own unit, ``sqnr_db`` in
    dB, ``max_steps`` in quantization steps; None where nothing was compared. ``seconds`` is the sum over the stages.
    """
    drifts = [result.drift for result in record.results if result.drift is not None]
    return (
        record.case.id,
        record.case.family,
        record.case.op,
        record.case.opset,
        record.runtime.name,
        record.runtime.version,
        record.precision.value,
        record.status.value,
        record.verdict.value if record.verdict else "",
        record.baseline.value if record.baseline else "",
        record.stage,
        record.reason,
        record.signature,
        _worst([drift.max_abs for drift in drifts]),
        _worst([-drift.sqnr_db for drift in drifts], sign=-1),
        _worst_steps(drifts),
        round(sum(record.seconds.values()), 6) if record.seconds else None,
        record.ran_in,
        f"{issue_text(record.known_issue)} {record.known_issue.link}" if record.known_issue else "",
        placement_text(record),
    )


def _worst(figures: Sequence[float], sign: int = 1) -> float | None:
    """Return the largest figure times ``sign``; one that is not a number is worse than any number."""
    if any(math.isnan(figure) for figure in figures):
        return math.nan
    return sign * max(figures) if figures else None


def _worst_steps(drifts: Sequence[Drift]) -> int | None:
    return max((drift.max_steps for drift in drifts if drift.max_steps is not None), default=None)


def safe(value: Value) -> Value:
    """Return ``value`` as it may stand in a spreadsheet."""
    if not isinstance(value, str):
        return value
    line = one_line(value, TEXT_CHARACTERS)
    return "'" + line if line.startswith(FORMULA_STARTS) else line
