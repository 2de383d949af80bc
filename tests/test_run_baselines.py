"""Which baseline file belongs to which runtime on which GPU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from matrix.errors import BaselineError
from matrix.plan import Cell
from matrix.record import Precision, Status
from matrix.run_baselines import Baselines, baseline_name
from matrix.runtimes.hardware import Gpu
from matrix.runtimes.releases import load
from matrix.runtimes.selection import Runtime, select_onnxruntime
from matrix.verdict.baseline import FOLDER
from tests.models import relu
from tests.report_records import QUANTIZE, record

H100 = Gpu(index=0, name="NVIDIA H100 80GB HBM3", sm="sm90", memory_mib=81559)
RTX = replace(H100, sm="sm120")


@pytest.mark.parametrize(
    ("name", "packages", "gpu", "expected"),
    [
        ("rtx-1.7", ("tensorrt_rtx_cu12==1.7.1.116",), None, "rtx-1.7"),
        ("rtx-1.7", (), H100, "rtx-1.7"),  # which it does not execute on
        ("rtx-1.7", (), RTX, "rtx-1.7-sm120"),
        ("8.6", ("numpy==1.26.4", "tensorrt==8.6.0"), H100, "trt-8.6.0-sm90"),
        ("8.6", (), H100, "trt-8.6.1-sm90"),
        ("8.6", (), None, "trt-8.6.1"),
        ("ort-1.31", (), H100, "ort-1.31"),
    ],
)
def test_name(name: str, packages: tuple[str, ...], gpu: Gpu | None, expected: str) -> None:
    runtime = Runtime(next(release for release in load() if release.name == name))
    assert baseline_name(runtime, packages, gpu) == expected


@pytest.mark.parametrize(("level", "expected"), [("off", "ort-1.31-cuda-sm90"), ("all", "ort-1.31-cuda-all-sm90")])
def test_an_execution_provider_has_a_baseline_for_each_architecture(level: str, expected: str) -> None:
    (cuda,) = select_onnxruntime("1.31-cuda", level, {})
    assert baseline_name(cuda, (), H100) == expected


def test_the_cuda_provider_finds_the_baseline_that_is_kept_of_it() -> None:
    (cuda,) = select_onnxruntime("1.31-cuda", "off", {})
    baselines = Baselines(FOLDER, {cuda.name: baseline_name(cuda, (), H100)})
    cell = Cell(case=relu("quantizelinear-int8-blocked-opset21-zp_zero"), runtime=cuda, precision=Precision.EXPLICIT)
    assert baselines.expected(cell) is Status.RUN_FAILED, "which matches on the CPU"


def _updated(baselines: Baselines, cell: Cell) -> list[Path]:
    records = {cell.id: record(QUANTIZE, "rtx-1.7", Status.BUILDS)}
    return baselines.update([cell], records, frozenset({"fine", "right"}))


def test_an_update_keeps_what_another_run_has_written_in_between(tmp_path: Path) -> None:
    cell = Cell(case=relu("fine"), runtime=Runtime(next(iter(load()))), precision=Precision.EXPLICIT)
    file = tmp_path / "x.csv"
    baselines = Baselines(tmp_path, {cell.runtime.name: "x"})
    file.write_text("case,precision,status\ngone,explicit,match\nright,explicit,match\n")
    assert _updated(baselines, cell) == [file]
    assert file.read_text() == "case,precision,status\nfine,explicit,builds\nright,explicit,match\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_baseline_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    cell = Cell(case=relu("fine"), runtime=Runtime(next(iter(load()))), precision=Precision.EXPLICIT)
    baselines = Baselines(tmp_path / "folder", {cell.runtime.name: "x"})
    (tmp_path / "folder").touch()
    with pytest.raises(BaselineError, match=r"--update-baseline cannot write to .*--baseline PATH"):
        _updated(baselines, cell)
