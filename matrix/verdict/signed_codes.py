"""What a model means to a network that quantizes to int8 where ONNX says uint8.

A quantize layer of TensorRT that makes int8 computes what QuantizeLinear does for int8 with a zero point of 0: it
rounds half to even and saturates at -128 and 127, and quantization is symmetric, so that it takes no other zero point.
Source: https://docs.nvidia.com/deeplearning/tensorrt/api/c_api/classnvinfer1_1_1_i_quantize_layer.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress

import onnx
from onnx import TensorProto, helper

from matrix.verdict.reference import SignedCodes
from matrix.verdict.reference.specification import all_nodes

QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
NAMED, LONG = 5, 100  # tensors in one sentence, and characters of one of them


def unsigned_codes(model: onnx.ModelProto) -> frozenset[str]:
    """Return the names of the tensors that a QuantizeLinear makes as uint8, and that are no outputs of ``model``.

    A name that two graphs of the model use is none that tells a tensor.
    """
    made = [
        (node.output[0], _zero_point(node), node)
        for graph in _graphs(model.graph)
        for node in graph.node
        if node.op_type == QUANTIZE and node.output
    ]
    if not made:
        return frozenset()
    types = _types(model)
    uses = Counter(name for graph in _graphs(model.graph) for node in graph.node for name in node.output)
    outputs = {value.name for value in model.graph.output}
    return frozenset(
        name
        for name, zero_point, node in made
        if uses[name] == 1
        and name not in outputs
        and (types.get(zero_point) if zero_point else _output_type(node)) == TensorProto.UINT8
    )


def with_signed_codes(model: onnx.ModelProto, names: Collection[str]) -> onnx.ModelProto:
    """Return ``model`` with the tensors ``names``, of its `unsigned_codes`, as int8 with a zero point of 0.

    What dequantizes with a zero point of uint8 takes the type of its codes, and has a zero point of 0 as well.
    """
    types = _types(model)
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    for graph in reversed(_graphs(changed.graph)):  # the inner ones first: they are copied with the nodes around them
        nodes = [each for node in graph.node for each in _signed(node, names, types)]
        del graph.node[:]
        graph.node.extend(nodes)
        del graph.value_info[:]
    return changed


def describe(signed: SignedCodes) -> str:
    """Say what a parsed network has in another type than ONNX, and what that does to the answer."""
    names = ", ".join(name if len(name) <= LONG else f"{name[:LONG]}..." for name in signed.names[:NAMED])
    effect = {
        True: "; with the codes of int8 the answer is another than ONNX's",
        False: "; with the codes of int8 the answer to the inputs of this case is within tolerance of ONNX's",
        None: "",
    }[signed.matters]
    return f"uint8 in ONNX, int8 in the parsed network: {names}{' and others' * (len(signed.names) > NAMED)}{effect}"


def _signed(node: onnx.NodeProto, names: Collection[str], types: Mapping[str, int]) -> Iterator[onnx.NodeProto]:
    """Yield ``node``, and before it what makes its zero point."""
    signed = onnx.NodeProto()
    signed.CopyFrom(node)
    if node.op_type == QUANTIZE and node.output and node.output[0] in names:
        shape, zero_point = (f"{node.output[0]}, {word}" for word in ("shape of the scale", "zero point of int8"))
        zero = helper.make_tensor("zero", TensorProto.INT8, [1], [0])
        yield helper.make_node("Shape", [node.input[1]], [shape])
        yield helper.make_node("ConstantOfShape", [shape], [zero_point], value=zero)
        signed.input[:] = [*node.input[:2], zero_point]
    elif node.op_type == DEQUANTIZE and types.get(_zero_point(node)) == TensorProto.UINT8:
        signed.input[:] = node.input[:2]
    yield signed


def _graphs(graph: onnx.GraphProto) -> list[onnx.GraphProto]:
    """Return ``graph``, and behind it all graphs inside it that have nodes, outer before inner."""
    held = (each for node in all_nodes(graph) for item in node.attribute for each in (item.g, *item.graphs))
    return [graph, *(each for each in held if each.node)]


def _zero_point(node: onnx.NodeProto) -> str:
    return node.input[2] if len(node.input) > 2 else ""


def _output_type(node: onnx.NodeProto) -> int:
    """Return the type that a QuantizeLinear without a zero point has: uint8, or from opset 21 on its output_dtype."""
    asked = next((attribute.i for attribute in node.attribute if attribute.name == "output_dtype"), 0)
    return asked or TensorProto.UINT8


def _types(model: onnx.ModelProto) -> dict[str, int]:
    """Return the element types of the tensors of ``model`` and of the graphs inside it, as far as they are known."""
    with suppress(onnx.shape_inference.InferenceError):  # of a model that is invalid on purpose
        model = onnx.shape_inference.infer_shapes(model)
    types: dict[str, int] = {}
    for graph in _graphs(model.graph):
        values = (*graph.value_info, *graph.input, *graph.output)
        types.update((value.name, value.type.tensor_type.elem_type) for value in values)
        types.update((tensor.name, tensor.data_type) for tensor in graph.initializer)
    return types
