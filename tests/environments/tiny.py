"""A release of a tiny package, its environment, and a uv that is slow."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from matrix.runtimes.environment import Environment, provision
from matrix.runtimes.releases import Product, Release
from matrix.runtimes.selection import Runtime

PATIENCE = 60.0  # seconds that a test waits for what takes a fraction of one


def release(**changes: object) -> Release:
    facts: dict[str, object] = {
        "name": "tiny-1.0",
        "product": Product.TENSORRT,
        "version": "1.0",
        "module": "tinyrt",
        "packages": ("tinyrt",),
        "python": ">=3.8",
        "numpy": ("numpy==1.0",),
    }
    return Release(**(facts | changes))  # type: ignore[arg-type]


def make(
    cache: Path, *, said: list[str] | None = None, stop: threading.Event | None = None, **changes: object
) -> Environment:
    notify = said.append if said is not None else lambda _: None
    return provision(Runtime(release(**changes)), cache=cache, notify=notify, stop=stop or threading.Event())


def folders(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "environments").iterdir() if path.is_dir())


def slow_uv(folder: Path, seconds: float) -> Path:
    """Return a program that does what uv does, after it has slept; it leaves the ids of its processes in a file."""
    program = folder / "slow-uv"
    program.write_text(
        f'#!/bin/sh\nsleep {seconds} &\necho "$$ $!" >> {folder}/ids\nwait\nexec {os.environ["UV"]} "$@"\n'
    )
    program.chmod(0o755)
    return program


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
