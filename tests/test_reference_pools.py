"""MaxPool, AveragePool and LpPool of the first reference, worked out by hand, and held against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from cases.case import Array
from cases.inputs import permutation
from matrix.verdict.reference.specification import evaluate

LINE = np.array([1, 5, 2, 8, 3, 7, 4], np.float32).reshape(1, 1, -1)
SQUARE = np.array([[9, 1, 2], [3, 8, 4], [5, 6, 7]], np.float32).reshape(1, 1, 3, 3)


def model(op: str, x: Array, outputs: int, opset: int, attributes: dict[str, Any]) -> onnx.ModelProto:
    names = ["y", "places"][:outputs]
    graph = helper.make_graph(
        [helper.make_node(op, ["x"], names, **attributes)],
        "case",
        [helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)],
        [
            helper.make_tensor_value_info(
                name, 7 if name == "places" else helper.np_dtype_to_tensor_dtype(x.dtype), [None] * x.ndim
            )
            for name in names
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def pooled(op: str, x: Array, *, outputs: int = 1, opset: int = 22, **attributes: Any) -> list[Array]:
    answer = evaluate(model(op, x, outputs, opset, attributes), {"opt": {"x": x}})
    assert answer.outputs is not None, answer.why
    return list(answer.outputs["opt"].values())


@pytest.mark.parametrize(
    ("op", "attributes", "want"),
    [
        ("MaxPool", {"kernel_shape": [2]}, [5, 5, 8, 8, 7, 7]),
        ("MaxPool", {"kernel_shape": [3], "strides": [3], "ceil_mode": 1}, [5, 8, 4]),
        ("MaxPool", {"kernel_shape": [2], "dilations": [3], "auto_pad": "VALID"}, [8, 5, 7, 8]),
        ("MaxPool", {"kernel_shape": [3], "strides": [2], "auto_pad": "SAME_LOWER"}, [5, 8, 8, 7]),
        # a window that would start in the pad at the end is left out
        ("MaxPool", {"kernel_shape": [2], "strides": [2], "pads": [1, 1], "ceil_mode": 1}, [1, 5, 8, 7]),
        ("AveragePool", {"kernel_shape": [2], "dilations": [2], "auto_pad": "VALID"}, [1.5, 6.5, 2.5, 7.5, 3.5]),
        ("AveragePool", {"kernel_shape": [2], "strides": [3], "pads": [1, 0]}, [1, 5, 5.5]),
        ("AveragePool", {"kernel_shape": [2], "strides": [3], "pads": [1, 0], "count_include_pad": 1}, [0.5, 5, 5.5]),
        # what lies beyond the pads counts for nothing
        ("AveragePool", {"kernel_shape": [4], "strides": [4], "ceil_mode": 1, "count_include_pad": 1}, [4, 14 / 3]),
        ("LpPool", {"kernel_shape": [2], "strides": [5], "p": 1}, [6, 11]),
        ("LpPool", {"kernel_shape": [2], "dilations": [2], "strides": [4], "p": 2}, [5**0.5, 5.0]),
        ("LpPool", {"kernel_shape": [3], "strides": [6], "ceil_mode": 1, "p": 2}, [30**0.5, 4]),
    ],
)
def test_pools_of_a_line(op: str, attributes: dict[str, Any], want: list[float]) -> None:
    (y,) = pooled(op, LINE, **attributes)
    assert y.reshape(-1).tolist() == pytest.approx(want)
    assert y.dtype == np.float32


def test_uneven_pads_stay_on_their_sides() -> None:
    """Rows are padded at the end alone, columns not at all."""
    (y,) = pooled("MaxPool", SQUARE, kernel_shape=[1, 2], pads=[0, 0, 1, 0])
    assert y[0, 0].tolist() == [[9, 2], [8, 8], [6, 7], [-np.inf, -np.inf]]


@pytest.mark.parametrize(("storage_order", "want"), [(0, [6, 4, 2, 15, 13, 11]), (1, [2, 4, 6, 11, 13, 15])])
def test_places_are_offsets_into_the_whole_input(storage_order: int, want: list[int]) -> None:
    """Of two channels, each with its maxima on the diagonal that goes up; counted row by row or column by column."""
    x = np.concatenate([SQUARE, SQUARE.transpose(0, 1, 3, 2)], axis=1)[..., ::-1]
    y, places = pooled("MaxPool", x, outputs=2, kernel_shape=[3, 1], storage_order=storage_order)
    assert y.reshape(-1).tolist() == [7, 8, 9, 7, 8, 9]
    assert places.reshape(-1).tolist() == want


def test_pads_that_would_be_negative_have_no_reference() -> None:
    answer = evaluate(
        model("MaxPool", LINE, 1, 17, {"kernel_shape": [1], "strides": [4], "auto_pad": "SAME_UPPER"}),
        {"opt": {"x": LINE}},
    )
    assert answer.outputs is None
    assert "auto_pad" in answer.why


def test_integers_are_pooled_as_integers() -> None:
    (y,) = pooled("MaxPool", np.array([[[-128, -7, -9]]], np.int8), kernel_shape=[2], pads=[1, 0])
    assert y.dtype == np.int8
    assert y.reshape(-1).tolist() == [-128, -7, -7]


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_as_onnxruntime_answers(data: st.DataObject) -> None:
    """Without dilations beside SAME, where ONNX Runtime has another size than onnx's own shape inference."""
    ort = pytest.importorskip("onnxruntime", reason="onnxruntime has no release for this Python")
    op = data.draw(st.sampled_from(["MaxPool", "AveragePool", "LpPool"]))
    rank = data.draw(st.integers(1, 3))
    kernel = data.draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank))
    attributes: dict[str, Any] = {"kernel_shape": kernel}
    if data.draw(st.booleans()):
        attributes["strides"] = [data.draw(st.integers(1, taps)) for taps in kernel]
    how = data.draw(st.sampled_from(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if how != "NOTSET":
        attributes["auto_pad"] = how
    elif data.draw(st.booleans()):
        attributes["pads"] = [data.draw(st.integers(0, taps - 1)) for taps in (*kernel, *kernel)]
    if not how.startswith("SAME") and data.draw(st.booleans()):
        attributes["dilations"] = [data.draw(st.integers(1, 2)) for _ in kernel]
    if data.draw(st.booleans()):
        attributes["ceil_mode"] = 1
    if op == "AveragePool":
        attributes["count_include_pad"] = data.draw(st.integers(0, 1))
    outputs = data.draw(st.integers(1, 2)) if op == "MaxPool" else 1
    shape = (2, 2, *(data.draw(st.integers(6, 8)) for _ in kernel))
    x = permutation(f"{op}/{shape}", int(np.prod(shape))).reshape(shape).astype(np.float32)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    asked = model(op, x, outputs, 22, attributes)
    session = ort.InferenceSession(asked.SerializeToString(), options, providers=["CPUExecutionProvider"])
    for got, want in zip(pooled(op, x, outputs=outputs, **attributes), session.run(None, {"x": x}), strict=True):
        assert got.shape == want.shape
        assert np.allclose(got, want, rtol=1e-5)
