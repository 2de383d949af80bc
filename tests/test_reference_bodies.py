"""Loop and Scan of the first reference, alone and in one another, against values worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from cases.case import Array
from cases.model import graph, model, node
from matrix.verdict.reference.answer import Answer
from matrix.verdict.reference.specification import evaluate
from matrix.verdict.reference.stacking import stacked

F32, FLAG = np.float32, (np.bool_, ())
COUNT = (np.int64, ())
X = np.array([[1, 2, 3], [10, 20, 30]], F32)


def answers(nodes: Sequence[onnx.NodeProto], given: dict[str, Any], outputs: Sequence[str], opset: int = 17) -> Answer:
    arrays = {name: np.asarray(value) for name, value in given.items()}
    built = model(
        nodes,
        {name: (array.dtype, array.shape) for name, array in arrays.items()},
        dict.fromkeys(outputs, (F32, None)),
        opset=opset,
    )
    return evaluate(built, {"opt": arrays})


def found(*args: Any, **more: Any) -> dict[str, Array]:
    answer = answers(*args, **more)
    assert answer.outputs is not None, answer.why
    return dict(answer.outputs["opt"])


def scan(element: Sequence[int], **attributes: Any) -> onnx.NodeProto:
    """Return running sums over the elements of x, from nothing."""
    body = graph(
        [node("Add", ["state", "element"], ["next"]), node("Identity", ["next"], ["sum"])],
        {"state": (F32, element), "element": (F32, element)},
        {"next": (F32, element), "sum": (F32, element)},
        name="body",
    )
    return node("Scan", ["start", "x"], ["total", "y"], body=body, num_scan_inputs=1, **attributes)


def test_scan_goes_along_any_axis_in_both_directions() -> None:
    given = {"start": np.zeros(2, F32), "x": X}
    along = {"scan_input_axes": [1], "scan_output_axes": [-1]}
    out = found([scan((2,), **along)], given, ["total", "y"])
    assert out["total"].tolist() == [6, 60]
    assert out["y"].tolist() == [[1, 3, 6], [10, 30, 60]]
    back = found([scan((2,), **along, scan_input_directions=[1])], given, ["total", "y"])
    assert back["y"].tolist() == [[3, 5, 6], [30, 50, 60]]
    turned = found([scan((2,), **along, scan_input_directions=[1], scan_output_directions=[1])], given, ["y"])
    assert turned["y"].tolist() == [[6, 5, 3], [60, 50, 30]]
    default = found([scan((3,), scan_output_directions=[1])], {"start": np.zeros(3, F32), "x": X}, ["y"])
    assert default["y"].tolist() == [[11, 22, 33], [1, 2, 3]]


def test_a_scan_of_nothing_has_the_shape_that_its_body_declares() -> None:
    given = {"start": np.ones(3, F32), "x": np.zeros((0, 3), F32)}
    out = found([scan((3,), scan_output_axes=[1])], given, ["total", "y"])
    assert out["total"].tolist() == [1, 1, 1]
    assert out["y"].shape == (3, 0)
    assert out["y"].dtype == F32
    with pytest.raises(ValueError, match="no iteration"):
        stacked([], helper.make_tensor_type_proto(TensorProto.FLOAT, [3, "N"]))
    with pytest.raises(ValueError, match="no iteration"):
        stacked([], helper.make_tensor_type_proto(TensorProto.FLOAT, None))


def test_scan_of_opset_8_takes_each_sequence_of_a_batch() -> None:
    body = scan((3,)).attribute[0].g
    given = {"start": np.zeros((2, 3), F32), "x": np.stack([X, 2 * X])}
    make = node("Scan", ["", "start", "x"], ["total", "y"], body=body, num_scan_inputs=1, directions=[1])
    out = found([make], given, ["total", "y"], opset=8)
    assert out["total"].tolist() == [[11, 22, 33], [22, 44, 66]]
    assert out["y"].tolist() == [[[10, 20, 30], [11, 22, 33]], [[20, 40, 60], [22, 44, 66]]]
    lengths = node("Scan", ["n", "start", "x"], ["total", "y"], body=body, num_scan_inputs=1)
    assert found([lengths], {**given, "n": np.array([2, 2])}, ["total"], opset=8)["total"][0].tolist() == [11, 22, 33]
    assert "undefined" in answers([lengths], {**given, "n": np.array([2, 1])}, ["y"], opset=8).why


def loop(trips: str, condition: str, says: str = "stop") -> onnx.NodeProto:
    """Return x doubled in each step, and all that was there before; the body says ``says`` as its condition."""
    body = graph(
        [
            node("Identity", ["state"], ["before"]),
            node("Add", ["state", "state"], ["next"]),
            node("Identity", [says], ["go_on"]),
        ],
        {"step": COUNT, "go": FLAG, "state": (F32, (3,))},
        {"go_on": FLAG, "next": (F32, (3,)), "before": (F32, (3,))},
        name="body",
    )
    return node("Loop", [trips, condition, "x"], ["y", "z"], body=body)


ONE = np.array([1, 2, 3], F32)


@pytest.mark.parametrize(
    ("condition", "begins", "stop", "times"),
    [
        ("", True, False, 3),  # "(trip_count, "")": what the body says is "ignored"
        ("go", True, False, 1),
        ("go", False, True, 0),
        ("go", True, True, 3),
    ],
)
def test_the_conditions_of_a_loop(condition: str, begins: bool, stop: bool, times: int) -> None:
    given = {"x": ONE, "n": np.array(3), "go": np.array(begins), "stop": np.array(stop)}
    out = found([loop("n", condition)], given, ["y", "z"])
    assert out["y"].tolist() == [value * 2**times for value in (1, 2, 3)]
    assert out["z"].shape == (times, 3)
    assert out["z"].tolist() == [[value * 2**step for value in (1, 2, 3)] for step in range(times)]


def test_operators_of_ours_work_in_bodies_of_bodies() -> None:
    """Unique in the order of occurrence, in an If, in a Scan along axis 1, in a Loop, which sees x from outside."""
    unique = node("Unique", ["element"], ["values"], sorted=0)
    first = node("Slice", ["values", "zero", "one"], ["first"])
    zero, one = (
        node("Constant", [], [name], value=helper.make_tensor(name, TensorProto.INT64, [1], [value]))
        for name, value in (("zero", 0), ("one", 1))
    )
    taken = graph([zero, one, unique, first], {}, {"first": (F32, (1,))}, name="taken")
    other = graph([zero, one, node("Slice", ["element", "zero", "one"], ["none"])], {}, {"none": (F32, (1,))}, name="o")
    choice = node("If", ["go"], ["sum"], then_branch=taken, else_branch=other)
    scanned = graph([choice], {"element": (F32, (2,))}, {"sum": (F32, (1,))}, name="scanned")
    along = node("Scan", ["x"], ["heads"], body=scanned, num_scan_inputs=1, scan_input_axes=[1])
    body = graph(
        [along, node("Identity", ["go"], ["go_on"])],
        {"step": COUNT, "go": FLAG},
        {"go_on": FLAG, "heads": (F32, (3, 1))},
        name="body",
    )
    whole = node("Loop", ["n", "begin"], ["y"], body=body)
    given = {"x": np.array([[5, 2, 9], [1, 7, 3]], F32), "n": np.array(2), "begin": np.array(True)}
    answer = answers([whole], given, ["y"])
    assert answer.outputs is not None, answer.why
    assert answer.outputs["opt"]["y"].tolist() == [[[5], [2], [9]]] * 2
    assert answer.name.endswith("with our Loop, Scan, Unique")
