"""What happened at each shape point of a cell, and the words that tell it: right at opt, and wrong at max. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cases.case import Shape, ShapePoint
from matrix.record import OutputResult, PointResult, Status
from matrix.verdict.outcome import is_wrong


@dataclass(frozen=True, kw_only=True)
class PointEvidence:
    """All that the status of a shape point may depend on."""

    asked: Sequence[ShapePoint]
    ran: Mapping[str, Mapping[str, Shape]] = field(default_factory=dict)  # point -> input -> shape that it really had
    refused: Mapping[str, str] = field(default_factory=dict)  # point -> in which words
    results: Sequence[OutputResult] = ()
    no_reference: str = ""
    ended: Status | None = None  # how the process ended without an answer: crash or timeout
    stage: str = ""  # the last stage entered
    unreached: str = ""  # why a point was not run that neither ran nor was refused


def judge_points(evidence: PointEvidence) -> tuple[PointResult, ...]:
    """Return the result of each point that was asked for, in that order."""
    return tuple(_judge(point, evidence) for point in evidence.asked)


def ran_at_one_shape(asked: Sequence[ShapePoint], ran: Mapping[str, Mapping[str, Shape]]) -> bool:
    """Say whether all that ran had one set of input shapes (and values of shape tensors): a static run in disguise."""
    values = {point.name: point.values for point in asked}
    seen = {(frozenset(shapes.items()), frozenset(values.get(name, {}).items())) for name, shapes in ran.items()}
    return len(seen) <= 1


def _judge(point: ShapePoint, evidence: PointEvidence) -> PointResult:
    name = point.name
    shapes = {key: tuple(shape) for key, shape in point.shapes.items()}
    if name in evidence.refused:
        status, reason = Status.RUN_FAILED, evidence.refused[name]
    elif evidence.ended is not None and evidence.stage == f"run:{name}":
        status, reason = evidence.ended, ""
    elif name not in evidence.ran:
        status, reason = Status.NOT_RUN, evidence.unreached
    elif not point.allowed:
        status, reason = Status.WRONG, "the request is at fault, and the runtime ran it without an error"
    elif (really := dict(evidence.ran[name])) != shapes:
        status, reason = Status.UNVERIFIED, f"the runtime reported inputs of {really}, asked for were {shapes}"
    else:
        status, reason = _compared([result for result in evidence.results if result.point == name], evidence)
    return PointResult(point=name, status=status, shapes=shapes, reason=reason)


def _compared(results: Sequence[OutputResult], evidence: PointEvidence) -> tuple[Status, str]:
    problems = sorted((result for result in results if result.problem), key=is_wrong, reverse=True)
    if problems:
        status = Status.WRONG if is_wrong(problems[0]) else Status.DRIFT
        return status, f"output {problems[0].output}: {problems[0].problem}"
    if evidence.no_reference:
        return Status.UNVERIFIED, evidence.no_reference
    if not results:
        return Status.UNVERIFIED, "nothing was compared: the model has no outputs at this shape point"
    alone = [result.output for result in results if not result.reference]
    if alone:
        return Status.UNVERIFIED, f"output {alone[0]} was compared with nothing"
    return Status.MATCH, ""
