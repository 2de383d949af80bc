"""The making of one environment with uv: under a lock, within a deadline, and stopped when the run is stopped."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from matrix.errors import ProvisionError
from matrix.runtimes.refusal import again, excerpt, package_remedy, python_remedy
from matrix.runtimes.releases import Release
from matrix.runtimes.uv import UvError, run_uv


@dataclass(frozen=True, kw_only=True)
class Installation:
    """Where an environment is made, how long that may take, and who is told."""

    release: Release
    folder: Path
    deadline: float  # on the monotonic clock
    stop: threading.Event
    notify: Callable[[str], None]

    @contextmanager
    def locked(self) -> Iterator[int]:
        """Hold the folder's lock and yield its descriptor. It is the system's: it goes with the last who holds it.

        Raises:
            ProvisionError: another run still had it when the deadline came.
            CancelledError: ``stop`` was set.
            OSError: there can be no lock in this folder.
        """
        descriptors: list[int] = []
        lock = FileLock(self.folder.with_name(self.folder.name + ".lock"), on_acquired=descriptors.append)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self.notify("waiting for another run that installs it")
            self._wait(lock)
        try:
            yield descriptors[-1]
        finally:
            lock.release()

    def make(self, python: str, lock: int) -> None:
        """Make the environment of ``python``, a path or a range of versions, in place of whatever is there.

        Raises:
            ProvisionError: neither the release's packages nor its second choice could be installed.
            CancelledError: ``stop`` was set.
            OSError: the folder cannot be written.
        """
        release, refused, output = self.release, [], ""
        for requirements in filter(None, (release.requirements, release.fallback_requirements)):
            self._make_empty(python, lock)
            self.notify(f"installing {requirements[0]} ...")
            try:
                self._install(requirements, lock)
            except UvError as error:
                refused.append(f"{requirements[0]} could not be installed: {self._excerpt(error)}")
                output = error.output
            else:
                return
        raise ProvisionError(f"{release.title}: {'; '.join(refused)}. {package_remedy(output, release.name)}")

    def _wait(self, lock: FileLock) -> None:
        try:
            lock.acquire(timeout=max(0.0, self.deadline - time.monotonic()), cancel_check=self.stop.is_set)
        except Timeout as error:
            if self.stop.is_set():
                raise CancelledError from error
            raise ProvisionError(
                f"{self.release.title}: another run has been installing it for too long. End that run, or run this one "
                "again"
            ) from error

    def _make_empty(self, python: str, lock: int) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        seed = ["--seed"] if self.release.build_needs_pip else []
        if not Path(python).is_absolute():
            self.notify(f"looking for Python {python} ...")
        try:
            self._run(["venv", "--no-project", *seed, "--python", python, str(self.folder)], lock)
        except UvError as error:
            raise ProvisionError(
                f"{self.release.title} needs Python {self.release.python}, and no environment with it could be made: "
                f"{self._excerpt(error)}. {python_remedy(error.output, self.release.name)}"
            ) from error

    def _install(self, requirements: Sequence[str], lock: int) -> None:
        install = ["pip", "install", "--python", str(self.folder / "bin" / "python")]
        if self.release.build_needs_pip:
            # What that pip would choose by itself has to be there before.
            self._run([*install, *self.release.other_requirements], lock)
            install.append("--no-build-isolation")
        self._run([*install, *requirements], lock)

    def _run(self, arguments: Sequence[str], lock: int) -> None:
        try:
            run_uv(arguments, folder=self.folder.parent, lock=lock, deadline=self.deadline, stop=self.stop)
        except TimeoutError as error:
            raise ProvisionError(f"{self.release.title}: {error}. {again(self.release.name)}") from error

    def _excerpt(self, error: UvError) -> str:
        home = os.environ.get("HOME", "").rstrip("/")
        return excerpt(error.output, {str(self.folder): "<environment>"} | ({home: "~"} if home else {}))
