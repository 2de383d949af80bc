"""What really ran: an engine's layers, and the execution providers that took a session's nodes."""

from __future__ import annotations

from matrix.execution.job import Reply
from matrix.plan import Cell
from matrix.record import Diagnostic, Precision
from matrix.verdict.engine_layers import Ran, describe, fell_back, what_ran

ASKED_FOR = {"cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
WHOLE_BELOW = 200  # layers: of a larger engine the worker hands over no more, and what is cut off might tell otherwise
LOWERED = (Precision.FP16, Precision.BF16, Precision.INT8_CALIBRATED)  # the builder chooses the types


def engine_of(cell: Cell, reply: Reply | None) -> Ran:
    """Return what ran, where a type is the question: with a quantized operator, or one that a builder may lower."""
    asks = cell.case.family == "quantization" or cell.precision in LOWERED
    return what_ran(reply.layers) if reply and asks and len(reply.layers) < WHOLE_BELOW else Ran()


def note_on_match(cell: Cell, engine: Ran, reply: Reply | None) -> str:
    """Return what has to be said of a match: that a type or a provider was asked for, and another did the work."""
    uncalibrated = cell.precision is Precision.INT8_CALIBRATED and engine.in_float
    if fell_back(engine, cell.case.op) or uncalibrated:
        return f"ran_in: {engine.type}"
    placement = reply.placement if reply else {}
    asked = ASKED_FOR.get(cell.runtime.provider)
    total = sum(placement.values())
    elsewhere = [f"{provider} {nodes} of {total}" for provider, nodes in placement.items() if provider != asked]
    return f"nodes that did not run on {asked}: {', '.join(elsewhere)}" if asked and elsewhere else ""


def engine_diagnostics(cell: Cell, engine: Ran, reply: Reply | None) -> tuple[Diagnostic, ...]:
    """Return the sentences on the operator's layers and on the nodes' providers, if there are any."""
    placement = reply.placement if reply else {}
    nodes = ", ".join(f"{provider} {number}" for provider, number in placement.items())
    words = {"engine": describe(engine, cell.case.op), "session": f"nodes: {nodes}" if nodes else ""}
    return tuple(Diagnostic(source=source, severity="info", message=text) for source, text in words.items() if text)
