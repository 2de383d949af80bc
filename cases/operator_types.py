"""The element types that a case's operator really reads and writes: those in the model, whatever the case's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import onnx
from onnx import defs, helper

# Type parameters that are an operator's data, where that is not the first one that ONNX leaves open: the values of
# OneHot and not its indices, and both sides of a product.
DATA = {
    "OneHot": ("T3",),
    **dict.fromkeys(("ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul"), ("T1", "T2")),
}


@dataclass(frozen=True, kw_only=True)
class OperatorTypes:
    """Names of element types, as numpy or ml_dtypes has them, sorted."""

    reads: tuple[str, ...] = ()  # its data: no indices, shapes, conditions and scales
    writes: tuple[str, ...] = ()


def operator_types(inferred: onnx.ModelProto, op: str) -> OperatorTypes:
    """Return the types of all nodes of ``op`` of ONNX's own domain, also of those in bodies.

    ``inferred`` has been through shape inference. Nothing is found for an operator that ONNX does not have.
    """
    opset = next((each.version for each in inferred.opset_import if not each.domain), 1)
    if not defs.has(op, opset):
        return OperatorTypes()
    schema = defs.get_schema(op, opset)
    data, reads, writes = _data(schema), set[int](), set[int]()
    for node, known in _nodes(inferred.graph, {}):
        if (node.domain, node.op_type) == ("", op):
            formal = [schema.inputs[min(place, len(schema.inputs) - 1)].type_str for place in range(len(node.input))]
            reads |= {known.get(name, 0) for name, kind in zip(node.input, formal, strict=True) if kind in data}
            writes |= {known.get(name, 0) for name in node.output}
    return OperatorTypes(reads=_names(reads), writes=_names(writes))


def _data(schema: defs.OpSchema) -> tuple[str, ...]:
    """Return the type parameters of what ``schema`` reads as its data; none where its data is all its own making."""
    if schema.name in DATA:
        return DATA[schema.name]
    free = {each.type_param_str for each in schema.type_constraints if len(each.allowed_type_strs) > 1}
    read = [each.type_str for each in schema.inputs]
    made = any(each.type_str in free for each in schema.outputs)
    return tuple([kind for kind in read if kind in free][:1] or ([] if made else read[:1]))


def _nodes(graph: onnx.GraphProto, outer: dict[str, int]) -> Iterator[tuple[onnx.NodeProto, dict[str, int]]]:
    """Yield the nodes of ``graph`` and of its bodies, each with the element types of the names that it can see."""
    known = {**outer, **{each.name: each.data_type for each in graph.initializer}}
    values: Iterable[onnx.ValueInfoProto] = (*graph.input, *graph.value_info, *graph.output)
    known.update({each.name: _element(each.type) for each in values})
    for node in graph.node:
        yield node, known
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):
                yield from _nodes(body, known)


def _element(kind: onnx.TypeProto) -> int:
    """Return the element type of a tensor, or of what a sequence or an optional holds; 0 where it is not known."""
    which = kind.WhichOneof("value")
    if which in ("sequence_type", "optional_type"):
        return _element(getattr(kind, which).elem_type)
    return kind.tensor_type.elem_type if which == "tensor_type" else 0


def _names(types: Iterable[int]) -> tuple[str, ...]:
    return tuple(sorted(element_name(kind) for kind in types if kind))


def element_name(kind: int) -> str:
    """Return the name of a number of onnx.TensorProto.DataType, as numpy or ml_dtypes has it."""
    return "string" if kind == onnx.TensorProto.STRING else str(helper.tensor_dtype_to_np_dtype(kind).name)
