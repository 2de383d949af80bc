"""The stored output of ONNX Runtime's quantizers: exact by design, anonymous, and still what they emit."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from cases.quantization.quantizers import FOLDER

EMITTED_BY = "1.31.1"


def test_emitted_models_have_only_scales_that_make_every_sum_exact() -> None:
    for path in FOLDER.glob("*.onnx"):
        model = onnx.load(path)
        scales = [numpy_helper.to_array(tensor) for tensor in model.graph.initializer if "scale" in tensor.name]
        assert scales
        assert all((np.frexp(scale)[0] == 0.5).all() for scale in scales), path.name


def test_emitted_models_say_nothing_of_where_they_were_made() -> None:
    for path in FOLDER.glob("*.onnx"):
        model = onnx.load(path)
        assert not model.doc_string
        assert not model.graph.doc_string
        assert not any(node.doc_string for node in model.graph.node)
        assert b"/tmp" not in path.read_bytes()
        assert path.stat().st_size < 10_000


def test_emitted_weights_do_not_saturate_sixteen_bits() -> None:
    """Two neighbouring products of uint8 and int8 are added in 16 bits by processors that have AVX2 but no VNNI."""
    for path in FOLDER.glob("*.onnx"):
        for tensor in onnx.load(path).graph.initializer:
            int8 = tensor.data_type == onnx.TensorProto.INT8
            if int8 and tensor.name in ("w1_quantized", "w2_quantized", *(f"w{part}_quantized" for part in "qkvo")):
                codes = np.abs(numpy_helper.to_array(tensor).astype(np.int64))
                rows = codes.T if codes.ndim == 2 else codes.reshape(len(codes), -1)
                assert ((rows[:, ::2] + rows[:, 1::2]) * 255 <= 2**15 - 1).all(), (path.name, tensor.name)


@pytest.fixture(scope="module")
def emit() -> Iterator[ModuleType]:
    ort = pytest.importorskip("onnxruntime", reason="onnxruntime has no release for this Python")
    if ort.__version__ != EMITTED_BY:
        pytest.skip(f"the stored models are those of onnxruntime {EMITTED_BY}, this is {ort.__version__}")
    spec = importlib.util.spec_from_file_location("emit", FOLDER / "emit.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["emit"] = module  # dataclasses looks its own module up
    sys.path.insert(0, str(FOLDER))  # where it looks for networks.py, as it does when it is run
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(FOLDER))


def test_emitted_models_are_what_the_quantizers_emit(emit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["emit.py", "--check"])
    assert emit.stale() == []
    assert emit.main() == 0


def test_a_stale_model_is_told(
    emit: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only = next(emit.emissions())
    monkeypatch.setattr(emit, "FOLDER", tmp_path)
    monkeypatch.setattr(emit, "emissions", lambda: iter([only]))
    monkeypatch.setattr(sys, "argv", ["emit.py"])
    (tmp_path / "gone.onnx").write_bytes(b"")
    assert emit.main() == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["provenance.json", f"{only.name}.onnx"]
    assert emit.stale() == []
    changed = onnx.load(tmp_path / f"{only.name}.onnx")
    changed.graph.node[0].name = "changed"
    onnx.save(changed, tmp_path / f"{only.name}.onnx")
    monkeypatch.setattr(sys, "argv", ["emit.py", "--check"])
    assert emit.main() == 1
    assert only.name in capsys.readouterr().err
