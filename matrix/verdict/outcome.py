"""What happened in a cell: the one place that turns evidence into a status. Pure; never reads a message's text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matrix.case_folder import DeclaredOutput
from matrix.record import Drift, OutputResult, Status

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
    needs_gpu: str = ""  # why the release could not have built this network on this machine
    network: Sequence[str] = ()  # differences between the parsed network and what ONNX declares
    executed: bool = False
    must_refuse: bool = False  # ONNX forbids this model: a runtime that takes it computes something that nobody defined
    no_reference: str = ""
    results: Sequence[OutputResult] = ()


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
        return Status.WRONG, f"ONNX forbids this model, and the runtime {did} it without an error"
    if evidence.network and (evidence.failed is None or evidence.needs_gpu):
        return Status.WRONG, "; ".join(evidence.network)
    if evidence.failed is not None:
        return _refused(evidence)
    if not evidence.executed:
        return Status.BUILDS, ""
    return _ran(evidence)


def _refused(evidence: Evidence) -> tuple[Status, str]:
    stage = (evidence.failed or "").split(":")[0]
    if stage in ("load", "parse"):
        return Status.UNSUPPORTED, evidence.words
    if stage == "build":
        if evidence.needs_gpu:
            return Status.NOT_RUN, evidence.needs_gpu
        return Status.BUILD_FAILED, evidence.words
    return Status.RUN_FAILED, f"at {evidence.failed}: {evidence.words}"


def _ran(evidence: Evidence) -> tuple[Status, str]:
    problems = [result for result in evidence.results if result.problem]
    wrong = [result for result in problems if is_wrong(result)]
    if wrong:
        return Status.WRONG, _where(wrong[0])
    if problems:
        return Status.DRIFT, _where(problems[0])
    if evidence.no_reference:
        return Status.UNVERIFIED, evidence.no_reference
    if not evidence.results:
        return Status.UNVERIFIED, "nothing was compared: the model has no outputs at any shape point"
    return Status.MATCH, ""


def is_wrong(result: OutputResult) -> bool:
    """Say whether a problem is a wrong answer and not merely an inexact one: see docs/architecture.md, "Statuses"."""
    drift = result.drift
    return drift is None or drift.nonfinite_mismatches > 0 or drift.sqnr_db < WRONG_BELOW_DB


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
        if dtype != output.dtype:
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


def _where(result: OutputResult) -> str:
    return f"output {result.output} at {result.point}: {result.problem}"
