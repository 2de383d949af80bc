"""A case made concrete on disk, and every way in which it can turn out to be our own bug."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from cases.case import ShapePoint
from cases.operator_types import OperatorTypes
from matrix.case_folder import CaseFolders, DeclaredOutput
from tests.models import case, relu, single_node


def test_a_case_is_made_once_and_holds_all_that_a_runtime_needs(tmp_path: Path) -> None:
    folders = CaseFolders(tmp_path)
    made = [relu()] * 8
    found = []
    threads = [threading.Thread(target=lambda item=item: found.append(folders.get(item))) for item in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    folder = found[0]
    assert all(other is folder for other in found)
    assert folder.invalid == ""
    assert onnx.load(folder.path / "model.onnx").graph.node[0].op_type == "Relu"
    assert [point["name"] for point in folder.points] == ["min", "opt", "inside", "max"]
    tensor = folder.points[1]["inputs"][0]
    assert (tensor["name"], tensor["dtype"], tensor["shape"]) == ("x", "float32", [2, 3])
    values = np.frombuffer((folder.path / tensor["file"]).read_bytes(), "<f4")
    assert values.tolist() == [-2, -1, 0, 1, 2, 3]
    assert folder.profiles == ({"shapes": {"x": ((1, 3), (2, 3), (4, 3))}, "values": {}},)
    assert folder.outputs == (DeclaredOutput(name="y", dtype="float32", shape=(None, 3)),)
    assert folder.types == OperatorTypes(reads=("float32",), writes=("float32",))
    assert len(folder.digest) == 64
    json.dumps([folder.points, folder.profiles])


def _raises() -> onnx.ModelProto:
    raise ZeroDivisionError("no such axis")


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (_raises, "ZeroDivisionError: no such axis"),
        (lambda: single_node("NoSuchOp"), "NoSuchOp"),
        (lambda: single_node("Relu", y=TensorProto.INT8), "InferenceError"),
        (lambda: single_node("Relu", y_shape=("N", 4)), "InferenceError"),
    ],
)
def test_a_case_that_is_not_valid_onnx_is_our_bug_and_is_not_written(tmp_path: Path, build: object, words: str) -> None:
    folder = CaseFolders(tmp_path).get(case("bad", build))  # type: ignore[arg-type]
    assert words in folder.invalid
    assert not folder.path.exists()


def test_inputs_of_another_shape_than_declared_are_our_bug(tmp_path: Path) -> None:
    bad = case("bad", lambda: single_node("Relu"), inputs=lambda _point: {"x": np.zeros((9, 3), np.float32)})
    assert "declared are" in CaseFolders(tmp_path).get(bad).invalid


def test_a_model_that_is_invalid_on_purpose_is_not_checked(tmp_path: Path) -> None:
    bad = case("bad", lambda: single_node("NoSuchOp"), tags=frozenset({"invalid_on_purpose"}))
    assert CaseFolders(tmp_path).get(bad).invalid == ""


def test_outputs_are_declared_with_what_shape_inference_adds(tmp_path: Path) -> None:
    def build() -> onnx.ModelProto:
        graph = helper.make_graph(
            [
                helper.make_node("Transpose", ["x"], ["y"], perm=[1, 0]),
                helper.make_node("SplitToSequence", ["x"], ["s"]),
                helper.make_node("Optional", ["x"], ["o"]),
            ],
            "case",
            [helper.make_tensor_value_info("x", TensorProto.STRING, ["N", 3])],
            [
                onnx.ValueInfoProto(name="y", type=helper.make_tensor_type_proto(TensorProto.STRING, [None, None])),
                helper.make_tensor_sequence_value_info("s", TensorProto.STRING, None),
                onnx.ValueInfoProto(
                    name="o",
                    type=helper.make_optional_type_proto(helper.make_tensor_type_proto(TensorProto.STRING, None)),
                ),
            ],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    point = ShapePoint(name="static", shapes={"x": (2, 3)})
    strings = case("strings", build, inputs=lambda _: {"x": np.full((2, 3), "a", object)}, points=(point,), profiles=())
    folder = CaseFolders(tmp_path).get(strings)
    assert folder.invalid == ""
    assert folder.outputs == (
        DeclaredOutput(name="y", dtype="string", shape=(3, None)),
        DeclaredOutput(name="s", dtype="sequence_type", shape=None),
        DeclaredOutput(name="o", dtype="", shape=None),
    )
    assert folder.points[0]["inputs"][0]["dtype"] == "string"
