"""Gathers, from what came back for a cell, what is known of each of its shape points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matrix.execution.job import Reply
from matrix.execution.local import Finished
from matrix.record import OutputResult, Status
from matrix.verdict.points import PointEvidence
from matrix.verdict.reference import Reference


def gather(finished: Finished, reference: Reference, results: Sequence[OutputResult], unreadable: str) -> PointEvidence:
    """Return the evidence on the shape points of ``finished``; no point was asked for where no runtime was reached.

    ``unreadable`` says why the outputs could not be read, which counts as a death of the worker.
    """
    ran, reply = finished.ran, finished.reply
    if ran is None or ran.not_run or (reply and reply.not_applicable):
        return PointEvidence(asked=())
    asked = finished.cell.case.points
    if reply is None or unreadable:
        ended = Status.TIMEOUT if ran.exit and ran.exit.timed_out else Status.CRASH
        where = f"the process ended at {ran.stage or 'start'}"
        return PointEvidence(asked=asked, ended=ended, stage=ran.stage, unreached=where)
    return PointEvidence(
        asked=asked,
        ran=shapes_that_ran(reply),
        refused={point.point: point.error for point in reply.points if point.error},
        results=results,
        no_reference=reference.why,
        unreached=_why_unreached(reply),
    )


def shapes_that_ran(reply: Reply | None) -> dict[str, Mapping[str, tuple[int, ...]]]:
    """Return the input shapes, as the runtime had them, of every point that was run."""
    return {point.point: point.shapes for point in reply.points if not point.error} if reply else {}


def _why_unreached(reply: Reply) -> str:
    if reply.machine:
        return f"this machine could not: {reply.machine}"
    if reply.failed is not None and not reply.failed.startswith("run"):
        return f"refused at {reply.failed}"
    return "nothing came back" if reply.executed else "this machine cannot execute it"
