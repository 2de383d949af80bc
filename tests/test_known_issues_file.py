"""The shipped known_issues.toml: it is alive, and it says no more and no less than the baselines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cases.catalogue import catalogue
from matrix.known_issues import load_known_issues
from matrix.record import CaseInfo, MachineInfo, Precision, Record, RuntimeInfo, Status
from matrix.runtimes.releases import Product
from matrix.runtimes.selection import select_onnxruntime, select_tensorrt
from matrix.verdict.baseline import FOLDER, read_baseline
from matrix.verdict.known_issues import FILE, explain
from reports.known_issues import stale_issues

CASES = {case.id: case for case in catalogue()}
BASELINES = sorted(FOLDER.glob("*.csv"))
ISSUES = load_known_issues(FILE, (), list(CASES))


def runtime_of(baseline: Path) -> RuntimeInfo:
    """Return the runtime that ``baseline`` is about; that of classic TensorRT is named for its exact version."""
    name = re.sub(r"-sm\d+$", "", baseline.stem)  # what executes on a GPU is known per architecture
    family, _, version = name.partition("-")
    if family == "trt":
        return RuntimeInfo(name=version, requested=version, product=Product.TENSORRT)
    (runtime,) = select_onnxruntime(name, "off", {}) if family == "ort" else select_tensorrt(name, {})
    return RuntimeInfo(name=runtime.name, requested=runtime.release.version, product=runtime.release.product)


def explained(baseline: Path) -> list[Record]:
    """Return the records of a run in which everything is as in ``baseline``."""
    info = runtime_of(baseline)
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
        for (case, precision), status in read_baseline(baseline).statuses.items()
    ]


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda baseline: baseline.stem)
def test_every_wrong_answer_and_every_crash_is_explained_and_nothing_is_stale(baseline: Path) -> None:
    records = explained(baseline)
    alarming = (Status.WRONG, Status.CRASH, Status.TIMEOUT, Status.DRIFT)
    assert [record.case.id for record in records if record.status in alarming and record.known_issue is None] == []
    assert [stale.issue.name for stale in stale_issues(records)] == []
    assert [record.case.id for record in records if record.known_issue and record.known_issue.expired] == []
    # No entry names a cell that is well: a run of a part of its cells must not take it for stale.
    assert [record.case.id for record in records if record.absent_issues] == []
