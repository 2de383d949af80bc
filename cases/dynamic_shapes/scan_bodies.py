"""What the Scan cases compute; the first line of each says it."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from cases.dynamic_shapes.control_flow import scan_over
from cases.dynamic_shapes.symbolic import Body, f32
from cases.model import Signature, graph, node

ZEROS = {"zeros": np.zeros(4, np.float32)}
ROWS = [node("Add", ["state", "element"], ["state_next"]), node("Identity", ["state_next"], ["sum"])]


def sums(**attributes: Any) -> Body:
    """Return the running sums of s rows by Scan."""
    return [over("zeros", f32(4), **attributes)], ZEROS


def batch_state(**attributes: Any) -> Body:
    """Return the running sums of a batch by Scan, begun at a start."""
    return [over("start", f32("N", 4), **attributes)], {}


def over(start: str, state: Signature, **attributes: Any) -> onnx.NodeProto:
    states, elements = {"state": (start, state)}, {"element": ("x", state)}
    return scan_over(ROWS, states, elements, {"sum": state}, outputs=["total", "y"], **attributes)


def batched(*, lengths: str = "", **attributes: Any) -> Body:
    """Return the running sums of each sequence of a batch: Scan of opset 8, with a batch dimension of its own."""
    body = graph(ROWS, {"state": f32(4), "element": f32(4)}, {"state_next": f32(4), "sum": f32(4)}, name="body")
    nodes = [
        node("Slice", ["x"], ["first"], axes=[1], starts=[0], ends=[1]),
        node("Squeeze", ["first"], ["heads"], axes=[1]),
        node("Sub", ["heads", "heads"], ["start"]),
        node("Scan", [lengths, "start", "x"], ["total", "y"], body=body, num_scan_inputs=1, **attributes),
    ]
    return nodes, {}


def two_directions() -> Body:
    """Return running sums from the front plus those from the back."""
    elements = {"ahead": ("x", f32(4)), "behind": ("x", f32(4))}
    states = {"low": ("zeros", f32(4)), "high": ("zeros", f32(4))}
    body = [
        node("Add", ["low", "ahead"], ["low_next"]),
        node("Add", ["high", "behind"], ["high_next"]),
        node("Identity", ["low_next"], ["front"]),
        node("Identity", ["high_next"], ["back"]),
    ]
    directions: dict[str, Any] = {"scan_input_directions": [0, 1], "scan_output_directions": [0, 1]}
    scanned = {"front": f32(4), "back": f32(4)}
    outputs = ["all_low", "all_high", "fronts", "backs"]
    scan = scan_over(body, states, elements, scanned, outputs=outputs, **directions)
    return [scan, node("Add", ["fronts", "backs"], ["y"])], ZEROS


def no_state() -> Body:
    """Return each row doubled."""
    body = [node("Add", ["element", "element"], ["twice"])]
    return [scan_over(body, {}, {"element": ("x", f32(4))}, {"twice": f32(4)}, outputs=["y"])], {}


def two_states() -> Body:
    """Return the running minimum and maximum, and what lies between them in each step."""
    body = [
        node("Min", ["low", "element"], ["low_next"]),
        node("Max", ["high", "element"], ["high_next"]),
        node("Sub", ["high_next", "low_next"], ["width"]),
    ]
    states = {"low": ("zeros", f32(4)), "high": ("zeros", f32(4))}
    elements, outputs = {"element": ("x", f32(4))}, ["smallest", "largest", "y"]
    return [scan_over(body, states, elements, {"width": f32(4)}, outputs=outputs)], ZEROS


def two_inputs() -> Body:
    """Return the running sums of a - b."""
    body = [
        node("Sub", ["left", "right"], ["difference"]),
        node("Add", ["state", "difference"], ["state_next"]),
        node("Identity", ["state_next"], ["sum"]),
    ]
    elements = {"left": ("a", f32(4)), "right": ("b", f32(4))}
    states = {"state": ("zeros", f32(4))}
    return [scan_over(body, states, elements, {"sum": f32(4)}, outputs=["total", "y"])], ZEROS


def two_outputs() -> Body:
    """Return running sums, and the sum of each row: a scanned output of scalars."""
    body = [*ROWS, node("ReduceSum", ["element"], ["row"], keepdims=0)]
    states, elements = {"state": ("zeros", f32(4))}, {"element": ("x", f32(4))}
    scanned = {"sum": f32(4), "row": f32()}
    return [scan_over(body, states, elements, scanned, outputs=["total", "y", "z"])], ZEROS


def state_only() -> Body:
    """Return the last sum alone."""
    states, elements = {"state": ("start", f32("N", 4))}, {"element": ("x", f32("N", 4))}
    return [scan_over(ROWS[:1], states, elements, {}, outputs=["total"])], {}


def captured() -> Body:
    """Return each row less the sum of all, which is computed outside."""
    body = [node("Sub", ["element", "all"], ["less"])]
    scan = scan_over(body, {}, {"element": ("x", f32(4))}, {"less": f32(4)}, outputs=["y"])
    return [node("ReduceSum", ["x", "front"], ["all"], keepdims=0), scan], {"front": np.array([0], np.int64)}


def into_matmul() -> Body:
    """Return the running sums times a weight of -1, 0 and 1."""
    scan = over("zeros", f32(4))
    scan.output[1] = "sums"
    weight = np.array([[1, 0], [-1, 1], [0, 1], [1, -1]], np.float32)
    return [scan, node("MatMul", ["sums", "weight"], ["y"])], {**ZEROS, "weight": weight}
