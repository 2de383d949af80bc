from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

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
