"""Runs cells on this machine: a thread that writes job directories, and a thread and worker process per job slot."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from cases.case import Case
from matrix.applicability import why_not_applicable
from matrix.case_folder import CaseFolder, CaseFolders, make_case_folder
from matrix.execution.job import Reply, write_job
from matrix.execution.job_queue import JobQueue
from matrix.execution.process import StoppedError
from matrix.execution.request import request_options
from matrix.execution.slot import Ran, Slot
from matrix.plan import Cell
from matrix.record import Precision
from matrix.runtimes.environment import Environment
from matrix.runtimes.hardware import Gpu, uses_gpu

# Cells that may be under way or wait for a slow one before them to be recorded, for each two slots; those that wait are
# lost if we are killed.
LOOKAHEAD = 64


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What came back for one cell: what ``ran``, or why nothing did."""

    cell: Cell
    folder: CaseFolder | None = None
    directory: Path | None = None
    ran: Ran | None = None
    not_applicable: str = ""

    @property
    def reply(self) -> Reply | None:
        return self.ran.reply if self.ran else None


class LocalExecutor:
    """Runs ``cells`` in their order; `take` hands out the results.

    There are ``slots`` workers, and at least one for each of ``gpus``, which are of one architecture: two share a GPU
    that is named twice. What uses a GPU runs in those that have one. ``settings`` are those of the builder.
    ``make_folder`` puts a case on disk.

    Use as a context manager: leaving it kills the workers, whatever they do.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        environments: Mapping[str, Future[Environment]],
        *,
        root: Path,
        slots: int,
        case_timeout: float,
        gpus: Sequence[Gpu] = (),
        settings: Mapping[str, str] | None = None,
        make_folder: Callable[[Case, Path], CaseFolder] = make_case_folder,
    ) -> None:
        self._cells = cells
        self._root = root
        self._settings = dict(settings or {})
        self._gpu = gpus[0] if gpus else None
        self._stop = threading.Event()
        self._folders = CaseFolders(root / "cases", make_folder)
        self._jobs: JobQueue[Finished] = JobQueue()
        self._results: dict[str, Future[Finished]] = {cell.id: Future() for cell in cells}
        self._slots = [
            Slot(
                environments=environments,
                folder=root / "workers" / str(number),
                case_timeout=case_timeout,
                stop=self._stop,
                gpu=gpus[number] if number < len(gpus) else None,
            )
            for number in range(max(slots, len(gpus)))
        ]
        self._room = threading.Semaphore(LOOKAHEAD * max(1, len(self._slots) // 2))
        self._alone, self._verbose = (
            Slot(
                environments=environments,
                folder=root / "workers" / name,
                case_timeout=case_timeout,
                stop=self._stop,
                gpu=self._gpu,
            )
            for name in ("alone", "verbose")
        )
        self._first_gpu = threading.Lock()  # whoever runs on it: the first slot, or a cell alone
        self._threads = [
            threading.Thread(target=self._write_jobs, name="jobs", daemon=True),
            *(threading.Thread(target=self._serve, args=(slot,), daemon=True) for slot in self._slots),
        ]

    def __enter__(self) -> LocalExecutor:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._room.release()
        self._jobs.close()
        for thread in self._threads:
            thread.join()
        self._alone.close()
        self._verbose.close()

    def stop(self) -> None:
        """End what is under way and begin nothing more; what has come back can still be taken."""
        self._stop.set()

    def take(self, cell: Cell) -> Finished:
        """Wait for ``cell`` and return what came back.

        Raises:
            OSError: a job directory cannot be written.
        """
        finished = self._results[cell.id].result()
        self._room.release()
        return finished

    def forget(self, cell: Cell) -> None:
        """Let go of what came back for ``cell``, once it is recorded: a run has tens of thousands of cells."""
        del self._results[cell.id]

    def is_done(self, cell: Cell) -> bool:
        """Say whether `take` would return a result at once."""
        future = self._results[cell.id]
        return future.done() and future.exception() is None

    def run_alone(self, cell: Cell) -> Finished:
        """Run ``cell`` once more, in a worker that has run nothing else and will run nothing else."""
        try:
            return self._run_apart(self._alone, self._write_job(cell, f"{cell.id}.alone"))
        finally:
            self._alone.close()

    def run_verbose(self, cell: Cell) -> Finished:
        """Run ``cell`` once more, with every word of the runtime in the log of its job.

        Its worker has run only such cells and is kept for the next one.
        """
        return self._run_apart(self._verbose, self._write_job(cell, f"{cell.id}.verbose", verbose=True))

    def _run_apart(self, slot: Slot, job: Finished) -> Finished:
        """Run a job in a slot that takes none from the queue, while no other uses its GPU."""
        with self._first_gpu if self._needs_gpu(job) else nullcontext():
            return self._run(slot, job)

    def _write_jobs(self) -> None:
        try:
            for cell in self._cells:
                self._room.acquire()
                if self._stop.is_set():
                    break
                job = self._write_job(cell, cell.id)
                self._jobs.put(job, needs_gpu=self._needs_gpu(job))
        except BaseException as error:  # noqa: BLE001 - raised again where the result is awaited
            self._fail_all(error)
        self._jobs.close()

    def _write_job(self, cell: Cell, name: str, *, verbose: bool = False) -> Finished:
        not_applicable = why_not_applicable(cell)
        if not_applicable:
            return Finished(cell=cell, not_applicable=not_applicable)
        folder = self._folders.get(cell.case)
        if folder.invalid:
            return Finished(cell=cell, folder=folder)
        directory = self._root / "jobs" / name
        calibration = folder.calibration if cell.precision is Precision.INT8_CALIBRATED else None
        write_job(directory, folder, request_options(cell, self._gpu, self._settings, verbose=verbose), calibration)
        return Finished(cell=cell, folder=folder, directory=directory)

    def _needs_gpu(self, job: Finished) -> bool:
        return job.directory is not None and self._gpu is not None and uses_gpu(job.cell.runtime)

    def _serve(self, slot: Slot) -> None:
        """Work through the jobs in a thread that lives as long as the worker: Linux kills a child with its thread."""
        has_gpu = slot.gpu is not None
        try:
            job = self._jobs.get(has_gpu=has_gpu)
            while job is not None:
                following = self._jobs.get_ahead(has_gpu=has_gpu)
                with self._first_gpu if slot is self._slots[0] and self._needs_gpu(job) else nullcontext():
                    finished = self._run(slot, job, following)
                self._results[job.cell.id].set_result(finished)
                job = following or self._jobs.get(has_gpu=has_gpu)
        except StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where the result is awaited
            self._fail_all(error)
        finally:
            slot.close()

    def _run(self, slot: Slot, job: Finished, following: Finished | None = None) -> Finished:
        if job.directory is None:
            return job
        ahead = following.directory if following and following.cell.runtime == job.cell.runtime else None
        if self._needs_gpu(job):
            ahead = None  # a cell that runs alone may come between them
        ran = slot.run(job.cell.runtime, job.directory, ahead)
        return Finished(cell=job.cell, folder=job.folder, directory=job.directory, ran=ran)

    def _fail_all(self, error: BaseException) -> None:
        self._stop.set()
        for future in list(self._results.values()):
            if not future.done():
                future.set_exception(error)
