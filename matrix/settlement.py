"""What a record means to pytest: pass, xfail, skip or fail, and in which words."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from cases.catalogue import INVALID_ON_PURPOSE, WRONG_CALIBRATION
from matrix.record import FINE, REFUSED, SILENT, Precision, Record, Status, Verdict
from reports.reproduction import command

EXPECTED = REFUSED | {Status.UNVERIFIED}


def settle(record: Record, *, judged: bool = True) -> None:
    """Pass, or raise pytest's outcome for ``record``; not ``judged`` means that a baseline is being written.

    With a baseline: what is the same passes or is an expected failure, any change fails with both statuses named.
    Without one: a refusal is an expected failure; a wrong answer, a crash and a time-out fail. A model that is invalid,
    or calibrated wrongly, on purpose passes when it is refused.
    """
    status = record.status
    if status in SILENT:
        pytest.skip(f"{status}: {record.reason}")
    if status is Status.INVALID_CASE:
        pytest.fail(_words(record), pytrace=False)
    if record.verdict in (Verdict.REGRESSION, Verdict.PROGRESSION, Verdict.FLAKY) and judged:
        pytest.fail(_words(record), pytrace=False)
    if status in FINE or (status in REFUSED and _has_to_be_refused(record)):
        return
    if status in EXPECTED or record.verdict is Verdict.SAME or not judged:
        # pytest.xfail() would have pytest format a traceback that nobody reads: 20 ms a cell
        raise pytest.xfail.Exception(f"{status}: {record.reason}", pytrace=False)
    pytest.fail(_words(record), pytrace=False)


def _has_to_be_refused(record: Record) -> bool:
    wrong_calibration = WRONG_CALIBRATION in record.case.tags and record.precision is Precision.INT8_CALIBRATED
    return wrong_calibration or INVALID_ON_PURPOSE in record.case.tags


def unusable_runtimes(records: Iterable[Record]) -> dict[str, str]:
    """Return the runtimes of which no cell could run, with the first reason."""
    reasons: dict[str, str] = {}
    usable = set()
    for record in records:
        if record.status is Status.NOT_RUN:
            reasons.setdefault(record.runtime.name, record.reason)
        else:
            usable.add(record.runtime.name)
    return {name: reason for name, reason in reasons.items() if name not in usable}


def _words(record: Record) -> str:
    was = f" (the baseline says {record.baseline})" if record.baseline else ""
    lines = [
        f"{record.case.id} on {record.runtime.name}: {record.verdict or record.status}: {record.status}{was}",
        f"  why:       {record.reason or 'it ' + record.status}",
        f"  remedy:    {record.remedy}" if record.remedy else "",
        f"  evidence:  {record.artifacts['job']}" if "job" in record.artifacts else "",
        f"  reproduce: {command(record)}",
    ]
    return "\n".join(line for line in lines if line)
