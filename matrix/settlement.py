"""What a record means to pytest: pass, xfail, skip or fail, and in which words."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from cases.catalogue import INVALID_ON_PURPOSE, WRONG_CALIBRATION
from matrix.record import FINE, REFUSED, SILENT, Precision, Record, Status, Verdict
from reports.reproduction import command

EXPECTED = REFUSED | {Status.UNVERIFIED}
CHANGED = frozenset({Verdict.REGRESSION, Verdict.PROGRESSION, Verdict.FLAKY})


def settle(record: Record, *, judged: bool = True, strict: bool = False) -> None:
    """Pass, or raise pytest's outcome for ``record``; not ``judged`` means that a baseline is being written.

    With a baseline: what is the same passes or is an expected failure, any change fails with both statuses named.
    Without one: a refusal and whatever a known issue explains are expected failures; a wrong answer, a crash and a
    time-out fail. A model that is invalid, or calibrated wrongly, on purpose passes when it is refused. A known issue
    past its expiry fails. ``strict``: what the baseline does not have fails as well, whether it ran or not.
    """
    status, issue = record.status, record.known_issue
    if status is Status.INVALID_CASE:
        pytest.fail(_words(record), pytrace=False)
    if judged and (record.verdict in CHANGED or (issue and issue.expired) or (strict and _is_news(record))):
        pytest.fail(_words(record), pytrace=False)
    if status in SILENT:
        pytest.skip(f"{status}: {record.reason}")
    if status in FINE or (status in REFUSED and _has_to_be_refused(record)):
        return
    if status in EXPECTED or record.verdict is Verdict.SAME or issue or not judged:
        known = f" (known: {issue.reason} {issue.link})" if issue else ""
        # pytest.xfail() would have pytest format a traceback that nobody reads: 20 ms a cell
        raise pytest.xfail.Exception(f"{status}: {record.reason}{known}", pytrace=False)
    pytest.fail(_words(record), pytrace=False)


def _has_to_be_refused(record: Record) -> bool:
    wrong_calibration = WRONG_CALIBRATION in record.case.tags and record.precision is Precision.INT8_CALIBRATED
    return wrong_calibration or INVALID_ON_PURPOSE in record.case.tags


def unusable_runtimes(records: Iterable[Record]) -> dict[str, str]:
    """Return the runtimes of which no cell could run, with the first reason.

    A cell that does not apply, and a case that is our own fault, are known without the runtime: they say nothing of it.
    """
    reasons: dict[str, str] = {}
    usable = set()
    for record in records:
        if record.status is Status.NOT_RUN:
            reasons.setdefault(record.runtime.name, record.reason)
        elif record.status not in (Status.NOT_APPLICABLE, Status.INVALID_CASE):
            usable.add(record.runtime.name)
    return {name: reason for name, reason in reasons.items() if name not in usable}


def _is_news(record: Record) -> bool:
    """Say whether the baseline has no line for what happened; a cell that did not run may stand there as such."""
    return record.verdict is Verdict.NEW or (record.verdict is None and record.status is Status.NOT_RUN)


def _words(record: Record) -> str:
    was = f" (the baseline says {record.baseline or 'nothing'})" if record.baseline or _is_news(record) else ""
    issue = record.known_issue
    expired = f", which {issue.expires} should no longer need" if issue and issue.expired else ""
    lines = [
        f"{record.case.id} on {record.runtime.name}: {record.verdict or record.status}: {record.status}{was}",
        f"  why:       {record.reason or 'it ' + record.status}",
        f"  known:     {issue.reason} {issue.link}{expired}" if issue else "",
        f"  remedy:    {record.remedy}" if record.remedy else "",
        f"  evidence:  {record.artifacts['job']}" if "job" in record.artifacts else "",
        f"  bundle:    {record.artifacts['repro']}" if "repro" in record.artifacts else "",
        f"  reproduce: {command(record)}",
    ]
    return "\n".join(line for line in lines if line)
