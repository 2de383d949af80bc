"""The words of documented against observed, the same in every report, and all of them as plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.case_types import Subject
from reports.cells import MEANINGS
from reports.documented import Disagreement, Kind, Release, Row
from reports.text import count, one_line

TITLE = "Documented against observed"
MEANING = (
    "What is documented is a claim of NVIDIA's operator tables, not a measurement (reports/documented_support.md). "
    "Observed are the cases of this run in their own types: how many ended how."
)
NAMED_CASES = 3  # of one disagreement


def basis(release: Release) -> str:
    """Return whose claims a release is held against, in one sentence."""
    table = release.table
    if table is None:
        whose = "TensorRT-RTX" if release.product == "tensorrt_rtx" else "this release"
        return f"no operator table of {whose} is known: nothing is claimed"
    tested = any(row.works or row.fails or row.excluded for row in release.rows)
    untested = "" if tested else "; nothing was observed, so no claim was tested"
    if release.borrowed:
        whose = f"no operator table of its own is known; held against that of TensorRT {table.version}, on request"
    else:
        whose = f"claims of the operator table of TensorRT {table.version}, to opset {table.newest_opset}"
    return f"{whose} (onnx-tensorrt {table.commit}){untested}"


def claim_text(row: Row) -> str:
    """Return what the table claims of a row."""
    if row.claim is None:
        return "not listed"
    if row.claim.supported == "N":
        return "no"
    if row.listed is False:
        return "not this type"
    return "yes" if row.claim.supported == "Y" else "partly"


def observed_text(row: Row) -> str:
    """Return what the run saw of a row: how many cases ended how, those that are fine first."""
    seen = ", ".join(f"{row.statuses[status]:,} {status.value}" for status in MEANINGS if row.statuses.get(status))
    excluded = f" ({row.excluded:,} of them excluded by the table)" if row.excluded else ""
    return seen.replace("_", " ") + excluded


def disagreement_text(found: Disagreement) -> str:
    """Return a disagreement as one line: what, how many cases show it, which, and the restrictions of the table."""
    did = "work" if found.kind in (Kind.OPERATOR_WORKS, Kind.TYPE_WORKS) else "fail"
    more = len(found.cases) - NAMED_CASES
    cases = ", ".join(one_line(case) for case in found.cases[:NAMED_CASES]) + (
        f" and {more:,} more" if more > 0 else ""
    )
    restrictions = f"; restrictions: {', '.join(found.restrictions)}" if found.restrictions else ""
    return f"{found.op} {found.type_text}: {len(found.cases):,} of {found.observed:,} {did} ({cases}){restrictions}"


def by_kind(release: Release) -> Iterator[tuple[Kind, list[Disagreement]]]:
    """Yield the disagreements of a release, kind by kind; only kinds that occur."""
    for kind in Kind:
        found = [each for each in release.disagreements if each.kind is kind]
        if found:
            yield kind, found


def grid(releases: Sequence[Release]) -> list[tuple[Subject, list[Row | None]]]:
    """Return every operator and type with its row on each release that has a table."""
    claimed = [{row.subject: row for row in release.rows} for release in releases if release.table]
    subjects = sorted({about for rows in claimed for about in rows})
    return [(about, [rows.get(about) for rows in claimed]) for about in subjects]


def render(releases: Sequence[Release]) -> str:
    """Return all of it as plain text."""
    lines = [TITLE, MEANING]
    for release in releases:
        lines += ["", f"{one_line(release.column)}: {basis(release)}", *_table(release)]
        if release.disagreements:
            lines += ["", f"  {count(len(release.disagreements), 'disagreement')} on {one_line(release.column)}"]
        for kind, found in by_kind(release):
            lines += [f"  {kind.value}", *(f"    {disagreement_text(each)}" for each in found)]
    if not releases:
        lines += ["", "The run has no case of a documented operator on TensorRT."]
    return "\n".join(lines) + "\n"


def _table(release: Release) -> list[str]:
    if not release.rows:
        return []
    head = ("operator", "type", "documented", "observed")
    cells = [(row.subject.op, row.subject.type_text, claim_text(row), observed_text(row)) for row in release.rows]
    widths = [max(len(row[place]) for row in (head, *cells)) for place in range(len(head))]
    return [
        "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *cells)
    ]
