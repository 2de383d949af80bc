"""The second reference: ONNX Runtime's CPU provider without graph optimizations, in a worker of the newest release."""

from __future__ import annotations

import hashlib
import itertools
import platform
import shutil
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from matrix.case_folder import CaseFolder
from matrix.errors import ProvisionError
from matrix.execution.job import Reply, ReplyError, read_outputs, write_job
from matrix.execution.local import Finished
from matrix.execution.slot import Ran, Slot
from matrix.runtimes.environment import Environment, provision
from matrix.runtimes.interpreter import inspect_interpreter
from matrix.runtimes.releases import Product, Release, load
from matrix.runtimes.selection import Runtime
from matrix.verdict.reference import Answer

OFF, CPU = "off", "cpu"
Lasting = tuple[Answer, bool]  # whether it would be the same the next time


class SecondReference:
    """Where ONNX Runtime's answers come from: found at the first question, and then kept.

    The environment of the newest release if the run makes it anyway, else one of its own, else the onnxruntime of the
    running interpreter; if there is none of them, ``why``. Use as a context manager, so that no worker is left.
    """

    def __init__(
        self,
        runtimes: Sequence[Runtime],
        environments: Mapping[str, Future[Environment]],
        *,
        cache: Path,
        folder: Path,
        cpu: str,
        deadline: float,
    ) -> None:
        self.why = ""
        self._runtimes = runtimes
        self._environments = environments
        self._cache = cache
        self._folder = folder
        self._cpu = cpu
        self._deadline = deadline
        self._found: tuple[Runtime, Environment] | None = None
        self._slot: Slot | None = None
        self._numbers = itertools.count(1)
        self._stop = threading.Event()

    @property
    def key(self) -> str:
        """All that its answers depend on besides the case, fit for the name of a folder; empty if there is none."""
        found = self._find()
        if found is None:
            return ""
        runtime, environment = found
        parts = (platform.machine(), self._cpu, *environment.packages)
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        return f"onnxruntime-{_version(runtime.release, environment)}-{digest[:16]}"

    def may_be_itself(self, finished: Finished) -> bool:
        """Say whether it is worth asking `answer_of`, without looking for anything."""
        return _is_plain(finished.cell.runtime) and finished.cell.runtime.release.name == _newest().name

    def is_itself(self, finished: Finished) -> bool:
        """Say whether ``finished`` is of the very release, without optimizations, that gives the answers."""
        found, runtime = self._find(), finished.cell.runtime
        if found is None or not _is_plain(runtime):
            return False
        version = finished.ran.version if finished.ran else ""
        return version == _version(found[0].release, found[1])

    def answer_of(self, finished: Finished) -> Lasting | None:
        """Return the answer that a cell of the run gave already, None if it is of another runtime or environment."""
        found, ran = self._find(), finished.ran
        if found is None or ran is None or finished.directory is None or not self.is_itself(finished):
            return None
        return self._answer(ran, finished.directory) if ran.packages == found[1].packages else None

    def compute(self, folder: CaseFolder) -> Lasting:
        """Run a case.

        Raises:
            OSError: the job directory cannot be written.
        """
        found = self._find()
        if found is None:
            return Answer(why=self.why), False
        runtime, environment = found
        if self._slot is None:
            ready: Future[Environment] = Future()
            ready.set_result(environment)
            self._slot = Slot(
                environments={runtime.name: ready},
                folder=self._folder / "workers",
                case_timeout=self._deadline,
                stop=self._stop,
            )
        directory = self._folder / f"{folder.path.name}-{next(self._numbers)}"
        write_job(directory, folder, {"optimization": OFF, "provider": CPU})
        try:
            return self._answer(self._slot.run(runtime, directory), directory)
        except BaseException:  # Ctrl-C: the worker is still at a job that goes away, and would end with it
            self._slot.close()
            raise
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def __enter__(self) -> SecondReference:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """End the worker, whatever it is doing."""
        self._stop.set()
        if self._slot is not None:
            self._slot.close()

    def _answer(self, ran: Ran, directory: Path) -> Lasting:
        name = f"onnxruntime {ran.version} CPU, optimizations off"
        if ran.reply is None or ran.reply.machine:
            why = ran.not_run or (ran.reply.machine if ran.reply else ran.why)
            return Answer(why=f"{name}: {why}"), False
        if not ran.reply.executed:
            return Answer(why=f"{name}: {_words(ran.reply)}"), True
        try:
            outputs = read_outputs(directory, ran.reply)
        except ReplyError as error:
            return Answer(why=f"{name}: {error}"), False
        return Answer(name=name, outputs=outputs), True

    def _find(self) -> tuple[Runtime, Environment] | None:
        if self._found is None and not self.why:
            reasons = []
            for source in (self._of_the_run, self._of_its_own, self._of_this_interpreter):
                try:
                    self._found = source()
                    return self._found
                except ProvisionError as error:
                    reasons.append(str(error))
            self.why = f"there is no second reference: {'; '.join(dict.fromkeys(filter(None, reasons)))}"[:1000]
        return self._found

    def _of_the_run(self) -> tuple[Runtime, Environment]:
        newest = _newest()
        for runtime in self._runtimes:
            if runtime.release.name == newest.name:
                return replace(runtime, optimization=OFF, provider=""), self._environments[runtime.name].result()
        raise ProvisionError("")

    def _of_its_own(self) -> tuple[Runtime, Environment]:
        runtime = Runtime(_newest(), optimization=OFF)
        if any(other.release.name == runtime.release.name for other in self._runtimes):
            raise ProvisionError("")  # the run has tried
        return runtime, provision(runtime, cache=self._cache, notify=lambda _: None, stop=self._stop)

    def _of_this_interpreter(self) -> tuple[Runtime, Environment]:
        found = inspect_interpreter(Path(sys.executable), ("onnxruntime", "numpy"))
        if found is None or found.missing:
            raise ProvisionError("this Python has no onnxruntime either")
        environment = Environment(python=Path(sys.executable), packages=found.packages)
        newest = _newest()
        version = _version(newest, environment)
        release = replace(newest, name=f"ort-{'.'.join(version.split('.')[:2])}", version=version)
        return Runtime(release, optimization=OFF, python=environment.python), environment


def reference_first(runtimes: Sequence[Runtime]) -> list[Runtime]:
    """Return ``runtimes``, the one whose cells are the second reference first: the others then find its answers."""
    return sorted(runtimes, key=lambda runtime: not (runtime.release.name == _newest().name and _is_plain(runtime)))


def _is_plain(runtime: Runtime) -> bool:
    onnxruntime = runtime.release.product is Product.ONNXRUNTIME
    return onnxruntime and runtime.optimization in ("", OFF) and runtime.provider in ("", CPU)


def _newest() -> Release:
    return max((each for each in load() if each.product is Product.ONNXRUNTIME), key=lambda release: release.number)


def _version(release: Release, environment: Environment) -> str:
    """Return the exact version that is installed, which an interpreter given by the user has its own of."""
    pins = dict(pin.partition("==")[::2] for pin in environment.packages)
    return next((pins[name] for name in ("onnxruntime", "onnxruntime_gpu") if name in pins), release.version)


def _words(reply: Reply) -> str:
    """Return the runtime's first error."""
    first = reply.first_error
    return f"[{first.code}] {first.message}" if first else "it refused the model without a reason"
