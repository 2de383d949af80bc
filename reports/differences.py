"""Where two releases of a product, or one with and without graph optimizations, give different answers to one case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from matrix.record import REFUSED, OutputDifference, Record, Status
from reports.cells import Matrix, arrange, column_of
from reports.text import count, one_line, share

BEYOND = "beyond tolerance"
ONE_ONLY = "only one answers"
UNMEASURED = "not measured"
WITHIN = "within tolerance"
KINDS = (BEYOND, ONE_ONLY, UNMEASURED, WITHIN)  # what a reader has to know comes first
FAILED = {**dict.fromkeys(REFUSED, "refuses"), Status.CRASH: "crashes", Status.TIMEOUT: "does not finish"}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One case on two runtimes that answer differently, or of which only one answers."""

    kind: str
    first: Record
    second: Record
    figures: OutputDifference | None = None  # of one against the other; None where none were taken

    @property
    def case(self) -> str:
        return self.first.case.id

    @property
    def columns(self) -> tuple[str, str]:
        return column_of(self.first), column_of(self.second)

    @property
    def answering(self) -> tuple[Record, Record]:
        """Return the two records, one that has an answer first."""
        return (self.first, self.second) if self.first.outputs_digest else (self.second, self.first)

    @property
    def right(self) -> str:
        """Return which of the two agrees with the reference: a column, "both", "neither", or "unknown"."""
        if Status.UNVERIFIED in (self.first.status, self.second.status):
            return "unknown"
        right = [column_of(record) for record in (self.first, self.second) if record.status is Status.MATCH]
        return {0: "neither", 2: "both"}.get(len(right)) or right[0]


def find_differences(records: Iterable[Record]) -> tuple[Difference, ...]:
    """Return the differences pair by pair, in each pair the kinds in the order of `KINDS`.

    Runtimes are compared if they are of one product and precision, and either of one release or of one variant:
    optimizations off in one release against all of them in another would mix two reasons.
    """
    matrix = arrange(records)
    return tuple(
        difference
        for first, second in combinations(matrix.columns, 2)
        for difference in sorted(_of_pair(matrix, first, second), key=lambda item: KINDS.index(item.kind))
    )


def tallies(differences: Iterable[Difference]) -> Iterator[tuple[tuple[str, str], str, Sequence[Difference]]]:
    """Yield for each pair, and each way in which it differs: the pair, that way in words, and the cases."""
    groups: dict[tuple[tuple[str, str], str], list[Difference]] = {}
    for difference in differences:
        groups.setdefault((difference.columns, _way(difference)), []).append(difference)
    for (pair, way), found in groups.items():
        yield pair, f"{count(len(found), 'case')} {way}", found


def size_text(difference: Difference) -> str:
    """Return in words how large the difference is, or why there is only one answer."""
    figures = difference.figures
    if difference.kind == ONE_ONLY:
        return one_line(difference.answering[1].reason, 160)
    if figures is None:
        return "the outputs are not the same; how far they are apart was not measured"
    where = f"output {one_line(figures.output)} at {one_line(figures.point)}: " if figures.output else ""
    drift = figures.drift
    if drift is None:
        return where + one_line(figures.problem)
    steps = count(drift.max_steps, "step") if drift.max_steps is not None else f"{drift.max_abs:.3g}"
    parts = [f"{drift.nonfinite_mismatches:,} elements in NaN or infinity"] if drift.nonfinite_mismatches else []
    parts += [f"up to {steps}, SQNR {drift.sqnr_db:.3g} dB"] if drift.max_abs else []
    parts += [f"{share(drift.share_off, 1)} of the elements off"] if drift.share_off else []
    return f"{where}{', '.join(parts)}{_values(difference)}"


def right_text(difference: Difference) -> str:
    """Return which of the two agrees with the reference, in words."""
    if difference.right == "unknown":
        return "no reference says which is right"
    return f"{one_line(difference.right)} {'agree' if difference.right == 'both' else 'agrees'} with the reference"


def measured_against(difference: Difference) -> tuple[Record, Record]:
    """Return the record whose outputs were measured, and the one whose outputs were its reference."""
    figures, first, second = difference.figures, difference.first, difference.second
    return (first, second) if figures and figures.against == second.outputs_digest else (second, first)


def _of_pair(matrix: Matrix, first: str, second: str) -> Iterator[Difference]:
    for case in matrix.cases:
        one, two = matrix.cells.get((case, first)), matrix.cells.get((case, second))
        if one and two and _comparable(one, two) and one.outputs_digest != two.outputs_digest:
            difference = _difference(one, two)
            if difference:
                yield difference


def _comparable(one: Record, two: Record) -> bool:
    names = one.runtime.name.partition(":"), two.runtime.name.partition(":")
    return (
        one.runtime.product == two.runtime.product
        and one.precision is two.precision
        and one.case.digest == two.case.digest
        and (names[0][0] == names[1][0] or names[0][2] == names[1][2])
    )


def _difference(one: Record, two: Record) -> Difference | None:
    if not one.outputs_digest or not two.outputs_digest:
        fails = two if one.outputs_digest else one
        return Difference(kind=ONE_ONLY, first=one, second=two) if fails.status in FAILED else None
    taken = [item for item in two.differences if item.against == one.outputs_digest]
    taken += [item for item in one.differences if item.against == two.outputs_digest]
    if not taken:
        return Difference(kind=UNMEASURED, first=one, second=two)
    drift = taken[0].drift
    kind = BEYOND if drift is None or drift.share_off else WITHIN
    return Difference(kind=kind, first=one, second=two, figures=taken[0])


def _way(difference: Difference) -> str:
    if difference.kind == ONE_ONLY:
        runs, fails = difference.answering
        stage = one_line(fails.stage.partition(":")[0])
        does = f"{FAILED[fails.status]} at {stage}" if stage else FAILED[fails.status]
        return f"that {one_line(column_of(runs))} runs and {one_line(column_of(fails))} {does}"
    if difference.kind == UNMEASURED:
        return "that differ, not measured by how much"
    return f"that differ {difference.kind}"


def _values(difference: Difference) -> str:
    drift = difference.figures.drift if difference.figures else None
    if drift is None or drift.worst_value is None or drift.worst_reference is None:
        return ""
    got, other = (column_of(record) for record in measured_against(difference))
    return (
        f", at {list(drift.worst_index)}: {drift.worst_value:.9g} on {one_line(got)}, "
        f"{drift.worst_reference:.9g} on {one_line(other)}"
    )
