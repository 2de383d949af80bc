"""`summary.json`: counts and statuses for dashboards of your own.

Schema history:
    1: first version.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from matrix.record import Record
from reports.cells import column_of
from reports.differences import tallies
from reports.summary import Column, summarize

SCHEMA = 1


def to_json(records: Iterable[Record], problems: Sequence[str] = ()) -> str:
    """Return the summary as strict JSON, one line per case; its text is as recorded, so escape it where you show it.

    ``cases[].cells`` maps a runtime (``runtime/precision`` where that is not explicit) to the status, and ``verdicts``
    to the verdict against the baseline where there is one.
    """
    summary = summarize(records, problems)
    matrix = summary.matrix
    head = {
        "schema": SCHEMA,
        "runs": summary.runs,
        "time": summary.time,
        "machines": [asdict(machine) for machine in summary.machines],
        "counts": summary.counts,
        "runtimes": [_column(column) for column in summary.columns],
        "changes": [asdict(finding) for finding in summary.changes],
        "attention": [asdict(finding) for finding in summary.attention],
        "remedies": [asdict(remedy) for remedy in summary.remedies],
        "not_run": [asdict(gap) for gap in summary.gaps],
        "references_disagree": [asdict(found) for found in summary.disagreements],
        "second_reference": summary.second_reference,
        "stale_known_issues": [asdict(stale) for stale in summary.stale],
        "differences": [
            {"runtimes": pair, "what": what, "cases": [item.case for item in found]}
            for pair, what, found in tallies(summary.differences)
        ],
        "different": summary.different,
        "problems": summary.problems,
    }
    cases = [json.dumps(_case([record for record in matrix.row(case) if record])) for case in matrix.cases]
    return json.dumps(head, indent=1)[:-2] + ',\n "cases": [\n' + ",\n".join(cases) + "\n ]\n}\n"


def _case(records: Sequence[Record]) -> Mapping[str, Any]:
    case = records[0].case
    return {
        "id": case.id,
        "family": case.family,
        "op": case.op,
        "opset": case.opset,
        "tags": case.tags,
        "cells": {column_of(record): record.status for record in records},
        "verdicts": {column_of(record): record.verdict for record in records if record.verdict},
    }


def _column(column: Column) -> Mapping[str, Any]:
    return {
        "name": column.name,
        "product": column.product,
        "versions": column.versions,
        "python": column.python,
        "cells": column.total,
        "counts": column.counts,
        "verdicts": column.verdicts,
        "on_cpu": {"wholly": column.on_cpu[0], "partly": column.on_cpu[1]},
    }
