"""Which cells there are: cases x runtimes x precisions, and why a cell cannot apply. Pure; builds no model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from cases.case import Case
from matrix.record import Precision
from matrix.runtimes.releases import Product
from matrix.runtimes.selection import Runtime


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One case on one runtime in one precision."""

    case: Case
    runtime: Runtime
    precision: Precision = Precision.EXPLICIT

    @cached_property
    def id(self) -> str:
        """The name in pytest, in folders and in baselines; every character of it may stand in a file name."""
        return f"{self.runtime.baseline_name}-{self.case.id}"


def plan(cases: Iterable[Case], runtimes: Iterable[Runtime]) -> list[Cell]:
    """Return the cells, runtime by runtime, so that one worker after the other does all of its work in one piece."""
    cases = list(cases)
    return [Cell(case=case, runtime=runtime) for runtime in runtimes for case in cases]


def why_not_applicable(cell: Cell) -> str:
    """Return why the release cannot have this cell at all, empty where it can.

    ONNX Runtime refuses an opset or IR version that is newer than itself; that says nothing about the case's subject.
    """
    release, case = cell.runtime.release, cell.case
    if release.product is not Product.ONNXRUNTIME:
        return ""
    if release.max_opset is not None and case.opset > release.max_opset:
        return f"the model has opset {case.opset}; {release.name} reads opset {release.max_opset} at most"
    if release.max_ir_version is not None and case.ir_version > release.max_ir_version:
        return f"the model has IR version {case.ir_version}; {release.name} reads {release.max_ir_version} at most"
    return ""
