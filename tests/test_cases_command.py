"""`python -m cases`: what it prints, what it writes, and how it refuses."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from cases.__main__ import main
from cases.catalogue import catalogue, generate
from cases.exhibit import describe

ROOT = Path(__file__).parents[1]
PLAIN = "quantizelinear-int8-per_tensor-opset13-zp_zero"
FOUR_BITS = "dequantizelinear-int4-per_tensor-opset21-zp_zero"
DYNAMIC = "qdq_conv-int8-per_tensor-opset13-zp_zero-dynamic_batch"
CASES = {case.id: case for case in catalogue()}


def test_without_a_command_it_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    assert out.startswith("op ")
    assert "left out:" in out
    assert "QGemm (com.microsoft)" in out


def test_show_says_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", DYNAMIC]) == 0
    out = capsys.readouterr().out
    digest = generate(CASES[DYNAMIC]).digest
    for words in (
        DYNAMIC,
        digest,
        "shape point inside",
        "profile 0",
        "x: min [1, 3, 8, 6]",
        "QuantizeLinear (",
        "Conv",
    ):
        assert words in out


@pytest.mark.parametrize("family", ["quantization", "dynamic_shapes", "reported_bugs"])
def test_every_case_can_be_shown(family: str) -> None:
    for case in CASES.values():
        if case.family == family:
            assert case.id in next(iter(describe(case)))
            assert all(isinstance(line, str) for line in describe(case))


@pytest.mark.parametrize("name", [PLAIN, FOUR_BITS, DYNAMIC])
def test_export_writes_what_can_be_read_back(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", name, str(tmp_path / "new")]) == 0
    made = generate(CASES[name])
    assert (tmp_path / "new" / "model.onnx").read_bytes() == made.model_bytes
    for number, point in enumerate(CASES[name].points):
        tensor = onnx.load_tensor(tmp_path / "new" / f"test_data_set_{number}" / "input_0.pb")
        want = made.inputs[point.name]["x"]
        assert tensor.name == "x"
        assert (numpy_helper.to_array(tensor) == want).all()
        archive = tmp_path / "new" / f"inputs_{number}.npz"
        if want.dtype.isbuiltin == 1:
            assert (np.load(archive)["x"] == want).all()
        else:
            assert not archive.exists()
    assert "model.onnx" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["show"], ["export"]])
@pytest.mark.parametrize(
    ("name", "near"), [("quantizelinear-int8", "quantizelinear-int8-"), (PLAIN + "x", PLAIN), ("", ""), ("\x00'", "")]
)
def test_an_unknown_id_is_one_line_with_what_is_near(
    command: list[str], name: str, near: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, name, *([str(tmp_path)] if command == ["export"] else [])]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert near in captured.err


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["export", PLAIN, str(tmp_path / "file")]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "cannot write" in captured.err


def test_a_case_that_cannot_be_made_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(case: object) -> Iterator[str]:
        raise ValueError("two\nlines")

    monkeypatch.setattr("cases.__main__.describe", broken)
    assert main(["show", PLAIN]) == 2
    assert capsys.readouterr().err == f"python -m cases: {PLAIN} cannot be made: ValueError: two lines\n"


def test_a_reader_that_leaves_early_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

        def fileno(self) -> int:
            return out.fileno()

    with Path("/dev/null").open("w") as out:
        monkeypatch.setattr(sys, "stdout", Closed())
        assert main(["show", PLAIN]) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe between two programs, as a shell makes it")
def test_in_a_pipe_it_is_quiet() -> None:
    shell = f"{sys.executable} -m cases show {PLAIN} | head -1"
    done = subprocess.run(["/bin/sh", "-c", shell], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"{PLAIN}\n"
    assert done.stderr == ""


def test_listing_builds_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("make_model", "make_graph", "make_node", "make_tensor_value_info", "make_tensor"):
        monkeypatch.setattr(helper, name, None)
    monkeypatch.setattr(numpy_helper, "from_array", None)
    assert [case.id for case in catalogue.__wrapped__()] == list(CASES)
