"""What the cases with sequences compute; the first line of each says it."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from cases.case import Array
from cases.dynamic_shapes.control_flow import TRUE
from cases.dynamic_shapes.symbolic import Body, extent, ints, scalar
from cases.model import node, onnx_type, value_info


def three() -> list[onnx.NodeProto]:
    """Return nodes for a sequence ``three`` of Relu(x), -x and x + x."""
    return [
        node("Relu", ["x"], ["a"]),
        node("Neg", ["x"], ["b"]),
        node("Add", ["x", "x"], ["c"]),
        node("SequenceConstruct", ["a", "b", "c"], ["three"]),
    ]


def three_then(op: str, index: int | None) -> Body:
    """Return one tensor of a sequence of three."""
    constants = {} if index is None else {"index": scalar(index)}
    return [*three(), node(op, ["three", "index"], ["y"])], constants


def at_computed() -> Body:
    """Return one tensor of a sequence of three: the batch modulo 3 says which."""
    nodes = [*extent("x", 0, "n", rank=0), node("Mod", ["n", "length"], ["index"])]
    return [*nodes, *three_then("SequenceAt", None)[0]], {"length": scalar(3)}


def inserted(position: int | None) -> Body:
    """Insert x into a sequence of three, and join it."""
    places, constants = ([], {}) if position is None else (["place"], {"place": scalar(position)})
    return [*three(), node("SequenceInsert", ["three", "x", *places], ["four"]), concat("four")], constants


def other_shape() -> Body:
    """Insert a tensor with more rows than the others, and join them."""
    nodes = [
        *three(),
        node("Concat", ["x", "x"], ["twice"], axis=0),
        node("SequenceInsert", ["three", "twice"], ["four"]),
        concat("four"),
    ]
    return nodes, {}


def erased(position: int | None) -> Body:
    """Erase one of a sequence of three, and join the others."""
    places, constants = ([], {}) if position is None else (["place"], {"place": scalar(position)})
    return [*three(), node("SequenceErase", ["three", *places], ["two"]), concat("two")], constants


def empty_then_insert() -> Body:
    """Insert into an empty sequence, and take it out again."""
    nodes = [
        node("SequenceEmpty", [], ["none"], dtype=onnx_type(np.float32)),
        node("Relu", ["x"], ["a"]),
        node("SequenceInsert", ["none", "a"], ["one"]),
        node("SequenceAt", ["one", "first"], ["y"]),
    ]
    return nodes, {"first": scalar(0)}


def length() -> Body:
    """Return 0, 1, ... up to the number of rows, which SequenceLength counts."""
    nodes = [node("SplitToSequence", ["x"], ["rows"], axis=0), node("SequenceLength", ["rows"], ["length"])]
    return [*nodes, node("Range", ["zero", "length", "one"], ["y"])], {"zero": scalar(0), "one": scalar(1)}


def joined(axis: int, new_axis: int) -> Body:
    """Join a sequence of three along an axis, or stack it along a new one."""
    return [*three(), node("ConcatFromSequence", ["three"], ["y"], axis=axis, new_axis=new_axis)], {}


def identity() -> Body:
    """Hand a sequence through Identity, as exporters do."""
    return [*three(), node("Identity", ["three"], ["same"]), concat("same")], {}


def split_at(index: int, split: Array | None = None, *, given: bool = False, axis: int = 0, **attributes: int) -> Body:
    """Split a dynamic axis and take one part."""
    constants: dict[str, Array] = {"index": scalar(index)}
    if split is not None:
        constants["split"] = split
    operands = ["x", "split"] if given or split is not None else ["x"]
    nodes = [
        node("SplitToSequence", operands, ["parts"], axis=axis, **attributes),
        node("SequenceAt", ["parts", "index"], ["y"]),
    ]
    return nodes, constants


def split_columns(index: int, dtype: type[np.signedinteger] = np.int64) -> Body:
    """Split columns into one and three, and take a part."""
    return split_at(index, np.array([1, 3], dtype), axis=1)


def split_in_halves() -> Body:
    """Split rows into two halves, whose sizes are computed, and take the second."""
    nodes = [
        *extent("x", 0, "s"),
        node("Div", ["s", "two"], ["half"]),
        node("Sub", ["s", "half"], ["rest"]),
        node("Concat", ["half", "rest"], ["split"], axis=0),
    ]
    parts, constants = split_at(1, given=True)
    return [*nodes, *parts], {**constants, "two": ints(2)}


def split_and_joined(axis: int, new_axis: int, **attributes: int) -> Body:
    """Split into rows, and join them along another axis."""
    nodes = [
        node("SplitToSequence", ["x"], ["rows"], axis=0, **attributes),
        node("ConcatFromSequence", ["rows"], ["y"], axis=axis, new_axis=new_axis),
    ]
    return nodes, {}


def count_of_parts() -> Body:
    """Return 0, 1, ... up to the number of parts of 5 rows at most."""
    nodes = [node("SplitToSequence", ["x", "five"], ["parts"], axis=0), node("SequenceLength", ["parts"], ["length"])]
    nodes.append(node("Range", ["zero", "length", "one"], ["y"]))
    return nodes, {"five": scalar(5), "zero": scalar(0), "one": scalar(1)}


def collected() -> Body:
    """Append twice each row to an empty sequence by a Loop, and join it: how exporters write a list in a loop."""
    return loop([node("Add", ["row", "row"], ["element"])])


def growing_rows() -> Body:
    """Append the first i + 1 rows in step i, and join them: tensors of different sizes in one sequence."""
    body = [
        node("Add", ["place", "one"], ["end"]),
        node("Slice", ["x", "zero", "end"], ["element"]),
    ]
    return loop(body)


def chosen() -> Body:
    """Append each row, or none of it where its flag is not set, and join them."""
    body = [node("Gather", ["keep", "place"], ["flag"], axis=0), node("Compress", ["row", "flag"], ["element"], axis=0)]
    return loop(body)


def loop(body: list[onnx.NodeProto]) -> Body:
    """Return a Loop over all rows that appends ``element`` to a sequence, and joins it."""
    inside = [
        node("Reshape", ["step", "one"], ["place"]),
        node("Gather", ["x", "place"], ["row"], axis=0),
        *body,
        node("SequenceInsert", ["list", "element"], ["list_next"]),
        node("Identity", ["go"], ["go_on"]),
    ]
    takes = [value_info("step", np.int64, ()), value_info("go", np.bool_, ()), sequence("list")]
    gives = [value_info("go_on", np.bool_, ()), sequence("list_next")]
    nodes = [
        *extent("x", 0, "s", rank=0),
        node("SequenceEmpty", [], ["none"], dtype=onnx_type(np.float32)),
        node("Loop", ["s", "true", "none"], ["all"], body=helper.make_graph(inside, "body", takes, gives)),
        concat("all"),
    ]
    return nodes, {**TRUE, "one": ints(1), "zero": ints(0)}


def either() -> Body:
    """If the batch is larger than 2: a sequence of two, else of one; then join it."""
    more = helper.make_graph([node("SequenceConstruct", ["x", "x"], ["a"])], "then", [], [sequence("a")])
    less = helper.make_graph([node("SequenceConstruct", ["x"], ["b"])], "else", [], [sequence("b")])
    nodes = [
        *extent("x", 0, "n", rank=0),
        node("Greater", ["n", "two"], ["condition"]),
        node("If", ["condition"], ["some"], then_branch=more, else_branch=less),
        concat("some"),
    ]
    return nodes, {"two": scalar(2)}


def mapped() -> Body:
    """Apply Relu to each row by SequenceMap, and join them."""
    inside = helper.make_graph(
        [node("Relu", ["row"], ["positive"])],
        "body",
        [value_info("row", np.float32, (1, 4))],
        [value_info("positive", np.float32, (1, 4))],
    )
    nodes = [
        node("SplitToSequence", ["x"], ["rows"], axis=0),
        node("SequenceMap", ["rows"], ["mapped"], body=inside),
        concat("mapped"),
    ]
    return nodes, {}


def concat(name: str) -> onnx.NodeProto:
    return node("ConcatFromSequence", [name], ["y"], axis=0)


def sequence(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_sequence_value_info(name, onnx_type(np.float32), None)
