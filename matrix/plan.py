"""Which cells there are: cases x runtimes x precisions. Pure; builds no model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from cases.case import Case
from matrix.record import Precision
from matrix.runtimes.releases import Product
from matrix.runtimes.selection import Runtime

# In this order, so that a case is seen to work in FP32 and FP16 before anybody wonders about its INT8.
STAGES = (
    Precision.EXPLICIT,
    Precision.FP32,
    Precision.TF32,
    Precision.FP16,
    Precision.BF16,
    Precision.INT8_CALIBRATED,
)
CALIBRATED = (Precision.FP32, Precision.FP16, Precision.INT8_CALIBRATED)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One case on one runtime in one precision."""

    case: Case
    runtime: Runtime
    precision: Precision = Precision.EXPLICIT

    @cached_property
    def id(self) -> str:
        """The name in pytest, in folders and in baselines; every character of it may stand in a file name."""
        suffix = "" if self.precision is Precision.EXPLICIT else f"-{self.precision}"
        return f"{self.runtime.file_name}-{self.case.id}{suffix}"


def plan(cases: Iterable[Case], runtimes: Iterable[Runtime], precisions: Sequence[Precision] = ()) -> list[Cell]:
    """Return the cells, runtime by runtime, so that one worker after the other does all of its work in one piece.

    Without ``precisions`` a model runs as its own types and Q/DQ nodes say; one that comes with calibration data runs
    in FP32, FP16 and INT8 on TensorRT.
    """
    cases = list(cases)
    return [
        Cell(case=case, runtime=runtime, precision=precision)
        for runtime in runtimes
        for case in cases
        for precision in STAGES
        if precision in (precisions or _usual(case, runtime))
    ]


def _usual(case: Case, runtime: Runtime) -> Sequence[Precision]:
    calibrated = case.calibration is not None and runtime.release.product is not Product.ONNXRUNTIME
    return CALIBRATED if calibrated else (Precision.EXPLICIT,)
