"""What a case's operator reads and writes, held against models whose types are known."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper

from cases.catalogue import catalogue, generate
from cases.operator_types import OperatorTypes, operator_types
from reports.case_types import NOT_THE_OPERATOR
from reports.claims import listed_operators
from reports.documented import INVALID

CASES = {case.id: case for case in catalogue()}


def types_of(case_id: str) -> OperatorTypes:
    case = CASES[case_id]
    return operator_types(onnx.shape_inference.infer_shapes(generate(case).model, data_prop=True), case.op)


@pytest.mark.parametrize(
    ("case_id", "reads", "writes"),
    [
        ("range-limit_input_int32-opset17", "int32", "int32"),
        ("constantofshape-like_x_bool-opset17", "", "bool"),
        ("onehot-axis_minus_1-opset9", "float32", "float32"),  # of int64 indices
        ("shape-gather_several-opset17", "int64", "int64"),
        ("slice-int32-opset17", "float32", "float32"),  # at int32 places
        ("nonzero_gather-float32-opset17", "bool", "int64"),
        ("loop-break_at_first_zero-opset17", "float32 int64", "float32 int64"),
        ("if-condition_from_data-opset17", "", "float32"),
        ("quantizelinear-int8-per_tensor-opset13-zp_zero", "float32", "int8"),
        ("quantizelinear-float8e4m3fn-per_tensor-opset19-zp_zero", "float32", "float8_e4m3fn"),
        ("dequantizelinear-int8-per_tensor-opset13-zp_zero", "int8", "float32"),
        ("dynamicquantizelinear-opset11-ties-static", "float32", "float32 uint8"),
        ("qlinearconv-uint8_int8_uint8-per_tensor-opset13-zp_zero-static", "int8 uint8", "uint8"),
        ("bug-onnxruntime-22741", "float16", "int8"),
        ("dynamicquantizelinear-opset11-ties-static-function_body", "", ""),  # it has no such node
        ("qdq_conv-int8-per_tensor-opset13-zp_zero-static", "", ""),  # no operator of ONNX
        ("contrib_qgemm-int8_uint8-per_tensor-output_quantized-plain-static", "", ""),
    ],
)
def test_types_are_those_of_the_operators_data(case_id: str, reads: str, writes: str) -> None:
    assert types_of(case_id) == OperatorTypes(reads=tuple(reads.split()), writes=tuple(writes.split()))


def test_types_of_sequences_and_of_names_from_outside_a_body() -> None:
    cond, x = helper.make_tensor_value_info("c", TensorProto.BOOL, []), helper.make_tensor_value_info("x", 10, ["N"])
    branch = helper.make_graph(
        [helper.make_node("SequenceConstruct", ["x", "x"], ["s"])],
        "branch",
        [],
        [helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT16, None)],
    )
    choice = helper.make_node("If", ["c"], ["s"], then_branch=branch, else_branch=branch)
    joined = helper.make_node("ConcatFromSequence", ["s"], ["y"], axis=0)
    graph = helper.make_graph([choice, joined], "g", [cond, x], [helper.make_tensor_value_info("y", 10, ["M"])])
    model = onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))
    half = ("float16",)
    for op, reads in (("SequenceConstruct", half), ("ConcatFromSequence", half), ("If", ())):
        assert operator_types(model, op) == OperatorTypes(reads=reads, writes=half)


@pytest.mark.parametrize("family", ["dynamic_shapes", "reported_bugs"])
def test_each_case_of_a_documented_operator_has_types(family: str) -> None:
    unclaimed = INVALID | NOT_THE_OPERATOR
    found = [case for case in CASES.values() if case.family == family and case.op in listed_operators()]
    assert not [case.id for case in found if not unclaimed & case.tags and types_of(case.id) == OperatorTypes()]
