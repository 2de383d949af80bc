"""What each status and verdict means to pytest."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest
from _pytest.outcomes import OutcomeException

from cases.catalogue import INVALID_ON_PURPOSE
from matrix.record import KnownIssue, RuntimeInfo, Status, Verdict
from matrix.settlement import settle, unusable_runtimes
from reports.reproduction import command
from tests.test_record import sample


def outcome(
    status: Status,
    verdict: Verdict | None,
    baseline: Status | None = None,
    *,
    judged: bool = True,
    strict: bool = False,
) -> str:
    record = replace(sample(), status=status, verdict=verdict, baseline=baseline, reason="why")
    try:
        settle(record, judged=judged, strict=strict)
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


@pytest.mark.parametrize(
    ("status", "expected"), [(Status.UNSUPPORTED, "passed"), (Status.RUN_FAILED, "passed"), (Status.WRONG, "failed")]
)
def test_a_model_that_is_invalid_on_purpose_passes_when_it_is_refused(status: Status, expected: str) -> None:
    case = replace(sample().case, tags=(INVALID_ON_PURPOSE,))
    with pytest.raises(pytest.fail.Exception) if expected == "failed" else nullcontext():
        settle(replace(sample(), case=case, status=status, verdict=Verdict.NEW))


@pytest.mark.parametrize("verdict", [Verdict.REGRESSION, Verdict.PROGRESSION, Verdict.FLAKY])
def test_any_change_fails(verdict: Verdict) -> None:
    assert outcome(Status.BUILDS, verdict, Status.UNSUPPORTED) == "failed"
    assert outcome(Status.BUILDS, verdict, Status.UNSUPPORTED, judged=False) == "passed"


def test_a_failure_says_both_statuses_the_remedy_the_evidence_and_the_command() -> None:
    failing = replace(
        sample(), status=Status.WRONG, verdict=Verdict.REGRESSION, baseline=Status.BUILDS, reason="y is int8",
        remedy="Use INT8.", artifacts={"job": "jobs/x", "repro": "repro/x"},
    )  # fmt: skip
    with pytest.raises(pytest.fail.Exception) as raised:
        settle(failing)
    assert str(raised.value).splitlines() == [
        "c on rtx-1.7: regression: wrong (the baseline says builds)",
        "  why:       y is int8",
        "  remedy:    Use INT8.",
        "  evidence:  jobs/x",
        "  bundle:    repro/x",
        '  reproduce: pytest matrix/ --trt-version rtx-1.7 -k "c"',
    ]


@pytest.mark.parametrize("status", [Status.WRONG, Status.DRIFT, Status.CRASH, Status.UNSUPPORTED])
def test_a_known_issue_is_an_expected_failure_until_it_expires(status: Status) -> None:
    issue = KnownIssue(name="n", reason="It is so.", link="https://e.org/1", expires="1.8")
    known = replace(sample(), status=status, verdict=Verdict.NEW, reason="why", known_issue=issue)
    with pytest.raises(pytest.xfail.Exception, match=r"why \(known: It is so\. https://e\.org/1\)"):
        settle(known)
    expired = replace(known, known_issue=replace(issue, expired=True), verdict=Verdict.SAME, baseline=status)
    with pytest.raises(pytest.fail.Exception, match=r"https://e\.org/1, which 1\.8 should no longer need"):
        settle(expired)
    with pytest.raises(pytest.xfail.Exception):
        settle(expired, judged=False)
    with pytest.raises(pytest.fail.Exception, match="It is so"):
        settle(replace(known, verdict=Verdict.REGRESSION, baseline=Status.BUILDS))


def test_a_cell_that_no_longer_applies_is_a_change() -> None:
    assert outcome(Status.NOT_APPLICABLE, Verdict.REGRESSION, Status.MATCH) == "failed"
    assert outcome(Status.NOT_APPLICABLE, Verdict.SAME, Status.NOT_APPLICABLE) == "skipped"


@pytest.mark.parametrize(
    ("status", "verdict", "expected"),
    [
        (Status.BUILDS, Verdict.NEW, "failed"),
        (Status.UNSUPPORTED, Verdict.NEW, "failed"),
        (Status.NOT_APPLICABLE, Verdict.NEW, "failed"),
        (Status.NOT_RUN, None, "failed"),
        (Status.NOT_RUN, Verdict.SAME, "skipped"),
        (Status.BUILDS, Verdict.SAME, "passed"),
        (Status.UNVERIFIED, Verdict.SAME, "xfailed"),
    ],
)
def test_strict_fails_on_what_is_not_in_the_baseline(status: Status, verdict: Verdict | None, expected: str) -> None:
    assert outcome(status, verdict, status if verdict is Verdict.SAME else None, strict=True) == expected


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
        replace(sample(), status=Status.NOT_APPLICABLE, runtime=other),
    ]
    assert unusable_runtimes(records) == {"8.6": "no GPU"}
