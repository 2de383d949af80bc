"""Control flow inside control flow, with values captured from one and from two levels outside.

The inputs are multiples of 1/16 of at most 4, and every sum stays below 2**11: every result is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import onnx

from cases.case import Case
from cases.dynamic_shapes.control_flow import (
    ROWS,
    TOKENS,
    TRUE,
    branches,
    control_flow_case,
    if_large_batch,
    loop_over,
    scan_over,
)
from cases.dynamic_shapes.fills import at_points
from cases.dynamic_shapes.symbolic import Body, extent, f32, scalar
from cases.model import Signature, node

TRIPS = 3
BOTH: Mapping[str, Signature] = {"start": f32("N", 4), **TOKENS}
SAME: Mapping[str, Signature] = {"y": f32("N", 4)}
STATE: Signature = f32("N", 4)
ZEROS = {"zeros": np.zeros(4, np.float32)}


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for opset in (11, 13, 16, 17, 19, 21, 24):
        yield control_flow_case("loop-if_inside", "Loop", _if_in_loop, ROWS, SAME, opset=opset)
    for opset in (11, 17, 21):
        yield control_flow_case("if-if_inside", "If", _if_in_if, ROWS, SAME, opset=opset)
        yield control_flow_case("if-loop_inside", "If", _loop_in_if, ROWS, SAME, opset=opset)
    flagged: Mapping[str, Signature] = {**TOKENS, "flag": (np.bool_, ())}
    chosen = {"flag": at_points({"min": True, "opt": False, "inside": True, "max": False}, np.bool_)}
    table: list[tuple[str, str, Callable[[], Body], Mapping[str, Signature], Mapping[str, Signature]]] = [
        ("if-scan_inside", "If", _scan_in_if, flagged, {"y": f32("S", 4)}),
        ("loop-loop_inside", "Loop", _loop_in_loop, BOTH, SAME),
        ("loop-loop_inside_growing_trips", "Loop", _triangle, BOTH, SAME),
        ("loop-scan_inside", "Loop", _scan_in_loop, TOKENS, {"y": f32("S", 4)}),
        ("scan-if_inside", "Scan", _if_in_scan, TOKENS, {"y": f32("S", 4)}),
        ("scan-loop_inside", "Scan", _loop_in_scan, TOKENS, {"y": f32("S", 4)}),
        ("scan-scan_inside", "Scan", _scan_in_scan, {"x": f32("S", "T")}, {"y": f32("S", "T")}),
        ("if-three_levels", "If", _three_levels, ROWS, SAME),
        ("loop-if_different_shapes_inside", "Loop", _if_grows_in_loop, ROWS, {"y": f32("N_grown", 4)}),
    ]
    for axes, op, body, inputs, outputs in table:
        fill = chosen if "flag" in inputs else None
        yield control_flow_case(axes, op, body, inputs, outputs, fill=fill, sizes={"T": (2, 6, 4, 9)})


def _if_in_loop() -> Body:
    """Add x in the first of three steps and subtract it in the others: an If inside a Loop."""
    plus, minus = node("Add", ["state", "x"], ["a"]), node("Sub", ["state", "x"], ["b"])
    body = [
        node("Equal", ["step", "zero"], ["condition"]),
        branches([plus], {"a": STATE}, [minus], {"b": STATE}, outputs=["state_next"]),
    ]
    return [loop_over("trips", body, {"state": ("x", STATE)})], {**TRUE, "trips": scalar(TRIPS), "zero": scalar(0)}


def _if_in_if() -> Body:
    """If the batch is larger than 2: Relu, else if it is 1: Neg, else twice x."""
    inner = [
        node("Equal", ["n", "one"], ["single"]),
        branches(
            [node("Neg", ["x"], ["c"])],
            {"c": STATE},
            [node("Add", ["x", "x"], ["d"])],
            {"d": STATE},
            condition="single",
            outputs=["b"],
        ),
    ]
    nodes, constants = if_large_batch([node("Relu", ["x"], ["a"])], STATE, inner, STATE)
    return nodes, {**constants, "one": scalar(1)}


def _loop_in_if() -> Body:
    """If the batch is larger than 2: double x three times, else leave it."""
    loop = loop_over("trips", [_doubled()], {"state": ("x", STATE)}, outputs=["a"])
    nodes, constants = if_large_batch([loop], STATE, [node("Identity", ["x"], ["b"])], STATE)
    return nodes, {**constants, **TRUE, "trips": scalar(TRIPS)}


def _scan_in_if() -> Body:
    """If the flag is set: running sums of rows, else the rows."""
    row = f32(4)
    steps = [node("Add", ["state", "element"], ["state_next"]), node("Identity", ["state_next"], ["sum"])]
    states, elements = {"state": ("zeros", row)}, {"element": ("x", row)}
    scan = scan_over(steps, states, elements, {"sum": row}, outputs=["total", "a"])
    same = node("Identity", ["x"], ["b"])
    whole = f32("S", 4)
    return [branches([scan], {"a": whole}, [same], {"b": whole}, condition="flag")], ZEROS


def _loop_in_loop() -> Body:
    """Add each row three times: the inner Loop captures what the outer one computes."""
    inner = [node("Add", ["sum", "row"], ["sum_next"])]
    body = [
        node("Gather", ["x", "step"], ["row"], axis=0),
        loop_over("trips", inner, {"sum": ("state", STATE)}, outputs=["state_next"], name="inner"),
    ]
    nodes = [*extent("x", 0, "s", rank=0), loop_over("s", body, {"state": ("start", STATE)})]
    return nodes, {**TRUE, "trips": scalar(TRIPS)}


def _triangle() -> Body:
    """Add row i as often as i says: the trip count of the inner Loop is the step of the outer one."""
    inner = [node("Add", ["sum", "row"], ["sum_next"])]
    body = [
        node("Gather", ["x", "step"], ["row"], axis=0),
        loop_over("step", inner, {"sum": ("state", STATE)}, outputs=["state_next"], name="inner"),
    ]
    return [*extent("x", 0, "s", rank=0), loop_over("s", body, {"state": ("start", STATE)})], TRUE


def _scan_in_loop() -> Body:
    """Take running sums of running sums: a Scan, three times."""
    row, whole = f32(4), f32("S", 4)
    steps = [node("Add", ["total", "element"], ["total_next"]), node("Identity", ["total_next"], ["sum"])]
    states, elements = {"total": ("zeros", row)}, {"element": ("state", row)}
    scan = scan_over(steps, states, elements, {"sum": row}, outputs=["last", "state_next"])
    return [loop_over("trips", [scan], {"state": ("x", whole)})], {**TRUE, **ZEROS, "trips": scalar(2)}


def _if_in_scan() -> Body:
    """Return each row, or its negative where its sum is negative."""
    row = f32(4)
    steps = [
        node("ReduceSum", ["element"], ["sum"], keepdims=0),
        node("Less", ["sum", "nothing"], ["condition"]),
        branches(
            [node("Neg", ["element"], ["a"])],
            {"a": row},
            [node("Identity", ["element"], ["b"])],
            {"b": row},
            outputs=["chosen"],
        ),
    ]
    scan = scan_over(steps, {}, {"element": ("x", row)}, {"chosen": row}, outputs=["y"])
    return [scan], {"nothing": np.array(0, np.float32)}


def _loop_in_scan() -> Body:
    """Return each row eightfold: doubled three times by a Loop."""
    row = f32(4)
    loop = loop_over("trips", [_doubled()], {"state": ("element", row)}, outputs=["more"], name="inner")
    scan = scan_over([loop], {}, {"element": ("x", row)}, {"more": row}, outputs=["y"])
    return [scan], {**TRUE, "trips": scalar(TRIPS)}


def _scan_in_scan() -> Body:
    """Return the running sums along each row: scalars, scanned inside rows, scanned."""
    number = f32()
    steps = [node("Add", ["state", "cell"], ["state_next"]), node("Identity", ["state_next"], ["sum"])]
    states, cells = {"state": ("nothing", number)}, {"cell": ("row", number)}
    inner = scan_over(steps, states, cells, {"sum": number}, outputs=["last", "sums"], name="inner")
    scan = scan_over([inner], {}, {"row": ("x", f32("T"))}, {"sums": f32("T")}, outputs=["y"])
    return [scan], {"nothing": np.array(0, np.float32)}


def _three_levels() -> Body:
    """If the batch is larger than 2: add x in the first of three steps, else subtract it; else leave x."""
    plus, minus = node("Add", ["state", "sums"], ["c"]), node("Sub", ["state", "sums"], ["d"])
    body = [
        node("Equal", ["step", "zero"], ["first"]),
        branches([plus], {"c": STATE}, [minus], {"d": STATE}, condition="first", outputs=["state_next"]),
    ]
    loop = loop_over("trips", body, {"state": ("x", STATE)}, outputs=["a"])
    nodes, constants = if_large_batch([loop], STATE, [node("Identity", ["x"], ["b"])], STATE)
    sums = node("ReduceSum", ["x", "axes"], ["sums"], keepdims=1)
    return [sums, *nodes], {
        **constants,
        **TRUE,
        "trips": scalar(TRIPS),
        "zero": scalar(0),
        "axes": np.array([1], np.int64),
    }


def _if_grows_in_loop() -> Body:
    """Append x in the first two of three steps: the If has branches of different shapes, and so has the state."""
    grown = f32(None, 4)
    more, same = node("Concat", ["state", "x"], ["a"], axis=0), node("Identity", ["state"], ["b"])
    body = [
        node("Less", ["step", "two"], ["condition"]),
        branches([more], {"a": grown}, [same], {"b": grown}, outputs=["state_next"]),
    ]
    return [loop_over("trips", body, {"state": ("x", grown)})], {**TRUE, "trips": scalar(TRIPS), "two": scalar(2)}


def _doubled() -> onnx.NodeProto:
    return node("Add", ["state", "state"], ["state_next"])
