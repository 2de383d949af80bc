"""The shipped known_issues.toml: it is alive, and it says no more and no less than the baselines."""

from __future__ import annotations

import pytest

from cases.catalogue import catalogue
from matrix.known_issues import load_known_issues
from matrix.record import CaseInfo, MachineInfo, Precision, Record, RuntimeInfo, Status
from matrix.runtimes.releases import load
from matrix.runtimes.selection import Runtime
from matrix.verdict.baseline import FOLDER, read_baseline
from matrix.verdict.known_issues import FILE, explain
from reports.known_issues import stale_issues

CASES = {case.id: case for case in catalogue()}
RUNTIMES = tuple(Runtime(release) for release in load() if (FOLDER / f"{release.name}.csv").exists())
ISSUES = load_known_issues(FILE, RUNTIMES, list(CASES))


def explained(runtime: Runtime) -> list[Record]:
    """Return the records of a run in which everything is as in the baseline."""
    info = RuntimeInfo(name=runtime.name, requested=runtime.release.version, product=runtime.release.product)
    return [
        explain(
            Record(
                run="r",
                time="t",
                case=CaseInfo(
                    id=case, family="", op=CASES[case].op, opset=CASES[case].opset, tags=tuple(CASES[case].tags)
                ),
                runtime=info,
                machine=MachineInfo(os="Linux"),
                precision=Precision(precision),
                status=status,
            ),
            ISSUES,
        )
        for (case, precision), status in read_baseline(FOLDER / f"{runtime.file_name}.csv").statuses.items()
    ]


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.name)
def test_every_wrong_answer_and_every_crash_is_explained_and_nothing_is_stale(runtime: Runtime) -> None:
    records = explained(runtime)
    alarming = (Status.WRONG, Status.CRASH, Status.TIMEOUT, Status.DRIFT)
    assert [record.case.id for record in records if record.status in alarming and record.known_issue is None] == []
    assert [stale.issue.name for stale in stale_issues(records)] == []
    assert [record.case.id for record in records if record.known_issue and record.known_issue.expired] == []
    # No entry names a cell that is well: a run of a part of its cells must not take it for stale.
    assert [record.case.id for record in records if record.absent_issues] == []
