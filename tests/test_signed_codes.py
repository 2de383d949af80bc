"""Codes that ONNX has as uint8 and a parsed network as int8: a fault where that makes another answer."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from cases.case import Array, Case, ShapePoint, Tolerance
from matrix.case_folder import CaseFolders
from matrix.execution.job import Network, Reply
from matrix.execution.local import Finished
from matrix.execution.slot import Ran
from matrix.plan import Cell
from matrix.record import Precision
from matrix.runtimes.releases import load
from matrix.runtimes.selection import Runtime
from matrix.signed_codes import signed_codes
from matrix.verdict.reference import SignedCodes
from matrix.verdict.reference.specification import evaluate
from matrix.verdict.signed_codes import describe, unsigned_codes, with_signed_codes
from tests.models import case
from tests.test_ignored_inputs import Evaluators

POINTS = (ShapePoint(name="opt", shapes={"x": (2, 3)}),)
SCALE, ZERO = np.float32(0.5), np.uint8(0)
node = helper.make_node
PAIR = (node("QuantizeLinear", ["x", "s"], ["q"]), node("DequantizeLinear", ["q", "s"], ["y"]))
PAIR_OF_ZERO = (node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "s", "z"], ["y"]))


def model(*nodes: onnx.NodeProto, opset: int = 19, **constants: Any) -> onnx.ModelProto:
    constants = {"s": SCALE, "z": ZERO, **constants}
    graph = helper.make_graph(
        nodes,
        "case",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, None])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def answer(item: onnx.ModelProto, x: Array) -> Array:
    found = evaluate(item, {"p": {"x": x}})
    assert found.outputs is not None, found.why
    return found.outputs["p"]["y"]


def branches(then: str, other: str, types: tuple[str, str] = ("z", "z")) -> onnx.NodeProto:
    """Return an If with a Q/DQ pair in each branch, whose tensors of codes are called ``then`` and ``other``."""
    bodies = [
        helper.make_graph(
            [
                node("QuantizeLinear", ["x", "s", kind], [codes]),
                node("DequantizeLinear", [codes, "s", kind], [f"out{number}"]),
            ],
            f"branch{number}",
            [],
            [helper.make_tensor_value_info(f"out{number}", TensorProto.FLOAT, [None, None])],
        )
        for number, (codes, kind) in enumerate(zip((then, other), types, strict=True))
    ]
    return node("If", ["c"], ["y"], then_branch=bodies[0], else_branch=bodies[1])


# --- which tensors hold unsigned codes


@pytest.mark.parametrize(
    ("item", "names"),
    [
        (model(*PAIR), {"q"}),
        (model(*PAIR, opset=10), {"q"}),
        (model(*PAIR_OF_ZERO), {"q"}),
        (model(*PAIR_OF_ZERO, z=np.int8(0)), set()),
        (model(node("Identity", ["z0"], ["z"]), *PAIR_OF_ZERO, z0=ZERO), {"q"}),
        (model(node("QuantizeLinear", ["x", "s"], ["q"], output_dtype=TensorProto.INT8), PAIR[1], opset=21), set()),
        (model(node("QuantizeLinear", ["x", "s"], ["q"], output_dtype=TensorProto.UINT8), PAIR[1], opset=21), {"q"}),
        (model(node("QuantizeLinear", ["x", "s"], ["q"], domain="com.microsoft"), PAIR[1]), {"q"}),
        (model(node("Cast", ["x"], ["q"], to=TensorProto.UINT8), PAIR[1]), set()),
        (model(node("QuantizeLinear", ["x", "s"], ["y"])), set()),
        (model(branches("a", "b"), c=np.bool_(True)), {"a", "b"}),
        (model(branches("a", "b", ("z", "i")), c=np.bool_(True), i=np.int8(0)), {"a"}),
        (model(branches("q", "q", ("z", "i")), c=np.bool_(True), i=np.int8(0)), set()),
        (model(node("Relu", ["x"], ["y"])), set()),
        (model(node("QuantizeLinear", ["x", "s", "nobody"], ["q"]), PAIR[1]), set()),
    ],
    ids=lambda value: None if isinstance(value, onnx.ModelProto) else ",".join(sorted(value)) or "none",
)
def test_codes_are_unsigned_where_onnx_says_so_and_the_name_tells_one_tensor(
    item: onnx.ModelProto, names: set[str]
) -> None:
    assert unsigned_codes(item) == names


# --- what a network computes that has them as int8


@settings(deadline=None)
@given(st.lists(st.floats(-300, 300, width=32), min_size=6, max_size=6), st.sampled_from([PAIR, PAIR_OF_ZERO]))
def test_signed_codes_saturate_at_both_ends_of_int8(values: list[float], pair: tuple[onnx.NodeProto, ...]) -> None:
    x = np.array(values, np.float32).reshape(2, 3)
    codes = np.rint(x / SCALE)
    assert answer(model(*pair), x).tolist() == (np.clip(codes, 0, 255) * SCALE).tolist()
    signed = with_signed_codes(model(*pair), ["q"])
    assert answer(signed, x).tolist() == (np.clip(codes, -128, 127) * SCALE).tolist()


@pytest.mark.parametrize(
    "item",
    [
        model(*PAIR, opset=10),
        model(*PAIR_OF_ZERO, opset=13),
        model(node("Identity", ["z0"], ["z"]), *PAIR_OF_ZERO, z0=ZERO),
        model(
            node("QuantizeLinear", ["x", "s3"], ["q"], axis=1), node("DequantizeLinear", ["q", "s3"], ["y"], axis=1),
            s3=np.full(3, 0.5, np.float32),
        ),
        model(PAIR[0], node("Transpose", ["q"], ["t"]), node("DequantizeLinear", ["t", "s", "z"], ["u"]),
              node("Transpose", ["u"], ["y"])),
        model(PAIR[0], node("Cast", ["q"], ["f"], to=TensorProto.FLOAT), node("Mul", ["f", "s"], ["y"])),
    ],
    ids=["opset10", "opset13", "identity", "per_axis", "transposed", "cast"],
)  # fmt: skip
def test_signed_codes_go_through_what_moves_them(item: onnx.ModelProto) -> None:
    x = np.array([[100, -100, 1], [63.5, 64, -64]], np.float32)
    before = item.SerializeToString(deterministic=True)
    assert answer(item, x).tolist() == [[100, 0, 1], [63.5, 64, 0]]
    assert answer(with_signed_codes(item, ["q"]), x).tolist() == [[63.5, -64, 1], [63.5, 63.5, -64]]
    assert item.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("condition", [True, False])
def test_signed_codes_in_a_branch_are_those_that_are_named(condition: bool) -> None:
    x = np.full((1, 3), 100, np.float32)
    signed = with_signed_codes(model(branches("a", "b"), c=np.bool_(condition)), ["a"])
    assert answer(signed, x).tolist() == [[63.5 if condition else 100] * 3]


# --- whether it matters


class Cells:
    """Makes finished cells of a model and of what a network quantizes, and asks about them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._numbers = itertools.count()
        self.evaluators = Evaluators()

    def signed(
        self, item: onnx.ModelProto, x: list[float], quantized: dict[str, str] | None = None, *,
        reply: dict[str, Any] | None = None, **changes: Any,
    ) -> SignedCodes | None:  # fmt: skip
        wanted: Case = case(
            f"pair{next(self._numbers)}", lambda: item, points=POINTS, profiles=(),
            inputs=lambda point: {"x": np.array(x, np.float32).reshape(2, 3)}, **changes,
        )  # fmt: skip
        folder = CaseFolders(self._root).get(wanted)
        assert folder.invalid == ""
        before = sorted(folder.path.rglob("*"))
        network = Network(outputs=(), dtypes=(), quantized={"q": "int8"} if quantized is None else quantized)
        facts = {
            "protocol": 1, "stage": "build", "failed": None, "machine": "", "poisoned": False, "diagnostics": (),
            "network": network, "points": (), "executed": False, "seconds": {}, **(reply or {}),
        }  # fmt: skip
        cell = Cell(case=wanted, runtime=Runtime(next(iter(load()))), precision=Precision.EXPLICIT)
        finished = Finished(cell=cell, folder=folder, ran=Ran(reply=Reply(**facts)))
        found = signed_codes(finished, self.evaluators)  # type: ignore[arg-type]
        assert sorted(folder.path.rglob("*")) == before
        return found


@pytest.fixture
def cells(tmp_path: Path) -> Cells:
    return Cells(tmp_path)


@pytest.mark.parametrize(
    ("x", "matters"),
    [
        ([0, 1, 2, 3, 63, 63.5], False),  # the largest code is 127
        ([0, 1, 2, 3, 63, 64], True),  # 128
        ([0, 1, 2, 3, 63, -1], True),  # 0 in uint8, -2 in int8
        ([0, 1, 2, 3, 63, float("nan")], False),
    ],
)
def test_signed_codes_matter_where_the_answer_needs_those_that_int8_lacks(
    cells: Cells, x: list[float], matters: bool
) -> None:
    assert cells.signed(model(*PAIR), x) == SignedCodes(names=("q",), matters=matters)


LARGE = [200.0] * 6


@pytest.mark.parametrize("quantized", [{}, {"q": "float8_e4m3fn"}, {"other": "int8"}, {"y": "int8"}])
def test_nothing_is_said_of_a_tensor_that_is_not_int8_in_the_network(cells: Cells, quantized: dict[str, str]) -> None:
    assert cells.signed(model(*PAIR), LARGE, quantized) is None
    assert not cells.evaluators.asked


def test_codes_that_are_int8_in_onnx_are_none_of_them(cells: Cells) -> None:
    assert cells.signed(model(*PAIR_OF_ZERO, z=np.int8(0)), LARGE) is None


@pytest.mark.parametrize(
    "item",
    [
        model(*PAIR[:1], node("DequantizeLinear", ["q", "s"], ["dead"]), node("Relu", ["x"], ["y"])),
        model(*PAIR[:1], node("DequantizeLinear", ["q", "s"], ["d"]), node("Min", ["d", "m"], ["y"]), m=np.float32(1)),
    ],
    ids=["dead", "clipped"],
)
def test_codes_that_do_not_show_in_the_answer_do_not_matter(cells: Cells, item: onnx.ModelProto) -> None:
    found = cells.signed(item, LARGE)
    assert found is not None
    assert found.matters is False


def test_codes_beyond_int8_within_tolerance_do_not_matter(cells: Cells) -> None:
    found = cells.signed(model(*PAIR), [64.0] * 6, tolerance=Tolerance(absolute=1))
    assert found == SignedCodes(names=("q",), matters=False)


@pytest.mark.parametrize("reply", [{"failed": "build"}, {"network": None}])
def test_a_network_that_was_not_built_is_not_asked_about(cells: Cells, reply: dict[str, Any]) -> None:
    assert cells.signed(model(*PAIR), LARGE, reply=reply) is None


def test_what_was_executed_tells_by_its_outputs(cells: Cells) -> None:
    assert cells.signed(model(*PAIR), LARGE, reply={"executed": True}) == SignedCodes(names=("q",))
    assert not cells.evaluators.asked


def test_of_an_answer_that_is_another_each_time_it_is_not_known_whether_the_codes_matter(cells: Cells) -> None:
    item = model(PAIR[0], node("DequantizeLinear", ["q", "s"], ["d"]), node("RandomNormalLike", ["d"], ["y"]))
    assert cells.signed(item, LARGE) == SignedCodes(names=("q",))


def test_where_there_is_no_answer_it_is_not_known_whether_the_codes_matter(cells: Cells) -> None:
    item = model(*PAIR[:1], node("Unknown", ["q"], ["y"], domain="nobody"))
    assert cells.signed(item, LARGE, tags=frozenset({"invalid_on_purpose"})) == SignedCodes(names=("q",))
    assert cells.signed(model(*PAIR), LARGE, no_reference="nobody knows") == SignedCodes(names=("q",))


def test_many_tensors_are_told_in_a_short_sentence() -> None:
    names = tuple("abcdefgh")
    assert describe(SignedCodes(names=names)) == ("uint8 in ONNX, int8 in the parsed network: a, b, c, d, e and others")
    assert describe(SignedCodes(names=names[:5], matters=True)).endswith(
        ": a, b, c, d, e; with the codes of int8 the answer is another than ONNX's"
    )
    assert describe(SignedCodes(names=("n" * 101,))).endswith(f": {'n' * 100}...")
