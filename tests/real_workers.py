"""Workers of the runtimes that are installed beside the tests: the fixtures `ort` and `rtx` (tests/conftest.py)."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from cases.case import Case
from matrix.case_folder import CaseFolders
from matrix.execution.job import Reply, read_log, read_outputs, read_reply, read_stage, write_job
from matrix.execution.process import Worker

Run = Callable[..., tuple[Reply, dict[str, dict[str, Any]]]]


def worker_of(product: str, folder: Path) -> Iterator[Run]:
    """Yield a function that runs a case, and returns the reply and its outputs: shape point -> output -> array."""
    if find_spec(product) is None:
        pytest.skip(f"{product} is not installed beside the tests on this platform")
    worker = Worker(python=Path(sys.executable), product=product, folder=folder / "worker", stop=threading.Event())
    folders = CaseFolders(folder / "cases")

    def run(item: Case, **options: str) -> tuple[Reply, dict[str, dict[str, Any]]]:
        made = folders.get(item)
        assert made.invalid == ""
        directory = folder / "jobs" / f"{item.id}-{'-'.join(options.values())}"
        write_job(directory, made, {"optimization": "off", "sm": "", **options})
        worker.start(directory)
        ending = worker.wait(directory, 60)
        assert ending.exit is None, f"{ending.why} at {read_stage(directory)}: {read_log(directory)}"
        reply = read_reply(directory)
        return reply, {point.point: {} for point in reply.points} | read_outputs(directory, reply)

    yield run
    worker.close()
