"""The README's first command on a few cases, with every default runtime in an environment of its own, for real."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from matrix.record import Record
from matrix.record_json import from_json

ROOT = Path(__file__).parents[1]
NONZERO = "nonzero-float32-opset17"
DYNAMIC = "dynamicquantizelinear-opset11-ties-static"
UINT8 = "quantizelinear-uint8-per_tensor-opset13-zp_absent"
CONV = "qdq_conv-int8-per_tensor-opset13-zp_zero-static"
RELU = "batch-relu-opset17"
QUANTIZATION, DYNAMIC_SHAPES = (DYNAMIC, UINT8, CONV), (NONZERO, RELU)
RTX = ("rtx-1.4", "rtx-1.5", "rtx-1.6", "rtx-1.7")
ALL = ("ort-1.31", *RTX)

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(
        (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="TensorRT-RTX has wheels for Linux x86_64"
    ),
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    reports = tmp_path_factory.mktemp("reports")
    quantization = [f"test_quantization.py::test_quantization[{name}-{case}]" for name in ALL for case in QUANTIZATION]
    dynamic = [f"test_dynamic_shapes.py::test_dynamic_shapes[{name}-{case}]" for name in ALL for case in DYNAMIC_SHAPES]
    cells = [f"matrix/{cell}" for cell in (*quantization, *dynamic)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *cells, f"--report-dir={reports}"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done, reports / "latest"


@pytest.fixture(scope="module")
def records(finished: tuple[subprocess.CompletedProcess[str], Path]) -> dict[tuple[str, str], Record]:
    lines = (finished[1] / "records.jsonl").read_text().splitlines()
    return {(record.case.id, record.runtime.name): record for record in map(from_json, lines)}


def statuses(records: dict[tuple[str, str], Record], case: str) -> dict[str, str]:
    return {runtime: str(record.status) for (name, runtime), record in records.items() if name == case}


def test_it_ends_green_with_a_table_and_every_report(
    finished: tuple[subprocess.CompletedProcess[str], Path], records: dict[tuple[str, str], Record]
) -> None:
    done, run = finished
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in run.iterdir()} >= {"records.jsonl", "matrix.csv", "matrix.md", "index.html"}
    for runtime in ALL:
        assert runtime in done.stdout
    assert {record.verdict for record in records.values()} == {"same"}
    summary = json.loads((run / "summary.json").read_text())
    assert summary


def test_the_versions_are_those_that_the_libraries_report(records: dict[tuple[str, str], Record]) -> None:
    versions = {record.runtime.name: record.runtime.version for record in records.values()}
    assert versions == {
        "ort-1.31": "1.31.1", "rtx-1.4": "1.4.0.76", "rtx-1.5": "1.5.0.114", "rtx-1.6": "1.6.1.120",
        "rtx-1.7": "1.7.1.116",
    }  # fmt: skip
    assert all(any("numpy==" in pin for pin in record.runtime.packages) for record in records.values())


def test_dynamic_quantization_is_refused_by_all_with_the_parsers_own_code(
    records: dict[tuple[str, str], Record],
) -> None:
    assert statuses(records, DYNAMIC) == {"ort-1.31": "match", **dict.fromkeys(RTX, "unsupported")}
    for runtime in RTX:
        record = records[DYNAMIC, runtime]
        first = record.diagnostics[0]
        assert (first.source, first.code, first.op) == ("parser", "UNSUPPORTED_NODE", "DynamicQuantizeLinear")
        assert "UNSUPPORTED_NODE" in record.reason
        assert "quantize_static" in record.remedy


def test_what_differs_between_the_releases(records: dict[tuple[str, str], Record]) -> None:
    assert list(statuses(records, NONZERO).values()) == [
        "match", "build_failed", "build_failed", "unsupported", "unsupported",
    ]  # fmt: skip
    assert list(statuses(records, RELU).values()) == ["match", *["builds"] * 4]
    conv = statuses(records, CONV)
    assert [name for name, status in conv.items() if status == "builds"] == ["rtx-1.7"]


def test_an_output_that_silently_becomes_int8_is_wrong(records: dict[tuple[str, str], Record]) -> None:
    assert statuses(records, UINT8) == {"ort-1.31": "match", **dict.fromkeys(RTX, "wrong")}
    assert records[UINT8, "rtx-1.7"].reason == "output y is uint8 in ONNX, int8 in the parsed network"


def test_onnxruntime_ran_at_every_shape_point(records: dict[tuple[str, str], Record]) -> None:
    record = records[RELU, "ort-1.31"]
    assert [result.point for result in record.results] == ["min", "opt", "inside", "max"]
    assert all(result.drift is not None and result.drift.share_off == 0 for result in record.results)


def test_on_a_machine_without_a_gpu_rtx_1_4_makes_no_statement_about_int8(
    records: dict[tuple[str, str], Record],
) -> None:
    record = records[CONV, "rtx-1.4"]
    if record.machine.gpu:
        pytest.skip("this machine has a GPU")
    assert (record.status, record.reason) == (
        "not_run",
        "rtx-1.4 needs a GPU to build a network with int8 inside, and this machine has none",
    )
