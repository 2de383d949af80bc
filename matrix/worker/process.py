"""How the worker process lives: it dies with its parent, and all that a runtime prints goes to a job's log file."""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import Callable, Iterator, Optional

PR_SET_PDEATHSIG = 1  # Linux, <sys/prctl.h>


def die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies; end at once if that has happened already.

    Linux only. Everywhere, a closed standard input ends the process too (`lines_of_stdin`), but that needs the
    interpreter lock, which a hanging runtime may hold for ever.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if hasattr(os, "getppid") and os.getppid() != parent:
        os._exit(0)


def redirect_output(log: Path) -> Callable[[str], None]:
    """Send file descriptors 1 and 2 to ``log``; return a function that writes a line to the original standard output.

    At the level of file descriptors, as TensorRT's compiler prints past Python's `sys.stderr`.
    """
    channel = os.dup(1)
    _point_to(log)

    def answer(line: str) -> None:
        os.write(channel, (line + "\n").encode())

    return answer


@contextlib.contextmanager
def output_to(log: Path, afterwards: Path) -> Iterator[None]:
    """Send file descriptors 1 and 2 to ``log``, then to ``afterwards``."""
    _point_to(log)
    try:
        yield
    finally:
        _point_to(afterwards)


def lines_of_stdin() -> Iterator[str]:
    """Yield the lines of standard input; when it closes while a line is still being worked on, end the process."""
    lines: "queue.Queue[Optional[str]]" = queue.Queue()
    idle = threading.Event()

    def read() -> None:
        for line in sys.stdin:
            idle.clear()
            lines.put(line.rstrip("\n"))
        lines.put(None)
        if not idle.wait(timeout=0.2):
            os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        idle.set()
        line = lines.get()
        if line is None:
            return
        yield line


def _point_to(log: Path) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    ctypes.CDLL(None).fflush(None)
    target = os.open(str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)
