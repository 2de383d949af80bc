"""ONNX models with opset and IR version pinned: a thin layer over onnx.helper that leaves nothing to its defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from cases.case import Array

Dim = int | str | None  # a fixed size, a symbol, or an anonymous dimension
Signature = tuple[npt.DTypeLike, Sequence[Dim] | None]  # dtype and dimensions; None: of unknown rank


@cache
def lowest_ir_version(opset: int) -> int:
    """Return the IR version of the first ONNX release with ``opset``: the lowest, so that old runtimes load the model.

    It also has every type that the operators of that opset take: float8 came with opset 19 and IR 9, int4 with opset 21
    and IR 10, float4 with opset 23 and IR 11.
    """
    return helper.find_min_ir_version_for([helper.make_opsetid("", opset)])


def dtype_named(name: str) -> np.dtype[Any]:
    """Return the numpy or ml_dtypes type that ONNX calls ``name``, in lower case: "int8", "float8e4m3fn", "float"."""
    return helper.tensor_dtype_to_np_dtype(onnx.TensorProto.DataType.Value(name.upper()))


def onnx_type(dtype: npt.DTypeLike) -> int:
    """Return the TensorProto.DataType of ``dtype``, as attributes such as ``to`` and ``output_dtype`` want it."""
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def node(op_type: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> onnx.NodeProto:
    """Return a node named after its first output, so that every message of a runtime says which node it means.

    ``domain`` and ``name`` may be among the attributes, as in onnx.helper.make_node.
    """
    attributes.setdefault("name", f"node_{outputs[0]}")
    return helper.make_node(op_type, inputs, outputs, **attributes)


def tensor(name: str, array: Array) -> onnx.TensorProto:
    """Return ``array`` as a named initializer; int4 and the like are packed as ONNX says."""
    return numpy_helper.from_array(np.asarray(array, order="C"), name)  # ascontiguousarray would make scalars 1-D


def value_info(name: str, dtype: npt.DTypeLike, shape: Sequence[Dim] | None) -> onnx.ValueInfoProto:
    """Return the declaration of a tensor; in ``shape`` a text is a symbol and None an anonymous dimension."""
    return helper.make_tensor_value_info(name, onnx_type(dtype), shape)


def graph(
    nodes: Iterable[onnx.NodeProto],
    inputs: Mapping[str, Signature],
    outputs: Mapping[str, Signature],
    initializers: Mapping[str, Array] | None = None,
    *,
    name: str = "graph",
) -> onnx.GraphProto:
    """Return a graph: the main one of a model, or a body of If, Loop or Scan."""
    return helper.make_graph(
        list(nodes),
        name,
        [value_info(key, *signature) for key, signature in inputs.items()],
        [value_info(key, *signature) for key, signature in outputs.items()],
        [tensor(key, array) for key, array in (initializers or {}).items()],
    )


def model(
    nodes: Iterable[onnx.NodeProto],
    inputs: Mapping[str, Signature],
    outputs: Mapping[str, Signature],
    initializers: Mapping[str, Array] | None = None,
    *,
    opset: int,
    ir_version: int | None = None,
    domains: Mapping[str, int] | None = None,
) -> onnx.ModelProto:
    """Return a model of one graph.

    ``inputs`` and ``outputs`` map a name to (dtype, dimensions); their order and that of ``initializers`` is kept, so
    the bytes of the model are always the same. ``opset`` is the version of the default ONNX domain, ``domains`` are
    those of further ones. ``ir_version`` is by default the lowest that has ``opset``.
    """
    opsets = [helper.make_opsetid("", opset)]
    opsets += [helper.make_opsetid(domain, version) for domain, version in (domains or {}).items()]
    return helper.make_model(
        graph(nodes, inputs, outputs, initializers),
        opset_imports=opsets,
        ir_version=ir_version or lowest_ir_version(opset),
        producer_name="",
    )
