"""The environments of all runtimes of a run, made side by side while the run goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TextIO

from matrix.errors import ProvisionError
from matrix.runtimes.environment import Environment, provision
from matrix.runtimes.hardware import Hardware, missing_hardware
from matrix.runtimes.progress import Progress
from matrix.runtimes.selection import Runtime

SIDE_BY_SIDE = 4  # more only compete for the network and the disk


class Provisioning:
    """The environments of some runtimes, under way; close it, or use it as a context manager, so that no uv is left.

    ``futures`` has one for every runtime's name. It gives the environment or raises ProvisionError, and CancelledError
    once this is closed. Runtimes that differ only in how their release is used share one environment.
    """

    futures: Mapping[str, Future[Environment]]

    def __init__(self, runtimes: Iterable[Runtime], *, cache: Path, progress: Progress) -> None:
        self._cache = cache
        self._progress = progress
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="provision")
        shared: dict[tuple[str, Path | None], Future[Environment]] = {}
        futures: dict[str, Future[Environment]] = {}
        for runtime in runtimes:
            key = (runtime.release.name, runtime.python)
            if key not in shared:
                shared[key] = self._pool.submit(self._provision, runtime)
            futures[runtime.name] = shared[key]
        self.futures = futures

    def close(self) -> None:
        """End what is still under way, and wait until it has ended; environments that are whole stay."""
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Provisioning:
        """Return itself: it is closed when its block is left."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _provision(self, runtime: Runtime) -> Environment:
        name = runtime.release.name

        def notify(text: str) -> None:
            self._progress.update(name, text)

        try:
            environment = provision(runtime, cache=self._cache, notify=notify, stop=self._stop)
        except ProvisionError:
            self._progress.finish(name, ready=False)
            raise
        self._progress.finish(name, ready=True)
        return environment


def provision_all(runtimes: Iterable[Runtime], *, cache: Path, progress: Progress) -> Provisioning:
    """Start to provide the environments of ``runtimes``, a few side by side, and return at once."""
    return Provisioning(runtimes, cache=cache, progress=progress)


@contextmanager
def provided(
    runtimes: Iterable[Runtime], hardware: Hardware, cache: Path, output: TextIO
) -> Iterator[Mapping[str, Future[Environment]]]:
    """Make the environments of all ``runtimes`` side by side; what this machine cannot use at all is not even tried.

    Progress is written to ``output``.
    """
    runtimes = list(dict.fromkeys(runtimes))
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
