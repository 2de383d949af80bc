"""What the engine of a cell really ran, told in the cell's own words: its operator and its precision."""

from __future__ import annotations

from matrix.execution.job import Reply
from matrix.plan import Cell
from matrix.record import Diagnostic, Precision
from matrix.verdict.engine_layers import Ran, describe, fell_back, what_ran

LOWERED = (Precision.FP16, Precision.BF16, Precision.INT8_CALIBRATED)  # the builder chooses the types


def engine_of(cell: Cell, reply: Reply | None) -> Ran:
    """Return what ran, where a type is the question: with a quantized operator, or one that a builder may lower."""
    asks = cell.case.family == "quantization" or cell.precision in LOWERED
    return what_ran(reply.layers) if reply and asks else Ran()


def note_on_match(cell: Cell, engine: Ran) -> str:
    """Return what has to be said of a match: that it was computed in float although a quantized type was asked for."""
    uncalibrated = cell.precision is Precision.INT8_CALIBRATED and engine.in_float
    return f"ran_in: {engine.type}" if fell_back(engine, cell.case.op) or uncalibrated else ""


def engine_diagnostics(cell: Cell, engine: Ran) -> tuple[Diagnostic, ...]:
    """Return the sentence on the operator's layers, if there is one."""
    words = describe(engine, cell.case.op)
    return (Diagnostic(source="engine", severity="info", message=words),) if words else ()
