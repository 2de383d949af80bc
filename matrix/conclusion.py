"""From what came back for a cell to its record: compare, classify, judge. Nothing here waits, runs or writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from cases.catalogue import INVALID_ON_PURPOSE, INVALID_REQUEST
from cases.promise import promises_dynamic_shapes
from matrix.engine_evidence import engine_diagnostics, engine_of, note_on_match
from matrix.execution.job import Reply, ReplyError, read_outputs
from matrix.execution.local import Finished
from matrix.plan import Cell
from matrix.point_evidence import gather, shapes_that_ran
from matrix.record import (
    FINE,
    REFUSED,
    SILENT,
    Diagnostic,
    OutputResult,
    PointResult,
    Precision,
    Record,
    Status,
)
from matrix.record_info import case_info, machine_info, runtime_info
from matrix.refused_node import name_operators
from matrix.runtimes.hardware import Hardware
from matrix.verdict.baseline import judge
from matrix.verdict.outcome import Evidence, classify, compare_network
from matrix.verdict.outputs import compare_outputs
from matrix.verdict.points import judge_points, ran_at_one_shape
from matrix.verdict.quantization_step import read_steps
from matrix.verdict.reference import Outputs, Reference
from matrix.verdict.signatures import find_signature
from matrix.verdict.signed_codes import describe
from matrix.verdict.tolerance import tolerance_for

CALM = FINE | SILENT
UNREAD = "ONNX's answer depends on an input that no layer of the parsed network reads:"
NO_IMPLEMENTATION = "UNSUPPORTED_STATE"  # tensorrt.ErrorCodeTRT: no tactic of any source that is on can run a layer


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """A record; and the outputs of a cell that ran at every shape point, None of any other."""

    record: Record
    outputs: Outputs | None


def conclude(
    finished: Finished,
    reference: Reference,
    *,
    run: str,
    hardware: Hardware,
    expected: Status | None,
    before: Mapping[Precision, Status] | None = None,
) -> Conclusion:
    """Return the record of a finished cell, and what it is made of.

    ``expected`` is its status in the runtime's baseline; ``before`` holds those of the stages that came before it.
    """
    finished = _with_operators(finished)
    cell, ran = finished.cell, finished.ran
    differences = [*_network_differences(finished), *(f"{UNREAD} {name}" for name in reference.ignored)]
    outputs, unreadable = _read_outputs(finished)
    results = _compare(finished, outputs, reference)
    points = judge_points(gather(finished, reference, results, unreadable))
    signed = describe(reference.signed) if reference.signed else ""
    inside = [signed] if reference.signed and reference.signed.matters else []
    status, reason = classify(_evidence(finished, hardware, differences, inside, points, unreadable))
    engine = engine_of(cell, finished.reply)
    if status is Status.MATCH:
        reason = note_on_match(cell, engine, finished.reply)
    told = [Diagnostic(source="network", severity="error" if inside else "info", message=signed)] if signed else []
    diagnostics = (*told, *_diagnostics(finished, differences), *_staged(before or {}))
    invalid = INVALID_ON_PURPOSE in cell.case.tags
    # Whoever refuses a model has said why in an error: a warning beside it leads astray.
    telling = [item for item in diagnostics if status not in REFUSED or item.severity != "warning"]
    signature = None if status in CALM or invalid else find_signature([reason, *telling])
    record = Record(
        run=run,
        time=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        case=case_info(cell.case, finished),
        runtime=runtime_info(cell, finished),
        machine=machine_info(hardware, ran.gpu if ran else None),
        precision=cell.precision,
        status=status,
        stage=ran.stage if ran else "",
        reason=reason,
        diagnostics=(*diagnostics, *engine_diagnostics(cell, engine, finished.reply)),
        results=results,
        no_second_reference=reference.second.why,
        points=points,
        signature=signature.id if signature else "",
        remedy=signature.remedy if signature else "",
        remedy_source=signature.source if signature else "",
        verdict=judge(status, expected),
        baseline=expected,
        settings=finished.reply.settings if finished.reply else {},
        placement=finished.reply.placement if finished.reply else {},
        seconds=finished.reply.seconds if finished.reply else {},
        exit=ran.exit if ran else None,
        ran_in=engine.type,
        layers=finished.reply.layers if finished.reply else (),
    )
    reply = finished.reply
    whole = reply is not None and reply.executed and reply.failed is None and not unreadable
    return Conclusion(record=record, outputs=outputs if whole else None)


def _with_operators(finished: Finished) -> Finished:
    reply, ran, folder = finished.reply, finished.ran, finished.folder
    if reply is None or ran is None or folder is None or reply.failed is None:
        return finished
    named = name_operators(reply.diagnostics, folder.path / "model.onnx")
    return replace(finished, ran=replace(ran, reply=replace(reply, diagnostics=named)))


def _read_outputs(finished: Finished) -> tuple[Outputs, str]:
    """Return the outputs of the points that ran, or why they could not be read."""
    if finished.reply is None or finished.directory is None:
        return {}, ""
    try:
        return read_outputs(finished.directory, finished.reply), ""
    except ReplyError as error:
        return {}, str(error)


def _compare(finished: Finished, got: Outputs, reference: Reference) -> tuple[OutputResult, ...]:
    """Return the result of every output."""
    if finished.folder is None or not got:
        return ()
    tolerance = tolerance_for(finished.cell.case.tolerance, finished.cell.precision)
    steps = read_steps(finished.folder.path / "model.onnx") if reference.outputs else {}
    return compare_outputs(got, reference, finished.folder.outputs, tolerance, steps)


def _evidence(
    finished: Finished,
    hardware: Hardware,
    differences: Sequence[str],
    inside: Sequence[str],
    points: Sequence[PointResult],
    unreadable: str,
) -> Evidence:
    case = finished.cell.case
    reply, ran = finished.reply, finished.ran
    return Evidence(
        not_applicable=finished.not_applicable or (reply.not_applicable if reply else ""),
        invalid=finished.folder.invalid if finished.folder else "",
        not_run=ran.not_run if ran else "",
        timed_out=bool(ran and ran.exit and ran.exit.timed_out),
        died=unreadable or (ran.why if ran else ""),
        machine=reply.machine if reply else "",
        stage=ran.stage if ran else "",
        failed=reply.failed if reply else None,
        words=_first_words(reply),
        not_here=_why_not_buildable_here(finished, hardware),
        network=differences,
        inside=inside,
        executed=bool(reply and reply.executed),
        must_refuse=fault_on_purpose(finished.cell),
        one_shape=promises_dynamic_shapes(case) and ran_at_one_shape(case.points, shapes_that_ran(reply)),
        points=points,
    )


def fault_on_purpose(cell: Cell) -> str:
    """Return what is at fault in ``cell`` on purpose, so that a runtime must refuse it; empty where nothing is."""
    case = cell.case
    if case.calibration and cell.precision is Precision.INT8_CALIBRATED:
        return case.calibration.mistake
    if INVALID_ON_PURPOSE not in case.tags:
        return ""
    return "a profile or a request is at fault" if INVALID_REQUEST in case.tags else "ONNX forbids this model"


def _network_differences(finished: Finished) -> list[str]:
    network = finished.reply.network if finished.reply else None
    if network is None or finished.folder is None:
        return []
    return compare_network(finished.folder.outputs, [(t.name, t.dtype, t.shape) for t in network.outputs])


def _first_words(reply: Reply | None) -> str:
    """Return the runtime's first error with its structure."""
    first = reply.first_error if reply else None
    if first is None:
        return "the runtime gave no reason"
    code = f"[{first.code}] " if first.code else ""
    op = f"{first.op}: " if first.op else ""
    function = f" (in {first.function})" if first.function else ""
    return f"{code}{op}{first.message}{function}"


def _why_not_buildable_here(finished: Finished, hardware: Hardware) -> str:
    """Return why this machine, or this run, could not have built the network, whatever the release can."""
    reply = finished.reply
    if reply is None or reply.network is None:
        return ""
    release = finished.cell.runtime.release
    dtypes = sorted(set(reply.network.dtypes) & set(release.dtypes_that_need_a_gpu_to_build))
    if dtypes and not hardware.gpus:
        return (
            f"{release.name} needs a GPU to build a network with {', '.join(dtypes)} inside, and this machine has none"
        )
    sources = reply.settings.get("tactic_sources", "")
    if sources and any(item.code == NO_IMPLEMENTATION for item in reply.diagnostics):
        return f"the builder found no implementation, and was restricted to the tactic sources {sources}"
    return ""


def _diagnostics(finished: Finished, differences: Sequence[str]) -> tuple[Diagnostic, ...]:
    found = [Diagnostic(source="network", message=difference) for difference in differences]
    if finished.reply:
        found.extend(finished.reply.diagnostics)
    if finished.folder and finished.folder.invalid:
        found.append(Diagnostic(source="checker", message=finished.folder.invalid))
    if finished.folder and finished.folder.checker:
        found.append(Diagnostic(source="checker", message=finished.folder.checker))
    if finished.ran and finished.ran.exit and finished.ran.log:
        found.append(Diagnostic(source="log", message=finished.ran.log))
    if finished.folder:
        found.extend(Diagnostic(source="harness", severity="info", message=note) for note in finished.folder.notes)
    return tuple(found)


def _staged(before: Mapping[Precision, Status]) -> list[Diagnostic]:
    """Say how the float stages went: a case that is not right in FP32 says nothing about its INT8."""
    if not before:
        return []
    stages = ", ".join(f"{precision}: {status}" for precision, status in before.items())
    return [Diagnostic(source="harness", severity="info", message=f"the stages before: {stages}")]
