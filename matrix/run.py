"""One run: the way of a cell from its job to its record, one function after the other."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from cases.case import Case
from matrix.execution.job import Reply, read_output
from matrix.execution.local import Finished, LocalExecutor
from matrix.options import Options
from matrix.plan import Cell
from matrix.record import (
    CaseInfo,
    Diagnostic,
    MachineInfo,
    OutputResult,
    Record,
    RuntimeInfo,
    Status,
    Verdict,
)
from matrix.run_folder import RunFolder
from matrix.runtimes.hardware import Hardware
from matrix.verdict.baseline import FOLDER, Baseline, judge, read_baseline, write_baseline
from matrix.verdict.outcome import Evidence, classify, compare_network
from matrix.verdict.outputs import compare_outputs
from matrix.verdict.reference import Outputs, Reference, References
from matrix.verdict.signatures import find_signature

CALM = frozenset({Status.MATCH, Status.BUILDS, Status.NOT_APPLICABLE, Status.NOT_RUN})


class Run:
    """Turns finished cells into records; all of it happens in the thread of pytest."""

    def __init__(
        self, *, options: Options, executor: LocalExecutor, folder: RunFolder, references: References, hardware: Hardware
    ) -> None:
        self.records: dict[str, Record] = {}
        self.folder = folder
        self._options = options
        self._executor = executor
        self._references = references
        self._hardware = hardware
        self._baselines: dict[str, Baseline] = {}

    def record(self, cell: Cell) -> Record:
        """Wait for ``cell``, decide what happened and what we think of it, and write that down.

        Raises:
            MatrixError: the report folder cannot be written, or a baseline cannot be read.
            OSError: a job directory cannot be written.
        """
        if cell.id not in self.records:
            record = self._conclude(cell, self._executor.take(cell))
            if _is_unexpected(record):
                record = self._try_again(cell, record)
            self.folder.append(record)
            self.records[cell.id] = record
        return self.records[cell.id]

    def record_what_is_done(self, cells: Sequence[Cell]) -> None:
        """Record the cells that had already come back when the run was stopped."""
        for cell in cells:
            if cell.id not in self.records and self._executor.is_done(cell):
                self.folder.append(self._conclude(cell, self._executor.take(cell)))

    def baseline(self, cell: Cell) -> Baseline:
        """Return the baseline of the cell's runtime."""
        name = cell.runtime.baseline_name
        if name not in self._baselines:
            self._baselines[name] = read_baseline(FOLDER / f"{name}.csv")
        return self._baselines[name]

    def update_baselines(self, cells: Sequence[Cell], known: Sequence[Case]) -> list[Path]:
        """Write what happened as the new baselines; a runtime of which nothing ran, and a flaky cell, stay as they were.

        Raises:
            OSError: a baseline cannot be written.
        """
        written = []
        ids = frozenset(case.id for case in known)
        for name in dict.fromkeys(cell.runtime.baseline_name for cell in cells):
            mine = [cell for cell in cells if cell.runtime.baseline_name == name and cell.id in self.records]
            observed = {
                (cell.case.id, str(cell.precision)): self.records[cell.id].status
                for cell in mine
                if self.records[cell.id].verdict is not Verdict.FLAKY
            }
            if all(status is Status.NOT_RUN for status in observed.values()):
                continue
            old = self.baseline(mine[0])
            kept = {key: status for key, status in old.statuses.items() if key[0] in ids}
            write_baseline(FOLDER / f"{name}.csv", replace(old, statuses=kept), observed)
            written.append(FOLDER / f"{name}.csv")
        return written

    def _conclude(self, cell: Cell, finished: Finished) -> Record:
        reference = self._reference(finished)
        results, unreadable = self._compare(finished, reference)
        differences = _network_differences(finished)
        status, reason = classify(self._evidence(finished, reference, results, differences, unreadable))
        baseline = self.baseline(cell)
        expected = baseline.statuses.get((cell.case.id, str(cell.precision)))
        diagnostics = _diagnostics(finished, differences)
        signature = None if status in CALM else find_signature([reason, *(item.message for item in diagnostics)])
        artifacts = self._keep(finished, status)
        ran = finished.ran
        return Record(
            run=self.folder.run,
            time=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            case=_case_info(cell.case, finished),
            runtime=RuntimeInfo(
                name=cell.runtime.name,
                requested=cell.runtime.release.version,
                product=cell.runtime.release.product,
                version=ran.version if ran else "",
                packages=ran.packages if ran else (),
                python=ran.python if ran else "",
            ),
            machine=_machine_info(self._hardware),
            precision=cell.precision,
            status=status,
            stage=ran.stage if ran else "",
            reason=reason,
            diagnostics=diagnostics,
            results=results,
            signature=signature.id if signature else "",
            remedy=signature.remedy if signature else "",
            remedy_source=signature.source if signature else "",
            verdict=judge(status, expected),
            baseline=expected,
            seconds=finished.reply.seconds if finished.reply else {},
            exit=ran.exit if ran else None,
            artifacts=artifacts,
        )

    def _try_again(self, cell: Cell, first: Record) -> Record:
        """Run an unexpected cell once more, alone in a fresh process: if the two disagree, the cell is flaky."""
        second = self._conclude(cell, self._executor.run_alone(cell))
        if second.status is first.status:
            return replace(second, attempts=2)
        reason = f"{first.status} at first ({first.reason}), then {second.status} when run alone ({second.reason})"
        return replace(first, attempts=2, verdict=Verdict.FLAKY, reason=reason)

    def _reference(self, finished: Finished) -> Reference:
        """Ask for a reference only where something ran that needs one."""
        if finished.folder is None or finished.reply is None or not finished.reply.executed:
            return Reference()
        return self._references.get(finished.folder)

    def _compare(self, finished: Finished, reference: Reference) -> tuple[tuple[OutputResult, ...], str]:
        if finished.reply is None or finished.folder is None or finished.directory is None:
            return (), ""
        try:
            got = _read_outputs(finished.reply, finished.directory)
        except ValueError as error:
            return (), str(error)
        return compare_outputs(got, reference, finished.folder.outputs, finished.cell.case.tolerance), ""

    def _evidence(
        self,
        finished: Finished,
        reference: Reference,
        results: Sequence[OutputResult],
        differences: Sequence[str],
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
            needs_gpu=_why_gpu_is_needed(finished, self._hardware),
            network=differences,
            executed=bool(reply and reply.executed),
            no_reference=reference.why,
            results=results,
        )

    def _keep(self, finished: Finished, status: Status) -> Mapping[str, str]:
        wanted = {"all": True, "none": False}.get(self._options.keep_jobs, status not in CALM)
        if finished.directory is None:
            return {}
        if wanted:
            return {"job": self.folder.keep(finished.directory, finished.directory.name)}
        shutil.rmtree(finished.directory, ignore_errors=True)
        return {}


def _is_unexpected(record: Record) -> bool:
    dead = record.status in (Status.CRASH, Status.TIMEOUT) and record.verdict is not Verdict.SAME
    return dead or record.verdict in (Verdict.REGRESSION, Verdict.PROGRESSION)


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
