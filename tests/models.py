"""Small cases for the tests of the harness, independent of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from cases.case import Case, ShapePoint, profile_from_points

DYNAMIC_POINTS = tuple(
    ShapePoint(name=name, shapes={"x": (batch, 3)})
    for name, batch in (("min", 1), ("opt", 2), ("inside", 3), ("max", 4))
)


def single_node(
    op: str,
    *,
    x: int = TensorProto.FLOAT,
    y: int = TensorProto.FLOAT,
    x_shape: tuple[int | str, ...] = ("N", 3),
    y_shape: tuple[int | str | None, ...] | None = ("N", 3),
    opset: int = 17,
    ir_version: int = 8,
    inputs: tuple[str, ...] = ("x",),
    initializers: tuple[onnx.TensorProto, ...] = (),
    **attributes: Any,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node(op, list(inputs), ["y"], **attributes)],
        "case",
        [helper.make_tensor_value_info("x", x, x_shape)],
        [helper.make_tensor_value_info("y", y, y_shape)],
        list(initializers),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)


def counting(dtype: Any = np.float32) -> Callable[[ShapePoint], Mapping[str, Any]]:
    """Return a maker of inputs 0, 1, 2, ... minus 2."""

    def make(point: ShapePoint) -> Mapping[str, Any]:
        return {
            name: (np.arange(np.prod(shape, dtype=int)) - 2).astype(np.float32).astype(dtype).reshape(shape)
            for name, shape in point.shapes.items()
        }

    return make


def case(name: str, build: Callable[[], onnx.ModelProto], **changes: Any) -> Case:
    facts: dict[str, Any] = {
        "id": name,
        "family": "quantization",
        "op": "Relu",
        "opset": 17,
        "ir_version": 8,
        "summary": "a case of the harness's own tests",
        "build": build,
        "inputs": counting(),
        "points": DYNAMIC_POINTS,
        "profiles": (profile_from_points(DYNAMIC_POINTS),),
    }
    return Case(**{**facts, **changes})


def relu(name: str = "relu") -> Case:
    return case(name, lambda: single_node("Relu"))
