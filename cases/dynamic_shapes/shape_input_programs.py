"""What is computed with shape tensors that are graph inputs; the first line of each says it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import onnx

from cases.case import Array
from cases.dynamic_shapes.symbolic import Body, extent, ints, scalar
from cases.model import node, onnx_type


def expanded(columns: list[onnx.NodeProto], constants: Mapping[str, Array]) -> Body:
    """Return x in as many columns as ``columns``, made by those nodes, says."""
    nodes = [*columns, node("Concat", ["one", "columns"], ["shape"], axis=0), node("Expand", ["x", "shape"], ["y"])]
    return nodes, {**constants, "one": ints(1)}


def expand_by(op: str, operand: int, offset: int) -> Body:
    """Expand x to as many columns as arithmetic with a shape tensor says."""
    nodes = [node(op, ["count", "operand"], ["result"]), node("Add", ["result", "offset"], ["columns"])]
    return expanded(nodes, {"operand": ints(operand), "offset": ints(offset)})


def expand_by_cast(dtype: npt.DTypeLike) -> Body:
    """Expand x to twice a shape tensor, doubled in another type."""
    nodes = [
        node("Cast", ["count"], ["other"], to=onnx_type(dtype)),
        node("Add", ["other", "other"], ["twice"]),
        node("Cast", ["twice"], ["columns"], to=onnx_type(np.int64)),
    ]
    return expanded(nodes, {})


def swapped() -> Body:
    """Reshape x to a shape tensor with its two numbers exchanged, by Gather."""
    nodes = [
        node("Gather", ["shape", "last"], ["rows"], axis=0),
        node("Gather", ["shape", "first"], ["columns"], axis=0),
        node("Concat", ["rows", "columns"], ["swapped"], axis=0),
        node("Reshape", ["x", "swapped"], ["y"]),
    ]
    return nodes, {"first": ints(0), "last": ints(1)}


def only_last() -> Body:
    """Reshape x to -1 and the second number of a shape tensor, by Slice."""
    nodes = [
        node("Slice", ["shape", "one", "two"], ["columns"]),
        node("Concat", ["any", "columns"], ["target"], axis=0),
        node("Reshape", ["x", "target"], ["y"]),
    ]
    return nodes, {"one": ints(1), "two": ints(2), "any": ints(-1)}


def doubled() -> Body:
    """Reshape x to a shape tensor times [2, 1]."""
    nodes = [node("Mul", ["shape", "factors"], ["target"]), node("Reshape", ["x", "target"], ["y"])]
    return nodes, {"factors": ints(2, 1)}


def flat() -> Body:
    """Reshape x to the product of a shape tensor."""
    nodes = [node("ReduceProd", ["shape"], ["all"], keepdims=1), node("Reshape", ["x", "all"], ["y"])]
    return nodes, {}


def where() -> Body:
    """Expand x to a shape tensor where it is above 3, else to 3."""
    nodes = [node("Greater", ["count", "three"], ["more"]), node("Where", ["more", "count", "three"], ["columns"])]
    return expanded(nodes, {"three": ints(3)})


def with_shape_of_x() -> Body:
    """Expand x to a shape of its own number of rows and as many columns as a shape tensor and that number add up to."""
    nodes = [
        *extent("x", 0, "n"),
        node("Add", ["n", "count"], ["columns"]),
        node("Concat", ["n", "columns"], ["shape"], axis=0),
        node("Expand", ["x", "shape"], ["y"]),
    ]
    return nodes, {}


def broadcast() -> Body:
    """Expand x to the larger of its own shape and a shape tensor, number by number."""
    nodes = [
        node("Shape", ["x"], ["x_shape"]),
        node("Max", ["x_shape", "shape"], ["target"]),
        node("Expand", ["x", "target"], ["y"]),
    ]
    return nodes, {}


def resize() -> Body:
    """Resize an image to half of a shape tensor, batch and channels as they are."""
    nodes = [
        node("Shape", ["x"], ["x_shape"]),
        node("Slice", ["x_shape", "zero", "two"], ["front"]),
        node("Div", ["shape", "two"], ["half"]),
        node("Concat", ["front", "half"], ["sizes"], axis=0),
        node(
            "Resize",
            ["x", "", "", "sizes"],
            ["y"],
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        ),
    ]
    return nodes, {"zero": ints(0), "two": ints(2)}


def cut(more: tuple[str, ...], dtype: type[np.signedinteger] = np.int64) -> Body:
    """Cut a sequence between a start and an end that are given at run time."""
    constants = {} if more else {"axes": np.array([1], dtype)}
    return [node("Slice", ["x", "start", "end", *(more or ("axes",))], ["y"])], constants


def count_up() -> Body:
    """Add a range to x whose start, limit and step are given at run time."""
    nodes = [
        node("Range", ["start", "limit", "delta"], ["steps"]),
        node("Cast", ["steps"], ["steps_float"], to=onnx_type(np.float32)),
        node("Add", ["x", "steps_float"], ["y"]),
    ]
    return nodes, {}


def reshape_tile() -> Body:
    """Reshape x and repeat it, both as given at run time."""
    return [node("Reshape", ["x", "shape"], ["turned"]), node("Tile", ["turned", "repeats"], ["y"])], {}


def concat_expand() -> Body:
    """Expand x to a shape that two shape tensors are concatenated to."""
    nodes = [node("Concat", ["rows", "columns"], ["shape"], axis=0), node("Expand", ["x", "shape"], ["y"])]
    return nodes, {}


def mixed_expand() -> Body:
    """The same, where one of the two is int32."""
    nodes = [
        node("Cast", ["columns"], ["wide"], to=onnx_type(np.int64)),
        node("Concat", ["rows", "wide"], ["shape"], axis=0),
        node("Expand", ["x", "shape"], ["y"]),
    ]
    return nodes, {}


def used_twice() -> Body:
    """Expand x to as many columns as a shape tensor says, and repeat each row as often."""
    nodes, constants = expanded([node("Identity", ["count"], ["columns"])], {})
    nodes = [*nodes[:-1], node("Expand", ["x", "shape"], ["wide"])]
    nodes += [node("Concat", ["count", "one"], ["repeats"], axis=0), node("Tile", ["wide", "repeats"], ["y"])]
    return nodes, constants


def unsqueeze() -> Body:
    """Expand x to as many columns as a scalar says: Unsqueeze -> Concat."""
    return expanded([node("Unsqueeze", ["count", "front"], ["columns"])], {"front": ints(0)})


def reshape_expand() -> Body:
    """Expand x to as many columns as a scalar says: Reshape -> Concat."""
    return expanded([node("Reshape", ["count", "one"], ["columns"])], {})


def narrow_expand() -> Body:
    """Expand x to as many columns as a scalar of int32 says."""
    nodes = [
        node("Cast", ["count"], ["wide"], to=onnx_type(np.int64)),
        node("Reshape", ["wide", "one"], ["columns"]),
    ]
    return expanded(nodes, {})


def gather() -> Body:
    """Return the row that a negative scalar plus 3 is the number of."""
    nodes = [node("Add", ["count", "three"], ["index"]), node("Gather", ["x", "index"], ["y"], axis=1)]
    return nodes, {"three": scalar(3)}


def added() -> Body:
    """Expand x to as many columns as a shape tensor says, and add that number."""
    nodes, constants = expanded([node("Identity", ["count"], ["columns"])], {})
    nodes = [*nodes[:-1], node("Expand", ["x", "shape"], ["wide"])]
    nodes += [node("Cast", ["count"], ["number"], to=onnx_type(np.float32)), node("Add", ["wide", "number"], ["y"])]
    return nodes, constants


def returned() -> Body:
    """Expand x to as many columns as a shape tensor says, and return its double as a second output."""
    nodes, constants = expanded([node("Identity", ["count"], ["columns"])], {})
    return [*nodes, node("Add", ["count", "count"], ["z"])], constants


def identity() -> Body:
    """Expand x to as many columns as a shape tensor says, and return that as it is."""
    nodes, constants = expanded([node("Identity", ["count"], ["columns"])], {})
    return [*nodes, node("Identity", ["count"], ["z"])], constants


def mask_and_slice() -> Body:
    """Return x with 0 behind the first columns, and the first columns alone: the length as data and as an end."""
    nodes = [
        *extent("x", 1, "s", rank=0),
        node("Range", ["zero", "s", "step"], ["places"]),
        node("Less", ["places", "count"], ["inside"]),
        node("Where", ["inside", "x", "nothing"], ["y"]),
        node("Slice", ["x", "front", "count", "axis"], ["z"]),
    ]
    constants = {"zero": scalar(0), "step": scalar(1), "front": ints(0), "axis": ints(1)}
    return nodes, {**constants, "nothing": np.array(0, np.float32)}
