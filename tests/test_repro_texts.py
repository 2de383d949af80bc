"""What a bundle says in words: commands that its release knows, and nothing of the machine's owner."""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto

from matrix.record import Diagnostic, Status
from matrix.repro import privacy
from matrix.repro.commands import commands
from matrix.repro.issue import write_issue
from matrix.repro.privacy import scrub, scrub_json
from tests.models import single_node
from tests.test_record import sample

PROFILE = {"shapes": {"x": [[1, 3], [2, 3], [4, 3]]}, "values": {}}


def lines(version: str, product: str = "tensorrt", model: Any = None, **changes: Any) -> dict[str, str]:
    """Return the command lines by their program, for a model of one dynamic input."""
    options = {"optimization_level": "0", "precision": "explicit", "sm": "", "execute": "auto"}
    cell = {
        "runtime": {"name": "r", "product": product, "version": version}, "precision": "explicit", "status": "wrong",
        "options": options, "profiles": [PROFILE], "calibration": None,
        "points": [{"name": "opt", "values": {}, "inputs": [{}]}],
    }  # fmt: skip
    text = commands({**cell, **changes}, model or single_node("Relu"))
    commented = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {line.removeprefix("POLYGRAPHY_USE_TENSORRT_RTX=1 ").split()[0]: line for line in commented}


SHAPES = "--minShapes=x:1x3 --optShapes=x:2x3 --maxShapes=x:4x3"
QUANTIZED = single_node("QuantizeLinear", y=TensorProto.INT8, inputs=("x", "s"))


@pytest.mark.parametrize(
    ("version", "precision", "expected"),
    [
        ("8.5.3.1", "explicit", f"--noTF32 {SHAPES}"),
        ("8.6.1", "fp16", f"--fp16 --noTF32 --builderOptimizationLevel=0 {SHAPES}"),
        ("8.6.1", "int8-calibrated", f"--int8 --noTF32 --builderOptimizationLevel=0 {SHAPES}"),
        ("8.6.1", "tf32", f"--builderOptimizationLevel=0 {SHAPES}"),
        ("10.0.1", "explicit", f"--stronglyTyped --noTF32 --builderOptimizationLevel=0 {SHAPES}"),
        ("10.16.1.11", "bf16", f"--bf16 --noTF32 --builderOptimizationLevel=0 {SHAPES}"),
        ("11.4.0.106", "explicit", f"--noTF32 --builderOptimizationLevel=0 {SHAPES}"),
    ],
)
def test_trtexec_gets_the_options_that_its_release_has(version: str, precision: str, expected: str) -> None:
    line = lines(version, precision=precision)["trtexec"]
    assert line == f"trtexec --onnx=model.onnx --verbose --saveEngine=model.engine {expected}"


def test_trtexec_11_has_no_precision_options() -> None:
    for precision in ("explicit", "fp32", "tf32"):
        line = lines("11.0.0.114", precision=precision, model=QUANTIZED)["trtexec"]
        assert not any(flag in line for flag in ("--fp16", "--bf16", "--int8", "--fp8", "--best", "--stronglyTyped"))


def test_trtexec_8_is_told_what_the_types_of_the_model_need() -> None:
    assert "--int8" in lines("8.6.1", model=QUANTIZED)["trtexec"]
    assert "--int8" not in lines("10.0.1", model=QUANTIZED)["trtexec"]
    half = single_node("Relu", x=TensorProto.FLOAT16, y=TensorProto.FLOAT16)
    assert "--fp16" in lines("8.5.3.1", model=half)["trtexec"]
    assert "--builderOptimizationLevel" not in lines("8.5.3.1", model=half)["trtexec"]


def test_a_builder_that_chooses_the_types_is_told_of_those_of_the_model_too() -> None:
    assert "--fp16 --int8 --noTF32" in lines("8.6.1", model=QUANTIZED, precision="fp16")["trtexec"]
    assert "--trt --onnxrt --bf16 --int8 --builder" in lines("10.3", model=QUANTIZED, precision="bf16")["polygraphy"]
    narrow = single_node("DequantizeLinear", x=TensorProto.INT4, inputs=("x", "s"), opset=21, ir_version=10)
    assert "--fp16 --int4 --noTF32" in lines("10.3", model=narrow, precision="fp16")["trtexec"]
    assert "--onnxrt --fp16 --builder" in lines("10.3", model=narrow, precision="fp16")["polygraphy"]
    assert "--int4" not in lines("10.0.1", model=narrow, precision="fp16")["trtexec"]
    assert "--bf16" not in lines("8.6.1", model=single_node("Relu", x=TensorProto.BFLOAT16))["trtexec"]


def test_polygraphy_gets_the_calibrator_and_the_tactic_sources_of_the_cell() -> None:
    calibration = {"algorithm": "minmax", "writer": "right", "batches": []}
    line = lines("8.6.1", precision="int8-calibrated", calibration=calibration)["polygraphy"]
    assert "--int8 --calib-base-cls IInt8MinMaxCalibrator" in line
    chosen = {"optimization_level": "0", "tactic_sources": "CUBLAS,JIT_CONVOLUTIONS"}
    assert "--tactic-sources CUBLAS JIT_CONVOLUTIONS --trt-min" in lines("8.6.1", options=chosen)["polygraphy"]


def test_what_is_not_executed_is_only_built() -> None:
    options = {"precision": "explicit", "execute": "no"}
    assert lines("8.5.3.1", options=options)["trtexec"].endswith("--buildOnly")
    assert lines("8.6.1", options=options)["trtexec"].endswith("--skipInference")
    rtx = lines("1.7.1.116", "tensorrt_rtx", options={**options, "sm": "sm89"})
    assert rtx["tensorrt_rtx"] == (
        "tensorrt_rtx --onnx=model.onnx --verbose --saveEngine=model.engine --noTF32 --computeCapabilities=89 "
        f"{SHAPES} --skipInference"
    )
    assert "POLYGRAPHY_USE_TENSORRT_RTX=1 " in rtx["polygraphy"]
    assert "trtexec" not in rtx


def test_polygraphy_loads_the_inputs_of_the_bundle() -> None:
    line = lines("10.0.1")["polygraphy"]
    assert line == (
        "polygraphy run model.onnx --trt --onnxrt --strongly-typed --builder-optimization-level 0 "
        "--trt-min-shapes 'x:[1,3]' --trt-opt-shapes 'x:[2,3]' --trt-max-shapes 'x:[4,3]' "
        "--data-loader-script repro.py --verbose"
    )
    ort = lines("1.31.1", "onnxruntime", options={"provider": "cpu"})
    assert ort["polygraphy"].startswith(
        "polygraphy run model.onnx --onnxrt --providers cpu --graph-optimization-level ORT_"
    )
    for level, word in {"off": "ORT_DISABLE_ALL", "all": "ORT_ENABLE_ALL"}.items():
        options = {"provider": "cpu", "optimization": level}
        assert f" {word} " in lines("1.31.1", "onnxruntime", options=options)["polygraphy"]
    assert not {"trtexec", "tensorrt_rtx"} & ort.keys()


def test_static_inputs_get_no_shapes_and_shape_tensors_get_their_values() -> None:
    static = single_node("Relu", x_shape=(2, 3), y_shape=(2, 3))
    assert "Shapes" not in lines("8.6.1", model=static)["trtexec"]
    profile = {"shapes": {"x": [[2], [2], [2]]}, "values": {"x": [[1, 1], [2, 3], [4, 4]]}}
    point = {"name": "opt", "values": {"x": [2, 3]}, "inputs": []}
    line = lines("8.6.1", model=single_node("Relu", x_shape=(2,)), profiles=[profile], points=[point])["trtexec"]
    assert "--minShapes=x:1x1 --optShapes=x:2x3 --maxShapes=x:4x4" in line


def test_names_are_quoted_for_the_shell() -> None:
    profile = {"shapes": {"x; rm -rf": [[1], [1], [1]]}, "values": {"x; rm -rf": [[1], [1], [1]]}}
    point = {"name": "opt", "values": {"x; rm -rf": [1]}, "inputs": []}
    assert "'--minShapes=x; rm -rf:1'" in lines("8.6.1", profiles=[profile], points=[point])["trtexec"]


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Let this be the machine mothership of jane, whose home has a blank in its name."""
    home = tmp_path / "jane doe"
    home.mkdir()
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.setattr(getpass, "getuser", lambda: "jane")
    monkeypatch.setattr(socket, "gethostname", lambda: "mothership.example.org")
    privacy._folders.cache_clear()
    privacy._names.cache_clear()
    yield home
    monkeypatch.undo()
    privacy._folders.cache_clear()
    privacy._names.cache_clear()


def test_paths_user_and_host_are_taken_out(somebody: Path) -> None:
    text = (
        f"open('{somebody}/models/a.onnx') failed; jane@mothership and mothership.example.org: /usr/lib/libcuda.so.1, "
        f"/tmp/x/job-7 and {somebody}: C:\\Users\\jane\\x"
    )
    found = scrub(text)
    assert not [word for word in ("jane", "mothership", "/tmp", "/usr", str(somebody), "Users") if word in found]
    assert "libcuda.so.1" in found
    assert "<user>@<host>" in found


def test_nothing_of_a_path_is_left_but_the_name_of_a_file(somebody: Path, tmp_path: Path) -> None:
    report = tmp_path / "acme corp" / "run 1"
    told = {
        f"{somebody}/clients/acme/job": "<path>",
        f"'{tmp_path}/acme/secret/model.onnx'": "'<path>/model.onnx'",
        f"in {somebody}. Then": "in <path>. Then",
        f"file://{somebody}/acme/x.so": "file://<path>/x.so",
        "failed:/usr/lib/x.so -L/usr/lib/acme": "failed:<path>/x.so -L<path>",
        f"{report}/jobs/model.onnx:7": "<path>/model.onnx:7",
        "/model/tmp/Add": "/model/tmp/Add",
    }
    assert {text: scrub(text, [report]) for text in told} == told


def test_characters_that_json_escapes_hide_no_path(somebody: Path, tmp_path: Path) -> None:
    secret = tmp_path / "jürgen's \\ Ärger"
    text = json.dumps({"a": [f"open {secret}/model.onnx", 1.5, None]})
    assert json.loads(scrub_json(text, [secret])) == {"a": ["open <path>/model.onnx", 1.5, None]}


@pytest.mark.parametrize(
    "text",
    [
        "see https://github.com/NVIDIA/TensorRT/issues/1",
        "node /conv1/Conv_0 of /model.0/layers/Add failed in <host>",
        "/onnxruntime_src/onnxruntime/core/session/inference_session.cc:777",
        "a/b, 1/2, 3 / 4, x->y, janet's motherships",
    ],
)
def test_what_is_nobodys_stays(somebody: Path, text: str) -> None:
    assert scrub(text) == text


def test_the_report_tells_the_words_of_the_runtime_from_those_of_the_test_program() -> None:
    said = (Diagnostic(source="parser", message="no"), Diagnostic(source="harness", message="seeded", severity="info"))
    cell = {
        "options": {}, "must_refuse": "", "reference": "", "model_files": ["model.onnx"],
    }  # fmt: skip
    text = write_issue(replace(sample(), diagnostics=said), cell, "")
    theirs, ours = text.split("What the runtime said:")[1].split("What the test program says of it:")
    assert ("[parser error] no" in theirs, "[harness info] seeded" in ours) == (True, True)
    assert "harness" not in theirs


def test_a_report_cannot_be_broken_out_of() -> None:
    record = sample()
    record = type(record)(**{**vars(record), "status": Status.UNSUPPORTED, "reason": "a\n```\n# heading"})
    cell = {
        "options": {}, "must_refuse": "", "reference": "", "model_files": ["model.onnx"],
    }  # fmt: skip
    text = write_issue(record, cell, "echo ```` quoted")
    assert "`````\necho ```` quoted\n`````" in text
