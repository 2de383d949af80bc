"""The first reference, what is chosen of two, and outputs held against them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cases.case import EXACT, ShapePoint, Tolerance
from matrix.case_folder import CaseFolder, CaseFolders, DeclaredOutput
from matrix.record import OutputResult
from matrix.verdict.outputs import compare_outputs
from matrix.verdict.reference import Answer, Reference
from matrix.verdict.reference.answer import choose
from matrix.verdict.reference.specification import NAME, evaluate, fingerprint
from tests.models import relu, single_node

Y = (DeclaredOutput(name="y", dtype="float32", shape=(None, 3)),)
X = np.array([[-2.0, 0.0, 3.0]], np.float32)


def folder_of(tmp_path: Path, item: Any) -> CaseFolder:
    folder = CaseFolders(tmp_path / "cases").get(item)
    assert folder.invalid == ""
    return folder


def contrib(op: str, outputs: tuple[str, ...] = ("y",), **attributes: Any) -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node(op, ["x"], list(outputs), domain="com.microsoft", **attributes)],
        "case",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def test_a_model_of_the_evaluators_own_operators_says_so() -> None:
    answer = evaluate(single_node("Relu"), {"opt": {"x": X}})
    assert answer.outputs is not None
    assert answer.outputs["opt"]["y"].tolist() == [[0, 0, 3]]
    assert answer.name == NAME == f"onnx {onnx.__version__} reference evaluator"


def test_operators_of_ours_are_named_wherever_they_stand() -> None:
    """DequantizeLinear of opset 13, which the evaluator lacks, inside a branch."""
    scale = numpy_helper.from_array(np.array(0.5, np.float32), "scale")
    branch = helper.make_graph(
        [helper.make_node("DequantizeLinear", ["x", "scale"], ["inner"])],
        "branch",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, [2])],
        [scale],
    )
    graph = helper.make_graph(
        [helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)],
        "case",
        [
            helper.make_tensor_value_info("x", TensorProto.INT8, [2]),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    answer = evaluate(model, {"opt": {"x": np.array([-2, 3], np.int8), "c": np.array(True)}})
    assert answer.outputs is not None, answer.why
    assert answer.outputs["opt"]["y"].tolist() == [-1, 1.5]
    assert answer.name == f"{NAME} with our DequantizeLinear"


def test_what_conversion_would_change_is_not_converted() -> None:
    """Upsample of opset 9 is Resize with other coordinates at opset 21: ours of its own version answers."""
    scales = numpy_helper.from_array(np.array([1, 2], np.float32), "scales")
    model = single_node("Upsample", opset=9, inputs=("x", "scales"), initializers=(scales,), mode="linear")
    answer = evaluate(model, {"opt": {"x": X}})
    assert answer.outputs is not None, answer.why
    assert answer.outputs["opt"]["y"].tolist() == [[-2, -1, 0, 1.5, 3, 3]]
    assert answer.name == f"{NAME} with our Upsample"


def test_softmax_of_an_old_opset_has_its_old_meaning() -> None:
    x = np.zeros((1, 2, 2), np.float32)
    for opset, share in ((11, 0.25), (13, 0.5)):
        answer = evaluate(single_node("Softmax", opset=opset, axis=1, x_shape=(1, 2, 2)), {"opt": {"x": x}})
        assert answer.outputs is not None
        assert np.unique(answer.outputs["opt"]["y"]).tolist() == [share]


def test_scan_outputs_of_a_loop_are_stacked() -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["d"]), helper.make_node("Identity", ["x"], ["s"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("d", TensorProto.BOOL, []), helper.make_tensor_value_info("s", 1, [1, 3])],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["m", ""], ["y"], body=body)],
        "case",
        [helper.make_tensor_value_info("x", 1, [1, 3]), helper.make_tensor_value_info("m", TensorProto.INT64, [])],
        [helper.make_tensor_value_info("y", 1, [None, 1, 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    answer = evaluate(model, {"opt": {"x": X, "m": np.array(2)}, "none": {"x": X, "m": np.array(2)}})
    assert answer.outputs is not None, answer.why
    assert answer.outputs["opt"]["y"].shape == (2, 1, 3)
    none = evaluate(model, {"opt": {"x": X, "m": np.array(0)}}).outputs
    assert none is not None
    assert none["opt"]["y"].shape == (0, 1, 3)


@pytest.mark.parametrize(("how", "values"), [("SAME_UPPER", [3, 3, 5]), ("SAME_LOWER", [1, 3, 5])])
def test_the_odd_pad_of_a_pool_goes_where_it_belongs(how: str, values: list[float]) -> None:
    """Five elements, windows of 2 every 2: ceil(5 / 2) outputs, and one pad."""
    model = single_node("MaxPool", x_shape=(1, 1, 5), y_shape=(1, 1, 3), kernel_shape=[2], strides=[2], auto_pad=how)
    answer = evaluate(model, {"opt": {"x": np.array([[[1, 3, 2, 3, 5]]], np.float32)}})
    assert answer.outputs is not None, answer.why
    assert answer.outputs["opt"]["y"].reshape(-1).tolist() == values


def test_where_no_evaluator_exists_the_reason_is_kept() -> None:
    answer = evaluate(contrib("FastGelu"), {"opt": {"x": X}})
    assert answer.outputs is None
    assert "the reference evaluator cannot run it: NotImplementedError" in answer.why


def test_what_an_operator_of_ours_does_not_know_is_said_in_its_words() -> None:
    answer = evaluate(contrib("QMoE", k=1), {"opt": {"x": X}})
    assert answer.outputs is None
    assert "ValueError: operand" in answer.why


def test_sequences_are_spelled_element_by_element() -> None:
    graph = helper.make_graph(
        [helper.make_node("SplitToSequence", ["x"], ["s"], axis=1)],
        "case",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, ["N", 1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    answer = evaluate(model, {"opt": {"x": X}})
    assert answer.outputs is not None, answer.why
    assert list(answer.outputs["opt"]) == ["s[0]", "s[1]", "s[2]"]
    assert answer.outputs["opt"]["s[1]"].shape == (1, 1)


@pytest.mark.parametrize("holds", [True, False])
def test_an_optional_is_what_it_holds(holds: bool) -> None:
    element = helper.make_tensor_type_proto(TensorProto.FLOAT, ["N", 3])
    node = (
        helper.make_node("Optional", ["x"], ["y"]) if holds else helper.make_node("Optional", [], ["y"], type=element)
    )
    graph = helper.make_graph(
        [node],
        "case",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
        [onnx.ValueInfoProto(name="y", type=helper.make_optional_type_proto(element))],
    )
    answer = evaluate(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), {"opt": {"x": X}})
    assert answer.outputs is not None, answer.why
    assert answer.outputs["opt"]["y"].tolist() == (X.tolist() if holds else None)


def test_the_fingerprint_follows_the_sources_and_fits_a_folder() -> None:
    assert onnx.__version__ in fingerprint()
    assert np.__version__ in fingerprint()
    assert fingerprint() == Path(fingerprint()).name


YES, NO = Answer(name="onnx", outputs={}), Answer(why="no evaluator")
OTHER, NONE = Answer(name="onnxruntime", outputs={}), Answer(why="refused")


@pytest.mark.parametrize(
    ("first", "second", "itself", "judge", "why"),
    [
        (YES, OTHER, False, "onnx", ""),
        (YES, OTHER, True, "onnx", ""),
        (YES, NONE, False, "onnx", ""),
        (NO, OTHER, False, "onnxruntime", ""),
        (NO, OTHER, True, "", "no evaluator; the only other reference is this very release"),
        (NO, NONE, False, "", "no evaluator"),
    ],
)
def test_the_specification_judges_where_it_can(
    first: Answer, second: Answer, itself: bool, judge: str, why: str
) -> None:
    chosen = choose(first, second, itself=itself)
    assert (chosen.name, chosen.why, chosen.second) == (judge, why, second)
    assert (chosen.outputs is None) == (judge == "")


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
    folder = folder_of(tmp_path, replace(relu(), points=points, profiles=()))
    assert [point["name"] for point in folder.points] == ["static"]


def held(got: Any, first: Any, second: Any, tolerance: Tolerance = EXACT) -> OutputResult:
    answer = Answer(name="onnxruntime", outputs={"opt": {"y": np.asarray(second)}})
    reference = replace(reference_of(y=first), second=answer)
    (result,) = compare_outputs({"opt": {"y": np.asarray(got)}}, reference, Y, tolerance)
    return result


ONE, TWO, FAR = (np.array([[value, 2, 3]], np.float32) for value in (1.0, 1.25, 9.0))


@pytest.mark.parametrize(
    ("got", "tolerance", "side"),
    [
        (ONE, EXACT, "onnx"),
        (TWO, EXACT, "onnxruntime"),
        (FAR, EXACT, "neither"),
        (ONE, Tolerance(absolute=0.25), "both"),
        (TWO, Tolerance(absolute=0.25), "both"),
        (FAR, Tolerance(absolute=0.25), "neither"),
    ],
)
def test_a_side_is_taken_where_the_references_differ(got: Any, tolerance: Tolerance, side: str) -> None:
    result = held(got, ONE, TWO, tolerance)
    assert result.sides_with == side
    assert result.references_differ is not None
    assert result.references_differ.max_abs == 0.25
    assert result.references_differ.share_off == (0 if tolerance.absolute else pytest.approx(1 / 3))
    assert result.second_reference == "onnxruntime"
    assert result.second_drift is not None
    assert result.second_drift.max_abs == abs(float(got[0, 0]) - 1.25)
    assert bool(result.problem) == (side in ("onnxruntime", "neither"))  # the first reference judges


def test_references_of_equal_bits_differ_in_nothing() -> None:
    result = held(FAR, ONE, ONE)
    assert (result.references_differ, result.sides_with) == (None, "")
    assert result.second_drift == result.drift


def test_negative_zero_is_a_difference_in_bits_and_on_everybodys_side() -> None:
    zero = np.zeros((1, 3), np.float32)
    result = held(zero, zero, -zero)
    assert result.references_differ is not None
    assert (result.references_differ.max_abs, result.sides_with) == (0, "both")


@pytest.mark.parametrize(("other", "side"), [(np.float64(ONE), "onnx"), (ONE[:, :2], "onnx")])
def test_references_of_another_type_or_shape_have_no_figure_and_a_side(other: Any, side: str) -> None:
    result = held(ONE, ONE, other)
    assert (result.references_differ, result.second_drift, result.sides_with) == (None, None, side)


def test_text_takes_sides_too() -> None:
    first, second = np.array([["a", "b"]], object), np.array([["a", "c"]], object)
    declared = (DeclaredOutput(name="y", dtype="string", shape=(1, 2)),)
    reference = replace(reference_of(y=first), second=Answer(name="onnxruntime", outputs={"opt": {"y": second}}))
    (result,) = compare_outputs({"opt": {"y": second}}, reference, declared, EXACT)
    assert result.sides_with == "onnxruntime"
    assert result.references_differ is not None
    assert result.references_differ.share_off == 0.5


def test_judged_by_the_second_reference_there_is_no_side() -> None:
    answer = Answer(name="onnxruntime", outputs={"opt": {"y": TWO}})
    (result,) = compare_outputs({"opt": {"y": ONE}}, choose(NO, answer), Y, EXACT)
    assert (result.reference, result.second_reference, result.sides_with) == ("onnxruntime", "onnxruntime", "")
    assert result.problem
    (unjudged,) = compare_outputs({"opt": {"y": ONE}}, choose(NO, answer, itself=True), Y, EXACT)
    assert (unjudged.reference, unjudged.problem, unjudged.second_reference) == ("", "", "onnxruntime")
