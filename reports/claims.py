"""What NVIDIA's documentation claims of each TensorRT release: the operator tables of its ONNX parser, from our copy.

A claim is not a measurement. Where the tables come from: reports/documented_support.md.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from matrix.record import RuntimeInfo

FOLDER = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One line of a table: whether an operator is supported, for which types of its input, with what restrictions."""

    op: str
    supported: str  # "Y", "N" or "partial": experimental, or listed both as Y and as N
    types: frozenset[str]  # empty where the table names none
    restrictions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """The operator table of one release."""

    version: str
    commit: str  # of onnx-tensorrt
    newest_opset: int
    claims: Mapping[str, Claim]


@cache
def tables() -> Mapping[str, Table]:
    """Return every table by the version of its release, oldest first."""
    opsets = {row["trt_version"]: int(row["opset_max"]) for row in _rows("documented_opset.csv")}
    claims: dict[str, dict[str, Claim]] = {}
    commits: dict[str, str] = {}
    for row in _rows("documented_support.csv"):
        commits[row["trt_version"]] = row["source_commit"]
        claims.setdefault(row["trt_version"], {})[row["op"]] = Claim(
            op=row["op"],
            supported=row["supported"],
            types=frozenset(filter(None, row["types"].split(";"))),
            restrictions=tuple(filter(None, row["tags"].split(";"))),
        )
    return {
        version: Table(version=version, commit=commits[version], newest_opset=opsets[version], claims=of_version)
        for version, of_version in claims.items()
    }


def table_of(runtime: RuntimeInfo) -> Table | None:
    """Return the table of a runtime's release; None where there is none, as for every release of TensorRT-RTX."""
    if runtime.product != "tensorrt":
        return None
    parts = (runtime.version or runtime.requested).split(".")
    fitting = [
        table for table in tables().values() if table.version.split(".") == parts[: table.version.count(".") + 1]
    ]
    return max(fitting, key=lambda table: len(table.version), default=None)


@cache
def listed_operators() -> frozenset[str]:
    """Return every operator that any table lists."""
    return frozenset(op for table in tables().values() for op in table.claims)


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
