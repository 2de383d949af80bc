"""A path that the system will not even look at, as one in a folder that is closed to us, is one clear error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from matrix.errors import MatrixError
from matrix.recorded_cells import read_runs
from matrix.repro.unpack import opened
from matrix.run_baselines import check_place
from matrix.runtimes.selection import parse_runtime_pythons, select_onnxruntime
from matrix.verdict.baseline import read_baseline
from reports.__main__ import main

NAME = "x" * 300  # longer than any file system has it: unlike a closed folder, this stops root as well
RUNTIMES = select_onnxruntime("1.31", "off", {})


def open_bundle(path: Path) -> None:
    with opened(path):
        pass


@pytest.mark.parametrize(
    "use",
    [
        lambda path: check_place(path, RUNTIMES, updating=False),
        lambda path: check_place(path, RUNTIMES, updating=True),
        lambda path: read_baseline(path),
        lambda path: read_runs([path]),
        lambda path: parse_runtime_pythons([f"rtx-1.7={path}"]),
        open_bundle,
    ],
)
def test_a_path_that_cannot_be_looked_at(tmp_path: Path, use: Callable[[Path], object]) -> None:
    with pytest.raises(MatrixError):
        use(tmp_path / NAME)


def test_a_run_that_cannot_be_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(tmp_path / NAME / "records.jsonl")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
