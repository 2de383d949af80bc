"""`python -m matrix.repro`: the bundle of one cell, and a bundle on other releases, on the runtimes of this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from matrix.repro.__main__ import _one_runtime, main
from matrix.runtimes.selection import select_tensorrt
from tests.models import relu
from tests.repro_bundles import ORT, RTX, bundles_of

INSIDE = "qdq_matmul-uint8-per_tensor-opset13-zero_point_absent-static"
ANOTHER = "with the codes of int8 the answer is another than ONNX's"
UINT8 = "quantizelinear-uint8-per_tensor-opset13-zp_absent"
HERE = [f"--runtime-python={name}={sys.executable}" for name in ("rtx-1.7", "ort-1.31")]


def test_one_cell_becomes_a_folder_and_a_zip_and_runs_on_other_releases(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([UINT8, "--runtime", "1.7", "--out", str(tmp_path), *HERE]) == 0
    status, folder, archive = capsys.readouterr().out.splitlines()
    assert status == "wrong: output y is uint8 in ONNX, int8 in the parsed network"
    assert (Path(folder) / "repro.py").is_file()
    for bundle in (folder, archive):
        assert main(["replay", bundle, "--trt-version", "1.7", "--ort-version", "1.31", *HERE]) == 0
        lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
        rows = [[word.strip() for word in line if word.strip()] for line in lines]
        assert rows[0] == [f"{UINT8} (explicit)"]
        assert rows[2][:3] == ["rtx-1.7 (recorded)", "1.7.1.116", "wrong"]
        assert [row[:3] for row in rows[3:]] == [["ort-1.31", "1.31.1", "match"], ["rtx-1.7", "1.7.1.116", "wrong"]]
    assert main([UINT8, "--runtime", "rtx-1.7", "--out", str(tmp_path), *HERE]) == 0  # in the place of the first


def test_a_replay_sees_what_is_wrong_inside_a_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([INSIDE, "--runtime", "rtx-1.7", "--out", str(tmp_path), *HERE]) == 0
    status, folder, _ = capsys.readouterr().out.splitlines()
    assert status == f"wrong: uint8 in ONNX, int8 in the parsed network: x_quantized; {ANOTHER}"
    assert main(["replay", folder, "--trt-version", "rtx-1.7", *HERE]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[:3] == ["rtx-1.7", "1.7.1.116", "wrong"]
    told = subprocess.run([sys.executable, "repro.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, "wrong\n"), told.stderr
    assert ANOTHER in told.stderr


def test_a_model_that_the_checker_refuses_is_replayed_as_it_was_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ((_, bundle),) = bundles_of([(relu("relu"), ORT)], tmp_path)
    model = onnx.load(bundle.folder / "model.onnx")
    model.graph.ClearField("name")
    onnx.save(model, bundle.folder / "model.onnx")
    with pytest.raises(onnx.checker.ValidationError):
        onnx.checker.check_model(model)
    assert main(["replay", str(bundle.folder), "--ort-version", "1.31", *HERE]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["ort-1.31", "1.31.1", "match"]


@pytest.mark.parametrize("name", ["ort-1.31-all", "ort-1.31:all", "1.31-all"])
def test_a_runtime_is_named_as_its_record_and_its_folder_name_it(name: str) -> None:
    assert _one_runtime(name, ()).name == "ort-1.31:all"


def test_a_bare_number_means_the_release_that_alone_has_it() -> None:
    assert [runtime.name for runtime in select_tensorrt("1.6,1.7", {})] == ["rtx-1.6", "rtx-1.7"]


def test_expected_outputs_come_from_the_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ((_, bundle),) = bundles_of([(relu("relu"), RTX)], tmp_path)
    manifest = json.loads((bundle.folder / "manifest.json").read_text())
    manifest["points"] = [{**point, "expected": point["inputs"]} for point in manifest["points"]]
    for point in manifest["points"]:
        point["expected"] = [{**tensor, "name": "y"} for tensor in point["inputs"]]  # as if Relu did nothing
    (bundle.folder / "manifest.json").write_text(json.dumps(manifest))
    assert main(["replay", str(bundle.folder), "--ort-version", "1.31", *HERE]) == 0
    assert "wrong" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["relu-nowhere", "--runtime", "rtx-1.7"], "no case is called 'relu-nowhere'"),
        (["quantizelinear-uint8-per_tensor", "--runtime", "rtx-1.7"], "near it are quantizelinear-uint8-per_tensor"),
        ([UINT8, "--runtime", "7.1"], "--runtime: no release is called '7.1'. Known: rtx-1.4, "),
        ([UINT8, "--runtime", "rtx-1.7,ort-1.31"], "no release is called 'rtx-1.7,ort-1.31'"),
        ([UINT8, "--runtime", "ort-1.31-fast"], "no release is called 'ort-1.31-fast'"),
        ([UINT8, "--runtime", "rtx-1.6,rtx-1.7"], "names 2 releases"),
        ([UINT8, "--runtime", "none"], "names 0 releases"),
        ([UINT8, "--runtime", "rtx-1.7", "--case-timeout", "0"], "is not a positive number"),
        ([UINT8, "--runtime", "rtx-1.7", "--precision", "fp16"], "not_applicable"),
        (["replay", "absent.zip", "--trt-version", "1.7"], "absent.zip: cannot be read"),
        (["replay", "absent.zip"], "name the releases"),
        (["replay", "absent.zip", "--trt-version", "none"], "nothing to run"),
    ],
)
def test_a_wrong_word_is_told_in_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = [] if arguments[0] == "replay" else ["--out", str(tmp_path / "out")]
    assert main([*arguments, *out, *(HERE if "rtx-1.7" in arguments else [])]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("python -m matrix.repro:")]
    assert len(told) == 1
    assert words in told[0]


def test_a_folder_that_is_no_bundle_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = tmp_path / f"rtx-1.7-{UINT8}"
    taken.mkdir()
    (taken / "mine").touch()
    assert main([UINT8, "--runtime", "rtx-1.7", "--out", str(tmp_path), *HERE]) == 2
    assert "is there already and is no bundle" in capsys.readouterr().err
    assert (taken / "mine").exists()
