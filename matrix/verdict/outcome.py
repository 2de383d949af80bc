"""What happened in a cell: the one place that turns evidence into a status. Pure; never reads a message's text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matrix.case_folder import DeclaredOutput
from matrix.record import Drift, OutputResult, PointResult, Status

# What a point's status makes of its cell, from best to worst, and how it is told.
POINT_WORDS = {
    Status.MATCH: "right",
    Status.UNVERIFIED: "unverified",
    Status.NOT_RUN: "not run",
    Status.DRIFT: "off",
    Status.RUN_FAILED: "refused",
    Status.WRONG: "wrong",
}
POINT_ORDER = tuple(POINT_WORDS)
DIGITS = 9  # of an SQNR in dB: those behind them are rounding of the sums
WRONG_BELOW_DB = 10.0  # an error of a third of the signal's amplitude: no quantization scheme explains that


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that a status may depend on."""

    not_applicable: str = ""
    invalid: str = ""  # our own model is not valid ONNX
    not_run: str = ""  # the environment, the GPU or a package was missing
    timed_out: bool = False
    died: str = ""  # how the worker ended without an answer
    machine: str = ""  # what this machine lacked in the middle of the job
    stage: str = ""  # the last stage entered
    failed: str | None = None  # the stage that the runtime refused
    words: str = ""  # the runtime's first words on that
    not_here: str = ""  # why the release could not have built this network on this machine
    network: Sequence[str] = ()  # differences between the parsed network and what ONNX declares
    inside: Sequence[str] = ()  # those inside it that make another answer; outputs, where there are any, tell more
    executed: bool = False
    must_refuse: str = ""  # what is at fault on purpose: a runtime that takes it does something that nobody defined
    one_shape: bool = False  # of a case with dynamic shapes: all that ran had the same input shapes
    points: Sequence[PointResult] = ()  # one for each shape point that was asked for


def classify(evidence: Evidence) -> tuple[Status, str]:
    """Return the status and, in one sentence, why. The first rule that fits decides."""
    stage = evidence.stage or "start"
    if evidence.not_applicable:
        return Status.NOT_APPLICABLE, evidence.not_applicable
    if evidence.invalid:
        return Status.INVALID_CASE, evidence.invalid
    if evidence.not_run:
        return Status.NOT_RUN, evidence.not_run
    if evidence.timed_out:
        return Status.TIMEOUT, f"{evidence.died}, in stage {stage}"
    if evidence.died:
        return Status.CRASH, f"{evidence.died}, in stage {stage}"
    if evidence.machine:
        return Status.NOT_RUN, f"this machine could not: {evidence.machine}"
    if evidence.must_refuse and evidence.failed is None:
        did = "ran" if evidence.executed else "built"
        return Status.WRONG, f"{evidence.must_refuse}, and the runtime {did} it without an error"
    if evidence.network and (evidence.failed is None or evidence.not_here):
        return Status.WRONG, "; ".join(evidence.network)
    if evidence.failed is not None and not evidence.failed.startswith("run"):
        return _refused(evidence)
    if evidence.failed is None and not evidence.executed:
        return (Status.WRONG, "; ".join(evidence.inside)) if evidence.inside else (Status.BUILDS, "")
    return _ran(evidence)


def _refused(evidence: Evidence) -> tuple[Status, str]:
    if evidence.failed in ("load", "parse"):
        return Status.UNSUPPORTED, evidence.words
    if evidence.failed == "build" and evidence.not_here:
        return Status.NOT_RUN, evidence.not_here
    if evidence.failed in ("build", "profile"):
        return Status.BUILD_FAILED, evidence.words
    return Status.RUN_FAILED, f"at {evidence.failed}: {evidence.words}"


def _ran(evidence: Evidence) -> tuple[Status, str]:
    """Return the worst that happened at a shape point; what ran at too few points or at one shape is no match."""
    worst = max((point.status for point in evidence.points), key=POINT_ORDER.index, default=Status.UNVERIFIED)
    if evidence.failed is not None and worst is not Status.WRONG:
        return Status.RUN_FAILED, tell_points(evidence.points, Status.RUN_FAILED, evidence.words)
    if worst is Status.MATCH and evidence.one_shape:
        return Status.UNVERIFIED, "the case has dynamic shapes, and all that ran had the same one"
    if not evidence.points:
        return Status.UNVERIFIED, "nothing was compared: the case has no shape points"
    status = Status.UNVERIFIED if worst is Status.NOT_RUN else worst
    return status, tell_points(evidence.points, worst)


def tell_points(points: Sequence[PointResult], worst: Status, words: str = "") -> str:
    """Return where a cell is right and where it is not, "right at min, opt; wrong at max: ..."; empty if all is right.

    ``words`` are the reason; without them it is that of the first point whose status is ``worst``.
    """
    names: dict[Status, list[str]] = {}
    for point in points:
        names.setdefault(point.status, []).append(point.point)
    reason = words or next((point.reason for point in points if point.status is worst), "")
    if len(points) <= 1 or all(point.status is worst and point.reason == reason for point in points):
        return reason
    told = [f"{POINT_WORDS[status]} at {', '.join(names[status])}" for status in POINT_ORDER if status in names]
    return f"{'; '.join(told)}: {reason}"


def is_wrong(result: OutputResult) -> bool:
    """Say whether a problem is a wrong answer and not merely an inexact one: see docs/architecture.md, "Statuses"."""
    drift = result.drift
    return drift is None or drift.nonfinite_mismatches > 0 or round(drift.sqnr_db, DIGITS) < WRONG_BELOW_DB


def describe_problem(drift: Drift) -> str:
    """Return in words what is outside tolerance, empty if nothing is."""
    if not drift.share_off:
        return ""
    where = f"at {list(drift.worst_index)}"
    if drift.worst_value is not None and drift.worst_reference is not None:
        got, expected = _told_apart(drift.worst_value, drift.worst_reference)
        where = f"{where}: got {got}, expected {expected}"
    if drift.nonfinite_mismatches:
        return f"{drift.nonfinite_mismatches} elements differ in NaN or infinity, {where}"
    size = f"{drift.max_abs:.3g}"
    if drift.max_steps is not None:
        size = f"{drift.max_steps} step{'' if drift.max_steps == 1 else 's'}"
    return f"off by up to {size} in {_percent(drift.share_off)} of the elements, {where}"


def _told_apart(got: float, expected: float) -> tuple[str, str]:
    """Write two values with as many digits as it takes to see that they differ; 17 tell any two float64 apart."""
    if isinstance(got, int) and isinstance(expected, int):
        return str(got), str(expected)
    texts = [(f"{got:.{digits}g}", f"{expected:.{digits}g}") for digits in (6, 9, 17)]
    return next((pair for pair in texts if pair[0] != pair[1]), texts[0])


def compare_network(
    declared: Sequence[DeclaredOutput], parsed: Sequence[tuple[str, str, tuple[int, ...] | None]]
) -> list[str]:
    """Return how the outputs of a parsed network (name, dtype, shape; -1 is dynamic) differ from what ONNX declares.

    Only what both sides state is compared: dtype, rank, and the dimensions that are static on both sides.
    """
    found = {name: (dtype, shape) for name, dtype, shape in parsed}
    differences = []
    for output in declared:
        if output.name not in found:
            differences.append(f"output {output.name} is missing from the parsed network")
            continue
        dtype, shape = found[output.name]
        if output.dtype and dtype != output.dtype:
            differences.append(f"output {output.name} is {output.dtype} in ONNX, {dtype} in the parsed network")
        if output.shape is not None and shape is not None and not _shapes_agree(output.shape, shape):
            differences.append(
                f"output {output.name} has shape {_spell(output.shape)} in ONNX, {_spell(shape)} in the parsed network"
            )
    return differences


def _shapes_agree(declared: Sequence[int | None], parsed: Sequence[int]) -> bool:
    return len(declared) == len(parsed) and all(
        want is None or got == -1 or want == got for want, got in zip(declared, parsed, strict=True)
    )


def _spell(shape: Sequence[int | None]) -> str:
    return "[" + ", ".join("?" if extent in (None, -1) else str(extent) for extent in shape) + "]"


def _percent(share: float) -> str:
    """Never round to a false 0 % or 100 %."""
    percent = 100 * share
    if 0 < percent < 0.1:
        return "under 0.1 %"
    if 99.9 < percent < 100:
        return "over 99.9 %"
    return f"{percent:.3g} %"
