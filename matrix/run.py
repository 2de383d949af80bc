"""One run: provision, run every cell, record it, and write the reports, whatever happens in between."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from matrix.conclusion import CALM, conclude
from matrix.errors import ProvisionError, ReportFolderError
from matrix.execution.job import make_self_contained
from matrix.execution.local import Finished, LocalExecutor
from matrix.options import Options
from matrix.plan import Cell
from matrix.record import Record, Status, Verdict
from matrix.references import References
from matrix.run_folder import RunFolder
from matrix.runtimes.environment import Environment, default_cache
from matrix.runtimes.hardware import Hardware, missing_hardware, probe
from matrix.runtimes.progress import Progress
from matrix.runtimes.provisioning import provision_all
from matrix.second_reference import second_reference
from matrix.verdict.baseline import Baseline, read_baseline, write_baseline
from matrix.verdict.reference import Reference
from matrix.verdict.reference.cache import AnswerCache
from reports.cells import ATTENTION


class Run:
    """Turns finished cells into records; all of it happens in the thread of pytest."""

    def __init__(
        self,
        *,
        options: Options,
        executor: LocalExecutor,
        folder: RunFolder,
        references: References,
        hardware: Hardware,
    ) -> None:
        self.options = options
        self.folder = folder
        self.records: dict[str, Record] = {}
        self._executor = executor
        self._references = references
        self._hardware = hardware
        self._baselines: dict[str, Baseline] = {}

    def record(self, cell: Cell) -> Record:
        """Wait for ``cell``, decide what happened and what we think of it, and write that down.

        Raises:
            MatrixError: the report folder cannot be written, or a baseline cannot be read.
        """
        if cell.id not in self.records:
            try:
                record = self._conclude(self._executor.take(cell))
                if _is_unexpected(record):
                    record = self._try_again(cell, record)
            except OSError as error:
                raise ReportFolderError(str(self.folder.path), error.strerror or str(error)) from error
            self._write(record, cell)
        return self.records[cell.id]

    def record_what_is_done(self, cells: Iterable[Cell]) -> None:
        """Record the cells that had come back already when the run was stopped."""
        for cell in cells:
            if cell.id not in self.records and self._executor.is_done(cell):
                self._write(self._conclude(self._executor.take(cell)), cell)

    def baseline(self, cell: Cell) -> Baseline:
        """Return the baseline of the cell's runtime."""
        name = cell.runtime.baseline_name
        if name not in self._baselines:
            self._baselines[name] = read_baseline(self.options.baselines / f"{name}.csv")
        return self._baselines[name]

    def _conclude(self, finished: Finished) -> Record:
        cell = finished.cell
        expected = self.baseline(cell).statuses.get((cell.case.id, str(cell.precision)))
        record = conclude(
            finished, self._reference(finished), run=self.folder.run, hardware=self._hardware, expected=expected
        )
        return replace(record, artifacts=self._keep(finished, record))

    def _try_again(self, cell: Cell, first: Record) -> Record:
        """Run an unexpected cell once more, alone in a fresh process: if the two disagree, the cell is flaky."""
        second = self._conclude(self._executor.run_alone(cell))
        if second.status is first.status:
            return replace(second, attempts=2)
        reason = f"{first.status} at first ({first.reason}), then {second.status} when run alone ({second.reason})"
        return replace(first, attempts=2, verdict=Verdict.FLAKY, reason=reason)

    def _write(self, record: Record, cell: Cell) -> None:
        self.folder.append(record)
        self.records[cell.id] = record

    def _reference(self, finished: Finished) -> Reference:
        """Ask for a reference only where something ran that needs one."""
        if finished.folder is None or finished.reply is None or not finished.reply.executed:
            return Reference()
        if finished.cell.case.no_reference:
            return Reference(why=finished.cell.case.no_reference)
        return self._references.get(finished)

    def _keep(self, finished: Finished, record: Record) -> dict[str, str]:
        """Keep the job directory as evidence where the user wants that; remove it otherwise."""
        if finished.directory is None:
            return {}
        keep = {"all": True, "none": False}.get(self.options.keep_jobs, _is_evidence(record))
        if keep:
            make_self_contained(finished.directory)
            return {"job": self.folder.keep(finished.directory, finished.directory.name)}
        shutil.rmtree(finished.directory, ignore_errors=True)
        return {}


@contextmanager
def conduct(cells: Sequence[Cell], options: Options, output: TextIO) -> Iterator[Run]:
    """Provision the runtimes of ``cells``, start running them, and yield the Run that records them.

    However the block ends, what has come back is recorded, every worker is gone, and the reports are written. Progress
    of the provisioning is written to ``output``.

    Raises:
        ReportFolderError: the report folder cannot be written.
    """
    hardware, cache = probe(), default_cache()
    with RunFolder(options.report_dir) as folder, _environments(cells, hardware, cache, output) as environments:
        executor = LocalExecutor(
            cells, environments, root=folder.work, slots=options.jobs, case_timeout=options.case_timeout
        )
        runtimes = list(dict.fromkeys(cell.runtime for cell in cells))
        with (
            second_reference(
                runtimes,
                environments,
                cache=cache,
                folder=folder.work / "second",
                cpu=hardware.cpu,
                deadline=options.case_timeout,
            ) as second,
            References(
                AnswerCache(cache / "references"), second, folder.work / "references", deadline=options.case_timeout
            ) as references,
            executor,
        ):
            run = Run(options=options, executor=executor, folder=folder, references=references, hardware=hardware)
            try:
                yield run
            finally:
                run.record_what_is_done(cells)
                folder.finish()


@contextmanager
def _environments(
    cells: Sequence[Cell], hardware: Hardware, cache: Path, output: TextIO
) -> Iterator[Mapping[str, Future[Environment]]]:
    """Make the environments of all runtimes side by side; what this machine cannot use at all is not even tried."""
    runtimes = list(dict.fromkeys(cell.runtime for cell in cells))
    missing = {runtime.name: missing_hardware(runtime, hardware) for runtime in runtimes}
    usable = [runtime for runtime in runtimes if not missing[runtime.name]]
    with Progress(output) as progress, provision_all(usable, cache=cache, progress=progress) as provisioning:
        wait(provisioning.futures.values())
        progress.close()
        yield {**provisioning.futures, **{name: _refused(reason) for name, reason in missing.items() if reason}}


def _refused(reason: str) -> Future[Environment]:
    future: Future[Environment] = Future()
    future.set_exception(ProvisionError(reason))
    return future


def update_baselines(run: Run, cells: Sequence[Cell], known: frozenset[str]) -> list[Path]:
    """Write what happened as the new baselines, and return their paths.

    Left as they were: a runtime of which nothing ran, and a flaky cell. Lines of cases that are not among the ``known``
    ids any more are dropped.

    Raises:
        OSError: a baseline cannot be written.
    """
    written = []
    for name in dict.fromkeys(cell.runtime.baseline_name for cell in cells):
        mine = [cell for cell in cells if cell.runtime.baseline_name == name and cell.id in run.records]
        observed = {
            (cell.case.id, str(cell.precision)): run.records[cell.id].status
            for cell in mine
            if run.records[cell.id].verdict is not Verdict.FLAKY
        }
        if all(status is Status.NOT_RUN for status in observed.values()):
            continue
        old = run.baseline(mine[0])
        kept = {key: status for key, status in old.statuses.items() if key[0] in known}
        path = run.options.baselines / f"{name}.csv"
        write_baseline(path, replace(old, statuses=kept), observed)
        written.append(path)
    return written


def _is_evidence(record: Record) -> bool:
    """Say whether somebody will want to see the job: it is alarming, or it is not what the baseline says."""
    return record.status in ATTENTION or (record.status not in CALM and record.verdict is not Verdict.SAME)


def _is_unexpected(record: Record) -> bool:
    dead = record.status in (Status.CRASH, Status.TIMEOUT) and record.verdict is not Verdict.SAME
    return dead or record.verdict in (Verdict.REGRESSION, Verdict.PROGRESSION)
