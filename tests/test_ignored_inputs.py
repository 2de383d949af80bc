"""An input that nothing in a parsed network reads: a fault where ONNX's answer depends on its values, and else none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from cases.case import EXACT, Array, Case, ShapePoint, Tolerance
from matrix.case_folder import CaseFolder, CaseFolders, decode
from matrix.execution.job import Network, Reply
from matrix.execution.local import Finished
from matrix.execution.slot import Ran
from matrix.ignored_inputs import ignored_inputs
from matrix.plan import Cell
from matrix.record import Precision
from matrix.runtimes.releases import load
from matrix.runtimes.selection import Runtime
from matrix.verdict.influence import AGAIN, CHANGED, changed, depends
from matrix.verdict.reference import Answer
from matrix.verdict.reference.specification import evaluate
from tests.models import case

POINTS = (ShapePoint(name="opt", shapes={"x": (2, 3), "w": (2, 3)}),)


class Evaluators:
    """References whose evaluator runs in this process."""

    def __init__(self) -> None:
        self.asked: list[CaseFolder] = []

    def specification(self, folder: CaseFolder) -> Answer:
        self.asked.append(folder)
        inputs = {
            point["name"]: {
                entry["name"]: decode(entry["dtype"], tuple(entry["shape"]), (folder.path / entry["file"]).read_bytes())
                for entry in point["inputs"]
            }
            for point in folder.points
        }
        return evaluate(onnx.load_model(folder.path / "model.onnx"), inputs)


def model(*nodes: onnx.NodeProto) -> onnx.ModelProto:
    """Return a model of two inputs, x and w, and an output, y."""
    graph = helper.make_graph(
        nodes,
        "case",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3]) for name in "xw"],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, None])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def ignored(tmp_path: Path, *nodes: onnx.NodeProto, unread: str = "w", **changes: Any) -> tuple[str, ...]:
    item: Case = case("two", lambda: model(*nodes), points=POINTS, profiles=(), **changes)
    folder = CaseFolders(tmp_path).get(item)
    assert folder.invalid == ""
    before = sorted(folder.path.rglob("*"))
    network = Network(outputs=(), dtypes=(), unread=tuple(unread))
    reply = Reply(
        protocol=1, stage="build", failed=None, machine="", poisoned=False, diagnostics=(), network=network, points=(),
        executed=False, seconds={},
    )  # fmt: skip
    runtime = Runtime(next(iter(load())))
    cell = Cell(case=item, runtime=runtime, precision=Precision.EXPLICIT)
    found = ignored_inputs(Finished(cell=cell, folder=folder, ran=Ran(reply=reply)), Evaluators())  # type: ignore[arg-type]
    assert sorted(folder.path.rglob("*")) == before
    return found


node = helper.make_node


def test_an_input_whose_values_count_is_ignored(tmp_path: Path) -> None:
    assert ignored(tmp_path, node("Add", ["x", "w"], ["y"])) == ("w",)


def test_one_that_the_network_reads_is_not_asked_about(tmp_path: Path) -> None:
    assert ignored(tmp_path, node("Add", ["x", "w"], ["y"]), unread="") == ()


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Relu", ["x"], ["y"])],
        [node("Shape", ["w"], ["s"]), node("Reshape", ["x", "s"], ["y"])],
        [node("Add", ["w", "x"], ["unused"]), node("Relu", ["x"], ["y"])],
        [node("Sub", ["w", "w"], ["z"]), node("Add", ["x", "z"], ["y"])],
        [node("RandomNormalLike", ["w"], ["y"])],
        [node("Unknown", ["w"], ["y"], domain="nobody")],
    ],
    ids=["unused", "shape only", "dead", "cancelled", "random", "no evaluator"],
)
def test_what_does_not_count_is_no_fault_and_nor_is_what_nobody_knows(
    tmp_path: Path, nodes: list[onnx.NodeProto]
) -> None:
    tags = frozenset({"invalid_on_purpose"}) if nodes[0].domain else frozenset[str]()
    assert ignored(tmp_path, *nodes, tags=tags) == ()


def test_nothing_is_said_where_no_text_says_what_is_right(tmp_path: Path) -> None:
    assert ignored(tmp_path, node("Add", ["x", "w"], ["y"]), no_reference="nobody knows") == ()


def test_a_change_within_tolerance_does_not_count(tmp_path: Path) -> None:
    assert ignored(tmp_path, node("Add", ["x", "w"], ["y"]), tolerance=Tolerance(absolute=100)) == ()


@pytest.mark.parametrize(
    ("array", "other"),
    [
        (np.array([4, -4, 0], np.int64), [2, -2, 0]),
        (np.array([2**64 - 2], np.uint64), [2**63 - 1]),
        (np.array([4], ml_dtypes.int4), [2]),
        (np.array([2], ml_dtypes.float8_e4m3fn), [1]),
        (np.array([1], ml_dtypes.float4_e2m1fn), [0.5]),
        (np.array([2 + 4j], np.complex64), [1 + 2j]),
        (np.array([True, False]), [False, True]),
        (np.array(["a"], dtype=object), ["aa"]),
        (np.zeros((0, 2), np.float16), []),
        (np.array([np.inf], np.float32), [np.inf]),
    ],
    ids=str,
)
def test_other_values_have_the_same_type_and_shape(array: Array, other: list[Any]) -> None:
    found = changed(array)
    assert (found.dtype, found.shape, found.tolist()) == (array.dtype, array.shape, other)


def test_an_answer_of_another_length_is_another() -> None:
    one = {"s[0]": np.ones(2)}
    two = one | {"s[1]": np.ones(2)}
    assert depends({"a": one, "a" + AGAIN: one, "a" + CHANGED: two}, EXACT)
    assert not depends({"a": one, "a" + AGAIN: two, "a" + CHANGED: two}, EXACT)
