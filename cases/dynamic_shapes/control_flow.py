"""If, Loop and Scan over symbolic dimensions.

The inputs are multiples of 1/16 of at most 4; every sum here stays below 2**11 and is a multiple of 2**-8, and is so
exact in float32, in whatever order it is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import onnx

from cases.case import Case
from cases.dynamic_shapes.symbolic import Body, dynamic_case, extent, f32, i64, ints, scalar
from cases.inputs import integers
from cases.model import Signature, graph, node

TRIPS = 3
FLAG: Signature = np.bool_, ()
ROWS: Mapping[str, Signature] = {"x": f32("N", 4)}
RANK_ISSUE = "https://github.com/NVIDIA/TensorRT/issues/2846"
EVERY_OPSET = (13, 17, 21)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _if()
    yield from _loop()
    yield from _scan()


def _if() -> Iterator[Case]:
    for opset in EVERY_OPSET:
        yield _case("if-same_shape", "If", _if_same_shape, ROWS, {"y": f32("N", 4)}, opset=opset)
    yield _case("if-different_shapes", "If", _if_different_shapes, ROWS, {"y": f32("N", "columns")})
    column: Mapping[str, Signature] = {"x": f32("N", 1, 4)}
    yield _case("if-different_ranks", "If", _if_different_ranks, column, {"y": f32("N", 4)}, source=RANK_ISSUE)
    yield _case("if-condition_from_data", "If", _if_condition_from_data, ROWS, {"y": f32("N", 4)})


def _loop() -> Iterator[Case]:
    tokens: Mapping[str, Signature] = {"x": f32("S", 4)}
    both: Mapping[str, Signature] = {"start": f32("N", 4), "x": f32("S", 4)}
    for opset in EVERY_OPSET:
        yield _case("loop-trip_count_constant", "Loop", _loop_constant, ROWS, {"y": f32("N", 4)}, opset=opset)
    yield _case("loop-trip_count_computed", "Loop", _loop_computed, both, {"y": f32("N", 4)})
    yield dynamic_case(
        "loop-trip_count_input",
        "Loop",
        _loop_input,
        {**ROWS, "trips": i64()},
        {"y": f32("N", 4)},
        values={"trips": ((1,), (4,), (2,), (6,))},
        tags=["control_flow"],
    )
    yield _case("loop-scan_output", "Loop", _loop_scan_output, tokens, {"total": f32(4), "y": f32("S", 4)})
    yield dynamic_case(
        "loop-trip_count_absent",
        "Loop",
        _loop_while,
        ROWS,
        {"y": f32("N", 4), "history": f32("steps", 1)},
        fill={"x": partial(integers, low=1, high=4, dtype=np.float32)},
        tags=["control_flow", "data_dependent"],
    )
    yield _case("loop-growing_state", "Loop", _loop_growing, ROWS, {"y": f32("N_grown", 4)})
    yield _case("loop-if_inside", "Loop", _loop_if, ROWS, {"y": f32("N", 4)})


def _scan() -> Iterator[Case]:
    tokens: Mapping[str, Signature] = {"x": f32("S", 4)}
    outputs: Mapping[str, Signature] = {"total": f32(4), "y": f32("S", 4)}
    for opset in EVERY_OPSET:
        yield _case("scan-sum", "Scan", _scan_sum, tokens, outputs, opset=opset)
    batch: Mapping[str, Signature] = {"start": f32("N", 4), "x": f32("S", "N", 4)}
    yield _case("scan-batch_state", "Scan", _scan_batch, batch, {"total": f32("N", 4), "y": f32("S", "N", 4)})


def _case(
    axes: str,
    op: str,
    body: Callable[[], Body],
    inputs: Mapping[str, Signature],
    outputs: Mapping[str, Signature],
    *,
    opset: int = 17,
    source: str = "",
) -> Case:
    return dynamic_case(axes, op, body, inputs, outputs, opset=opset, tags=["control_flow"], source=source)


def _if_same_shape() -> Body:
    """If the batch is larger than 2: Relu, else Neg."""
    return _if_large_batch([node("Relu", ["x"], ["a"])], f32("N", 4), [node("Neg", ["x"], ["b"])], f32("N", 4))


def _if_different_shapes() -> Body:
    """If the batch is larger than 2: the first column, else the last three."""
    first, last = node("Slice", ["x", "zero", "one", "one"], ["a"]), node("Slice", ["x", "one", "four", "one"], ["b"])
    nodes, constants = _if_large_batch([first], f32("N", 1), [last], f32("N", 3))
    return nodes, {**constants, "zero": ints(0), "one": ints(1), "four": ints(4)}


def _if_different_ranks() -> Body:
    """If the batch is larger than 2: Squeeze, else Identity; then Reshape, as a graph output must have a known rank."""
    squeeze, same = node("Squeeze", ["x", "middle"], ["a"]), node("Identity", ["x"], ["b"])
    nodes, constants = _if_large_batch([squeeze], f32("N", 4), [same], f32("N", 1, 4), output="either")
    nodes = [*nodes, node("Reshape", ["either", "rows"], ["y"])]
    return nodes, {**constants, "middle": ints(1), "rows": ints(-1, 4)}


def _if_condition_from_data() -> Body:
    """If the sum of all elements is positive: Relu, else Neg."""
    nodes = [
        node("ReduceSum", ["x"], ["sum"], keepdims=0),
        node("Greater", ["sum", "zero"], ["condition"]),
        _branches([node("Relu", ["x"], ["a"])], f32("N", 4), [node("Neg", ["x"], ["b"])], f32("N", 4)),
    ]
    return nodes, {"zero": np.array(0, np.float32)}


def _loop_constant() -> Body:
    """Do x / 2 + x three times."""
    return [_repeat("trips")], {"trips": scalar(TRIPS), "true": np.array(True), "half": np.array(0.5, np.float32)}


def _loop_input() -> Body:
    """Do x / 2 + x as many times as is given at run time."""
    return [_repeat("trips")], {"true": np.array(True), "half": np.array(0.5, np.float32)}


def _loop_computed() -> Body:
    """Add each of s rows of x to the start."""
    body = [node("Gather", ["x", "step"], ["row"], axis=0), node("Add", ["state", "row"], ["next"])]
    return [*extent("x", 0, "s", rank=0), _loop_over("s", body, "start", f32("N", 4))], {"true": np.array(True)}


def _loop_scan_output() -> Body:
    """Return the running sums of s rows, stacked."""
    body = [
        node("Gather", ["x", "step"], ["row"], axis=0),
        node("Add", ["state", "row"], ["next"]),
        node("Identity", ["next"], ["element"]),
    ]
    loop = _loop_over("s", body, "zeros", f32(4), scanned={"element": f32(4)}, outputs=["total", "y"])
    return [*extent("x", 0, "s", rank=0), loop], {"true": np.array(True), "zeros": np.zeros(4, np.float32)}


def _loop_while() -> Body:
    """Double while the sum is below 1000, with no trip count, and return the sums on the way."""
    body = [
        node("Add", ["state", "state"], ["next"]),
        node("ReduceSum", ["next"], ["sum"], keepdims=0),
        node("Less", ["sum", "limit"], ["go_on"]),
        node("Unsqueeze", ["sum", "front"], ["element"]),
    ]
    loop = _loop_over("", body, "x", f32("N", 4), scanned={"element": f32(1)}, outputs=["y", "history"])
    return [loop], {"true": np.array(True), "limit": np.array(1000, np.float32), "front": ints(0)}


def _loop_growing() -> Body:
    """Append x to the state three times: the state has another shape in each step."""
    body = [node("Concat", ["state", "x"], ["next"], axis=0)]
    return [_loop_over("trips", body, "x", f32(None, 4))], {"trips": scalar(TRIPS), "true": np.array(True)}


def _loop_if() -> Body:
    """Add x in the first of three steps and subtract it in the others: an If inside a Loop."""
    plus, minus = node("Add", ["state", "x"], ["a"]), node("Sub", ["state", "x"], ["b"])
    body = [
        node("Equal", ["step", "zero"], ["condition"]),
        _branches([plus], f32("N", 4), [minus], f32("N", 4), output="next"),
    ]
    constants = {"trips": scalar(TRIPS), "true": np.array(True), "zero": scalar(0)}
    return [_loop_over("trips", body, "x", f32("N", 4))], constants


def _scan_sum() -> Body:
    """Return the running sums of s rows by Scan."""
    return [_scan_over("zeros", f32(4))], {"zeros": np.zeros(4, np.float32)}


def _scan_batch() -> Body:
    """Return the running sums of a batch by Scan, begun at a start."""
    return [_scan_over("start", f32("N", 4))], {}


def _if_large_batch(
    then: Sequence[onnx.NodeProto],
    then_type: Signature,
    otherwise: Sequence[onnx.NodeProto],
    else_type: Signature,
    *,
    output: str = "y",
) -> Body:
    nodes = [
        *extent("x", 0, "n", rank=0),
        node("Greater", ["n", "two"], ["condition"]),
        _branches(then, then_type, otherwise, else_type, output=output),
    ]
    return nodes, {"two": scalar(2)}


def _branches(
    then: Sequence[onnx.NodeProto],
    then_type: Signature,
    otherwise: Sequence[onnx.NodeProto],
    else_type: Signature,
    *,
    output: str = "y",
) -> onnx.NodeProto:
    """Return an If whose branches give ``a`` and ``b``."""
    return node(
        "If",
        ["condition"],
        [output],
        then_branch=graph(then, {}, {"a": then_type}, name="then"),
        else_branch=graph(otherwise, {}, {"b": else_type}, name="else"),
    )


def _repeat(trips: str) -> onnx.NodeProto:
    body = [node("Mul", ["state", "half"], ["halved"]), node("Add", ["halved", "x"], ["next"])]
    return _loop_over(trips, body, "x", f32("N", 4))


def _loop_over(
    trips: str,
    body: Sequence[onnx.NodeProto],
    start: str,
    state: Signature,
    *,
    scanned: Mapping[str, Signature] | None = None,
    outputs: Sequence[str] = ("y",),
) -> onnx.NodeProto:
    """Return a Loop from ``state`` to ``next``; it goes on for ever, unless ``body`` says ``go_on`` itself."""
    says = any("go_on" in step.output for step in body)
    steps = list(body) if says else [*body, node("Identity", ["go"], ["go_on"])]
    takes: dict[str, Signature] = {"step": i64(), "go": FLAG, "state": state}
    gives: dict[str, Signature] = {"go_on": FLAG, "next": state, **(scanned or {})}
    return node("Loop", [trips, "true", start], outputs, body=graph(steps, takes, gives, name="body"))


def _scan_over(start: str, state: Signature) -> onnx.NodeProto:
    steps = [node("Add", ["state", "element"], ["next"]), node("Identity", ["next"], ["sum"])]
    body = graph(steps, {"state": state, "element": state}, {"next": state, "sum": state}, name="body")
    return node("Scan", [start, "x"], ["total", "y"], body=body, num_scan_inputs=1)
