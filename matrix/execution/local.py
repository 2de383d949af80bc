"""Runs cells on this machine: a thread that writes job directories, and a thread and worker process per job slot."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from matrix.case_folder import CaseFolder, CaseFolders
from matrix.execution.job import Reply, write_job
from matrix.execution.process import StoppedError
from matrix.execution.slot import Ran, Slot
from matrix.plan import Cell, why_not_applicable
from matrix.runtimes.environment import Environment

LOOKAHEAD = 64  # cells that may be under way or wait to be recorded; those that wait are lost if we are killed


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

    Use as a context manager: leaving it kills the workers, whatever they are doing.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        environments: Mapping[str, Future[Environment]],
        *,
        root: Path,
        slots: int,
        case_timeout: float,
    ) -> None:
        self._cells = cells
        self._root = root
        self._stop = threading.Event()
        self._folders = CaseFolders(root / "cases")
        self._jobs: queue.SimpleQueue[Finished | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(LOOKAHEAD)
        self._results: dict[str, Future[Finished]] = {cell.id: Future() for cell in cells}
        self._slots = [
            Slot(
                environments=environments,
                folder=root / "workers" / str(number),
                case_timeout=case_timeout,
                stop=self._stop,
            )
            for number in range(slots + 1)
        ]
        self._alone = self._slots.pop()
        self._threads = [
            threading.Thread(target=self._write_jobs, name="jobs", daemon=True),
            *(threading.Thread(target=self._serve, args=(slot,), daemon=True) for slot in self._slots),
        ]

    def __enter__(self) -> LocalExecutor:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._room.release()
        self._end_slots()
        for thread in self._threads:
            thread.join()
        self._alone.close()

    def take(self, cell: Cell) -> Finished:
        """Wait for ``cell`` and return what came back.

        Raises:
            OSError: a job directory cannot be written.
        """
        finished = self._results[cell.id].result()
        self._room.release()
        return finished

    def is_done(self, cell: Cell) -> bool:
        """Say whether `take` would return a result at once."""
        future = self._results[cell.id]
        return future.done() and future.exception() is None

    def run_alone(self, cell: Cell) -> Finished:
        """Run ``cell`` once more, in a worker that has run nothing else and will run nothing else."""
        try:
            return self._run(self._alone, self._write_job(cell, f"{cell.id}.alone"))
        finally:
            self._alone.close()

    def _write_jobs(self) -> None:
        try:
            for cell in self._cells:
                self._room.acquire()
                if self._stop.is_set():
                    break
                self._jobs.put(self._write_job(cell, cell.id))
        except BaseException as error:  # noqa: BLE001 - raised again where the result is awaited
            self._fail_all(error)
        self._end_slots()

    def _write_job(self, cell: Cell, name: str) -> Finished:
        not_applicable = why_not_applicable(cell)
        if not_applicable:
            return Finished(cell=cell, not_applicable=not_applicable)
        folder = self._folders.get(cell.case)
        if folder.invalid:
            return Finished(cell=cell, folder=folder)
        directory = self._root / "jobs" / name
        write_job(directory, folder, {"optimization": cell.runtime.optimization or "off", "sm": cell.runtime.sm})
        return Finished(cell=cell, folder=folder, directory=directory)

    def _serve(self, slot: Slot) -> None:
        """Work through the jobs in a thread that lives as long as the worker: Linux kills a child with its thread."""
        try:
            while (job := self._jobs.get()) is not None:
                self._results[job.cell.id].set_result(self._run(slot, job))
        except StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where the result is awaited
            self._fail_all(error)
        finally:
            slot.close()

    def _run(self, slot: Slot, job: Finished) -> Finished:
        if job.directory is None:
            return job
        ran = slot.run(job.cell.runtime, job.directory)
        return Finished(cell=job.cell, folder=job.folder, directory=job.directory, ran=ran)

    def _end_slots(self) -> None:
        for _ in self._slots:
            self._jobs.put(None)

    def _fail_all(self, error: BaseException) -> None:
        self._stop.set()
        for future in self._results.values():
            if not future.done():
                future.set_exception(error)
