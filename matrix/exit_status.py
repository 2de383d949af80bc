"""The exit status of a run in which no cell failed: whether it tells as much as was asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import pytest

from matrix.record import Record, Status
from matrix.settlement import unusable_runtimes
from reports.known_issues import stale_issues, stale_text

# Those below are pytest's: 0 passed, 1 failed, 2 interrupted, 3 internal error, 4 usage error, 5 nothing selected.
COULD_NOT_RUN = 6


def exit_status(
    records: Sequence[Record], *, by_name: Collection[str], strict: bool, unknown_lines: Mapping[str, Sequence[str]]
) -> int:
    """Return the exit status: that of pytest, or `COULD_NOT_RUN`.

    It is that where no cell ran at all, or none of a runtime that was asked for ``by_name``: a failure of the
    infrastructure never looks like a result.
    """
    if strict and list(unjudged(records, unknown_lines, strict=strict)):
        return int(pytest.ExitCode.TESTS_FAILED)
    missing = unusable_runtimes(records)
    nothing_ran = bool(missing) and all(record.status in (Status.NOT_RUN, Status.NOT_APPLICABLE) for record in records)
    return COULD_NOT_RUN if nothing_ran or missing.keys() & set(by_name) else int(pytest.ExitCode.OK)


def unjudged(records: Iterable[Record], unknown_lines: Mapping[str, Sequence[str]], *, strict: bool) -> Iterable[str]:
    """Yield a line for each thing that fails no cell and fails a ``strict`` run."""
    how = "--strict fails on this" if strict else "--strict would fail on this"
    for stale in stale_issues(records):
        yield f"{stale_text(stale)} ({how})"
    for file, cases in unknown_lines.items():
        more = f" and {len(cases) - 3:,} more" if len(cases) > 3 else ""
        yield (f"{file}: no case is called {', '.join(cases[:3])}{more}; --update-baseline drops these lines ({how})")
