"""What a bundle holds, and that its `repro.py` prints the status that the cell had: on real runtimes."""

from __future__ import annotations

import ast
import json
import re
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from cases.case import Case
from cases.catalogue import catalogue
from matrix.record import Record
from matrix.record_json import from_json
from matrix.repro.bundle import Bundle
from matrix.repro.manifest import read_manifest
from tests.models import case, relu, single_node
from tests.repro_bundles import ORT, RTX, bundles_of, run_script

BY_ID = {each.id: each for each in catalogue()}
BY_STATUS = {
    "match": (relu(), ORT),
    "builds": (relu("relu-rtx"), RTX),
    "wrong": (BY_ID["quantizelinear-uint8-per_tensor-opset13-zp_absent"], RTX),
    "unsupported": (BY_ID["dynamicquantizelinear-opset11-ties-static"], RTX),
    "build_failed": (BY_ID["if-different_ranks-opset17"], RTX),
    "run_failed": (BY_ID["contrib_matmulnbits-8bits-block16-k32-zp_unpacked-float16-static"], ORT),
    "drift": (BY_ID["quantizelinear-int8-per_tensor-opset23-zp_zero-x_float-precision_float16"], ORT),
    "crash": (BY_ID["contrib_qlinearsigmoid-int8-zp_absent-static"], ORT),
}


def narrow() -> Case:
    """Return a case whose input and output are of a type that numpy lacks."""
    model = single_node("Identity", x=TensorProto.BFLOAT16, y=TensorProto.BFLOAT16)

    def inputs(point: object) -> dict[str, np.ndarray]:
        shape = point.shapes["x"]  # type: ignore[attr-defined]
        return {"x": np.arange(int(np.prod(shape))).astype(ml_dtypes.bfloat16).reshape(shape)}

    return case("narrow", lambda: model, inputs=inputs)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Record, Bundle]]:
    cells = [*BY_STATUS.values(), (narrow(), ORT)]
    return bundles_of(cells, tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def bundles(written: list[tuple[Record, Bundle]]) -> dict[str, tuple[Record, Bundle]]:
    return {f"{record.case.id} {record.runtime.product}": (record, bundle) for record, bundle in written}


def test_repro_py_prints_the_status_of_the_cell(written: list[tuple[Record, Bundle]]) -> None:
    assert [str(record.status) for record, _ in written] == [*BY_STATUS, "match"]
    for record, bundle in written:
        done = run_script(bundle)
        assert (done.stdout, done.returncode) == (f"{record.status}\n", 0), (record.case.id, done.stderr)


def test_repro_py_is_one_file_that_python_3_8_reads_and_that_imports_nothing_of_ours(
    written: list[tuple[Record, Bundle]],
) -> None:
    for _, bundle in written:
        text = (bundle.folder / "repro.py").read_text()
        ast.parse(text, feature_version=(3, 8))
        assert not re.search(r"^\s*(import|from) (matrix|cases|reports|onnx|ml_dtypes|cattrs)\b", text, re.MULTILINE)


def test_a_bundle_that_is_changed_is_judged_anew(bundles: dict[str, tuple[Record, Bundle]], tmp_path: Path) -> None:
    _, bundle = bundles["relu onnxruntime"]
    copy = tmp_path / "copy"
    with zipfile.ZipFile(bundle.archive) as archive:
        archive.extractall(copy)
    (folder,) = copy.iterdir()
    np.savez(folder / "data" / "expected_1.npz", tensor_0=np.full((2, 3), 9, np.float32))
    done = run_script(Bundle(folder=folder, archive=bundle.archive))
    assert (done.stdout, done.returncode) == ("wrong\n", 1)
    assert "at opt: output y: off by up to" in done.stderr


def test_verbose_prints_the_words_of_the_runtime(bundles: dict[str, tuple[Record, Bundle]]) -> None:
    _, rtx = bundles["relu-rtx tensorrt_rtx"]
    assert "[VERBOSE] Parsing node:" in run_script(rtx, "--verbose").stderr
    assert "[VERBOSE] Parsing node:" in (rtx.folder / "log.txt").read_text()
    _, ort = bundles["relu onnxruntime"]
    assert "[V:onnxruntime:" in (ort.folder / "log.txt").read_text()
    assert "[V:onnxruntime:" not in run_script(ort).stderr


def test_the_data_is_there_as_archives_and_as_onnx_test_data(bundles: dict[str, tuple[Record, Bundle]]) -> None:
    _, bundle = bundles["relu onnxruntime"]
    onnx.checker.check_model(onnx.load(bundle.folder / "model.onnx"))
    for number, batch in enumerate((1, 2, 3, 4)):
        data_set = bundle.folder / f"test_data_set_{number}"
        x, y = (numpy_helper.to_array(onnx.load_tensor(data_set / f"{name}_0.pb")) for name in ("input", "output"))
        assert x.shape == (batch, 3)
        assert np.array_equal(y, np.maximum(x, 0))
        with np.load(bundle.folder / "data" / f"expected_{number}.npz", allow_pickle=False) as archive:
            assert np.array_equal(archive["tensor_0"], y)


def test_what_numpy_has_no_type_for_is_raw(bundles: dict[str, tuple[Record, Bundle]]) -> None:
    record, bundle = bundles["narrow onnxruntime"]
    assert record.status == "match"
    tensor = read_manifest(bundle.folder).points[0].inputs[0]
    assert (tensor.dtype, tensor.key, tensor.file) == ("bfloat16", "", "data/inputs_0.0.bin")
    assert (bundle.folder / tensor.file).stat().st_size == 2 * 3


def test_the_other_files(bundles: dict[str, tuple[Record, Bundle]]) -> None:
    record, bundle = bundles["relu onnxruntime"]
    assert (bundle.folder / "requirements.txt").read_text().splitlines()[1:] == list(record.runtime.packages)
    environment = json.loads((bundle.folder / "environment.json").read_text())
    assert environment["loaded_version"] == record.runtime.version
    assert environment["os"] == record.machine.os
    assert {"gpu", "driver", "cuda", "packages", "python"} <= environment.keys()
    assert from_json((bundle.folder / "record.json").read_text()).case == record.case
    with zipfile.ZipFile(bundle.archive) as archive:
        inside = {name.removeprefix(f"{bundle.folder.name}/") for name in archive.namelist()}
    assert inside == {str(path.relative_to(bundle.folder)) for path in bundle.folder.rglob("*") if path.is_file()}


def test_the_report_has_the_headings_of_the_templates(bundles: dict[str, tuple[Record, Bundle]]) -> None:
    _, trt = bundles["dynamicquantizelinear-opset11-ties-static tensorrt_rtx"]
    text = (trt.folder / "ISSUE.md").read_text()
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["## Description", "## Environment", "## Relevant Files", "## Steps To Reproduce"]
    assert "**TensorRT Version**: TensorRT-RTX 1.7.1.116" in text
    assert "UNSUPPORTED_NODE" in text
    _, ort = bundles["relu onnxruntime"]
    text = (ort.folder / "ISSUE.md").read_text()
    headings = [line.removeprefix("### ") for line in text.splitlines() if line.startswith("### ")]
    assert headings == [
        "Describe the issue", "To reproduce", "Urgency", "Platform", "OS Version", "ONNX Runtime Installation",
        "ONNX Runtime Version or Commit ID", "ONNX Runtime API", "Architecture", "Execution Provider",
        "Execution Provider Library Version",
    ]  # fmt: skip


def test_no_text_of_a_bundle_says_where_it_was_written(written: list[tuple[Record, Bundle]]) -> None:
    here = (str(Path.home()), str(Path.cwd()), str(written[0][1].folder.parent), "/tmp/")
    for _, bundle in written:
        for path in bundle.folder.rglob("*"):
            if path.suffix in (".md", ".txt", ".json", ".py"):
                text = path.read_text()
                assert not [word for word in here if word in text.replace("/usr/local/cuda", "")], path
