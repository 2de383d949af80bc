"""Bodies that expand, tile, fill and number by computed sizes; the output is ``y``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx

from cases.dynamic_shapes.symbolic import Body, extent, ints, scalar
from cases.model import node, tensor

FLOAT, INT32 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT32


def repeat_heads() -> Body:
    """[n, 2, s, 4] becomes [n, 6, s, 4], each head three times in a row, as grouped queries need it."""
    nodes = [
        *extent("x", 0, "n"),
        *extent("x", 2, "s"),
        node("Unsqueeze", ["x", "behind"], ["apart"]),
        node("Concat", ["n", "two", "three", "s", "four"], ["repeated"], axis=0),
        node("Expand", ["apart", "repeated"], ["copies"]),
        node("Concat", ["n", "six", "s", "four"], ["target"], axis=0),
        node("Reshape", ["copies", "target"], ["y"]),
    ]
    return nodes, {"behind": ints(2), "two": ints(2), "three": ints(3), "four": ints(4), "six": ints(6)}


def expand_like() -> Body:
    """Expand [n, 1, 4] by the shape of another input, [s, 1]."""
    return [node("Shape", ["like"], ["shape"]), node("Expand", ["x", "shape"], ["y"])], {}


def expand_to_ones() -> Body:
    """Expand to [1, 1], which changes nothing: Expand stretches either side."""
    return [node("Expand", ["x", "ones"], ["y"])], {"ones": ints(1, 1)}


def expand_rank() -> Body:
    """Expand [s] to [s, 2, s]."""
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Concat", ["s", "two", "s"], ["target"], axis=0),
        node("Expand", ["x", "target"], ["y"]),
    ]
    return nodes, {"two": ints(2)}


def reshape_like() -> Body:
    """Reshape to the shape of another input and subtract that input."""
    nodes = [
        node("Shape", ["like"], ["shape"]),
        node("Reshape", ["x", "shape"], ["other"]),
        node("Sub", ["other", "like"], ["y"]),
    ]
    return nodes, {}


def zeros_like() -> Body:
    """Return the larger of x and zeros of its shape."""
    zeros = node("ConstantOfShape", ["shape"], ["zeros"])
    return [node("Shape", ["x"], ["shape"]), zeros, node("Max", ["x", "zeros"], ["y"])], {}


def filled(dtype: npt.DTypeLike) -> Body:
    """Return [s, n] full of ones of a type."""
    one = tensor("one", np.array([1], dtype))
    nodes = [
        *extent("x", 0, "n"),
        *extent("x", 1, "s"),
        node("Concat", ["s", "n"], ["shape"], axis=0),
        node("ConstantOfShape", ["shape"], ["y"], value=one),
    ]
    return nodes, {}


def range_from_length() -> Body:
    """Add t, t + 1, ... to [n, s], where t is the length of the past."""
    nodes = [
        *extent("past", 1, "t", rank=0),
        *extent("x", 1, "s", rank=0),
        node("Add", ["t", "s"], ["end"]),
        node("Range", ["t", "end", "one"], ["positions"]),
        node("Cast", ["positions"], ["reals"], to=FLOAT),
        node("Add", ["x", "reals"], ["y"]),
    ]
    return nodes, {"one": scalar(1)}


def reversed_by_range() -> Body:
    """Reverse the sequence: Gather by s - 1, ..., 0."""
    nodes = [
        *extent("x", 1, "s", rank=0),
        node("Add", ["s", "minus_one"], ["last"]),
        node("Range", ["last", "minus_one", "minus_one"], ["indices"]),
        node("Gather", ["x", "indices"], ["y"], axis=1),
    ]
    return nodes, {"minus_one": scalar(-1)}


def range_int32() -> Body:
    """Add 0, 2, 4, ... to [n, s]: a Range in int32."""
    zero, two = np.array(0, np.int32), np.array(2, np.int32)
    nodes = [
        *extent("x", 1, "s", rank=0),
        node("Cast", ["s"], ["s_int32"], to=INT32),
        node("Mul", ["s_int32", "two"], ["end"]),
        node("Range", ["zero", "end", "two"], ["steps"]),
        node("Cast", ["steps"], ["reals"], to=FLOAT),
        node("Add", ["x", "reals"], ["y"]),
    ]
    return nodes, {"zero": zero, "two": two}


def numbered() -> Body:
    """Number the tokens of all sequences: Range to n * s, reshaped to [n, s]."""
    nodes = [
        *extent("x", 0, "n"),
        *extent("x", 1, "s"),
        node("Mul", ["n", "s"], ["count"]),
        node("Squeeze", ["count", "front"], ["end"]),
        node("Range", ["zero", "end", "one"], ["numbers"]),
        node("Concat", ["n", "s"], ["target"], axis=0),
        node("Reshape", ["numbers", "target"], ["y"]),
    ]
    return nodes, {"front": ints(0), "zero": scalar(0), "one": scalar(1)}


def relative_positions() -> Body:
    """A bias for each distance of two positions, from -4 to 4: a table indexed by clipped differences."""
    nodes = [
        *extent("x", 1, "s", rank=0),
        node("Range", ["zero", "s", "one"], ["positions"]),
        node("Unsqueeze", ["positions", "behind"], ["rows"]),
        node("Sub", ["positions", "rows"], ["distances"]),
        node("Clip", ["distances", "low", "high"], ["near"]),
        node("Add", ["near", "high"], ["indices"]),
        node("Gather", ["table", "indices"], ["y"], axis=0),
    ]
    table = (np.arange(9, dtype=np.float32) ** 2) / 4
    return nodes, {
        "zero": scalar(0),
        "one": scalar(1),
        "behind": ints(1),
        "low": scalar(-4),
        "high": scalar(4),
        "table": table,
    }


def coordinates() -> Body:
    """Return [2, h, w]: the row and the column of each pixel."""
    nodes = [
        *extent("x", 2, "h"),
        *extent("x", 3, "w"),
        node("Concat", ["h", "w"], ["grid"], axis=0),
        node("Squeeze", ["h", "front"], ["rows_end"]),
        node("Squeeze", ["w", "front"], ["columns_end"]),
        node("Range", ["zero", "rows_end", "one"], ["rows"]),
        node("Range", ["zero", "columns_end", "one"], ["columns"]),
        node("Unsqueeze", ["rows", "behind"], ["rows_column"]),
        node("Expand", ["rows_column", "grid"], ["row_of_each"]),
        node("Expand", ["columns", "grid"], ["column_of_each"]),
        node("Unsqueeze", ["row_of_each", "front"], ["first"]),
        node("Unsqueeze", ["column_of_each", "front"], ["second"]),
        node("Concat", ["first", "second"], ["both"], axis=0),
        node("Cast", ["both"], ["y"], to=FLOAT),
    ]
    return nodes, {"front": ints(0), "behind": ints(1), "zero": scalar(0), "one": scalar(1)}


def tile_twice() -> Body:
    """Tile [2, 3] as often as the two sizes of another input say."""
    return [node("Shape", ["like"], ["repeats"]), node("Tile", ["x", "repeats"], ["y"])], {}


def one_hot_by_equal() -> Body:
    """One where the position is that of the largest element of a row."""
    nodes = [
        node("ArgMax", ["x"], ["largest"], axis=-1, keepdims=1),
        *extent("x", 1, "s", rank=0),
        node("Range", ["zero", "s", "one"], ["positions"]),
        node("Equal", ["largest", "positions"], ["found"]),
        node("Cast", ["found"], ["y"], to=FLOAT),
    ]
    return nodes, {"zero": scalar(0), "one": scalar(1)}
