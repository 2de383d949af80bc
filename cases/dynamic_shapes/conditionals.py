"""If over symbolic dimensions: on a shape, on data, on a graph input; branches of one shape, of two, of two ranks.

Everything here moves data or takes its sign: every result is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from cases.case import Case
from cases.dynamic_shapes import branch_bodies as bodies
from cases.dynamic_shapes.control_flow import ROWS, control_flow_case
from cases.dynamic_shapes.fills import at_points
from cases.dynamic_shapes.symbolic import f32, i64
from cases.model import Signature

RANK_ISSUE = "https://github.com/NVIDIA/TensorRT/issues/2846"
SAME: Mapping[str, Signature] = {"y": f32("N", 4)}
COLUMN: Mapping[str, Signature] = {"x": f32("N", 1, 4)}
CHOICES = at_points({"min": True, "opt": False, "inside": True, "max": False}, np.bool_)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for opset in (11, 13, 16, 17, 19, 21, 23, 24, 25):
        if opset != 17:
            yield control_flow_case("if-same_shape", "If", bodies.same_shape, ROWS, SAME, opset=opset)
        different: Mapping[str, Signature] = {"y": f32("N", "columns")}
        if opset in (11, 16, 17, 19, 21, 25):
            yield control_flow_case("if-different_shapes", "If", bodies.different_shapes, ROWS, different, opset=opset)
        if opset in (13, 17, 21):
            yield control_flow_case(
                "if-different_ranks", "If", bodies.different_ranks, COLUMN, SAME, opset=opset, source=RANK_ISSUE
            )
    yield from _conditions()
    yield from _branches()


def _conditions() -> Iterator[Case]:
    """Where the condition comes from."""
    yield control_flow_case("if-condition_from_data", "If", bodies.condition_from_data, ROWS, SAME)
    for axes, signature, opset in (
        ("condition_input", (np.bool_, ()), 11),
        ("condition_input", (np.bool_, ()), 17),
        ("condition_input", (np.bool_, ()), 21),
        ("condition_input_vector", (np.bool_, (1,)), 17),
    ):
        inputs: Mapping[str, Signature] = {**ROWS, "condition": signature}
        fill = {"condition": CHOICES}
        yield control_flow_case(f"if-{axes}", "If", bodies.signs, inputs, SAME, opset=opset, fill=fill)
        if opset != 11:
            different: Mapping[str, Signature] = {"y": f32("N", "columns")}
            yield control_flow_case(
                f"if-{axes}_different_shapes",
                "If",
                bodies.cuts,
                inputs,
                different,
                opset=opset,
                fill=fill,
            )
    image: Mapping[str, Signature] = {"x": f32("N", 2, "H", "W")}
    turned: Mapping[str, Signature] = {"y": f32("N", 2, "short", "long")}
    yield control_flow_case("if-condition_height_and_width", "If", bodies.landscape, image, turned, sizes=ROOM)
    yield control_flow_case("if-condition_from_size", "If", partial(bodies.by_number, "Size"), ROWS, SAME)
    shaped: Mapping[str, Signature] = {**ROWS, "shape": i64(2)}
    plane = ((1, 4), (4, 4), (2, 4), (8, 4))
    wide: Mapping[str, Signature] = {"y": f32("rows", "columns")}
    yield control_flow_case(
        "if-condition_from_shape_input", "If", bodies.by_shape_input, shaped, wide, values={"shape": plane}
    )


ROOM = {"H": (8, 16, 13, 24), "W": (6, 22, 11, 28)}  # wider than high at opt and max


def _branches() -> Iterator[Case]:
    """What the branches are made of."""
    two: Mapping[str, Signature] = {"y": f32("N", 4), "z": f32("N", "columns")}
    yield control_flow_case("if-two_outputs", "If", bodies.two_outputs, ROWS, two)
    yield control_flow_case("if-constant_branch", "If", bodies.constant_branch, ROWS, SAME)
    yield control_flow_case("if-captured_values", "If", bodies.captured, ROWS, SAME)
    yield control_flow_case("if-outer_identity", "If", bodies.outer_identity, ROWS, SAME)
    some: Mapping[str, Signature] = {"y": f32("some", 4)}
    for opset in (13, 17):
        yield control_flow_case("if-empty_branch", "If", bodies.empty_branch, ROWS, some, opset=opset)
    yield control_flow_case("if-empty_branch_concat", "If", bodies.empty_branch_concat, ROWS, {"y": f32("rows", 4)})
    yield control_flow_case("if-reshape_inside", "If", bodies.reshape_inside, ROWS, {"y": f32("rows", "columns")})
    yield control_flow_case("if-flows_into_matmul", "If", bodies.into_matmul, ROWS, {"y": f32("N", "N")})
    dynamic: Mapping[str, Signature] = {"y": f32("count")}
    yield control_flow_case(
        "if-data_dependent_branch", "If", bodies.data_dependent_branch, ROWS, dynamic, tags=["data_dependent"]
    )
