"""One run: every cell is recorded, whatever happens in between, with its evidence and a second try where it is due."""

from __future__ import annotations

import shutil
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from matrix.cell_reference import reference_of
from matrix.conclusion import CALM, conclude
from matrix.errors import ReportFolderError
from matrix.execution.job import make_self_contained
from matrix.execution.local import Finished, LocalExecutor
from matrix.options import Options
from matrix.plan import CALIBRATED, Cell
from matrix.record import Precision, Record, Status, Verdict
from matrix.references import References
from matrix.repro.collection import Bundles
from matrix.run_baselines import Baselines
from matrix.run_folder import RunFolder
from matrix.runtimes.hardware import Hardware
from matrix.verdict.differences import Answers
from matrix.verdict.known_issues import Entry, explain
from matrix.verdict.reference import Outputs
from reports.cells import ATTENTION

UNEXPECTED_WHEN_NEW = frozenset({Status.CRASH, Status.TIMEOUT, Status.WRONG, Status.DRIFT})


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
        baselines: Baselines,
        issues: Sequence[Entry],
        answers: Answers,
    ) -> None:
        self.options = options
        self.folder = folder
        self.baselines = baselines
        self.records: dict[str, Record] = {}
        self._concluded: dict[str, tuple[Record, Outputs | None]] = {}  # and not written down yet
        self._executor = executor
        self._references = references
        self._hardware = hardware
        self._issues = issues
        self._answers = answers
        self.bundles = Bundles(
            options.repro,
            root=folder.path,
            executor=executor,
            reference=lambda finished: reference_of(finished, references, always=True),
            failing=_is_evidence,
            timeout=options.case_timeout,
        )

    def record(self, cell: Cell) -> Record:
        """Wait for ``cell``, decide what happened and what we think of it, and write that down.

        Raises:
            MatrixError: the report folder cannot be written.
        """
        if cell.id not in self.records:
            try:
                finished = self._executor.take(cell)
                record, outputs = self._concluded[cell.id] = self._conclude(finished)
                try:
                    record = self._with_evidence(finished, record)
                    if self.options.rerun and _is_unexpected(record):
                        record, outputs = self._try_again(cell, record, outputs)
                    record = replace(record, artifacts={**record.artifacts, **self.bundles.add(cell, record)})
                finally:
                    self._write(record, outputs, cell)
            except OSError as error:
                raise ReportFolderError(str(self.folder.path), error.strerror or str(error)) from error
        return self.records[cell.id]

    def record_what_is_done(self, cells: Iterable[Cell]) -> None:
        """Stop the run, and record the cells that had come back already.

        Raises:
            MatrixError: the report folder cannot be written.
        """
        self._executor.stop()  # or each result that is taken makes room for another job, and the run goes on to its end
        for cell in cells:
            if cell.id not in self.records and self._executor.is_done(cell):
                try:
                    finished = self._executor.take(cell)
                    if cell.id in self._concluded:  # its job may be gone, and what is left of it would tell of a crash
                        record, outputs = self._concluded[cell.id]
                    else:
                        record, outputs = self._concluded[cell.id] = self._conclude(finished)
                        record = self._with_evidence(finished, record)
                except OSError as error:
                    raise ReportFolderError(str(self.folder.path), error.strerror or str(error)) from error
                self._write(record, outputs, cell)

    def _conclude(self, finished: Finished) -> tuple[Record, Outputs | None]:
        """Return what happened; the job is only read, so that a conclusion that Ctrl-C stopped can be drawn again."""
        cell = finished.cell
        concluded = conclude(
            finished,
            reference_of(finished, self._references),
            run=self.folder.run,
            hardware=self._hardware,
            expected=self.baselines.expected(cell),
            before=self._before(cell),
        )
        record = concluded.record if self.baselines.judge else replace(concluded.record, verdict=None)
        return explain(record, self._issues), concluded.outputs

    def _try_again(self, cell: Cell, first: Record, outputs: Outputs | None) -> tuple[Record, Outputs | None]:
        """Run an unexpected cell once more, alone in a fresh process: if the two disagree, the cell is flaky.

        A second run that this machine could not do says nothing about the first.
        """
        finished = self._executor.run_alone(cell)
        second, again = self._conclude(finished)
        second = self._with_evidence(finished, second)
        if second.status is first.status:
            return replace(second, attempts=2), again
        if second.status is Status.NOT_RUN:
            return replace(first, attempts=2), outputs
        reason = f"{first.status} at first ({first.reason}), then {second.status} when run alone ({second.reason})"
        alone = {f"{name}, run alone": path for name, path in second.artifacts.items()}
        flaky = replace(first, attempts=2, verdict=Verdict.FLAKY, reason=reason, artifacts={**first.artifacts, **alone})
        return flaky, outputs

    def _before(self, cell: Cell) -> dict[Precision, Status]:
        """Return what became of the case in the precisions that come before, for one that is calibrated."""
        if cell.precision is not Precision.INT8_CALIBRATED:
            return {}
        earlier = {precision: self.records.get(replace(cell, precision=precision).id) for precision in CALIBRATED[:-1]}
        return {precision: record.status for precision, record in earlier.items() if record}

    def _write(self, record: Record, outputs: Outputs | None, cell: Cell) -> None:
        digest, differences = self._answers.compare(answer_key(cell), outputs, cell.case.tolerance)
        record = replace(record, outputs_digest=digest, differences=differences)
        self.folder.append(record)
        self.records[cell.id] = record
        self._executor.forget(cell)
        self._concluded.pop(cell.id, None)

    def _with_evidence(self, finished: Finished, record: Record) -> Record:
        return replace(record, artifacts=self._keep(finished, record))

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


def _is_evidence(record: Record) -> bool:
    """Say whether somebody will want to see the job: it is alarming, or it is not what the baseline says."""
    return record.status in ATTENTION or (record.status not in CALM and record.verdict is not Verdict.SAME)


def _is_unexpected(record: Record) -> bool:
    if record.verdict in (None, Verdict.NEW):
        return record.status in UNEXPECTED_WHEN_NEW and record.known_issue is None
    return record.verdict in (Verdict.REGRESSION, Verdict.PROGRESSION)


def answer_key(cell: Cell) -> Hashable:
    """Return what cells have in common whose answers are compared with each other: releases of one product."""
    return cell.case.id, cell.runtime.release.product, cell.precision
