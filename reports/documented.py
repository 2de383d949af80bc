"""Documented against observed: for each operator and type, what the tables claim and what the run saw.

There are four kinds of disagreement, one for each way in which a claim can fail: see `Kind`. A failure that the table
itself announces is none: of a case above the newest documented opset, or of one that a restriction excludes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from matrix.record import Precision, Record, Status
from reports.case_types import DEQUANTIZE, NOT_THE_OPERATOR, Subject, subject
from reports.claims import Claim, Table, listed_operators, table_of, tables

# What shows that a release takes an operator, and what shows that it does not: to answer wrong, to die or to hang is no
# support. Every other status shows nothing.
WORKS = frozenset({Status.MATCH, Status.BUILDS, Status.DRIFT, Status.UNVERIFIED})
FAILS = frozenset(
    {Status.UNSUPPORTED, Status.BUILD_FAILED, Status.RUN_FAILED, Status.WRONG, Status.CRASH, Status.TIMEOUT}
)
INVALID = frozenset({"invalid_on_purpose", "invalid_request"})  # tags: no table claims anything of these
EXCLUDED: Mapping[str, frozenset[str]] = {  # restriction -> tags of the cases that it excludes
    "zero_point_must_be_0": frozenset({"zp_nonzero", "zero_point_nonzero"}),
    "const_scale": frozenset({"scale_input", "scale_computed"}),
}


class Kind(Enum):
    """How a claim and the observations disagree."""

    OPERATOR_FAILS = "documented as supported, and no case of a documented type works"
    OPERATOR_WORKS = "documented as not supported, and it works"
    TYPE_FAILS = "the type is documented, and cases of it fail, while others of the operator work"
    TYPE_WORKS = "the type is not documented, and it works"


WORKING = frozenset({Kind.OPERATOR_WORKS, Kind.TYPE_WORKS})


@dataclass(frozen=True, kw_only=True)
class Row:
    """One operator and type on one release; ``listed`` says whether the types are in the table, None if it has none."""

    subject: Subject
    claim: Claim | None
    listed: bool | None
    works: tuple[str, ...] = ()  # ids of cases
    fails: tuple[str, ...] = ()
    excluded: int = 0  # cases that fail as well, but are above the documented opset, or excluded by a restriction
    statuses: Mapping[Status, int] = field(default_factory=dict)  # of all cases


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """A claim that does not hold in the run."""

    kind: Kind
    op: str
    type_text: str
    cases: tuple[str, ...]  # those that show it
    observed: int  # of so many
    restrictions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Release:
    """One runtime against a table; ``table`` is None where there is none for it, ``borrowed`` where it is another's."""

    column: str
    product: str
    table: Table | None
    borrowed: bool
    rows: tuple[Row, ...]
    disagreements: tuple[Disagreement, ...]


def compare(records: Iterable[Record], against: str = "") -> tuple[Release, ...]:
    """Return each TensorRT runtime of ``records`` against its operator table, in order of appearance.

    ``against`` names the release whose table stands in where a runtime has none of its own. Only cells of the model's
    own precision count, and only cases of operators that some table lists: no table claims anything of patterns.

    Raises:
        KeyError: there is no table called ``against``.
    """
    stand_in = tables()[against] if against else None
    columns: dict[str, list[Record]] = {}
    for record in records:
        if record.runtime.product != "onnxruntime" and record.precision is Precision.EXPLICIT and _is_claimed(record):
            columns.setdefault(record.runtime.name, []).append(record)
    return tuple(_release(column, found, stand_in) for column, found in columns.items())


def _is_claimed(record: Record) -> bool:
    """Say whether a table has anything to say of a cell; of a user's model, nobody knows which axes it tests."""
    own, unusual = record.case.family == "model", (INVALID | NOT_THE_OPERATOR) & set(record.case.tags)
    return not own and record.case.op in listed_operators() and not unusual


def _release(column: str, records: Sequence[Record], stand_in: Table | None) -> Release:
    own = table_of(next((record for record in records if record.runtime.version), records[0]).runtime)
    table = own or stand_in
    grouped: dict[Subject, list[Record]] = {}
    for record in records:
        grouped.setdefault(subject(record.case), []).append(record)
    rows = tuple(_row(about, grouped[about], table) for about in sorted(grouped)) if table else ()
    return Release(
        column=column,
        product=records[0].runtime.product,
        table=table,
        borrowed=own is None and table is not None,
        rows=rows,
        disagreements=tuple(sorted(_disagreements(rows), key=lambda found: list(Kind).index(found.kind))),
    )


def _row(about: Subject, records: Sequence[Record], table: Table) -> Row:
    claim = table.claims.get(about.op)
    failing = [record for record in records if record.status in FAILS]
    fails = tuple(record.case.id for record in failing if not _is_excluded(record, claim, table))
    works = tuple(record.case.id for record in records if record.status in WORKS)
    return Row(
        subject=about,
        claim=claim,
        listed=_is_listed(about, claim, table),
        works=works,
        fails=fails,
        excluded=len(failing) - len(fails),
        statuses=Counter(record.status for record in records),
    )


def _is_listed(about: Subject, claim: Claim | None, table: Table) -> bool | None:
    if claim is None or not claim.types:
        return None
    inverse = table.claims.get(DEQUANTIZE)
    return set(about.types) <= claim.types and (inverse is None or set(about.quantized) <= inverse.types)


def _is_excluded(record: Record, claim: Claim | None, table: Table) -> bool:
    tags = set(record.case.tags)
    restrictions = claim.restrictions if claim else ()
    return record.case.opset > table.newest_opset or any(tags & EXCLUDED.get(each, set()) for each in restrictions)


def _disagreements(rows: Sequence[Row]) -> Iterator[Disagreement]:
    operators: dict[str, list[Row]] = {}
    for row in rows:
        operators.setdefault(row.subject.op, []).append(row)
    for of_operator in operators.values():
        claim = of_operator[0].claim
        if claim is None:
            continue
        if claim.supported == "N":
            yield from (_disagree(Kind.OPERATOR_WORKS, claim, [row]) for row in of_operator if row.works)
            continue
        documented = [row for row in of_operator if row.listed is not False]
        failing = [row for row in documented if row.fails]
        if failing and not any(row.works for row in documented):
            yield _disagree(Kind.OPERATOR_FAILS, claim, failing)
        else:
            yield from (_disagree(Kind.TYPE_FAILS, claim, [row]) for row in failing)
        yield from (
            _disagree(Kind.TYPE_WORKS, claim, [row]) for row in of_operator if row.listed is False and row.works
        )


def _disagree(kind: Kind, claim: Claim, rows: Sequence[Row]) -> Disagreement:
    return Disagreement(
        kind=kind,
        op=claim.op,
        type_text="; ".join(row.subject.type_text for row in rows),
        cases=tuple(case for row in rows for case in (row.works if kind in WORKING else row.fails)),
        observed=sum(len(row.works) + len(row.fails) for row in rows),
        restrictions=claim.restrictions,
    )
