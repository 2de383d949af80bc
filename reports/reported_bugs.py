"""Whether the bugs that were reported in public show themselves on the runtimes of a run, told from the records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum

from matrix.record import REFUSED, Record, ReportedBug, Status, Symptom
from reports.cells import arrange, column_of


class Answer(Enum):
    """What a cell says of the bug; only a runtime of the product that the report is about reproduces it or does not."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    RELATED_SHOWS = "related product, shows it"
    RELATED_DOES_NOT = "related product, does not show it"
    NOT_RUN = "not run, no statement"


class Stage(IntEnum):
    """How far a cell came."""

    NONE = 0
    PARSE = 1
    BUILD = 2
    RUN = 3
    ANSWERS = 4


# What a symptom looks like in a record, and the stage without which its absence says nothing.
SHOWN: Mapping[Symptom, tuple[frozenset[Status], Stage]] = {
    Symptom.NOT_PARSED: (frozenset({Status.UNSUPPORTED}), Stage.PARSE),
    Symptom.NOT_BUILT: (frozenset({Status.BUILD_FAILED}), Stage.BUILD),
    Symptom.NOT_EXECUTED: (frozenset({Status.RUN_FAILED}), Stage.RUN),
    Symptom.DIED: (frozenset({Status.CRASH, Status.TIMEOUT}), Stage.NONE),  # beside another, which says when
    Symptom.WRONG_ANSWER: (frozenset({Status.WRONG}), Stage.ANSWERS),
    Symptom.INEXACT_ANSWER: (frozenset({Status.WRONG, Status.DRIFT}), Stage.ANSWERS),
}
REFUSALS = {Symptom.NOT_PARSED, Symptom.NOT_BUILT, Symptom.NOT_EXECUTED}
ANSWERED = {Status.MATCH, Status.DRIFT, Status.WRONG}
UNOBSERVED = {Status.NOT_RUN, Status.NOT_APPLICABLE, Status.INVALID_CASE}
STAGES: Mapping[str, Stage] = {"load": Stage.PARSE, "parse": Stage.PARSE, "run": Stage.RUN}
PRODUCTS: Mapping[str, str] = {
    "tensorrt": "TensorRT",
    "tensorrt_rtx": "TensorRT-RTX",
    "onnxruntime": "ONNX Runtime",
}
RELATED = {"tensorrt", "tensorrt_rtx"}  # of one origin; what one of them does says nothing certain of the other


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one cell says."""

    answer: Answer
    status: Status
    reason: str


@dataclass(frozen=True, kw_only=True)
class Bug:
    """A reported bug, and what each column says of it; a column of another product says nothing and is left out."""

    case: str
    link: str
    report: ReportedBug
    told: Mapping[str, Told] = field(default_factory=dict)


def reported_bugs(records: Iterable[Record]) -> tuple[Bug, ...]:
    """Return the reported bugs among the cases of ``records``, in order of first appearance."""
    matrix = arrange(records)
    found = []
    for case in matrix.cases:
        cells = [record for record in matrix.row(case) if record]
        info = cells[-1].case
        if info.report:
            controls = dict(zip(matrix.columns, matrix.row(info.report.control), strict=True))
            told = {column_of(record): each for record in cells for each in _told(record, controls[column_of(record)])}
            found.append(Bug(case=case, link=info.source, report=info.report, told=told))
    return tuple(found)


def columns(bugs: Iterable[Bug]) -> tuple[str, ...]:
    """Return the columns that say something of a bug, in order of first appearance."""
    return tuple(dict.fromkeys(column for bug in bugs for column in bug.told))


def _told(record: Record, control: Record | None) -> Iterator[Told]:
    """Yield what a cell says, nothing if it is one of another product or precision."""
    report = record.case.report
    if report is None or record.precision is not report.precision:
        return
    same = record.runtime.product == report.product
    if same or {record.runtime.product, report.product} == RELATED:
        yield Told(answer=_answer(record, report, same, control), status=record.status, reason=record.reason)


def _answer(record: Record, report: ReportedBug, same: bool, control: Record | None) -> Answer:
    shown = _is_shown(record, report)
    if shown and report.control and (control is None or control.status in REFUSED | UNOBSERVED):
        shown = None  # without the control nobody knows whose symptom this is
    if shown is None:
        return Answer.NOT_RUN
    if same:
        return Answer.REPRODUCED if shown else Answer.NOT_REPRODUCED
    return Answer.RELATED_SHOWS if shown else Answer.RELATED_DOES_NOT


def _is_shown(record: Record, report: ReportedBug) -> bool | None:
    """Say whether the cell shows the symptom; None where it did not come that far, or was refused elsewhere."""
    reached = _reached(record)
    symptoms = [symptom for symptom in report.shown_by if record.status in SHOWN[symptom][0]]
    if record.status in UNOBSERVED or (REFUSALS & set(symptoms) and _is_refused_by_us_alone(record)):
        return None
    if any(SHOWN[symptom][1] <= reached for symptom in symptoms):
        return True if _is_at(record, report) else None  # refused before the operator of the report
    needed = max((SHOWN[symptom][1] for symptom in report.shown_by), default=Stage.NONE)
    return False if needed <= reached else None


def _reached(record: Record) -> Stage:
    if record.status in ANSWERED and record.results:
        return Stage.ANSWERS
    return STAGES.get(record.stage.partition(":")[0], Stage.BUILD) if record.stage else Stage.NONE


def _is_refused_by_us_alone(record: Record) -> bool:
    """Say whether the harness refused and the runtime did not: that tells nothing about the runtime."""
    sources = {item.source for item in record.diagnostics if item.severity == "error"}
    return sources == {"harness"}


def _is_at(record: Record, report: ReportedBug) -> bool:
    """Say whether the operators that the runtime names, if it names any, are those of the report."""
    named = {item.op for item in record.diagnostics if item.severity == "error" and item.op}
    return not named or not report.operators or bool(named & set(report.operators))
