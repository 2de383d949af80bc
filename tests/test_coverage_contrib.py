"""Every com.microsoft operator of the list, and every type that ONNX Runtime's schema of it allows, has a case."""

from __future__ import annotations

from functools import cache
from typing import Any

import onnx
import pytest

from cases.quantization import contrib

OPS = (
    *("QuantizeLinear", "DequantizeLinear", "QLinearAdd", "QLinearMul", "QLinearSigmoid", "QLinearLeakyRelu"),
    *("QLinearSoftmax", "QLinearConcat", "QLinearAveragePool", "QLinearGlobalAveragePool", "QLinearReduceMean"),
    *("QLinearWhere", "QLinearConv", "QGemm", "QAttention", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM"),
    *("MatMulIntegerToFloat", "MatMulNBits", "MatMulBnb4", "GatherBlockQuantized", "QMoE"),
)
SCHEMAS_OF = "1.31.1"
# (operator, type parameter, type) -> why it has no case
EXEMPT: dict[tuple[str, str, str], str] = {}


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    ort = pytest.importorskip("onnxruntime", reason="onnxruntime has no release for this Python")
    if ort.__version__ != SCHEMAS_OF:
        pytest.skip(f"the cases follow the schemas of onnxruntime {SCHEMAS_OF}, this is {ort.__version__}")
    found = ort.capi.onnxruntime_pybind11_state.get_all_operator_schema()
    return {schema.name: schema for schema in found if schema.domain == "com.microsoft"}


@cache
def models() -> dict[str, list[onnx.ModelProto]]:
    found: dict[str, list[onnx.ModelProto]] = {}
    for case in contrib.cases():
        found.setdefault(case.op, []).append(case.build())
    return found


def named(elem_type: int) -> str:
    return str(onnx.TensorProto.DataType.Name(elem_type)).lower()


def types_used(schema: Any, model: onnx.ModelProto) -> set[tuple[str, str]]:
    """Return (type parameter, type) of every input and output of the model's one node."""
    graph = model.graph
    (node,) = graph.node
    types = {value.name: named(value.type.tensor_type.elem_type) for value in (*graph.input, *graph.output)}
    types |= {tensor.name: named(tensor.data_type) for tensor in graph.initializer}
    used = set()
    for formal, actual in ((schema.inputs, node.input), (schema.outputs, node.output)):
        for index, name in enumerate(actual):
            if name:
                used.add((formal[min(index, len(formal) - 1)].typeStr, types[name]))
    return used


@pytest.mark.parametrize("op", OPS)
def test_each_type_of_the_schema_has_a_case(schemas: dict[str, Any], op: str) -> None:
    schema = schemas[op]
    used = set().union(*(types_used(schema, model) for model in models()[op]))
    allowed = {
        (constraint.type_param_str, kind.removeprefix("tensor(").removesuffix(")"))
        for constraint in schema.type_constraints
        for kind in constraint.allowed_type_strs
    }
    exempt = {(parameter, kind) for name, parameter, kind in EXEMPT if name == op}
    assert not exempt - allowed, "exempt, but not in the schema"
    assert not exempt & used, "exempt, but has a case"
    assert not allowed - used - exempt, "has no case"


@pytest.mark.parametrize("op", OPS)
def test_each_attribute_of_a_case_is_one_of_the_schema(schemas: dict[str, Any], op: str) -> None:
    for model in models()[op]:
        used = {attribute.name for attribute in model.graph.node[0].attribute}
        assert used <= set(schemas[op].attributes)
        assert {name for name, each in schemas[op].attributes.items() if each.required} <= used


@pytest.mark.parametrize("op", OPS)
def test_each_input_of_the_schema_is_used_by_a_case(schemas: dict[str, Any], op: str) -> None:
    schema = schemas[op]
    given = {
        schema.inputs[min(index, len(schema.inputs) - 1)].name
        for model in models()[op]
        for index, name in enumerate(model.graph.node[0].input)
        if name
    }
    assert {each.name for each in schema.inputs} - given == set(UNUSED_INPUTS.get(op, ()))


# Inputs of the schema that no case has, and why.
UNUSED_INPUTS: dict[str, tuple[str, ...]] = {
    # A third projection, and scales of quantized activations, are of GPU kernels only.
    "QMoE": (
        *("fc3_experts_weights", "fc3_scales", "fc3_experts_bias", "fc3_zero_points"),
        *("fc1_act_scale", "fc2_act_scale", "fc1_act_block_scale", "fc2_act_block_scale"),
    ),
}


def test_the_list_is_what_the_cases_have() -> None:
    assert set(models()) == set(OPS)
