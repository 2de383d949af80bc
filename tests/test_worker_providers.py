"""Which execution provider ran each node, read from a session of ONNX Runtime itself."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

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
