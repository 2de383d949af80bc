"""From what came back for a cell to its record: compare, classify, judge. Nothing here waits, runs or writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from cases.case import Case
from cases.catalogue import INVALID_ON_PURPOSE
from matrix.execution.job import Reply, read_output
from matrix.execution.local import Finished
from matrix.plan import Cell
from matrix.record import FINE, SILENT, CaseInfo, Diagnostic, MachineInfo, OutputResult, Record, RuntimeInfo, Status
from matrix.runtimes.hardware import Hardware
from matrix.verdict.baseline import judge
from matrix.verdict.outcome import Evidence, classify, compare_network
from matrix.verdict.outputs import compare_outputs
from matrix.verdict.reference import Outputs, Reference
from matrix.verdict.signatures import find_signature

CALM = FINE | SILENT


def conclude(
    finished: Finished, reference: Reference, *, run: str, hardware: Hardware, expected: Status | None
) -> Record:
    """Return the record of a finished cell; ``expected`` is its status in the runtime's baseline."""
    cell, ran = finished.cell, finished.ran
    differences = _network_differences(finished)
    results, unreadable = _compare(finished, reference)
    status, reason = classify(_evidence(finished, reference, hardware, differences, results, unreadable))
    diagnostics = _diagnostics(finished, differences)
    invalid = INVALID_ON_PURPOSE in cell.case.tags
    signature = None if status in CALM or invalid else find_signature([reason, *diagnostics])
    return Record(
        run=run,
        time=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        case=_case_info(cell.case, finished),
        runtime=_runtime_info(cell, finished),
        machine=_machine_info(hardware),
        precision=cell.precision,
        status=status,
        stage=ran.stage if ran else "",
        reason=reason,
        diagnostics=diagnostics,
        results=results,
        no_second_reference=reference.second.why,
        signature=signature.id if signature else "",
        remedy=signature.remedy if signature else "",
        remedy_source=signature.source if signature else "",
        verdict=judge(status, expected),
        baseline=expected,
        seconds=finished.reply.seconds if finished.reply else {},
        exit=ran.exit if ran else None,
    )


def _compare(finished: Finished, reference: Reference) -> tuple[tuple[OutputResult, ...], str]:
    """Return the results of every output, or why the outputs could not be read."""
    if finished.reply is None or finished.folder is None or finished.directory is None:
        return (), ""
    try:
        got = _read_outputs(finished.reply, finished.directory)
    except ValueError as error:
        return (), str(error)
    return compare_outputs(got, reference, finished.folder.outputs, finished.cell.case.tolerance), ""


def _evidence(
    finished: Finished,
    reference: Reference,
    hardware: Hardware,
    differences: Sequence[str],
    results: Sequence[OutputResult],
    unreadable: str,
) -> Evidence:
    reply, ran = finished.reply, finished.ran
    return Evidence(
        not_applicable=finished.not_applicable,
        invalid=finished.folder.invalid if finished.folder else "",
        not_run=ran.not_run if ran else "",
        timed_out=bool(ran and ran.exit and ran.exit.timed_out),
        died=unreadable or (ran.why if ran else ""),
        machine=reply.machine if reply else "",
        stage=ran.stage if ran else "",
        failed=reply.failed if reply else None,
        words=_first_words(reply),
        needs_gpu=_why_gpu_is_needed(finished, hardware),
        network=differences,
        executed=bool(reply and reply.executed),
        must_refuse=INVALID_ON_PURPOSE in finished.cell.case.tags,
        no_reference=reference.why,
        results=results,
    )


def _read_outputs(reply: Reply, directory: Path) -> Outputs:
    return {
        point.point: {output.name: read_output(directory, output) for output in point.outputs}
        for point in reply.points
        if not point.error
    }


def _network_differences(finished: Finished) -> list[str]:
    network = finished.reply.network if finished.reply else None
    if network is None or finished.folder is None:
        return []
    return compare_network(finished.folder.outputs, [(t.name, t.dtype, t.shape) for t in network.outputs])


def _first_words(reply: Reply | None) -> str:
    """Return the runtime's first error with its structure: what comes after it is often only its echo."""
    errors = [item for item in reply.diagnostics if item.severity == "error"] if reply else []
    if not errors:
        return "the runtime gave no reason"
    first = errors[0]
    code = f"[{first.code}] " if first.code else ""
    op = f"{first.op}: " if first.op else ""
    function = f" (in {first.function})" if first.function else ""
    return f"{code}{op}{first.message}{function}"


def _why_gpu_is_needed(finished: Finished, hardware: Hardware) -> str:
    network = finished.reply.network if finished.reply else None
    if network is None or hardware.gpus:
        return ""
    release = finished.cell.runtime.release
    dtypes = sorted(set(network.dtypes) & set(release.dtypes_that_need_a_gpu_to_build))
    if not dtypes:
        return ""
    return f"{release.name} needs a GPU to build a network with {', '.join(dtypes)} inside, and this machine has none"


def _diagnostics(finished: Finished, differences: Sequence[str]) -> tuple[Diagnostic, ...]:
    found = [Diagnostic(source="network", message=difference) for difference in differences]
    if finished.reply:
        found.extend(finished.reply.diagnostics)
    if finished.folder and finished.folder.invalid:
        found.append(Diagnostic(source="checker", message=finished.folder.invalid))
    if finished.ran and finished.ran.exit and finished.ran.log:
        found.append(Diagnostic(source="log", message=finished.ran.log))
    return tuple(found)


def _case_info(case: Case, finished: Finished) -> CaseInfo:
    return CaseInfo(
        id=case.id,
        family=case.family,
        op=case.op,
        opset=case.opset,
        summary=case.summary,
        digest=finished.folder.digest if finished.folder else "",
        tags=tuple(sorted(case.tags)),
        source=case.source,
    )


def _runtime_info(cell: Cell, finished: Finished) -> RuntimeInfo:
    ran = finished.ran
    return RuntimeInfo(
        name=cell.runtime.name,
        requested=cell.runtime.release.version,
        product=cell.runtime.release.product,
        version=ran.version if ran else "",
        packages=ran.packages if ran else (),
        python=ran.python if ran else "",
    )


def _machine_info(hardware: Hardware) -> MachineInfo:
    gpu = hardware.gpus[0] if hardware.gpus else None
    return MachineInfo(
        os=hardware.os,
        cpu=hardware.cpu,
        gpu=gpu.name if gpu else "",
        sm=gpu.sm if gpu else "",
        driver=hardware.driver,
        cuda=hardware.cuda,
    )
