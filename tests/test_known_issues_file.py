"""The shipped known_issues.toml: it is alive, and it says no more and no less than the baselines."""

from __future__ import annotations

import pytest

from cases.catalogue import INVALID_ON_PURPOSE, catalogue
from matrix.expectations import read_expectations
from matrix.plan import Cell
from matrix.record import CaseInfo, MachineInfo, Precision, Record, RuntimeInfo, Status
from matrix.runtimes.releases import load
from matrix.runtimes.selection import Runtime
from matrix.verdict.baseline import FOLDER
from matrix.verdict.known_issues import FILE, Entry, explain
from reports.known_issues import stale_issues

CASES = {case.id: case for case in catalogue()}
RUNTIMES = tuple(Runtime(release) for release in load() if (FOLDER / f"{release.name}.csv").exists())
EXPECTATIONS = read_expectations(RUNTIMES, baselines=FOLDER, updating=False, known_issues=FILE, cases=list(CASES))


def baseline_records(runtime: Runtime) -> list[Record]:
    """Return the records of a run in which everything was as in the baseline."""
    info = RuntimeInfo(name=runtime.name, requested=runtime.release.version, product=runtime.release.product)
    return [
        Record(
            run="r", time="t", machine=MachineInfo(os="Linux"), precision=Precision(precision), status=status,
            case=CaseInfo(
                id=case, family=CASES[case].family, op=CASES[case].op, opset=1, tags=tuple(CASES[case].tags)
            ),
            runtime=info,
        )
        for (case, precision), status in EXPECTATIONS.baselines[runtime.baseline_name].statuses.items()
    ]  # fmt: skip


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.name)
def test_every_wrong_answer_and_every_crash_is_explained_and_nothing_is_stale(runtime: Runtime) -> None:
    records = [EXPECTATIONS.explain(record) for record in baseline_records(runtime)]
    unexplained = [
        record.case.id
        for record in records
        if record.status in (Status.WRONG, Status.CRASH, Status.DRIFT) and record.known_issue is None
    ]
    assert unexplained == []
    assert [stale.issue.name for stale in stale_issues(records)] == []
    assert [record.case.id for record in records if record.known_issue and record.known_issue.expired] == []


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.name)
def test_an_entry_names_no_cell_that_is_well(runtime: Runtime) -> None:
    """So that a run of a part of its cells does not take it for stale."""
    for record in baseline_records(runtime):
        explained = EXPECTATIONS.explain(record)
        assert explained.absent_issues == (), record.case.id
