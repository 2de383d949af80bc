"""Why a release cannot have a cell at all: by its own definition, not because it failed."""

from __future__ import annotations

from matrix.plan import Cell
from matrix.record import Precision
from matrix.runtimes.releases import Product

BUILDER_FLAGS = {Precision.FP16: "fp16", Precision.BF16: "bf16", Precision.INT8_CALIBRATED: "int8"}


def why_not_applicable(cell: Cell) -> str:
    """Return why the release cannot have this cell, empty where it can; pure, and asks no runtime."""
    if cell.case.not_applicable:
        return cell.case.not_applicable
    if cell.runtime.release.product is Product.ONNXRUNTIME:
        return _too_new(cell) or _has_no_precisions(cell)
    return _lacks_precision(cell) or _cannot_be_calibrated(cell)


def _too_new(cell: Cell) -> str:
    """ONNX Runtime refuses an opset or IR version newer than itself; that says nothing about the case's subject."""
    release, case = cell.runtime.release, cell.case
    if release.max_opset is not None and case.opset > release.max_opset:
        return f"the model has opset {case.opset}; {release.name} reads opset {release.max_opset} at most"
    if release.max_ir_version is not None and case.ir_version > release.max_ir_version:
        return f"the model has IR version {case.ir_version}; {release.name} reads {release.max_ir_version} at most"
    return ""


def _has_no_precisions(cell: Cell) -> str:
    if cell.precision is Precision.EXPLICIT:
        return ""
    return f"{cell.runtime.release.title} computes in the types of the model; it has no setting for {cell.precision}"


def _lacks_precision(cell: Cell) -> str:
    release, flag = cell.runtime.release, BUILDER_FLAGS.get(cell.precision, "")
    if not flag or flag in release.precision_flags:
        return ""
    if release.precision_flags:
        return f"{release.title} has no builder flag for {flag.upper()}"
    return f"{release.title} is strongly typed and has no builder flag for {flag.upper()}: the model's own types decide"


def _cannot_be_calibrated(cell: Cell) -> str:
    if cell.precision is not Precision.INT8_CALIBRATED:
        return ""
    if not cell.runtime.release.calibrators:
        return f"{cell.runtime.release.title} has no INT8 calibrators; quantize the model with Q/DQ nodes"
    if cell.case.calibration is None:
        return "the case has no calibration data"
    return ""
