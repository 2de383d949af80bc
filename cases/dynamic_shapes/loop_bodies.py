"""What the Loop cases compute; the first line of each says it."""

from __future__ import annotations

import numpy as np
import onnx

from cases.dynamic_shapes.control_flow import TRUE, loop_over
from cases.dynamic_shapes.symbolic import Body, extent, f32, i64, ints, scalar
from cases.model import node

TRIPS = 3
HALF = {"half": np.array(0.5, np.float32)}


def constant(condition: str = "true") -> Body:
    """Do x / 2 + x three times."""
    constants = {"trips": scalar(TRIPS), **HALF, **(TRUE if condition == "true" else {})}
    return [repeat("trips", condition)], constants


def given_trips() -> Body:
    """Do x / 2 + x as many times as is given at run time."""
    return [repeat("trips")], {**TRUE, **HALF}


def from_data() -> Body:
    """Do x / 2 + x as many times as flags are set."""
    nodes, constants = count()
    return [*nodes, repeat("trips")], {**constants, **HALF}


def from_data_scanned() -> Body:
    """Add x as many times as flags are set, and return the sums over the batch on the way."""
    nodes, constants = count()
    body = [
        node("Add", ["state", "x"], ["state_next"]),
        node("ReduceSum", ["state_next", "front"], ["element"], keepdims=0),
    ]
    states, scanned = {"state": ("x", f32("N", 4))}, {"element": f32(4)}
    loop = loop_over("trips", body, states, scanned=scanned, outputs=["y", "history"])
    return [*nodes, loop], {**constants, "front": ints(0)}


def count() -> Body:
    """Return ``trips``, the number of flags that are set."""
    to_integers = node("Cast", ["keep"], ["ones"], to=onnx.TensorProto.INT64)
    return [to_integers, node("ReduceSum", ["ones"], ["trips"], keepdims=0)], dict(TRUE)


def computed() -> Body:
    """Add each of s rows of x to the start."""
    body = [node("Gather", ["x", "step"], ["row"], axis=0), node("Add", ["state", "row"], ["state_next"])]
    return [*extent("x", 0, "s", rank=0), loop_over("s", body, {"state": ("start", f32("N", 4))})], TRUE


def double_until_large(trips: str) -> Body:
    """Double while the sum is below 1000 and return the sums on the way."""
    body = [
        node("Add", ["state", "state"], ["state_next"]),
        node("ReduceSum", ["state_next"], ["sum"], keepdims=0),
        node("Less", ["sum", "limit"], ["go_on"]),
        node("Reshape", ["sum", "one"], ["element"]),
    ]
    states = {"state": ("x", f32("N", 4))}
    loop = loop_over(trips, body, states, scanned={"element": f32(1)}, outputs=["y", "history"])
    return [loop], {**TRUE, "limit": np.array(1000, np.float32), "one": ints(1)}


def add_until_zero() -> Body:
    """Add the sum of the rows up to the first that begins with 0 to x, and return how many were looked at."""
    body = [
        node("Gather", ["x", "step"], ["row"], axis=0),
        node("Add", ["state", "row"], ["state_next"]),
        node("Add", ["number", "one"], ["number_next"]),
        node("Gather", ["row", "zero"], ["head"], axis=0),
        node("Greater", ["head", "nothing"], ["go_on"]),
    ]
    states = {"state": ("zeros", f32(4)), "number": ("zero", i64())}
    loop = loop_over("s", body, states, outputs=["sum", "steps"])
    nodes = [*extent("x", 0, "s", rank=0), loop, node("Add", ["x", "sum"], ["y"])]
    constants = {"zeros": np.zeros(4, np.float32), "zero": scalar(0), "one": scalar(1)}
    return nodes, {**TRUE, **constants, "nothing": np.array(0, np.float32)}


def fibonacci() -> Body:
    """Replace (a, b) by (b, a + b) three times."""
    body = [node("Identity", ["b"], ["a_next"]), node("Add", ["a", "b"], ["b_next"])]
    states = {"a": ("x", f32("N", 4)), "b": ("x", f32("N", 4))}
    return [loop_over("trips", body, states, outputs=["y", "z"])], {**TRUE, "trips": scalar(TRIPS)}


def factorial() -> Body:
    """Multiply by 1, 2 and 3: by the step and one more."""
    body = [node("Add", ["step", "one"], ["factor"]), node("Mul", ["state", "factor"], ["state_next"])]
    states = {"state": ("x", i64("N", 4))}
    return [loop_over("trips", body, states)], {**TRUE, "trips": scalar(TRIPS), "one": scalar(1)}


def growing() -> Body:
    """Append x to the state three times: the state has another shape in each step."""
    body = [node("Concat", ["state", "x"], ["state_next"], axis=0)]
    return [loop_over("trips", body, {"state": ("x", f32(None, 4))})], {**TRUE, "trips": scalar(TRIPS)}


def shrinking() -> Body:
    """Drop the first row twice."""
    body = [node("Slice", ["state", "one", "far", "zero"], ["state_next"])]
    constants = {"trips": scalar(2), "one": ints(1), "far": ints(2**31 - 1), "zero": ints(0)}
    return [loop_over("trips", body, {"state": ("x", f32(None, 4))})], {**TRUE, **constants}


def collecting() -> Body:
    """Append each row whose flag is set, beginning with none."""
    chosen = [
        node("Reshape", ["step", "one"], ["place"]),
        node("Gather", ["x", "place"], ["row"], axis=0),
        node("Gather", ["keep", "place"], ["flag"], axis=0),
        node("Compress", ["row", "flag"], ["chosen"], axis=0),
        node("Concat", ["state", "chosen"], ["state_next"], axis=0),
    ]
    nodes = [*extent("x", 0, "s", rank=0), loop_over("s", chosen, {"state": ("none", f32(None, 4))})]
    return nodes, {**TRUE, "one": ints(1), "none": np.zeros((0, 4), np.float32)}


def captured() -> Body:
    """Add what is computed outside, three times."""
    body = [node("Add", ["state", "sums"], ["state_next"])]
    loop = loop_over("trips", body, {"state": ("x", f32("N", 4))})
    constants = {**TRUE, "trips": scalar(TRIPS), "one": ints(1)}
    return [node("ReduceSum", ["x", "one"], ["sums"], keepdims=1), loop], constants


def no_state() -> Body:
    """Return each row doubled: nothing goes from one step to the next."""
    body = [node("Gather", ["x", "step"], ["row"], axis=0), node("Add", ["row", "row"], ["element"])]
    return [*extent("x", 0, "s", rank=0), loop_over("s", body, {}, scanned={"element": f32(4)})], TRUE


def powers() -> Body:
    """Multiply a square matrix of -1, 0 and 1 by itself, once: a whole number of at most 24 in each place."""
    body = [node("MatMul", ["state", "x"], ["state_next"])]
    return [loop_over("once", body, {"state": ("x", f32("S", "S"))})], {**TRUE, "once": scalar(1)}


def running_sums() -> Body:
    """Return the running sums of s rows, stacked."""
    body = [
        node("Gather", ["x", "step"], ["row"], axis=0),
        node("Add", ["state", "row"], ["state_next"]),
        node("Identity", ["state_next"], ["element"]),
    ]
    states = {"state": ("zeros", f32(4))}
    loop = loop_over("s", body, states, scanned={"element": f32(4)}, outputs=["total", "y"])
    return [*extent("x", 0, "s", rank=0), loop], {**TRUE, "zeros": np.zeros(4, np.float32)}


def matrices() -> Body:
    """Return the running sums of a batch, stacked: each of them has a symbol in its shape."""
    body = [
        node("Gather", ["x", "step"], ["row"], axis=0),
        node("Add", ["state", "row"], ["state_next"]),
        node("Identity", ["state_next"], ["element"]),
    ]
    states = {"state": ("start", f32("N", 4))}
    loop = loop_over("s", body, states, scanned={"element": f32("N", 4)}, outputs=["total", "y"])
    return [*extent("x", 0, "s", rank=0), loop], TRUE


def scalars() -> Body:
    """Return the running sums of the sums of s rows: scalars, stacked to a vector."""
    body = [
        node("Gather", ["x", "step"], ["row"], axis=0),
        node("ReduceSum", ["row"], ["sum"], keepdims=0),
        node("Add", ["state", "sum"], ["state_next"]),
        node("Identity", ["state_next"], ["element"]),
    ]
    states = {"state": ("nothing", f32())}
    loop = loop_over("s", body, states, scanned={"element": f32()}, outputs=["total", "y"])
    return [*extent("x", 0, "s", rank=0), loop], {**TRUE, "nothing": np.array(0, np.float32)}


def two_outputs() -> Body:
    """Return the running sums and the first halves of s rows."""
    body = [
        node("Gather", ["x", "step"], ["row"], axis=0),
        node("Add", ["state", "row"], ["state_next"]),
        node("Identity", ["state_next"], ["element"]),
        node("Slice", ["row", "front", "middle"], ["head"]),
    ]
    scanned = {"element": f32(4), "head": f32(2)}
    loop = loop_over("s", body, {"state": ("zeros", f32(4))}, scanned=scanned, outputs=["total", "y", "z"])
    constants = {"zeros": np.zeros(4, np.float32), "front": ints(0), "middle": ints(2)}
    return [*extent("x", 0, "s", rank=0), loop], {**TRUE, **constants}


def products() -> Body:
    """Return the products of all pairs of running sums: scan outputs of an unknown number flow into MatMul."""
    nodes, constants = running_sums()
    loop = nodes[-1]
    loop.output[1] = "sums"
    products = [node("Transpose", ["sums"], ["turned"], perm=[1, 0]), node("MatMul", ["sums", "turned"], ["y"])]
    return [*nodes, *products], constants


def history() -> Body:
    """Do x + x as many times as is given, and return the sums on the way: none for 0 trips."""
    body = [
        node("Add", ["state", "x"], ["state_next"]),
        node("ReduceSum", ["state_next"], ["sum"], keepdims=0),
        node("Reshape", ["sum", "one"], ["element"]),
    ]
    states = {"state": ("x", f32("N", 4))}
    loop = loop_over("trips", body, states, scanned={"element": f32(1)}, outputs=["y", "history"])
    return [loop], {**TRUE, "one": ints(1)}


def repeat(trips: str, condition: str = "true") -> onnx.NodeProto:
    body = [node("Mul", ["state", "half"], ["halved"]), node("Add", ["halved", "x"], ["state_next"])]
    return loop_over(trips, body, {"state": ("x", f32("N", 4))}, condition=condition)
