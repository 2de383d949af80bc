"""The operator that a parser of TensorRT 8 refused, which it names by number alone, and what that is good for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from cases.catalogue import catalogue
from matrix import refused_node
from matrix.case_folder import CaseFolders
from matrix.conclusion import conclude
from matrix.execution.job import Reply
from matrix.execution.local import Finished
from matrix.execution.slot import Ran
from matrix.plan import Cell
from matrix.record import Diagnostic, Record, Status
from matrix.refused_node import name_operators
from matrix.runtimes.hardware import Hardware
from matrix.runtimes.selection import select_tensorrt
from matrix.verdict.reference import Reference

CASES = {case.id: case for case in catalogue()}
# What 8.6.0 said of the first of them, and 8.5.3.1 says but for the second sentence; 8.6.0 of the others.
NO_PLUGIN = Diagnostic(
    source="parser", severity="error", code="UNSUPPORTED_NODE", node="#0", function="importFallbackPluginImporter",
    message='Assertion failed: creator && "Plugin not found, are the plugin name, version, and namespace correct?"',
)  # fmt: skip
LOGGED = Diagnostic(
    source="log",
    severity="error",
    message="3: getPluginCreator could not find plugin: DynamicQuantizeLinear version: 1",
)
WARNING = Diagnostic(
    source="log", severity="warning",
    message="Your ONNX model has been generated with INT64 weights, while TensorRT does not natively support INT64.",
)  # fmt: skip


def save(folder: Path, *operators: str) -> Path:
    nodes = [helper.make_node(op, ["x"], ["y"], name=f"n{index}") for index, op in enumerate(operators)]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [x], [y])), folder / "model.onnx")
    return folder / "model.onnx"


@pytest.mark.parametrize(
    ("node", "source", "op", "named"),
    [
        ("#0", "parser", "", "Relu"),
        ("#1", "parser", "", "Gelu"),
        ("#2", "parser", "", ""),  # the number of a node with bodies stands for all that is inside
        ("#3", "parser", "", ""),
        ("#-1", "parser", "", ""),
        ("n0", "parser", "", ""),
        ("#0", "parser", "Tanh", "Tanh"),
        ("#0", "builder", "", ""),
    ],
)
def test_a_number_is_that_of_a_node_of_the_main_graph(
    tmp_path: Path, node: str, source: str, op: str, named: str
) -> None:
    model = save(tmp_path, "Relu", "Gelu", "Loop")
    given = (replace(NO_PLUGIN, node=node, source=source, op=op), LOGGED)
    assert name_operators(given, model) == (replace(given[0], op=named), LOGGED)


def test_a_model_that_does_not_tell_leaves_what_was_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert name_operators([NO_PLUGIN], tmp_path / "model.onnx") == (NO_PLUGIN,)
    (tmp_path / "rubbish").write_bytes(b"\xff" * 40)
    assert name_operators([NO_PLUGIN], tmp_path / "rubbish") == (NO_PLUGIN,)
    model = save(tmp_path, "Relu")
    assert name_operators([NO_PLUGIN], model)[0].op == "Relu"
    monkeypatch.setattr(refused_node, "MAX_MODEL", 1)
    assert name_operators([NO_PLUGIN], model) == (NO_PLUGIN,)


def refused(case: str, root: Path, *diagnostics: Diagnostic, stage: str = "parse") -> Record:
    """Return the record of a case that TensorRT 8.6 refused with these words."""
    (runtime,) = select_tensorrt("8.6", {})
    reply = Reply(
        protocol=1, stage=stage, failed=stage, machine="", poisoned=False, diagnostics=diagnostics, network=None,
        points=(), executed=False, seconds={},
    )  # fmt: skip
    finished = Finished(
        cell=Cell(case=CASES[case], runtime=runtime),
        folder=CaseFolders(root).get(CASES[case]),
        ran=Ran(reply=reply, stage=stage),
    )
    return conclude(finished, Reference(), run="r", hardware=Hardware(), expected=None).record


@pytest.mark.parametrize(
    ("case", "op", "signature"),
    [
        ("quantize_dynamic-mlp-int8-static", "DynamicQuantizeLinear", "dynamic-quantize-linear"),
        ("qlinearconv-uint8_uint8_uint8-per_tensor-opset13-zp_zero-static", "QLinearConv", "qlinear-operator"),
        ("hardmax-axis_1-opset11", "Hardmax", "plugin-not-found"),
    ],
)
def test_the_remedy_is_that_of_the_operator(tmp_path: Path, case: str, op: str, signature: str) -> None:
    record = refused(case, tmp_path, NO_PLUGIN)
    assert (record.status, record.signature) == (Status.UNSUPPORTED, signature)
    assert record.reason.startswith(f"[UNSUPPORTED_NODE] {op}: Assertion failed")
    assert record.diagnostics[0].op == op
    assert op in record.remedy or "quantize_static" in record.remedy


def test_a_warning_is_not_why_a_model_was_refused(tmp_path: Path) -> None:
    unknown = replace(NO_PLUGIN, message="Unsupported pad mode", function="importPad")
    assert refused("batch-relu-opset17", tmp_path, unknown, WARNING).signature == ""
