"""Bodies that compute a shape from the shapes of their inputs and give it to an op; the output is ``y``."""

from __future__ import annotations

import numpy as np
import onnx

from cases.dynamic_shapes.symbolic import Body, extent, ints, scalar
from cases.inputs import floats
from cases.model import node, tensor

FLOAT, INT32, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT32, onnx.TensorProto.INT64
TABLE_ROWS = 32  # of positions: more than any sequence is long
WINDOW = 4


def reshape(*target: int) -> Body:
    """Reshape to a constant."""
    return [node("Reshape", ["x", "target"], ["y"])], {"target": ints(*target)}


def shape_gather_reshape() -> Body:
    """Reshape to [n, -1]."""
    nodes = [*extent("x", 0, "n"), *_reshape_to("n", "rest")]
    return nodes, {"rest": ints(-1)}


def shape_gather_scalar_reshape() -> Body:
    """Reshape to [n, -1], with n a scalar on the way, as exporters spell it."""
    nodes = [
        *extent("x", 0, "scalar_n", rank=0),
        node("Unsqueeze", ["scalar_n", "front"], ["n"]),
        *_reshape_to("n", "rest"),
    ]
    return nodes, {"front": ints(0), "rest": ints(-1)}


def shape_start_end_reshape() -> Body:
    """Reshape to [n, -1], with n picked by the attributes of Shape (from opset 15 on)."""
    return [node("Shape", ["x"], ["n"], start=0, end=1), *_reshape_to("n", "rest")], {"rest": ints(-1)}


def shape_slice_reshape() -> Body:
    """Reshape to the first dimension, sliced from the shape, and -1."""
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Slice", ["shape", "begin", "end"], ["n"]),
        *_reshape_to("n", "rest"),
    ]
    return nodes, {"begin": ints(0), "end": ints(1), "rest": ints(-1)}


def flatten() -> Body:
    """Flatten all but the first dimension."""
    return [node("Flatten", ["x"], ["y"], axis=1)], {}


def size_div_reshape() -> Body:
    """Reshape to [n, Size / n]."""
    nodes = [
        *extent("x", 0, "n"),
        node("Size", ["x"], ["size"]),
        node("Div", ["size", "n"], ["rest"]),
        *_reshape_to("n", "rest"),
    ]
    return nodes, {}


def int32_reshape() -> Body:
    """Reshape to [n, 4 * s], multiplied in int32."""
    nodes = [
        *extent("x", 0, "n"),
        *extent("x", 2, "s"),
        node("Cast", ["s"], ["s_int32"], to=INT32),
        node("Mul", ["s_int32", "four"], ["product"]),
        node("Cast", ["product"], ["rest"], to=INT64),
        *_reshape_to("n", "rest"),
    ]
    return nodes, {"four": np.array([4], np.int32)}


def sqrt_reshape() -> Body:
    """Reshape [n, l, 4] to [n, side, side, 4] with side = Sqrt(l)."""
    nodes = [
        *extent("x", 0, "n"),
        *extent("x", 1, "l"),
        node("Cast", ["l"], ["l_float"], to=FLOAT),
        node("Sqrt", ["l_float"], ["side_float"]),
        node("Cast", ["side_float"], ["side"], to=INT64),
        *_reshape_to("n", "side", "side", "four"),
    ]
    return nodes, {"four": ints(4)}


def unsqueeze_squeeze() -> Body:
    """[n, 1, s] becomes [n, 1, s, 1] and then [n, s, 1]."""
    nodes = [node("Unsqueeze", ["x", "behind"], ["wide"]), node("Squeeze", ["wide", "middle"], ["y"])]
    return nodes, {"behind": ints(3), "middle": ints(1)}


def partition_windows(output: str = "y") -> Body:
    """[n, h, w, 2] becomes windows [n * h / 4 * w / 4, 4, 4, 2], as in Swin transformers."""
    nodes = [
        *extent("x", 0, "n"),
        *extent("x", 1, "h"),
        *extent("x", 2, "w"),
        node("Div", ["h", "side"], ["rows"]),
        node("Div", ["w", "side"], ["columns"]),
        node("Concat", ["n", "rows", "side", "columns", "side", "two"], ["split"], axis=0),
        node("Reshape", ["x", "split"], ["blocks"]),
        node("Transpose", ["blocks"], ["ordered"], perm=[0, 1, 3, 2, 4, 5]),
        node("Reshape", ["ordered", "window"], [output]),
    ]
    return nodes, {"side": ints(WINDOW), "two": ints(2), "window": ints(-1, WINDOW, WINDOW, 2)}


def partition_and_reverse_windows() -> Body:
    """Partition into windows, Relu, and back to [n, h, w, 2]."""
    nodes, constants = partition_windows("windows")
    back = [
        node("Relu", ["windows"], ["positive"]),
        node("Concat", ["n", "rows", "columns", "side", "side", "two"], ["grid"], axis=0),
        node("Reshape", ["positive", "grid"], ["tiles"]),
        node("Transpose", ["tiles"], ["woven"], perm=[0, 1, 3, 2, 4, 5]),
        node("Concat", ["n", "h", "w", "two"], ["image"], axis=0),
        node("Reshape", ["woven", "image"], ["y"]),
    ]
    return [*nodes, *back], constants


def class_token_expand() -> Body:
    """Expand a token [1, 1, 4] to the batch and set it before the sequence."""
    nodes = [
        *extent("x", 0, "n"),
        node("Concat", ["n", "rest"], ["target"], axis=0),
        node("Expand", ["token", "target"], ["tokens"]),
        node("Concat", ["tokens", "x"], ["y"], axis=1),
    ]
    return nodes, {"rest": ints(1, 4), "token": floats("class_token", (1, 1, 4))}


def where_expand() -> Body:
    """Expand [4] to [n, s, -1], where the -1 is replaced by 1 at run time, and add x."""
    nodes = [
        *extent("x", 0, "n"),
        *extent("x", 1, "s"),
        node("Concat", ["n", "s", "keep"], ["asked"], axis=0),
        node("Equal", ["asked", "keep"], ["kept"]),
        node("Where", ["kept", "one", "asked"], ["target"]),
        node("Expand", ["row", "target"], ["rows"]),
        node("Add", ["rows", "x"], ["y"]),
    ]
    return nodes, {"keep": ints(-1), "one": ints(1), "row": floats("row", (4,))}


def range_positions() -> Body:
    """Add a row of a table for each position 0 .. s - 1."""
    nodes = [
        *extent("x", 1, "s", rank=0),
        node("Range", ["zero", "s", "one"], ["positions"]),
        node("Gather", ["table", "positions"], ["rows"], axis=0),
        node("Add", ["x", "rows"], ["y"]),
    ]
    return nodes, {"zero": scalar(0), "one": scalar(1), "table": floats("positions", (TABLE_ROWS, 4))}


def range_float() -> Body:
    """Add 0.0, 0.5, ... to [n, s]: a Range in float32."""
    nodes = [
        *extent("x", 1, "s", rank=0),
        node("Cast", ["s"], ["s_float"], to=FLOAT),
        node("Mul", ["s_float", "half"], ["limit"]),
        node("Range", ["zero", "limit", "half"], ["steps"]),
        node("Add", ["x", "steps"], ["y"]),
    ]
    return nodes, {"zero": np.array(0, np.float32), "half": np.array(0.5, np.float32)}


def tile_like() -> Body:
    """Tile [n, 4] along its last axis as many times as ``like`` is long."""
    nodes = [
        *extent("like", 0, "s"),
        node("Concat", ["one", "s"], ["repeats"], axis=0),
        node("Tile", ["x", "repeats"], ["y"]),
    ]
    return nodes, {"one": ints(1)}


def constant_of_shape() -> Body:
    """Return [s, n] full of 0.5."""
    half = tensor("half", np.array([0.5], np.float32))
    nodes = [
        *extent("x", 0, "n"),
        *extent("x", 1, "s"),
        node("Concat", ["s", "n"], ["shape"], axis=0),
        node("ConstantOfShape", ["shape"], ["y"], value=half),
    ]
    return nodes, {}


def causal_mask() -> Body:
    """Return [s, s] with -1024 above the diagonal and 0 elsewhere."""
    value = tensor("blocked", np.array([-1024], np.float32))
    nodes = [
        *extent("x", 1, "s"),
        node("Concat", ["s", "s"], ["shape"], axis=0),
        node("ConstantOfShape", ["shape"], ["full"], value=value),
        node("Trilu", ["full", "above"], ["y"], upper=1),
    ]
    return nodes, {"above": scalar(1)}


def argmax_one_hot() -> Body:
    """Return OneHot of the largest element of each row, as deep as a row is long."""
    nodes = [
        node("ArgMax", ["x"], ["largest"], axis=-1, keepdims=0),
        *extent("x", 1, "s", rank=0),
        node("OneHot", ["largest", "s", "off_on"], ["y"], axis=-1),
    ]
    return nodes, {"off_on": np.array([0, 1], np.float32)}


def _reshape_to(*parts: str) -> list[onnx.NodeProto]:
    return [node("Concat", parts, ["target"], axis=0), node("Reshape", ["x", "target"], ["y"])]
