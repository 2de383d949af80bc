"""What a record says of the report that a case reproduces."""

from __future__ import annotations

from cases.case import Case
from cases.catalogue import INVALID_ON_PURPOSE, WRONG_CALIBRATION
from matrix.record import Precision, ReportedBug, Symptom


def reported_bug(case: Case) -> ReportedBug | None:
    """Return what a record of ``case`` says of the report that it reproduces, None if it reproduces none.

    Raises:
        ValueError: the report has a word that the record does not know.
    """
    report = case.report
    if report is None:
        return None
    return ReportedBug(
        product=report.product,
        versions=report.versions,
        symptom=report.symptom,
        shown_by=tuple(map(Symptom, report.shown_by)),
        operators=report.operators,
        control=report.control,
        precision=Precision(report.precision),
        fixed_in=report.fixed_in,
        rightly_refused=bool(case.tags & {INVALID_ON_PURPOSE, WRONG_CALIBRATION}),
    )
