"""The known issues of a run: which explain what, and which no cell shows any more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from matrix.record import KnownIssue, Record
from reports.text import count, one_line


@dataclass(frozen=True, kw_only=True)
class Stale:
    """A known issue that names ``cells`` that ran on a release, none of which shows it."""

    issue: KnownIssue
    runtime: str
    cells: int


def stale_issues(records: Iterable[Record]) -> tuple[Stale, ...]:
    """Return the known issues that no cell of a release shows; the variants of a release count together."""
    shown: set[tuple[str, str]] = set()
    absent: dict[tuple[str, str], list[KnownIssue]] = {}
    for record in records:
        release = record.runtime.name.partition(":")[0]
        if record.known_issue:
            shown.add((record.known_issue.name, release))
        for issue in record.absent_issues:
            absent.setdefault((issue.name, release), []).append(issue)
    return tuple(
        Stale(issue=issues[0], runtime=release, cells=len(issues))
        for (name, release), issues in absent.items()
        if (name, release) not in shown
    )


def stale_text(stale: Stale) -> str:
    """Return what is stale, and what to do about it."""
    return (
        f"known issue {one_line(stale.issue.name)} is stale: on {one_line(stale.runtime)} none of its "
        f"{count(stale.cells, 'cell')} that ran shows it; narrow it or take it out of known_issues.toml"
    )


def issue_text(issue: KnownIssue) -> str:
    """Return the issue in words, without its link."""
    expired = f"; {issue.expires} should no longer need it" if issue.expired else ""
    return f"{issue.reason}{expired}"
