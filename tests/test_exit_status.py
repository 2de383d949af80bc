"""The exit status of a run in which no cell failed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from matrix.exit_status import COULD_NOT_RUN, exit_status, unjudged
from matrix.record import KnownIssue, Record, RuntimeInfo, Status
from tests.test_record import sample

OTHER = RuntimeInfo(name="8.6", requested="8.6.1", product="tensorrt")


def record(status: Status, runtime: RuntimeInfo | None = None) -> Record:
    return replace(sample(), status=status, reason="why", runtime=runtime or sample().runtime)


@pytest.mark.parametrize(
    ("records", "by_name", "expected"),
    [
        ([], (), 0),
        ([record(Status.BUILDS)], ("rtx-1.7",), 0),
        ([record(Status.NOT_APPLICABLE)], ("rtx-1.7",), 0),
        ([record(Status.NOT_RUN)], (), COULD_NOT_RUN),
        ([record(Status.NOT_RUN), record(Status.BUILDS)], ("rtx-1.7",), 0),
        ([record(Status.NOT_RUN), record(Status.NOT_APPLICABLE)], ("rtx-1.7",), COULD_NOT_RUN),
        ([record(Status.BUILDS), record(Status.NOT_RUN, OTHER)], (), 0),
        ([record(Status.BUILDS), record(Status.NOT_RUN, OTHER)], ("8.6",), COULD_NOT_RUN),
        ([record(Status.BUILDS), record(Status.NOT_RUN, OTHER)], ("rtx-1.7",), 0),
    ],
)
def test_a_runtime_of_which_nothing_ran(records: list[Record], by_name: tuple[str, ...], expected: int) -> None:
    assert exit_status(records, by_name=by_name, strict=False, unknown_lines={}) == expected


def test_strict() -> None:
    stale = replace(record(Status.MATCH), absent_issues=(KnownIssue(name="n", reason="r", link="https://e.org"),))
    lines = {"rtx-1.7.csv": ["a", "b", "c", "d"]}
    for strict, expected in ((False, 0), (True, 1)):
        assert exit_status([stale], by_name=(), strict=strict, unknown_lines={}) == expected
        assert exit_status([record(Status.MATCH)], by_name=(), strict=strict, unknown_lines=lines) == expected
    said = list(unjudged([stale], lines, strict=True))
    assert said[1].startswith("rtx-1.7.csv: no case is called a, b, c and 1 more; --update-baseline drops these lines")
    assert said[0].endswith("take it out of known_issues.toml (--strict fails on this)")
    assert all("would fail" in line for line in unjudged([stale], lines, strict=False))
