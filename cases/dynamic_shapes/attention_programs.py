"""Attention spelled out in primitives, with the masks that models compute or are given; heads are 4 wide."""

from __future__ import annotations

import numpy as np
import onnx

from cases.dynamic_shapes.symbolic import Body, extent, ints, scalar
from cases.inputs import floats
from cases.model import node

INT64 = onnx.TensorProto.INT64
HEADS, WIDTH = 4, 4
HALF = np.array(0.5, np.float32)  # 1 / sqrt(WIDTH)
BLOCKED = np.array(-128, np.float32)
REACH = 2  # of the sliding window, to either side
Nodes = list[onnx.NodeProto]


def plain() -> Body:
    """softmax(q transposed(k) / 2) v."""
    return [*_scores(), *_weighted("scores")], {"half": HALF}


def additive() -> Body:
    """A mask is added to the scores."""
    nodes = [*_scores(), node("Add", ["scores", "mask"], ["masked"]), *_weighted("masked")]
    return nodes, {"half": HALF}


def where() -> Body:
    """Scores are replaced by -128 where a mask is false."""
    nodes = [*_scores(), node("Where", ["mask", "scores", "blocked"], ["masked"]), *_weighted("masked")]
    return nodes, {"half": HALF, "blocked": BLOCKED}


def causal_trilu() -> Body:
    """Add -128 above the diagonal of [s, s]: Trilu of a constant of computed shape."""
    nodes = [
        *_scores(),
        *extent("query", 2, "s"),
        node("Concat", ["s", "s"], ["square"], axis=0),
        node("Expand", ["blocked", "square"], ["full"]),
        node("Trilu", ["full", "one"], ["mask"], upper=1),
        node("Add", ["scores", "mask"], ["masked"]),
        *_weighted("masked"),
    ]
    return nodes, {"half": HALF, "blocked": BLOCKED, "one": scalar(1)}


def causal_ranges() -> Body:
    """Block the keys whose position is later than the query's."""
    nodes = [*_scores(), *_positions("query"), node("LessOrEqual", ["across", "down"], ["open"]), *_where_open()]
    return nodes, {"half": HALF, "blocked": BLOCKED, **_RANGES}


def sliding_window() -> Body:
    """Block the keys more than 2 positions away."""
    nodes = [
        *_scores(),
        *_positions("query"),
        node("Sub", ["across", "down"], ["difference"]),
        node("Abs", ["difference"], ["distance"]),
        node("LessOrEqual", ["distance", "reach"], ["open"]),
        *_where_open(),
    ]
    return nodes, {"half": HALF, "blocked": BLOCKED, "reach": scalar(REACH), **_RANGES}


def valid_lengths() -> Body:
    """Block the keys beyond the valid length of their sequence."""
    nodes = [
        *_scores(),
        *extent("key", 2, "t", rank=0),
        node("Range", ["zero", "t", "one"], ["positions"]),
        node("Unsqueeze", ["lengths", "behind"], ["limits"]),
        node("Less", ["positions", "limits"], ["valid"]),
        node("Unsqueeze", ["valid", "middle"], ["open"]),
        *_where_open(),
    ]
    axes = {"behind": ints(1), "middle": ints(1, 2)}
    return nodes, {"half": HALF, "blocked": BLOCKED, "zero": scalar(0), "one": scalar(1), **axes}


def with_past() -> Body:
    """Keys and values of the past come before those of the present."""
    nodes = [*_join_past(), *_scores("present_key"), *_weighted("scores", "present_value")]
    return nodes, {"half": HALF}


def with_past_causal() -> Body:
    """The same, and a query sees no key after itself: Trilu above the diagonal of the past."""
    nodes = [
        *_join_past(),
        *_scores("present_key"),
        *extent("query", 2, "s"),
        *extent("past_key", 2, "p"),
        node("Add", ["p", "s"], ["all"]),
        node("Concat", ["s", "all"], ["rectangle"], axis=0),
        node("Expand", ["blocked", "rectangle"], ["full"]),
        node("Squeeze", ["p"], ["past_length"]),
        node("Add", ["past_length", "one"], ["above"]),
        node("Trilu", ["full", "above"], ["mask"], upper=1),
        node("Add", ["scores", "mask"], ["masked"]),
        *_weighted("masked", "present_value"),
    ]
    return nodes, {"half": HALF, "blocked": BLOCKED, "one": scalar(1)}


def grouped() -> Body:
    """Two heads of keys and values, each for two heads of queries."""
    nodes = [
        *_repeated("key"),
        *_repeated("value"),
        *_scores("key_repeated"),
        *_weighted("scores", "value_repeated"),
    ]
    return nodes, {"half": HALF, "behind": ints(2), "two": ints(2), "four": ints(WIDTH)}


def heads_from_features() -> Body:
    """Project [n, s, 16], split into heads by Reshape, attend, and merge the heads."""
    nodes = []
    for name in ("query", "key", "value"):
        nodes += [
            node("MatMul", ["x", f"{name}_weight"], [f"{name}_flat"]),
            node("Reshape", [f"{name}_flat", "split"], [f"{name}_apart"]),
            node("Transpose", [f"{name}_apart"], [name], perm=[0, 2, 1, 3]),
        ]
    nodes += [*_scores(), *_weighted("scores", output="attended")]
    nodes += [
        node("Transpose", ["attended"], ["tokens_first"], perm=[0, 2, 1, 3]),
        node("Reshape", ["tokens_first", "merge"], ["y"]),
    ]
    size = HEADS * WIDTH
    # a sixteenth of the usual weights: what is projected stays at most 1
    weights = {
        f"{name}_weight": floats(f"{name}_weight", (size, size), limit=2.0**-4, step=2.0**-8)
        for name in ("query", "key", "value")
    }
    return nodes, {**weights, "half": HALF, "split": ints(0, 0, HEADS, WIDTH), "merge": ints(0, 0, size)}


def einsum() -> Body:
    """Both products are Einsum."""
    nodes = [
        node("Einsum", ["query", "key"], ["products"], equation="bhsd,bhtd->bhst"),
        node("Mul", ["products", "half"], ["scores"]),
        node("Softmax", ["scores"], ["weights"], axis=-1),
        node("Einsum", ["weights", "value"], ["y"], equation="bhst,bhtd->bhsd"),
    ]
    return nodes, {"half": HALF}


def relative_bias() -> Body:
    """A bias [heads, s, s] without a batch is added to the scores."""
    nodes = [*_scores(), node("Add", ["bias", "scores"], ["masked"]), *_weighted("masked")]
    return nodes, {"half": HALF}


def _scores(key: str = "key") -> Nodes:
    return [
        node("Transpose", [key], ["keys_turned"], perm=[0, 1, 3, 2]),
        node("MatMul", ["query", "keys_turned"], ["products"]),
        node("Mul", ["products", "half"], ["scores"]),
    ]


def _weighted(scores: str, value: str = "value", output: str = "y") -> Nodes:
    return [node("Softmax", [scores], ["weights"], axis=-1), node("MatMul", ["weights", value], [output])]


def _where_open() -> Nodes:
    return [node("Where", ["open", "scores", "blocked"], ["masked"]), *_weighted("masked")]


_RANGES = {"zero": scalar(0), "one": scalar(1), "behind": ints(1)}


def _positions(source: str) -> Nodes:
    """Return nodes that number positions along the keys, [s], and down the queries, [s, 1]."""
    return [
        *extent(source, 2, "s", rank=0),
        node("Range", ["zero", "s", "one"], ["across"]),
        node("Unsqueeze", ["across", "behind"], ["down"]),
    ]


def _join_past() -> Nodes:
    return [node("Concat", [f"past_{name}", name], [f"present_{name}"], axis=2) for name in ("key", "value")]


def _repeated(name: str) -> Nodes:
    """Return nodes that turn [n, 2, s, 4] into [n, 4, s, 4], each head twice in a row."""
    return [
        *extent(name, 0, f"{name}_n"),
        *extent(name, 2, f"{name}_s"),
        node("Unsqueeze", [name, "behind"], [f"{name}_apart"]),
        node("Concat", [f"{name}_n", "two", "two", f"{name}_s", "four"], [f"{name}_copies_shape"], axis=0),
        node("Expand", [f"{name}_apart", f"{name}_copies_shape"], [f"{name}_copies"]),
        node("Concat", [f"{name}_n", "four", f"{name}_s", "four"], [f"{name}_repeated_shape"], axis=0),
        node("Reshape", [f"{name}_copies", f"{name}_repeated_shape"], [f"{name}_repeated"]),
    ]
