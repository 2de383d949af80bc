"""What each status and verdict means to pytest."""

from __future__ import annotations

from dataclasses import replace

import pytest
from _pytest.outcomes import OutcomeException

from matrix.record import RuntimeInfo, Status, Verdict
from matrix.settlement import settle, unusable_runtimes
from reports.reproduction import command
from tests.test_record import sample


def outcome(status: Status, verdict: Verdict | None, baseline: Status | None = None, *, judged: bool = True) -> str:
    try:
        settle(replace(sample(), status=status, verdict=verdict, baseline=baseline, reason="why"), judged=judged)
    except OutcomeException as raised:
        return type(raised).__name__.lower()
    return "passed"


@pytest.mark.parametrize(
    ("status", "new", "same"),
    [
        (Status.MATCH, "passed", "passed"),
        (Status.BUILDS, "passed", "passed"),
        (Status.UNSUPPORTED, "xfailed", "xfailed"),
        (Status.BUILD_FAILED, "xfailed", "xfailed"),
        (Status.RUN_FAILED, "xfailed", "xfailed"),
        (Status.UNVERIFIED, "xfailed", "xfailed"),
        (Status.WRONG, "failed", "xfailed"),
        (Status.DRIFT, "failed", "xfailed"),
        (Status.CRASH, "failed", "xfailed"),
        (Status.TIMEOUT, "failed", "xfailed"),
        (Status.NOT_RUN, "skipped", "skipped"),
        (Status.NOT_APPLICABLE, "skipped", "skipped"),
        (Status.INVALID_CASE, "failed", "failed"),
    ],
)
def test_with_and_without_a_baseline(status: Status, new: str, same: str) -> None:
    assert outcome(status, Verdict.NEW) == new
    assert outcome(status, Verdict.SAME, status) == same
    written = outcome(status, Verdict.NEW, judged=False)
    assert written == {"failed": "xfailed"}.get(new, new) if status is not Status.INVALID_CASE else "failed"


@pytest.mark.parametrize("verdict", [Verdict.REGRESSION, Verdict.PROGRESSION, Verdict.FLAKY])
def test_any_change_fails(verdict: Verdict) -> None:
    assert outcome(Status.BUILDS, verdict, Status.UNSUPPORTED) == "failed"
    assert outcome(Status.BUILDS, verdict, Status.UNSUPPORTED, judged=False) == "passed"


def test_a_failure_says_both_statuses_the_remedy_the_evidence_and_the_command() -> None:
    failing = replace(
        sample(), status=Status.WRONG, verdict=Verdict.REGRESSION, baseline=Status.BUILDS, reason="y is int8",
        remedy="Use INT8.", artifacts={"job": "jobs/x"},
    )  # fmt: skip
    with pytest.raises(pytest.fail.Exception) as raised:
        settle(failing)
    assert str(raised.value).splitlines() == [
        "c on rtx-1.7: regression: wrong (the baseline says builds)",
        "  why:       y is int8",
        "  remedy:    Use INT8.",
        "  evidence:  jobs/x",
        '  reproduce: pytest matrix/ --trt-version rtx-1.7 -k "c"',
    ]


def test_onnxruntime_is_reproduced_with_its_own_option() -> None:
    runtime = RuntimeInfo(name="ort-1.31:all", requested="1.31.1", product="onnxruntime")
    line = command(replace(sample(), runtime=runtime))
    assert line == 'pytest matrix/ --trt-version none --ort-version 1.31:all -k "c"'


def test_a_runtime_is_unusable_if_nothing_of_it_ran() -> None:
    other = RuntimeInfo(name="8.6", requested="8.6.1", product="tensorrt")
    records = [
        sample(),
        replace(sample(), status=Status.NOT_RUN, reason="needs a GPU"),
        replace(sample(), status=Status.NOT_RUN, reason="no GPU", runtime=other),
        replace(sample(), status=Status.NOT_RUN, reason="again", runtime=other),
    ]
    assert unusable_runtimes(records) == {"8.6": "no GPU"}
