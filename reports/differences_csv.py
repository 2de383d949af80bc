"""`differences.csv`: one line for each case on which two runtimes of one product differ."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from matrix.record import Record
from reports.cells import column_of
from reports.csv_table import Value, safe
from reports.differences import Difference, find_differences, measured_against, size_text

COLUMNS = (
    "case", "op", "precision", "runtime", "other", "kind", "status", "other_status", "agrees_with_reference", "differ",
    "compared", "point", "output", "max_abs", "mean_abs", "max_rel", "sqnr_db", "share_off", "nonfinite_mismatches",
    "max_steps", "words",
)  # fmt: skip


def to_csv(records: Iterable[Record]) -> str:
    """Return every difference as CSV with a header: the figures of ``runtime`` with ``other`` as the reference."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([safe(value) for value in values(item)] for item in find_differences(records))
    return file.getvalue()


def values(difference: Difference) -> tuple[Value, ...]:
    """Return the values of `COLUMNS`; figures that were not taken are None."""
    record, other = measured_against(difference)
    figures = difference.figures
    drift = figures.drift if figures else None
    return (
        difference.case,
        record.case.op,
        record.precision.value,
        column_of(record),
        column_of(other),
        difference.kind,
        record.status.value,
        other.status.value,
        difference.right,
        figures.differ if figures else None,
        figures.compared if figures else None,
        figures.point if figures else "",
        figures.output if figures else "",
        drift.max_abs if drift else None,
        drift.mean_abs if drift else None,
        drift.max_rel if drift else None,
        drift.sqnr_db if drift else None,
        drift.share_off if drift else None,
        drift.nonfinite_mismatches if drift else None,
        drift.max_steps if drift else None,
        size_text(difference),
    )
