"""What the catalogue covers of the operators' schemas, computed from the models themselves, and what it leaves out.

An operator needs a case for each version of its schema, and at each version for each type that each of its type
parameters allows. The schemas are onnx's own (onnx.defs), so a new release of onnx shows what is missing by itself; for
operators of other domains, `Operator` takes schemas from anywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import onnx

from cases.case import Case
from cases.catalogue import INVALID_ON_PURPOSE

FAMILY = "quantization"  # is complete along its axes; cases of other families add nothing to that
OPS = (
    "QuantizeLinear",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "MatMulInteger",
    "ConvInteger",
    "QLinearMatMul",
    "QLinearConv",
)
# Which operand's rank says how fine the parameters are: a scale, or where there is none the weight's zero point.
GRANULARITY_OPERAND = {
    "QuantizeLinear": 1,
    "DequantizeLinear": 1,
    "MatMulInteger": 3,
    "ConvInteger": 3,
    "QLinearMatMul": 4,
    "QLinearConv": 4,
}
# What is quantized: input, weight, output; -1 is the first output.
QUANTIZED_OPERANDS = {
    "QuantizeLinear": (-1,),
    "DequantizeLinear": (0,),
    "DynamicQuantizeLinear": (-1,),
    "MatMulInteger": (0, 1),
    "ConvInteger": (0, 1),
    "QLinearMatMul": (0, 3, -1),
    "QLinearConv": (0, 3, -1),
}


@dataclass(frozen=True, kw_only=True)
class Schema:
    """One version of an operator: its type parameters, with the types that each allows, and who has which."""

    since_version: int
    types: Mapping[str, frozenset[str]]  # "T1" -> {"int8", "uint8"}
    inputs: tuple[str, ...]  # the type parameter of each input, or a fixed type
    outputs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Operator:
    """An operator and every version of it, ascending."""

    name: str
    domain: str = ""
    schemas: tuple[Schema, ...]

    def schema(self, opset: int) -> Schema | None:
        """Return the version that a model with ``opset`` of the operator's domain uses."""
        return next((schema for schema in reversed(self.schemas) if schema.since_version <= opset), None)


@dataclass(frozen=True, kw_only=True, order=True)
class Need:
    """One type of one type parameter of one version of an operator; without a parameter, the version as such."""

    op: str
    since_version: int
    parameter: str = ""
    dtype: str = ""


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """A need without a case, and why that is right."""

    need: Need
    reason: str


@dataclass(frozen=True, kw_only=True, order=True)
class Row:
    """One line of the table."""

    op: str
    dtype: str
    granularity: str
    opset: int


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What a set of cases covers: which needs, and how many cases there are for each row of the table."""

    met: frozenset[Need]
    rows: Counter[Row]


EXEMPTIONS: tuple[Exemption, ...] = ()


def standard_operators() -> tuple[Operator, ...]:
    """Return the quantization operators of the default domain, as the installed onnx defines them."""
    found: dict[str, list[onnx.defs.OpSchema]] = {name: [] for name in OPS}
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain == "" and schema.name in found:
            found[schema.name].append(schema)
    return tuple(
        Operator(name=name, schemas=tuple(_schema(each) for each in sorted(history, key=lambda it: it.since_version)))
        for name, history in found.items()
    )


def needs(operators: Iterable[Operator]) -> frozenset[Need]:
    """Return all that the schemas of ``operators`` allow."""
    return frozenset(need for operator in operators for need in _needs(operator))


def cover(cases: Iterable[Case], operators: Iterable[Operator]) -> Coverage:
    """Build every valid case of FAMILY whose subject is one of ``operators``, and return what they cover."""
    wanted = {operator.name: operator for operator in operators}
    met: set[Need] = set()
    rows: Counter[Row] = Counter()
    for case in cases:
        if case.family == FAMILY and case.op in wanted and INVALID_ON_PURPOSE not in case.tags:
            of_case = {(need, row) for need, row in _uses(case, wanted[case.op])}
            met.update(need for need, _ in of_case)
            rows.update({row for _, row in of_case})
    return Coverage(met=frozenset(met), rows=rows)


def gaps(wanted: frozenset[Need], met: frozenset[Need], exemptions: Iterable[Exemption]) -> list[Need]:
    """Return the needs that have neither a case nor an exemption."""
    return sorted(wanted - met - {exemption.need for exemption in exemptions})


def stale(wanted: frozenset[Need], met: frozenset[Need], exemptions: Iterable[Exemption]) -> list[Need]:
    """Return the exemptions that nothing needs: of what has a case, or what no schema allows."""
    return sorted(exemption.need for exemption in exemptions if exemption.need not in wanted - met)


def _schema(schema: onnx.defs.OpSchema) -> Schema:
    return Schema(
        since_version=schema.since_version,
        types={each.type_param_str: frozenset(map(_type, each.allowed_type_strs)) for each in schema.type_constraints},
        inputs=tuple(_type(each.type_str) for each in schema.inputs),
        outputs=tuple(_type(each.type_str) for each in schema.outputs),
    )


def _type(text: str) -> str:
    return text.removeprefix("tensor(").removesuffix(")")


def _needs(operator: Operator) -> Iterator[Need]:
    for schema in operator.schemas:
        yield Need(op=operator.name, since_version=schema.since_version)
        for parameter in {*schema.inputs, *schema.outputs} & schema.types.keys():
            for dtype in schema.types[parameter]:
                yield Need(op=operator.name, since_version=schema.since_version, parameter=parameter, dtype=dtype)


def _uses(case: Case, operator: Operator) -> Iterator[tuple[Need, Row]]:
    model = onnx.shape_inference.infer_shapes(case.build())
    opset = {each.domain: each.version for each in model.opset_import}.get(operator.domain, 0)
    schema = operator.schema(opset)
    if schema is None:
        return
    tensors = _tensors(model.graph)
    for node in model.graph.node:
        if node.op_type == operator.name and node.domain == operator.domain:
            row = Row(
                op=operator.name,
                dtype="/".join(_quantized_types(node, tensors)),
                granularity=_granularity(node, tensors),
                opset=opset,
            )
            yield Need(op=operator.name, since_version=schema.since_version), row
            for parameter, name in (*zip(schema.inputs, node.input), *zip(schema.outputs, node.output)):  # noqa: B905
                if parameter in schema.types and name in tensors:  # optional operands at the end may be left out
                    need = Need(
                        op=operator.name,
                        since_version=schema.since_version,
                        parameter=parameter,
                        dtype=tensors[name][0],
                    )
                    yield need, row


def _tensors(graph: onnx.GraphProto) -> dict[str, tuple[str, int]]:
    """Return type and rank of every tensor of ``graph`` whose type is known; one element counts as a scalar."""
    declared = {
        value.name: (value.type.tensor_type.elem_type, len(value.type.tensor_type.shape.dim))
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
    constant = {
        tensor.name: (tensor.data_type, 0 if list(tensor.dims) == [1] else len(tensor.dims))
        for tensor in graph.initializer
    }
    return {
        name: (onnx.TensorProto.DataType.Name(kind).lower(), rank)
        for name, (kind, rank) in {**declared, **constant}.items()
    }


def _quantized_types(node: onnx.NodeProto, tensors: Mapping[str, tuple[str, int]]) -> list[str]:
    names = [node.output[0] if at < 0 else node.input[at] for at in QUANTIZED_OPERANDS.get(node.op_type, (0,))]
    return [tensors[name][0] if name in tensors else "?" for name in names]


def _granularity(node: onnx.NodeProto, tensors: Mapping[str, tuple[str, int]]) -> str:
    at = GRANULARITY_OPERAND.get(node.op_type, len(node.input))
    rank = tensors.get(node.input[at], ("", 0))[1] if at < len(node.input) else 0
    if any(attribute.name == "block_size" and attribute.i for attribute in node.attribute):
        return "blocked"
    return "per_axis" if rank else "per_tensor"
