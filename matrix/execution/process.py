"""One worker process: started, given jobs, watched, and killed with all its children when it must be."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matrix.record import ExitInfo

WORKER = Path(__file__).resolve().parents[1] / "worker"
START_DEADLINE = 180.0  # seconds; the first Builder of TensorRT 8.6 alone takes 8 s, on a busy machine many more
LOG_LIMIT = 8 * 2**20  # bytes; a worker that prints more in one job is killed
ANSWERS = (b"ready", b"done ")
MAX_ANSWERS = 16  # of one reading: two jobs are under way at most
NO_GPU = "-1"  # as CUDA_VISIBLE_DEVICES
TICK = 0.1  # seconds between two looks at the log and at the stop flag


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How the wait for an answer ended: with the answer (``exit`` is None), or with the end of the process."""

    exit: ExitInfo | None = None
    why: str = ""


class WorkerStartError(Exception):
    """The worker did not come up; carries the runtime's own words."""


class StoppedError(Exception):
    """The run is being stopped; nothing can be said about the job."""


class Worker:
    """A worker process of one runtime, in a process group of its own; it sees the ``gpu`` given to it and no other.

    ``program`` is what its interpreter is told.
    """

    def __init__(
        self,
        *,
        python: Path,
        product: str,
        folder: Path,
        stop: threading.Event,
        gpu: str = "",
        program: Sequence[str] = ("-I", str(WORKER)),
    ) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._stop = stop
        self._heard = b""
        self._answers: list[bytes] = []
        self._killed = False
        command = [str(python), *program, product, str(folder), str(os.getpid())]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd=folder,
                env={**os.environ, "CUDA_VISIBLE_DEVICES": gpu or NO_GPU, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
            )
        except OSError as error:
            raise WorkerStartError(f"{python.name} could not be started: {error.strerror}") from error
        try:
            ending = self._listen(b"ready", START_DEADLINE, folder / "log.txt")
        except StoppedError:
            self.kill()
            raise
        hello = _read_hello(folder / "hello.json")
        if ending.exit is not None or "version" not in hello:
            self.kill()
            words = hello.get("error") or _last_line(folder / "log.txt") or "it said nothing"
            raise WorkerStartError(f"the runtime could not be loaded ({ending.why or 'no version'}): {words}")
        self.version, self.python = str(hello["version"]), str(hello.get("python", ""))

    def start(self, directory: Path) -> None:
        """Give the worker a job; a worker that is busy takes it next."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # died between two jobs: `wait` finds that out and says how
            self._process.stdin.write(f"{directory}\n".encode())
            self._process.stdin.flush()

    def wait(self, directory: Path, deadline: float) -> Ending:
        """Wait until the worker answers the job, dies, floods its log or passes ``deadline`` seconds from now."""
        return self._listen(b"done " + directory.name.encode(), deadline, directory / "log.txt")

    def last_words(self) -> str:
        """Return the last line that the process printed outside of any job."""
        return _last_line(self._folder / "log.txt")

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """Kill the process and all that it started, and reap it."""
        if self._killed:  # by now the process id may belong to somebody else
            return
        self._killed = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def close(self) -> None:
        """Let an idle worker end by itself, which frees a GPU in order; kill it if it does not."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self._process.stdin.close()
            self._process.wait(timeout=5)
        self.kill()

    def _listen(self, answer: bytes, deadline: float, log: Path) -> Ending:
        """Wait for the line ``answer``; whatever arrives on the channel and is no answer is rubbish and thrown away."""
        assert self._process.stdout is not None
        channel = self._process.stdout.fileno()
        until = time.monotonic() + deadline
        while True:
            if self._stop.is_set():
                raise StoppedError
            readable, _, _ = select.select([channel], [], [], TICK)
            chunk = os.read(channel, 65536) if readable else b""
            *lines, self._heard = (self._heard + chunk)[-65536:].split(b"\n")
            self._answers += [line for line in lines if line.startswith(ANSWERS)][-MAX_ANSWERS:]
            if answer in self._answers:
                self._answers.remove(answer)
                return Ending() if _size(log) <= LOG_LIMIT else self._flooded(log)
            if _size(log) > LOG_LIMIT:
                return self._flooded(log)
            if (readable and not chunk) or (not readable and self._process.poll() is not None):
                return self._ended()
            if time.monotonic() > until:
                self.kill()
                return Ending(exit=ExitInfo(timed_out=True), why=f"no answer within {deadline:g} s")

    def _ended(self) -> Ending:
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:  # it closed its output and lives on
            self.kill()
            return Ending(exit=ExitInfo(), why="the worker closed its channel")
        self.kill()
        if code < 0:
            name = signal.Signals(-code).name
            return Ending(exit=ExitInfo(signal=name), why=f"the worker died of {name}")
        return Ending(exit=ExitInfo(code=code), why=f"the worker exited with code {code}")

    def _flooded(self, log: Path) -> Ending:
        self.kill()
        with log.open("r+b") as file:
            file.truncate(LOG_LIMIT)
        return Ending(exit=ExitInfo(), why=f"the worker printed more than {LOG_LIMIT // 2**20} MiB in one job")


def _read_hello(path: Path) -> dict[str, object]:
    try:
        hello = json.loads(path.read_bytes()[:65536])
    except (OSError, ValueError):
        return {}
    return hello if isinstance(hello, dict) else {}


def _last_line(path: Path) -> str:
    try:
        lines = path.read_bytes()[-4000:].decode("utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
