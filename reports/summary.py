"""What a run found, in the order in which a reader wants to know it; every report writes this down in its own form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from matrix.record import FINE, KnownIssue, MachineInfo, Record, Status, Verdict
from reports.cells import ATTENTION, CHANGED, MEANINGS, Matrix, arrange, column_of, differs
from reports.differences import Difference, find_differences
from reports.known_issues import Stale, stale_issues
from reports.placement import cells_on_cpu
from reports.references import Disagreement, find_disagreements, second_reference_text
from reports.text import count, one_line

CHANGES = (Verdict.REGRESSION, Verdict.FLAKY, Verdict.PROGRESSION)  # what a reader has to act on comes first


@dataclass(frozen=True, kw_only=True)
class Column:
    """One runtime (and precision): what was loaded, and how many cells ended how."""

    name: str
    product: str
    versions: tuple[str, ...]  # as the loaded libraries reported them; empty where none was loaded
    python: str
    counts: Mapping[Status, int]
    verdicts: Mapping[Verdict, int]
    on_cpu: tuple[int, int]  # cells that an execution provider left to the CPU: wholly, and in part

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def calm(self) -> int:
        return sum(self.counts.get(status, 0) for status in FINE)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The same thing, for the same reason, seen in one or several cases on one or several runtimes."""

    cases: tuple[str, ...]
    columns: tuple[str, ...]
    status: Status
    reason: str
    verdict: Verdict | None
    baseline: Status | None
    known: KnownIssue | None


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """What to do about a known message, and where it was seen: case -> columns."""

    signature: str
    text: str
    source: str
    cells: Mapping[str, tuple[str, ...]]

    @property
    def total(self) -> int:
        return sum(len(columns) for columns in self.cells.values())


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Cells of one column that did not run, all for the same reason."""

    column: str
    reason: str
    total: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A run at a glance."""

    matrix: Matrix
    runs: tuple[str, ...]
    time: str  # of the first record
    machines: tuple[MachineInfo, ...]
    columns: tuple[Column, ...]
    changes: tuple[Finding, ...]
    attention: tuple[Finding, ...]
    remedies: tuple[Remedy, ...]
    gaps: tuple[Gap, ...]
    disagreements: tuple[Disagreement, ...]  # of the two references
    second_reference: str  # its name, or why there is none
    stale: tuple[Stale, ...]  # known issues that no cell shows
    differences: tuple[Difference, ...]  # between the answers of runtimes of one product
    different: tuple[str, ...]  # cases on which the runtimes disagree
    problems: tuple[str, ...]  # why this report is not complete

    @property
    def counts(self) -> Mapping[Status, int]:
        """Return how many cells ended how, over all columns; only statuses that occur."""
        totals: Counter[Status] = Counter()
        for column in self.columns:
            totals.update(column.counts)
        return {status: totals[status] for status in MEANINGS if totals[status]}


def summarize(records: Iterable[Record], problems: Sequence[str] = ()) -> Summary:
    """Return the summary of ``records``; ``problems`` says what could not be read."""
    matrix = arrange(records)
    cells = list(matrix.records())
    return Summary(
        matrix=matrix,
        runs=tuple(dict.fromkeys(record.run for record in cells)),
        time=min((record.time for record in cells), default=""),
        machines=tuple(dict.fromkeys(record.machine for record in cells)),
        columns=tuple(_column(name, matrix.column(name)) for name in matrix.columns),
        changes=_findings(cells, lambda record: _rank(record.verdict, CHANGES)),
        attention=_findings(cells, lambda record: _rank(record.status, ATTENTION)),
        remedies=_remedies(cells),
        gaps=_gaps(matrix),
        disagreements=find_disagreements(matrix),
        second_reference=second_reference_text(matrix),
        stale=stale_issues(cells),
        differences=find_differences(cells),
        different=tuple(
            case for case in matrix.cases if differs([record.status for record in matrix.row(case) if record])
        ),
        problems=(*problems, *([] if cells else ["There are no records: no cell has ended yet."])),
    )


def headline(summary: Summary) -> str:
    """Return one sentence: how many cells there are, what needs attention, and what has changed."""
    totals = summary.counts
    found = [f"{totals[status]:,} {status.value}".replace("_", " ") for status in ATTENTION if status in totals]
    changed: Counter[Verdict] = Counter()
    for column in summary.columns:
        changed.update(column.verdicts)
    new = changed[Verdict.NEW]
    moved = [
        count(changed[verdict], verdict.value, "flaky" if verdict is Verdict.FLAKY else "")
        for verdict in CHANGES
        if changed[verdict]
    ]
    judged = [f"{', '.join(moved)} against the baselines"] if moved else []
    judged += [f"{count(new, 'cell')} not in the baselines yet"] if new else []
    unmoved = "no change against the baselines" if changed else "nothing was judged against a baseline"
    return (
        f"{count(len(summary.matrix.cases), 'case')} on {count(len(summary.columns), 'runtime')}, "
        f"{count(len(summary.matrix.cells), 'cell')}: {', '.join(found) or 'nothing needs attention'}; "
        f"{', '.join(judged) or unmoved}."
    )


def machine_text(machine: MachineInfo) -> str:
    """Return a machine on one line."""
    parts = [machine.os, machine.cpu, machine.gpu or "no GPU", *_gpu_texts(machine)]
    return one_line(", ".join(part for part in parts if part))


def _gpu_texts(machine: MachineInfo) -> Iterator[str]:
    if machine.sm:
        yield f"SM {machine.sm.removeprefix('sm')}"
    if machine.gpu_memory_mib:
        yield f"{machine.gpu_memory_mib:,} MiB"
    if machine.sm_clock_mhz:
        yield f"clocks up to {machine.sm_clock_mhz} MHz (SM) and {machine.memory_clock_mhz} MHz (memory)"
    if machine.driver:
        yield f"driver {machine.driver}"
    if machine.cuda:
        yield f"CUDA {machine.cuda}"


def change_text(finding: Finding) -> str:
    """Return "was match, is wrong", or that a cell disagrees with itself."""
    if finding.verdict is Verdict.FLAKY:
        return f"{CHANGED[Verdict.FLAKY]}, last {finding.status.value}".replace("_", " ")
    was = "not known" if finding.baseline is None else finding.baseline.value
    return f"was {was}, is {finding.status.value}".replace("_", " ")


def time_text(time: str) -> str:
    """Return an ISO 8601 time for people."""
    return one_line(time.replace("T", " ").replace("+00:00", " UTC"))


def _column(name: str, records: Sequence[Record]) -> Column:
    statuses = Counter(record.status for record in records)
    return Column(
        name=name,
        product=records[0].runtime.product,
        versions=tuple(dict.fromkeys(record.runtime.version for record in records if record.runtime.version)),
        python=next((record.runtime.python for record in records if record.runtime.python), ""),
        counts={status: statuses[status] for status in MEANINGS if statuses[status]},
        verdicts=Counter(record.verdict for record in records if record.verdict is not None),
        on_cpu=cells_on_cpu(records),
    )


def _rank(value: object, order: Sequence[object]) -> int | None:
    return order.index(value) if value in order else None


def _findings(cells: Iterable[Record], rank: Callable[[Record], int | None]) -> tuple[Finding, ...]:
    """Return the cells that have a rank, best rank first; what is the same on the same runtimes is one finding."""
    columns: dict[tuple[int, Finding], list[str]] = {}
    for record in cells:
        place = rank(record)
        if place is not None:
            finding = Finding(
                cases=(record.case.id,),
                columns=(),
                status=record.status,
                reason=one_line(record.reason),
                verdict=record.verdict,
                baseline=record.baseline,
                known=record.known_issue,
            )
            columns.setdefault((place, finding), []).append(column_of(record))
    cases: dict[tuple[int, Finding], list[str]] = {}
    for (place, finding), names in columns.items():
        cases.setdefault((place, replace(finding, cases=(), columns=tuple(names))), []).extend(finding.cases)
    ordered = sorted(cases.items(), key=lambda item: item[0][0])
    return tuple(replace(finding, cases=tuple(found)) for (_, finding), found in ordered)


def _remedies(cells: Iterable[Record]) -> tuple[Remedy, ...]:
    """Return what to do about the cells that are not fine, the remedy that mends most cells first."""
    grouped: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for record in cells:
        if record.remedy and record.status not in FINE:
            seen = grouped.setdefault((record.signature, record.remedy, record.remedy_source), {})
            seen.setdefault(record.case.id, []).append(column_of(record))
    remedies = [
        Remedy(
            signature=signature,
            text=text,
            source=source,
            cells={case: tuple(columns) for case, columns in seen.items()},
        )
        for (signature, text, source), seen in grouped.items()
    ]
    return tuple(sorted(remedies, key=lambda remedy: -remedy.total))


def _gaps(matrix: Matrix) -> tuple[Gap, ...]:
    return tuple(
        Gap(column=column, reason=reason, total=total)
        for column in matrix.columns
        for reason, total in Counter(
            one_line(record.reason) for record in matrix.column(column) if record.status is Status.NOT_RUN
        ).items()
    )
