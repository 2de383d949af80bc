from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.real_workers import Run, worker_of

FakeInterpreter = Callable[..., Path]


@pytest.fixture
def fake_interpreter(tmp_path: Path) -> FakeInterpreter:
    """Return a maker of programs that behave as a runtime's interpreter would, until they are given a worker to run."""

    def make(start: str = "well") -> Path:
        program = tmp_path / f"python-{start}"
        fake = Path(__file__).with_name("fake_runtime.py")
        program.write_text(
            f'#!/bin/sh\nif [ "$1" = -I ] && [ -d "$2" ]; then exec {sys.executable} {fake} {start} "$@"; fi\n'
            f'exec {sys.executable} "$@"\n'
        )
        program.chmod(0o755)
        return program

    return make


@pytest.fixture(scope="module")
def ort(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    yield from worker_of("onnxruntime", tmp_path_factory.mktemp("ort"))


@pytest.fixture(scope="module")
def rtx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    yield from worker_of("tensorrt_rtx", tmp_path_factory.mktemp("rtx"))
