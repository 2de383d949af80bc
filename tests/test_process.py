"""The parent's side of a worker that crashes, hangs, floods, lies or does not come up."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from matrix.execution.process import LOG_LIMIT, Ending, StoppedError, Worker, WorkerStartError
from tests.conftest import FakeInterpreter


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def worker(fake_interpreter: FakeInterpreter, tmp_path: Path, stop: threading.Event) -> Iterator[Worker]:
    made = Worker(python=fake_interpreter(), product="tensorrt_rtx", folder=tmp_path / "rtx-1.7-1", stop=stop)
    yield made
    made.kill()


def job(tmp_path: Path, name: str) -> Path:
    directory = tmp_path / "jobs" / name
    directory.mkdir(parents=True)
    return directory


def run(worker: Worker, directory: Path, deadline: float) -> Ending:
    worker.start(directory)
    return worker.wait(directory, deadline)


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return "State:\tZ" not in status


def processes_with(text: str) -> list[str]:
    """Return the command lines of all processes that mention ``text``."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if text in line]


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_a_worker_says_what_it_loaded_and_runs_job_after_job(worker: Worker, tmp_path: Path) -> None:
    assert (worker.version, worker.python) == ("1.7.99", "3.11.7")
    for name in ("one", "two"):
        assert run(worker, job(tmp_path, name), 10) == Ending()
        assert (tmp_path / "jobs" / name / "reply.json").exists()
    assert worker.is_alive()


def test_a_job_given_ahead_is_taken_next_and_its_end_is_its_own(worker: Worker, tmp_path: Path) -> None:
    first, second, third = job(tmp_path, "one"), job(tmp_path, "exit"), job(tmp_path, "three")
    worker.start(first)
    worker.start(second)
    worker.start(third)
    assert worker.wait(first, 10) == Ending()
    ending = worker.wait(second, 10)
    assert ending.exit is not None
    assert ending.exit.code == 3
    assert not (third / "reply.json").exists()


@pytest.mark.parametrize(
    ("name", "why", "signal_name", "code"),
    [
        ("segfault", "the worker died of SIGSEGV", "SIGSEGV", None),
        ("exit", "the worker exited with code 3", "", 3),
        ("close", "the worker closed its channel", "", None),
    ],
)
def test_the_end_of_a_worker_is_told_apart(
    worker: Worker, tmp_path: Path, name: str, why: str, signal_name: str, code: int | None
) -> None:
    ending = run(worker, job(tmp_path, name), 10)
    assert ending.exit is not None
    assert (ending.why, ending.exit.signal, ending.exit.code, ending.exit.timed_out) == (why, signal_name, code, False)
    assert not worker.is_alive()


def test_a_hang_ends_at_the_deadline_and_takes_its_children_along(worker: Worker, tmp_path: Path) -> None:
    directory = job(tmp_path, "childhang")
    ending = run(worker, directory, 1.0)
    assert ending.exit is not None
    assert ending.exit.timed_out
    assert ending.why == "no answer within 1 s"
    child = int((directory / "child").read_text())
    assert until(lambda: not is_alive(child))


@pytest.mark.parametrize("name", ["flood", "overflow"])
def test_a_flooded_log_ends_the_worker_and_is_cut(worker: Worker, tmp_path: Path, name: str) -> None:
    directory = job(tmp_path, name)
    ending = run(worker, directory, 30)
    assert ending.exit is not None
    assert "printed more than 8 MiB" in ending.why
    assert (directory / "log.txt").stat().st_size <= LOG_LIMIT
    assert not worker.is_alive()


def test_rubbish_on_the_channel_is_not_an_answer(worker: Worker, tmp_path: Path) -> None:
    assert run(worker, job(tmp_path, "babble"), 10) == Ending()


def test_a_worker_that_died_between_two_jobs_is_noticed(worker: Worker, tmp_path: Path) -> None:
    os.killpg(worker._process.pid, signal.SIGKILL)
    ending = run(worker, job(tmp_path, "any"), 10)
    assert ending.why == "the worker died of SIGKILL"


def test_a_stop_interrupts_the_wait(worker: Worker, tmp_path: Path, stop: threading.Event) -> None:
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(StoppedError):
        run(worker, job(tmp_path, "hang"), 60)


def test_closing_an_idle_worker_lets_it_end_by_itself(worker: Worker) -> None:
    worker.close()
    assert worker._process.returncode == 0


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("import_error", "libnvinfer.so.10: cannot open shared object file"),
        ("dies", "the worker died of SIGABRT"),
    ],
)
def test_a_worker_that_does_not_come_up_says_why(
    fake_interpreter: FakeInterpreter, tmp_path: Path, stop: threading.Event, start: str, words: str
) -> None:
    with pytest.raises(WorkerStartError, match=words):
        Worker(python=fake_interpreter(start), product="tensorrt", folder=tmp_path / "worker", stop=stop)


def test_a_stop_while_a_worker_starts_leaves_no_process(
    fake_interpreter: FakeInterpreter, tmp_path: Path, stop: threading.Event
) -> None:
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(StoppedError):
        Worker(python=fake_interpreter("deaf"), product="tensorrt", folder=tmp_path / "worker", stop=stop)
    assert not processes_with(str(tmp_path))


def test_an_interpreter_that_cannot_be_started(tmp_path: Path, stop: threading.Event) -> None:
    with pytest.raises(WorkerStartError, match="could not be started"):
        Worker(python=tmp_path / "nowhere", product="tensorrt", folder=tmp_path / "worker", stop=stop)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
@pytest.mark.parametrize("product", ["onnxruntime"])
def test_the_real_worker_dies_with_a_parent_that_is_killed(tmp_path: Path, product: str) -> None:
    pytest.importorskip("onnxruntime")
    program = textwrap.dedent(
        f"""
        import sys, threading, time
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        from matrix.execution.process import Worker
        worker = Worker(python=Path(sys.executable), product={product!r}, folder=Path({str(tmp_path / "w")!r}),
                        stop=threading.Event())
        print(worker._process.pid, flush=True)
        time.sleep(600)
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    parent.communicate()
    assert until(lambda: not is_alive(pid))
