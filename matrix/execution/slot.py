"""One job slot: keeps a worker of the runtime at hand, replaces it when it dies, and reports what each job did."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from matrix.errors import ProvisionError
from matrix.execution.job import Reply, ReplyError, read_log, read_reply, read_stage
from matrix.execution.process import TICK, StoppedError, Worker, WorkerStartError
from matrix.record import ExitInfo
from matrix.runtimes.environment import Environment
from matrix.runtimes.hardware import Gpu
from matrix.runtimes.selection import Runtime

START_ATTEMPTS = 3  # after so many failed starts in a row, a slot gives a runtime up


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a job ended: a ``reply``, or the ``exit`` of the worker and ``why``, or a reason why it was ``not_run``."""

    reply: Reply | None = None
    exit: ExitInfo | None = None
    why: str = ""
    not_run: str = ""
    stage: str = ""
    log: str = ""
    version: str = ""
    python: str = ""
    packages: tuple[str, ...] = ()
    gpu: Gpu | None = None


class Slot:
    """Runs one job after the other, in one worker per runtime for as long as it lives."""

    def __init__(
        self,
        *,
        environments: Mapping[str, Future[Environment]],
        folder: Path,
        case_timeout: float,
        stop: threading.Event,
        gpu: Gpu | None = None,
    ) -> None:
        self.gpu = gpu
        self._environments = environments
        self._folder = folder
        self._case_timeout = case_timeout
        self._stop = stop
        self._worker: Worker | None = None
        self._ahead: Path | None = None  # the job that the worker has been given beside the one that it runs
        self._runtime = ""
        self._numbers = itertools.count(1)
        self._failed_starts: dict[str, list[str]] = {}

    def run(self, runtime: Runtime, directory: Path, ahead: Path | None = None) -> Ran:
        """Run the job in ``directory``; hand the worker the one in ``ahead`` too, so that it need not wait for us.

        The next call must then be for ``ahead``, on the same runtime.

        Raises:
            StoppedError: the run is being stopped.
            OSError: the disk is full; a worker that could not write says nothing about its runtime.
        """
        try:
            environment = self._environment(runtime)
            worker = self._worker_with(directory, runtime, environment)
        except (ProvisionError, WorkerStartError) as error:
            return Ran(not_run=str(error))
        if ahead is not None:
            worker.start(ahead)
        self._ahead = ahead
        ending = worker.wait(directory, self._case_timeout)
        reply, why = None, ending.why
        if ending.exit is None:
            try:
                reply = read_reply(directory)
            except ReplyError as error:
                why = str(error)
        if reply is None or reply.poisoned:
            self.close()
        if reply is None:
            _check_that_the_disk_has_room(directory)
        return Ran(
            reply=reply,
            exit=None if reply else ending.exit or ExitInfo(),
            why=why,
            stage=reply.stage if reply else read_stage(directory),
            log="" if reply else read_log(directory) or worker.last_words(),
            version=worker.version,
            python=worker.python,
            packages=environment.packages,
            gpu=self.gpu,
        )

    def close(self) -> None:
        """End the worker: in peace, or at once if the run is being stopped."""
        if self._worker is not None and self._stop.is_set():
            self._worker.kill()
        elif self._worker is not None:
            self._worker.close()
        self._worker, self._ahead = None, None

    def _environment(self, runtime: Runtime) -> Environment:
        while not self._stop.is_set():
            try:
                return self._environments[runtime.name].result(timeout=TICK)
            except CancelledError:
                break
            except FutureTimeoutError:
                if self._environments[runtime.name].done():  # the environment's own time ran out
                    raise
        raise StoppedError

    def _worker_with(self, directory: Path, runtime: Runtime, environment: Environment) -> Worker:
        """Return a worker that has been given ``directory``: it may have had it since the last call."""
        if self._worker is not None and self._ahead == directory:
            return self._worker
        worker = self._worker_for(runtime, environment)
        worker.start(directory)
        return worker

    def _worker_for(self, runtime: Runtime, environment: Environment) -> Worker:
        if self._worker is not None and self._runtime == runtime.name and self._worker.is_alive():
            return self._worker
        self.close()
        failed = self._failed_starts.setdefault(runtime.name, [])
        if len(failed) >= START_ATTEMPTS:
            raise WorkerStartError(failed[-1])
        self._runtime = runtime.name
        try:
            self._worker = Worker(
                python=environment.python,
                product=runtime.release.product,
                folder=self._folder / f"{runtime.file_name}-{next(self._numbers)}",
                stop=self._stop,
                gpu=str(self.gpu.index) if self.gpu else "",
            )
            _check_version(runtime, self._worker)
        except WorkerStartError as error:
            failed.append(str(error))
            raise
        failed.clear()
        return self._worker


def _check_version(runtime: Runtime, worker: Worker) -> None:
    """Refuse an interpreter that has another release than the one whose name its cells would carry.

    The patch may differ: 8.6 stands for 8.6.1 and for 8.6.0.
    """
    try:
        found = Version(worker.version).release[:2]
    except InvalidVersion:
        found = ()
    if found != runtime.release.number[:2]:
        worker.kill()
        raise WorkerStartError(
            f"{runtime.release.title} was asked for, but the interpreter has version {worker.version}; "
            "give another one with --runtime-python, or name the release that it has"
        )


def _check_that_the_disk_has_room(directory: Path) -> None:
    probe = directory / "room"
    probe.write_bytes(bytes(64 * 1024))
    probe.unlink()
