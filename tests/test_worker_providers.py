"""Which execution provider ran each node, read from a session of ONNX Runtime itself, and why one could not be had."""

from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from cases.catalogue import catalogue, generate
from matrix.execution.process import WORKER

ort = pytest.importorskip("onnxruntime", reason="onnxruntime has no release for this Python")


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module as the worker's program sees it."""
    monkeypatch.syspath_prepend(WORKER)
    return import_module("onnxruntime_providers")


def test_every_node_that_ran_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, providers: ModuleType
) -> None:
    made = generate(next(case for case in catalogue() if case.id == "batch-conv2d-opset17"))
    monkeypatch.chdir(tmp_path)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    assert providers.prepare("cuda", options) == ["CUDAExecutionProvider", "CPUExecutionProvider"]
    session = ort.InferenceSession(made.model_bytes, options, providers=["CPUExecutionProvider"])
    for arrays in made.inputs.values():
        session.run(None, {name: np.asarray(array) for name, array in arrays.items()})
    assert providers.placement("cuda", session) == {"CPUExecutionProvider": len(made.model.graph.node)}
    assert not list(tmp_path.iterdir())
    assert "built without CUDAExecutionProvider" in providers.why_missing("cuda", session)
    assert providers.why_missing("cpu", session) == ""


def test_tf32_is_off_on_a_gpu_unless_asked_for(monkeypatch: pytest.MonkeyPatch, providers: ModuleType) -> None:
    name = "NVIDIA_TF32_OVERRIDE"
    for given, effective in ((None, "0"), ("1", "1")):
        monkeypatch.setenv(name, given or "")
        if given is None:
            monkeypatch.delenv(name)
        providers.prepare("tensorrt", ort.SessionOptions())
        assert providers.settings("tensorrt") == {name: effective}
    monkeypatch.delenv(name)
    providers.prepare("cpu", ort.SessionOptions())
    assert providers.settings("cpu") == {}
    assert name not in os.environ


def test_what_is_copied_between_providers_is_no_node_of_the_model(tmp_path: Path, providers: ModuleType) -> None:
    gpu, cpu = "CUDAExecutionProvider", "CPUExecutionProvider"
    nodes = [
        ("a", "Relu", gpu),
        ("a_copy", "MemcpyToHost", gpu),
        ("b", "Hardmax", cpu),
        ("b_copy", "MemcpyFromHost", gpu),
    ]
    events = [
        {"cat": "Node", "name": f"{name}_kernel_time", "args": {"op_name": op, "provider": provider}}
        for name, op, provider in nodes
    ]
    (tmp_path / "nodes.json").write_text(json.dumps([{"cat": "Session", "name": "model_run"}, *events]))
    session = SimpleNamespace(end_profiling=lambda: str(tmp_path / "nodes.json"))
    assert providers.placement("cuda", session) == {gpu: 1, cpu: 1}


def test_no_message_names_the_host(providers: ModuleType) -> None:
    said = "CUBLAS failure 15: not supported ; GPU=0 ; hostname=node-17.example ; file=/onnxruntime_src/a.cc"
    message = import_module("job").diagnostic("execution", said)["message"]
    assert message == said.replace("node-17.example", "...")


def test_the_loader_tells_which_library_a_provider_misses(providers: ModuleType) -> None:
    if "CUDAExecutionProvider" in ort.get_available_providers():
        pytest.skip("this package of onnxruntime has the provider")
    words = providers._why_not_loadable("cuda")
    assert words.startswith("libonnxruntime_providers_cuda.so: "), "and no path of this machine"


def test_the_last_words_of_a_coloured_log_are_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, providers: ModuleType
) -> None:
    monkeypatch.chdir(tmp_path)
    assert providers._last_words() == "it gave no reason"
    (tmp_path / "log.txt").write_text("\x1b[1;31m[E] no driver\n\x1b[m\n****\n\n")
    assert providers._last_words() == "[E] no driver"


def test_a_provider_that_does_not_load_is_told_with_its_cause_and_a_remedy(
    monkeypatch: pytest.MonkeyPatch, providers: ModuleType
) -> None:
    class Session:
        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    monkeypatch.setattr(providers.ort, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(providers, "_why_not_loadable", lambda name: "libcudnn.so.9: cannot open")
    words = providers.why_missing("cuda", Session())
    assert "could not load CUDAExecutionProvider: libcudnn.so.9: cannot open; install" in words
    assert "--runtime-python" in words
