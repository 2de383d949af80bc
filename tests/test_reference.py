"""References: computed once, kept on disk, and what happens where there is none; outputs held against them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cases.case import EXACT, ShapePoint, Tolerance
from matrix.case_folder import CaseFolder, CaseFolders, DeclaredOutput
from matrix.verdict import reference
from matrix.verdict.outputs import compare_outputs
from matrix.verdict.reference import Reference, References
from tests.models import case, counting, relu, single_node

Y = (DeclaredOutput(name="y", dtype="float32", shape=(None, 3)),)


def folder_of(tmp_path: Path, item: Any) -> CaseFolder:
    folder = CaseFolders(tmp_path / "cases").get(item)
    assert folder.invalid == ""
    return folder


def test_a_reference_is_computed_once_and_read_from_disk_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path, relu())
    first = References(tmp_path / "cache").get(folder)
    assert first.outputs is not None
    assert first.outputs["opt"]["y"].reshape(-1).tolist() == [0, 0, 0, 1, 2, 3]
    assert first.name == f"onnx {onnx.__version__} reference evaluator"

    def fail(_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(reference, "compute", fail)
    references = References(tmp_path / "cache")
    second = references.get(folder)
    assert second.name == first.name
    assert second.outputs is not None
    assert second.outputs["max"]["y"].tobytes() == first.outputs["max"]["y"].tobytes()
    assert references.get(folder) is second


@pytest.mark.parametrize("damage", ["index.json", "0.0.bin"])
def test_a_damaged_cache_entry_is_computed_anew(tmp_path: Path, damage: str) -> None:
    folder = folder_of(tmp_path, relu())
    References(tmp_path / "cache").get(folder)
    (path,) = (tmp_path / "cache").rglob(damage)
    path.write_bytes(b"{")
    again = References(tmp_path / "cache").get(folder)
    assert again.outputs is not None
    assert References(tmp_path / "cache").get(folder).outputs is not None
    assert path.read_bytes() != b"{"


def test_a_cache_that_cannot_be_written_costs_no_result(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert References(tmp_path / "file").get(folder_of(tmp_path, relu())).outputs is not None


def test_an_operator_that_the_evaluator_lacks_at_an_old_opset_is_evaluated_at_a_newer_one(tmp_path: Path) -> None:
    scale = numpy_helper.from_array(np.array(0.5, np.float32), "scale")

    def build() -> onnx.ModelProto:
        return single_node(
            "DequantizeLinear", x=TensorProto.INT8, opset=13, inputs=("x", "scale"), initializers=(scale,)
        )

    found = References(tmp_path / "cache").get(folder_of(tmp_path, case("old", build, inputs=counting(np.int8))))
    assert found.outputs is not None, found.why
    assert found.name.endswith(", opset 21")
    assert found.outputs["opt"]["y"].reshape(-1).tolist() == [-1, -0.5, 0, 0.5, 1, 1.5]


def test_where_no_evaluator_exists_the_reason_is_kept(tmp_path: Path) -> None:
    def build() -> onnx.ModelProto:
        graph = helper.make_graph(
            [helper.make_node("FastGelu", ["x"], ["y"], domain="com.microsoft")],
            "case",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        )
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    found = References(tmp_path / "cache").get(folder_of(tmp_path, case("contrib", build)))
    assert found.outputs is None
    assert "the reference evaluator cannot run it" in found.why


def test_sequences_are_spelled_element_by_element(tmp_path: Path) -> None:
    def build() -> onnx.ModelProto:
        graph = helper.make_graph(
            [helper.make_node("SplitToSequence", ["x"], ["s"], axis=1)],
            "case",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
            [helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, ["N", 1])],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    found = References(tmp_path / "cache").get(folder_of(tmp_path, case("sequence", build)))
    assert found.outputs is not None, found.why
    assert list(found.outputs["opt"]) == ["s[0]", "s[1]", "s[2]"]
    assert found.outputs["opt"]["s[1]"].shape == (2, 1)


def reference_of(**outputs: Any) -> Reference:
    return Reference(name="reference", outputs={"opt": {name: np.asarray(array) for name, array in outputs.items()}})


@pytest.mark.parametrize(
    ("got", "want", "problem"),
    [
        (np.array([[1, 2, 3]], np.float32), np.array([[1, 2, 3]], np.float32), ""),
        (np.array([[1, 2, 3.5]], np.float32), np.array([[1, 2, 3]], np.float32), "off by up to 0.5"),
        (np.array([[1, 2]], np.float32), np.array([[1, 2, 3]], np.float32), "shape [1, 2], expected [1, 3]"),
        (np.array([[1, 2, 3]], np.float64), np.array([[1, 2, 3]], np.float32), "dtype float64, expected float32"),
        (
            np.array([[1, 2, np.nan]], np.float32),
            np.array([[1, 2, 3]], np.float32),
            "1 elements differ in NaN or infinity",
        ),
    ],
)
def test_each_output_is_held_against_its_reference(got: Any, want: Any, problem: str) -> None:
    (result,) = compare_outputs({"opt": {"y": got}}, reference_of(y=want), Y, EXACT)
    assert result.problem.startswith(problem)
    assert bool(result.problem) == bool(problem)
    assert (result.point, result.output, result.reference) == ("opt", "y", "reference")
    assert (result.drift is None) == problem.startswith(("shape", "dtype"))


def test_an_output_that_is_missing_is_a_problem() -> None:
    (result,) = compare_outputs({"opt": {}}, reference_of(y=[1.0]), Y, EXACT)
    assert (result.drift, result.problem) == (None, "the runtime did not return it")


def test_without_a_reference_dtype_and_shape_are_still_kept() -> None:
    (result,) = compare_outputs({"opt": {"y": np.zeros((2, 3), np.float32)}}, Reference(why="none"), Y, EXACT)
    assert (result.dtype, result.shape, result.problem, result.drift) == ("float32", (2, 3), "", None)


@pytest.mark.parametrize(
    ("text", "problem"), [("a", ""), ("b", "the strings differ, first at [0]: got 'b', expected 'a'")]
)
def test_strings_are_compared_exactly(text: str, problem: str) -> None:
    declared = (DeclaredOutput(name="y", dtype="string", shape=(1,)),)
    got = {"opt": {"y": np.array([text], dtype=object)}}
    (result,) = compare_outputs(got, reference_of(y=np.array(["a"])), declared, Tolerance(absolute=9))
    assert result.problem == problem


def test_a_point_that_the_runtime_did_not_reach_is_not_compared() -> None:
    assert compare_outputs({}, reference_of(y=[1.0]), Y, EXACT) == ()


def test_static_points_are_named(tmp_path: Path) -> None:
    points = (ShapePoint(name="static", shapes={"x": (2, 3)}),)
    found = References(tmp_path / "cache").get(
        folder_of(tmp_path, case("static", lambda: single_node("Relu"), points=points, profiles=()))
    )
    assert list(found.outputs or ()) == ["static"]
