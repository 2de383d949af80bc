"""The coverage of the dynamic-shape cases as text: cases by operator, version and opset, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from cases.case import Case
from cases.coverage import Need, gaps
from cases.coverage_table import aligned
from cases.shape_coverage import EXEMPTIONS, OLDEST_OPSET, OPS, TURNS, Use, met, shape_needs, shape_uses
from cases.shape_parts import PART_EXEMPTIONS, parts_used, shape_parts


def shape_report(cases: Sequence[Case]) -> Iterator[str]:
    """Yield the lines of the report on dynamic shapes."""
    uses, wanted = shape_uses(cases), shape_needs()
    yield from shape_table(uses)
    missing = gaps(wanted, met(uses), EXEMPTIONS)
    yield ""
    yield (
        f"dynamic shapes: {sum(map(len, OPS.values()))} operators, {len(wanted)} versions of opset {OLDEST_OPSET} or "
        f"newer that differ in signature or meaning, {len(wanted & met(uses))} with a case, {len(EXEMPTIONS)} exempt, "
        f"{len(missing)} missing"
    )
    for need in missing:
        yield f"  missing: {need.op} since opset {need.since_version}"
    for exemption in EXEMPTIONS:
        yield f"  exempt: {exemption.need.op} since opset {exemption.need.since_version}: {exemption.reason}"
    yield from _parts(cases)


def _parts(cases: Sequence[Case]) -> Iterator[str]:
    wanted, used = shape_parts(), parts_used(cases)
    missing = wanted - used - PART_EXEMPTIONS.keys()
    yield ""
    yield (
        f"dynamic shapes: {len(wanted)} inputs, outputs and attributes of these versions, {len(wanted & used)} with a "
        f"case, {len(PART_EXEMPTIONS)} exempt, {len(missing)} missing"
    )
    for part in sorted(missing):
        yield f"  missing: {part.kind} {part.name} of {part.op}"
    for part, reason in PART_EXEMPTIONS.items():
        yield f"  exempt: {part.kind} {part.name} of {part.op}: {reason}"


def shape_table(uses: Mapping[Use, int]) -> Iterator[str]:
    """Yield the number of cases of each version of each operator, one column for each opset."""
    counts: dict[Need, Counter[int]] = {}
    for use, number in uses.items():
        counts.setdefault(use.need, Counter())[use.opset] += number
    lines = [
        ((need.op, group, str(need.since_version), TURNS.get((need.op, need.since_version), "signature")), counts[need])
        for group, ops in OPS.items()
        for need in sorted(counts)
        if need.op in ops
    ]
    return aligned(("op", "list", "since", "changed"), lines)
