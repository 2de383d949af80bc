"""Tensors that lie in files beside the model: where they are, and a model with all of them read into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx


def load_model(path: Path) -> onnx.ModelProto:
    """Return the model in ``path`` with its external data, from a folder that is known to be safe.

    onnx.load refuses files that have several hard links, which those in a job directory have on purpose.

    Raises:
        OSError, ValueError, google.protobuf.message.DecodeError: it cannot be read.
    """
    model = onnx.load_model(path, format="protobuf", load_external_data=False)
    for tensor in external_tensors(model):
        place = {entry.key: entry.value for entry in tensor.external_data}
        with (path.parent / place["location"]).open("rb") as file:
            file.seek(int(place.get("offset") or 0))
            tensor.raw_data = file.read(int(place.get("length") or -1))
        tensor.ClearField("external_data")
        tensor.data_location = onnx.TensorProto.DEFAULT
    return model


def external_tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Yield every tensor of ``model`` whose data lies in another file."""
    nodes = [node for function in model.functions for node in function.node]
    for tensor in (*_of_graph(model.graph), *(tensor for node in nodes for tensor in _of_node(node))):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            yield tensor


def _of_graph(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        yield from _of_node(node)


def _of_node(node: onnx.NodeProto) -> Iterator[onnx.TensorProto]:
    for attribute in node.attribute:
        yield from attribute.tensors
        if attribute.HasField("t"):
            yield attribute.t
        sparse_ones = [*attribute.sparse_tensors]
        if attribute.HasField("sparse_tensor"):
            sparse_ones.append(attribute.sparse_tensor)
        for sparse in sparse_ones:
            yield from (sparse.values, sparse.indices)
        for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
            yield from _of_graph(graph)
