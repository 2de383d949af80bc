"""Ways to break a model that is valid: each makes a function that changes a model in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from cases.case import Shape

Break = Callable[[onnx.ModelProto], None]


def reshaped(name: str, shape: Shape) -> Break:
    """Give an initializer another shape: its first element everywhere."""

    def change(model: onnx.ModelProto) -> None:
        tensor = _initializer(model, name)
        first = numpy_helper.to_array(tensor).reshape(-1)[0]
        tensor.CopyFrom(numpy_helper.from_array(np.full(shape, first), name))

    return change


def retyped(name: str, dtype: str) -> Break:
    """Give an initializer another type."""

    def change(model: onnx.ModelProto) -> None:
        tensor = _initializer(model, name)
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(dtype), name))

    return change


def without_attribute(op: str, attribute: str) -> Break:
    """Take a required attribute away."""

    def change(model: onnx.ModelProto) -> None:
        node = _node(model, op)
        kept = [each for each in node.attribute if each.name != attribute]
        del node.attribute[:]
        node.attribute.extend(kept)

    return change


def with_attribute(op: str, attribute: str, value: Any) -> Break:
    """Give an attribute a value that it cannot have."""

    def change(model: onnx.ModelProto) -> None:
        without_attribute(op, attribute)(model)
        _node(model, op).attribute.append(helper.make_attribute(attribute, value))

    return change


def without_inputs(op: str, kept: int) -> Break:
    """Take inputs away from the end."""

    def change(model: onnx.ModelProto) -> None:
        del _node(model, op).input[kept:]

    return change


def _node(model: onnx.ModelProto, op: str) -> onnx.NodeProto:
    """Return the first node of that operator, and if ``op`` says so ("Op:w") with that output."""
    kind, _, output = op.partition(":")
    found: onnx.NodeProto = next(
        node for node in model.graph.node if node.op_type == kind and (not output or node.output[0] == output)
    )
    return found


def _initializer(model: onnx.ModelProto, name: str) -> onnx.TensorProto:
    found: onnx.TensorProto = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    return found
