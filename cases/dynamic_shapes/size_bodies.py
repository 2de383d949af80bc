"""What is made of sizes that are computed; the first line of each says it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from cases.dynamic_shapes.symbolic import Body, extent, ints, scalar
from cases.model import node, tensor

INT64 = onnx.TensorProto.INT64


def topk_half(axis: int = -1, **attributes: int) -> Body:
    """Return the first half of each row as sorted by TopK: k is the length / 2."""
    return [*extent("x", abs(axis), "s"), node("Div", ["s", "two"], ["k"]), top(axis, **attributes)], {"two": ints(2)}


def topk_at_most_ten() -> Body:
    """Return the ten largest of each row, or all if there are fewer: k is Min(length, 10), as detectors compute it."""
    return [*extent("x", 1, "s"), node("Min", ["s", "ten"], ["k"]), top(largest=1)], {"ten": ints(10)}


def topk_gather_elements() -> Body:
    """Return the largest half of each row, taken from x by the indices of TopK."""
    nodes, constants = topk_half(largest=1)
    top = node("TopK", ["x", "k"], ["values", "indices"])
    return [*nodes[:-1], top, node("GatherElements", ["x", "indices"], ["y"], axis=1)], constants


def topk_slice() -> Body:
    """Return each row without its first k elements: the k of TopK is a start of Slice, too."""
    nodes, constants = topk_half(largest=1)
    top = node("TopK", ["x", "k"], ["values", "indices"])
    ends = [*extent("values", 1, "begin"), *extent("x", 1, "end"), node("Slice", ["x", "begin", "end", "axis"], ["y"])]
    return [*nodes[:-1], top, *ends], {**constants, "axis": ints(1)}


def by_count(tail: Callable[[], Body]) -> Body:
    """Return what is made of the number of flags that are set."""
    nodes, constants = tail()
    count = [node("Cast", ["keep"], ["ones"], to=INT64), node("ReduceSum", ["ones"], ["count"], keepdims=1)]
    return [*count, *nodes], constants


def top_by_count() -> Body:
    return [node("Identity", ["count"], ["k"]), top(largest=1)], {}


def slice_by_count() -> Body:
    return [node("Slice", ["x", "zero", "count", "axis"], ["y"])], {"zero": ints(0), "axis": ints(1)}


def slice_from_count() -> Body:
    return [node("Slice", ["x", "count", "far", "axis"], ["y"])], {"far": ints(2**31 - 1), "axis": ints(1)}


def range_by_count() -> Body:
    nodes = [node("Squeeze", ["count"], ["number"]), node("Range", ["zero", "number", "one"], ["y"])]
    return nodes, {"zero": scalar(0), "one": scalar(1)}


def constant_by_count() -> Body:
    half = tensor("half", np.array([0.5], np.float32))
    nodes = [
        node("Concat", ["count", "three"], ["shape"], axis=0),
        node("ConstantOfShape", ["shape"], ["y"], value=half),
    ]
    return nodes, {"three": ints(3)}


def expand_by_count() -> Body:
    nodes = [
        node("Slice", ["x", "zero", "one", "one"], ["column"]),
        node("Concat", ["one", "count"], ["shape"], axis=0),
        node("Expand", ["column", "shape"], ["y"]),
    ]
    return nodes, {"zero": ints(0), "one": ints(1)}


def tile_by_count() -> Body:
    nodes = [node("Concat", ["one", "count"], ["repeats"], axis=0), node("Tile", ["x", "repeats"], ["y"])]
    return nodes, {"one": ints(1)}


def pad_by_count() -> Body:
    nodes = [node("Concat", ["none", "count"], ["pads"], axis=0), node("Pad", ["x", "pads"], ["y"], mode="constant")]
    return nodes, {"none": ints(0, 0, 0)}


def resize_by_count() -> Body:
    nodes = [
        *extent("x", 0, "n"),
        node("Add", ["count", "one"], ["length"]),
        node("Concat", ["n", "length"], ["sizes"], axis=0),
        node(
            "Resize",
            ["x", "", "", "sizes"],
            ["y"],
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        ),
    ]
    return nodes, {"one": ints(1)}


def split_by_count() -> Body:
    nodes = [
        *extent("x", 1, "s"),
        node("Sub", ["s", "count"], ["rest"]),
        node("Concat", ["count", "rest"], ["lengths"], axis=0),
        node("Split", ["x", "lengths"], ["y", "z"], axis=1),
    ]
    return nodes, {}


def one_hot_by_maximum() -> Body:
    """Return OneHot as deep as the largest id needs."""
    nodes = [
        node("ReduceMax", ["x"], ["largest"], keepdims=0),
        node("Add", ["largest", "one"], ["depth"]),
        node("OneHot", ["x", "depth", "off_on"], ["y"], axis=-1),
    ]
    return nodes, {"one": ints(1)[0], "off_on": np.array([0, 1], np.float32)}


def mask_by_lengths() -> Body:
    """Return which positions of a batch are filled, as many as the longest of x[:, 0] has."""
    nodes = [
        node("Slice", ["x", "front", "back", "back"], ["lengths"]),
        node("ReduceMax", ["lengths"], ["longest"], keepdims=0),
        node("Range", ["zero", "longest", "one"], ["positions"]),
        node("Less", ["positions", "lengths"], ["y"]),
    ]
    return nodes, {"front": ints(0), "back": ints(1), "zero": scalar(0), "one": scalar(1)}


def slice_by_maximum() -> Body:
    """Return as many columns as half of the largest element says, which is below the length."""
    nodes = [
        node("ReduceMax", ["x"], ["largest"], keepdims=0),
        node("Div", ["largest", "two"], ["longest"]),
        node("Reshape", ["longest", "one"], ["end"]),
        node("Slice", ["x", "front", "end", "one"], ["y"]),
    ]
    return nodes, {"two": scalar(2), "one": ints(1), "front": ints(0)}


def slice_from_argmax() -> Body:
    """Return what comes from the largest element on."""
    nodes = [node("ArgMax", ["x"], ["place"], axis=0, keepdims=1), node("Slice", ["x", "place", "far"], ["y"])]
    return nodes, {"far": ints(2**31 - 1)}


def reshape_by_data() -> Body:
    """Return x in rows whose length is the largest element of an input."""
    nodes = [
        node("ReduceMax", ["columns"], ["most"], keepdims=1),
        node("Concat", ["any", "most"], ["shape"], axis=0),
        node("Reshape", ["x", "shape"], ["y"]),
    ]
    return nodes, {"any": ints(-1)}


def top(axis: int = -1, **attributes: int) -> onnx.NodeProto:
    """Return TopK of opset 11 where it is told what to sort by, and otherwise of opset 10."""
    order = {"sorted": 1} if attributes else {}
    return node("TopK", ["x", "k"], ["y", "indices"], axis=axis, **attributes, **order)
