"""Resize of the first reference where the evaluator refuses or is wrong: negative axes, two kinds of coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cases.case import Array
from matrix.verdict.reference.specification import evaluate

LINE = np.array([[[[0, 1, 4, 9]]]], np.float32)


def resize(opset: int, scales: list[float], x: Array = LINE, **attributes: Any) -> onnx.ModelProto:
    constants = [numpy_helper.from_array(np.array(scales, np.float32), "scales")]
    names = ["x", "", "scales"]
    if opset < 13:
        constants.append(numpy_helper.from_array(np.zeros(0, np.float32), "roi"))
        names[1] = "roi"
    graph = helper.make_graph(
        [helper.make_node("Resize", names, ["y"], **attributes)],
        "case",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * x.ndim)],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def answered(model: onnx.ModelProto, x: Array = LINE) -> Array:
    answer = evaluate(model, {"opt": {"x": x}})
    assert answer.outputs is not None, answer.why
    return answer.outputs["opt"]["y"]


@pytest.mark.parametrize(
    ("attributes", "want"),
    [
        ({"nearest_mode": "floor"}, [0, 0, 1, 1, 4, 4, 9, 9]),
        ({"nearest_mode": "round_prefer_floor"}, [0, 1, 1, 4, 4, 9, 9, 9]),
        ({}, [0, 1, 1, 4, 4, 9, 9, 9]),  # the default of ONNX is round_prefer_floor
    ],
)
def test_coordinates_for_nearest_of_tensorflow(attributes: dict[str, Any], want: list[float]) -> None:
    """Samples 0.25, 0.75, 1.25, ... of four."""
    model = resize(11, [1, 1, 1, 2], coordinate_transformation_mode="tf_half_pixel_for_nn", **attributes)
    assert answered(model).reshape(-1).tolist() == want


def test_what_blends_at_those_coordinates_has_no_reference() -> None:
    mode: dict[str, Any] = {"coordinate_transformation_mode": "tf_half_pixel_for_nn", "mode": "linear"}
    answer = evaluate(resize(11, [1, 1, 1, 2], **mode), {"opt": {"x": LINE}})
    assert answer.outputs is None
    assert "tf_half_pixel_for_nn" in answer.why


@pytest.mark.parametrize("opset", [18, 19])
@pytest.mark.parametrize(
    "attributes",
    [
        {"mode": "cubic"},
        {"mode": "linear"},
        {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
        {"mode": "nearest", "nearest_mode": "ceil"},
        {},
    ],
    ids=str,
)
def test_negative_axes_are_counted_from_the_back(opset: int, attributes: dict[str, Any]) -> None:
    x = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4) ** 2
    found = answered(resize(opset, [3, 2], x, axes=[-1, 2], **attributes), x)
    want = answered(resize(opset, [3, 2], x, axes=[3, 2], **attributes), x)
    assert found.shape == (1, 2, 6, 12)
    assert np.array_equal(found, want)


@pytest.mark.parametrize("mode", ["linear", "cubic", "nearest"])
def test_a_length_of_one_is_the_first_sample_for_pytorch(mode: str) -> None:
    """By ONNX it is at 0, where no other sample has a weight; at -0.5 a cubic one would have three others."""
    x = np.array([3, 100, 7, 50, 20, 90], np.float32).reshape(1, 1, 2, 3)
    coordinates = {"coordinate_transformation_mode": "pytorch_half_pixel", "mode": mode}
    assert answered(resize(13, [1, 1, 1, 0.5], x, **coordinates), x).tolist() == [[[[3], [50]]]]
    assert answered(resize(18, [0.5, 1], x, axes=[-1, -2], **coordinates), x).tolist() == [[[[3], [50]]]]
