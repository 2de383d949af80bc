"""What the If cases compute; the first line of each says it."""

from __future__ import annotations

import numpy as np

from cases.dynamic_shapes.control_flow import branches, if_large_batch
from cases.dynamic_shapes.symbolic import Body, extent, f32, ints, scalar
from cases.model import node


def same_shape() -> Body:
    """If the batch is larger than 2: Relu, else Neg."""
    return if_large_batch([node("Relu", ["x"], ["a"])], f32("N", 4), [node("Neg", ["x"], ["b"])], f32("N", 4))


def different_shapes() -> Body:
    """If the batch is larger than 2: the first column, else the last three."""
    first, last = node("Slice", ["x", "zero", "one", "one"], ["a"]), node("Slice", ["x", "one", "four", "one"], ["b"])
    nodes, constants = if_large_batch([first], f32("N", 1), [last], f32("N", 3))
    return nodes, {**constants, "zero": ints(0), "one": ints(1), "four": ints(4)}


def different_ranks() -> Body:
    """If the batch is larger than 2: Squeeze, else Identity; then Reshape, as a graph output must have a known rank."""
    squeeze, same = node("Squeeze", ["x", "middle"], ["a"]), node("Identity", ["x"], ["b"])
    nodes, constants = if_large_batch([squeeze], f32("N", 4), [same], f32("N", 1, 4), output="either")
    nodes = [*nodes, node("Reshape", ["either", "rows"], ["y"])]
    return nodes, {**constants, "middle": ints(1), "rows": ints(-1, 4)}


def condition_from_data() -> Body:
    """If the sum of all elements is positive: Relu, else Neg."""
    nodes = [node("ReduceSum", ["x"], ["sum"], keepdims=0), node("Greater", ["sum", "zero"], ["condition"])]
    return [*nodes, *signs()[0]], {"zero": np.array(0, np.float32)}


def signs() -> Body:
    """If the flag is set: Relu, else Neg."""
    relu, neg = node("Relu", ["x"], ["a"]), node("Neg", ["x"], ["b"])
    return [branches([relu], {"a": f32("N", 4)}, [neg], {"b": f32("N", 4)})], {}


def cuts() -> Body:
    """If the flag is set: the first column, else the last three."""
    first, last = node("Slice", ["x", "zero", "one", "one"], ["a"]), node("Slice", ["x", "one", "four", "one"], ["b"])
    nodes = [branches([first], {"a": f32("N", 1)}, [last], {"b": f32("N", 3)})]
    return nodes, {"zero": ints(0), "one": ints(1), "four": ints(4)}


def landscape() -> Body:
    """If an image is wider than high: turn it by exchanging height and width, else leave it."""
    turn, same = node("Transpose", ["x"], ["a"], perm=[0, 1, 3, 2]), node("Identity", ["x"], ["b"])
    nodes = [
        *extent("x", 2, "h", rank=0),
        *extent("x", 3, "w", rank=0),
        node("Less", ["h", "w"], ["condition"]),
        branches([turn], {"a": f32("N", 2, "W", "H")}, [same], {"b": f32("N", 2, "H", "W")}),
    ]
    return nodes, {}


def by_number(op: str) -> Body:
    """If there are more than eight elements: Relu, else Neg."""
    nodes = [node(op, ["x"], ["number"]), node("Greater", ["number", "eight"], ["condition"])]
    return [*nodes, *signs()[0]], {"eight": scalar(8)}


def by_shape_input() -> Body:
    """If the first number of a shape that is given at run time is above 2: reshape x to it, else flatten x."""
    reshape = node("Reshape", ["x", "shape"], ["a"])
    flat = node("Reshape", ["x", "row"], ["b"])
    nodes = [
        node("Gather", ["shape", "first"], ["rows"], axis=0),
        node("Greater", ["rows", "two"], ["condition"]),
        branches([reshape], {"a": f32("rows", "columns")}, [flat], {"b": f32(1, "all")}),
    ]
    return nodes, {"first": scalar(0), "two": scalar(2), "row": ints(1, -1)}


def two_outputs() -> Body:
    """If the batch is larger than 2: x and its first column, else -x and its last three."""
    nodes = [
        *extent("x", 0, "n", rank=0),
        node("Greater", ["n", "two"], ["condition"]),
        branches(
            [node("Identity", ["x"], ["a"]), node("Slice", ["x", "zero", "one", "one"], ["first"])],
            {"a": f32("N", 4), "first": f32("N", 1)},
            [node("Neg", ["x"], ["b"]), node("Slice", ["x", "one", "four", "one"], ["last"])],
            {"b": f32("N", 4), "last": f32("N", 3)},
            outputs=["y", "z"],
        ),
    ]
    return nodes, {"two": scalar(2), "zero": ints(0), "one": ints(1), "four": ints(4)}


def constant_branch() -> Body:
    """If the batch is larger than 2: x, else zeros of its shape, made in the branch."""
    zeros = [node("Shape", ["x"], ["x_shape"]), node("ConstantOfShape", ["x_shape"], ["b"])]
    return if_large_batch([node("Identity", ["x"], ["a"])], f32("N", 4), zeros, f32("N", 4))


def captured() -> Body:
    """If the batch is larger than 2: x + sums, else x - sums, with sums computed outside."""
    plus, minus = node("Add", ["x", "sums"], ["a"]), node("Sub", ["x", "sums"], ["b"])
    nodes, constants = if_large_batch([plus], f32("N", 4), [minus], f32("N", 4))
    return [node("ReduceSum", ["x", "one"], ["sums"], keepdims=1), *nodes], {**constants, "one": ints(1)}


def outer_identity() -> Body:
    """If the batch is larger than 2: one tensor of outside, else another; the branches compute nothing."""
    nodes, constants = if_large_batch(
        [node("Identity", ["raised"], ["a"])], f32("N", 4), [node("Identity", ["lowered"], ["b"])], f32("N", 4)
    )
    outside = [node("Relu", ["x"], ["raised"]), node("Neg", ["x"], ["lowered"])]
    return [*outside, *nodes], constants


def empty_branch() -> Body:
    """If the batch is larger than 2: x, else none of its rows."""
    none = node("Slice", ["x", "zero", "zero", "zero"], ["b"])
    nodes, constants = if_large_batch([node("Identity", ["x"], ["a"])], f32("N", 4), [none], f32(0, 4))
    return nodes, {**constants, "zero": ints(0)}


def empty_branch_concat() -> Body:
    """The same, with x appended."""
    nodes, constants = empty_branch()
    renamed = branches(
        [node("Identity", ["x"], ["a"])],
        {"a": f32("N", 4)},
        [node("Slice", ["x", "zero", "zero", "zero"], ["b"])],
        {"b": f32(0, 4)},
        outputs=["some"],
    )
    return [*nodes[:-1], renamed, node("Concat", ["some", "x"], ["y"], axis=0)], constants


def reshape_inside() -> Body:
    """If the batch is larger than 2: one row, else rows of two; both by Reshape in the branch."""
    one, pairs = node("Reshape", ["x", "row"], ["a"]), node("Reshape", ["x", "pairs"], ["b"])
    nodes, constants = if_large_batch([one], f32(1, "all"), [pairs], f32("twice", 2))
    return nodes, {**constants, "row": ints(1, -1), "pairs": ints(-1, 2)}


def into_matmul() -> Body:
    """The products of the rows of what an If with different shapes gives."""
    first, last = node("Slice", ["x", "zero", "one", "one"], ["a"]), node("Slice", ["x", "one", "four", "one"], ["b"])
    nodes, constants = if_large_batch([first], f32("N", 1), [last], f32("N", 3), output="some")
    products = [node("Transpose", ["some"], ["turned"], perm=[1, 0]), node("MatMul", ["some", "turned"], ["y"])]
    return [*nodes, *products], {**constants, "zero": ints(0), "one": ints(1), "four": ints(4)}


def data_dependent_branch() -> Body:
    """If the batch is larger than 2: the positive elements, else all: a size depends on data in one branch only."""
    some = [
        node("Reshape", ["x", "flat"], ["line"]),
        node("Greater", ["line", "zero"], ["mask"]),
        node("Compress", ["line", "mask"], ["a"]),
    ]
    whole = [node("Reshape", ["x", "flat"], ["b"])]
    nodes, constants = if_large_batch(some, f32("count"), whole, f32("all"))
    return nodes, {**constants, "flat": ints(-1), "zero": np.array(0, np.float32)}
