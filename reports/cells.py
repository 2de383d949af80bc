"""The matrix itself: which record stands at which case and column, and what its statuses say about each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from matrix.record import FINE, Precision, Record, Status, Verdict

# Our bugs and theirs, worst first: what a reader has to see before anything else.
ATTENTION = (Status.WRONG, Status.CRASH, Status.TIMEOUT, Status.DRIFT, Status.INVALID_CASE)
# Nothing was observed, so these differ from nothing.
UNOBSERVED = frozenset({Status.NOT_RUN, Status.NOT_APPLICABLE, Status.UNVERIFIED, Status.INVALID_CASE})

# What each status means, in the order in which reports list them: what is fine, what is alarming, what is refused,
# what is not known.
MEANINGS: Mapping[Status, str] = {
    Status.MATCH: "ran at every shape point, every output within tolerance of the reference",
    Status.BUILDS: "parsed and built; this machine cannot execute it",
    Status.WRONG: "a silently wrong answer: another shape, type or non-finite pattern, or far from the reference",
    Status.CRASH: "the process died",
    Status.TIMEOUT: "the process passed its deadline",
    Status.DRIFT: "ran; some value is outside tolerance",
    Status.INVALID_CASE: "the model itself is not valid ONNX: a fault of the case",
    Status.UNSUPPORTED: "the parser refused it",
    Status.BUILD_FAILED: "the builder refused it",
    Status.RUN_FAILED: "the execution refused it",
    Status.UNVERIFIED: "ran, but no reference can run it",
    Status.NOT_APPLICABLE: "the release has no such feature",
    Status.NOT_RUN: "the environment, GPU or package was missing; says nothing about the release",
}

NO_REASON = "no reason was recorded"
MARKS: Mapping[Verdict, str] = {Verdict.REGRESSION: "▼", Verdict.PROGRESSION: "▲", Verdict.FLAKY: "~"}
CHANGED: Mapping[Verdict, str] = {
    Verdict.REGRESSION: "worse than in the runtime's baseline",
    Verdict.PROGRESSION: "better than in the runtime's baseline",
    Verdict.FLAKY: "disagreed with itself when it was run again",
}


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Records by case and column; of two records of one cell the later one counts."""

    cases: tuple[str, ...]  # in order of first appearance
    columns: tuple[str, ...]  # in order of first appearance
    cells: Mapping[tuple[str, str], Record]

    def records(self) -> Iterable[Record]:
        """Return every record that counts, in order of first appearance of its cell."""
        return self.cells.values()

    def row(self, case: str) -> list[Record | None]:
        return [self.cells.get((case, column)) for column in self.columns]

    def column(self, column: str) -> list[Record]:
        found = (self.cells.get((case, column)) for case in self.cases)
        return [record for record in found if record is not None]


def column_of(record: Record) -> str:
    """Return the column of a record: the runtime, and the precision where it is not the model's own."""
    name = record.runtime.name
    return name if record.precision is Precision.EXPLICIT else f"{name}/{record.precision.value}"


def arrange(records: Iterable[Record]) -> Matrix:
    """Return the matrix of ``records``."""
    cells: dict[tuple[str, str], Record] = {}
    for record in records:
        cells[record.case.id, column_of(record)] = record
    return Matrix(
        cases=tuple(dict.fromkeys(case for case, _ in cells)),
        columns=tuple(dict.fromkeys(column for _, column in cells)),
        cells=cells,
    )


def differs(statuses: Sequence[Status]) -> bool:
    """Return whether these runtimes disagree: match and builds count as equal, what was not observed as nothing."""
    return len({"fine" if status in FINE else status.value for status in statuses if status not in UNOBSERVED}) > 1


def is_changed(record: Record) -> bool:
    """Return whether the cell differs from the runtime's baseline, or from itself."""
    return record.verdict in MARKS
