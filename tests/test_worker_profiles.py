"""Profiles and requests that are at fault, on real runtimes: each is refused, and it is kept who refused it."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from cases.case import Case, Profile, Shape, ShapePoint
from matrix.execution.job import Reply
from tests.models import case, single_node
from tests.real_workers import Run

Range = tuple[Shape, Shape, Shape]
SPAN: Range = ((1, 3), (2, 3), (4, 3))
WIDTHS: Range = ((1, 3), (2, 3), (6, 3))
GOOD = Profile(shapes={"x": SPAN})


def of_x(*span: Shape) -> tuple[Profile, ...]:
    low, best, high = span
    return (Profile(shapes={"x": (low, best, high)}),)


WRONG_PROFILES: dict[str, tuple[tuple[Profile, ...], str, str]] = {  # profiles, the harness's words, who refuses on RTX
    "opt_outside": (of_x((1, 3), (9, 3), (4, 3)), "do not ascend", "build"),
    "min_over_max": (of_x((4, 3), (4, 3), (1, 3)), "do not ascend", "build"),
    "negative": (of_x((-1, 3), (2, 3), (4, 3)), "negative extent", "build"),
    "rank": (of_x((1, 3, 1), (2, 3, 1), (4, 3, 1)), "rank", "build"),
    "static_extent": (of_x((1, 4), (2, 4), (4, 4)), "do not fit", "build"),
    "missing": ((), "there is no profile", "build"),
    "wrong_name": ((Profile(shapes={"wrong": SPAN}),), "there is no input 'wrong'", "build"),
    "other_name": ((Profile(shapes={"x": SPAN, "wrong": SPAN}),), "there is no input 'wrong'", "profile"),
    "maximum_of_zero": (of_x((0, 3), (0, 3), (0, 3)), "no room for data", "profile"),
    "one_of_two": ((GOOD, *of_x((4, 3), (2, 3), (1, 3))), "profile 1: input x: min", "build"),
}


@pytest.mark.parametrize("name", WRONG_PROFILES)
def test_onnxruntime_takes_no_profile_that_is_at_fault(ort: Run, name: str) -> None:
    profiles, words, _ = WRONG_PROFILES[name]
    reply, _ = ort(case(name, lambda: single_node("Relu"), profiles=profiles))
    assert (reply.failed, reply.executed, reply.points) == ("profile", False, ())
    assert words in reply.diagnostics[0].message
    check_that_the_harness_refused(reply)


@pytest.mark.parametrize("name", WRONG_PROFILES)
def test_tensorrt_rtx_has_the_first_word_on_a_profile(rtx: Run, name: str) -> None:
    profiles, words, failed = WRONG_PROFILES[name]
    reply, _ = rtx(case(name, lambda: single_node("Relu"), profiles=profiles))
    assert reply.failed == failed
    if failed == "profile":
        assert words in reply.diagnostics[0].message
        check_that_the_harness_refused(reply)
    else:
        assert reply.diagnostics[0].source in ("builder", "binding")


def check_that_the_harness_refused(reply: Reply) -> None:
    refusals = [item for item in reply.diagnostics if item.source == "harness"]
    assert {item.severity for item in refusals} == {"error", "info"}
    assert all(item.message.startswith("refused by the harness: ") for item in refusals if item.severity == "error")


def request(name: str, shapes: dict[str, Shape]) -> Case:
    points = (
        ShapePoint(name="min", shapes={"x": (1, 3)}),
        ShapePoint(name="bad", shapes=shapes, allowed=False),
        ShapePoint(name="max", shapes={"x": (4, 3)}),
    )
    return case(name, lambda: single_node("Relu"), points=points, profiles=(GOOD,))


WRONG_REQUESTS: dict[str, tuple[dict[str, Shape], str]] = {  # shapes, and who refuses on ONNX Runtime
    "above": ({"x": (5, 3)}, "harness"),
    "below": ({"x": (0, 3)}, "harness"),
    "extent": ({"x": (2, 4)}, "execution"),
    "rank_of_request": ({"x": (2, 3, 1)}, "execution"),
    "input_name": ({"wrong": (2, 3)}, "execution"),
    "further_input": ({"x": (2, 3), "wrong": (2, 3)}, "execution"),
    "no_input": ({}, "execution"),
}


@pytest.mark.parametrize("name", WRONG_REQUESTS)
def test_a_request_at_fault_costs_only_its_own_point(ort: Run, name: str) -> None:
    shapes, source = WRONG_REQUESTS[name]
    reply, outputs = ort(request(name, shapes))
    assert (reply.failed, reply.executed) == ("run:bad", True)
    assert [bool(point.error) for point in reply.points] == [False, True, False]
    assert [dict(point.shapes) for point in reply.points[::2]] == [{"x": (1, 3)}, {"x": (4, 3)}]
    assert outputs["max"]["y"].shape == (4, 3)
    assert (reply.diagnostics[0].source, reply.diagnostics[0].node) == (source, "bad")


@pytest.mark.parametrize("name", WRONG_REQUESTS)
def test_a_request_at_fault_is_refused_where_nothing_can_be_executed(rtx: Run, name: str) -> None:
    reply, _ = rtx(request(name, WRONG_REQUESTS[name][0]))
    assert (reply.failed, reply.executed) == ("run:bad", False)
    assert [point.point for point in reply.points] == ["bad"]
    check_that_the_harness_refused(reply)


def expand(name: str, dtype: Any, values: tuple[int, int], profile: Profile) -> Case:
    def build() -> onnx.ModelProto:
        elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        cast = helper.make_node("Cast", ["s"], ["s64"], to=TensorProto.INT64)
        graph = helper.make_graph(
            [cast, helper.make_node("Expand", ["x", "s64"], ["y"])],
            "case",
            [helper.make_tensor_value_info("x", 1, ["N", 3]), helper.make_tensor_value_info("s", elem_type, [2])],
            [helper.make_tensor_value_info("y", 1, ["A", "B"])],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    points = (ShapePoint(name="opt", shapes={"x": (1, 3), "s": (2,)}, values={"s": values}),)

    def inputs(point: ShapePoint) -> dict[str, Any]:
        return {"x": np.ones((1, 3), np.float32), "s": np.array(point.values["s"], dtype)}

    return case(name, build, points=points, profiles=(profile,), inputs=inputs)


def test_a_scalar_needs_no_profile(ort: Run, rtx: Run) -> None:
    """ONNX Runtime says the same of a scalar as of an input without a shape."""

    def build() -> onnx.ModelProto:
        graph = helper.make_graph(
            [helper.make_node("Mul", ["x", "s"], ["y"])],
            "case",
            [helper.make_tensor_value_info("x", 1, [2, 3]), helper.make_tensor_value_info("s", 1, [])],
            [helper.make_tensor_value_info("y", 1, [2, 3])],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    points = (ShapePoint(name="static", shapes={"x": (2, 3), "s": ()}),)
    item = case("scaled", build, points=points, profiles=())
    assert ort(item)[0].failed is rtx(item)[0].failed is None


SHAPES = {"x": SPAN, "s": ((2,), (2,), (2,))}


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_the_values_of_a_shape_tensor_have_a_range(ort: Run, dtype: Any) -> None:
    bounded = Profile(shapes=SHAPES, values={"s": WIDTHS})
    name = f"expand-{np.dtype(dtype).name}"
    reply, outputs = ort(expand(name, dtype, (5, 3), bounded))
    assert reply.failed is None, reply.diagnostics
    assert outputs["opt"]["y"].shape == (5, 3)
    reply, _ = ort(expand(f"{name}-outside", dtype, (7, 3), bounded))
    assert reply.failed == "run:opt"
    assert "shape tensor s is [7, 3], the profile allows [1, 3] to [6, 3]" in reply.diagnostics[0].message


def test_a_shape_tensor_needs_values_in_the_profile(ort: Run, rtx: Run) -> None:
    unbounded = expand("expand-unbounded", np.int64, (5, 3), Profile(shapes=SHAPES))
    assert "the values of shape tensor 's' are missing" in ort(unbounded)[0].diagnostics[0].message
    assert rtx(unbounded)[0].failed == "build"
    descending = Profile(shapes=SHAPES, values={"s": ((6, 3), (2, 3), (1, 3))})
    assert "values of s" in ort(expand("expand-descending", np.int64, (5, 3), descending))[0].diagnostics[0].message
