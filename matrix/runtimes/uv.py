"""The program uv, which makes the environments: where it is, and how it is run so that it ends when we say so."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path

from matrix.errors import ProvisionError, UvMissingError

TICK = 0.1  # seconds between two looks at the stop flag
GRACE = 3.0  # seconds that uv has to end by itself when it is stopped
NOT_FOUND = (126, 127)  # what a launcher such as a shim ends with if it cannot start the program that it stands for
UV_REMEDY = "Make it work with `pip install uv`, or give an interpreter: --runtime-python NAME=PATH"

# What would lead uv to another environment than the one that we name, or the new environment to other packages.
FOREIGN = ("CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "UV_PREFIX", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TARGET")
# The build of tensorrt-cu12 up to 10.8 calls pip, which under uv fills the build's environment instead of ours, unless
# this is set: then it declares its parts as ordinary dependencies (its setup.py).
NO_INNER_PIP = {"NVIDIA_TENSORRT_DISABLE_INTERNAL_PIP": "1"}


class UvError(Exception):
    """uv could not do it; ``output`` is all that it said."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output


def find_uv() -> str:
    """Return the path of uv: the one that started us, the one on PATH, or the one that pip installed.

    Raises:
        UvMissingError: there is none.
    """
    started_us = os.environ.get("UV", "")
    if started_us and os.access(started_us, os.X_OK):
        return started_us
    found = shutil.which("uv")
    if found:
        return found
    try:
        return str(importlib.import_module("uv").find_uv_bin())
    except (ImportError, AttributeError, FileNotFoundError) as error:
        raise UvMissingError from error


def run_uv(arguments: Sequence[str], *, folder: Path, lock: int, deadline: float, stop: threading.Event) -> None:
    """Run uv in ``folder`` until it ends, ``deadline`` (on the monotonic clock) has come, or ``stop`` is set.

    uv inherits the file descriptor ``lock``: should we be killed, the lock holds until uv has ended too, so nobody else
    starts to write where uv still writes.

    Raises:
        UvError: uv ended with an error.
        TimeoutError: the deadline came; uv and its children are gone, as they are in every case below.
        CancelledError: ``stop`` was set.
        ProvisionError: there is no uv, or it cannot be started.
    """
    command = [find_uv(), "--color", "never", "--no-progress", *arguments]
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=(lock,),
            start_new_session=True,
        )
    except OSError as error:
        raise ProvisionError(f"uv cannot be started ({error.strerror}). {UV_REMEDY}") from error
    try:
        output = _wait(process, deadline, stop)
    except BaseException:
        _kill(process)
        raise
    if process.returncode in NOT_FOUND:
        raise ProvisionError(f"uv cannot be started: {' '.join(output.split())[:1000]}. {UV_REMEDY}")
    if process.returncode < 0:
        raise UvError(f"{output}\nerror: uv was ended by signal {-process.returncode}")
    if process.returncode:
        raise UvError(output)


def _wait(process: subprocess.Popen[str], deadline: float, stop: threading.Event) -> str:
    while True:
        try:
            return process.communicate(timeout=TICK)[0]
        except subprocess.TimeoutExpired as error:
            if stop.is_set():
                raise CancelledError from error
            if time.monotonic() > deadline:
                raise TimeoutError("the installation took too long and was ended") from error


def _kill(process: subprocess.Popen[str]) -> None:
    """End uv and all that it started: builds run as its children, in its process group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=GRACE)


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in ours.items() if name not in (*FOREIGN, "VIRTUAL_ENV")} | NO_INNER_PIP
