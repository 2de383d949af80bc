"""Bodies that cut images and sequences into windows, patches and frames, and put them together; the output is ``y``."""

from __future__ import annotations

import numpy as np
import onnx

from cases.dynamic_shapes.shape_programs import WINDOW, partition_windows
from cases.dynamic_shapes.symbolic import Body, extent, ints
from cases.model import node

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
Nodes = list[onnx.NodeProto]
WINDOWED = {"side": ints(WINDOW), "two": ints(2), "window": ints(-1, WINDOW, WINDOW, 2)}
PADDED = {**WINDOWED, "none": ints(0, 0, 0, 0, 0), "zero": ints(0)}


def partition_tokens() -> Body:
    """[n, h, w, 2] becomes windows of 16 tokens, [n * h / 4 * w / 4, 16, 2]."""
    nodes, constants = partition_windows("windows")
    return [*nodes, node("Reshape", ["windows", "flat"], ["y"])], {**constants, "flat": ints(-1, WINDOW**2, 2)}


def partition_channels_first() -> Body:
    """[n, 2, h, w] becomes [n * h / 4 * w / 4, 2, 4, 4]."""
    nodes = [
        *sizes_of("x", n=0, h=2, w=3),
        *count_windows(),
        node("Concat", ["n", "two", "rows", "side", "columns", "side"], ["split"], axis=0),
        node("Reshape", ["x", "split"], ["blocks"]),
        node("Transpose", ["blocks"], ["ordered"], perm=[0, 2, 4, 1, 3, 5]),
        node("Reshape", ["ordered", "window"], ["y"]),
    ]
    return nodes, {"side": ints(WINDOW), "two": ints(2), "window": ints(-1, 2, WINDOW, WINDOW)}


def grid_partition() -> Body:
    """[n, h, w, 2] becomes [n * 16, h / 4, w / 4, 2]: every fourth pixel, as in MaxViT's grid attention."""
    nodes = [
        *_blocks("x", "side", "rows", "side", "columns"),
        node("Transpose", ["blocks"], ["ordered"], perm=[0, 1, 3, 2, 4, 5]),
        node("Concat", ["minus_one", "rows", "columns", "two"], ["target"], axis=0),
        node("Reshape", ["ordered", "target"], ["y"]),
    ]
    return nodes, {**WINDOWED, "minus_one": ints(-1)}


def reverse_like() -> Body:
    """Windows become the image of the size of another input."""
    return [*sizes_of("like", n=0, h=1, w=2), *count_windows(), *woven("x", "n")], WINDOWED


def reverse_by_division() -> Body:
    """Windows become an image whose batch is the number of all windows over that of an image's."""
    nodes = [
        *sizes_of("like", h=1, w=2),
        *extent("x", 0, "all_windows"),
        *count_windows(),
        node("Mul", ["rows", "columns"], ["of_an_image"]),
        node("Div", ["all_windows", "of_an_image"], ["batch"]),
        *woven("x", "batch"),
    ]
    return nodes, WINDOWED


def reverse_by_float_division() -> Body:
    """The same with the batch in floats, int(windows / (h * w / 4 / 4)), as in the original Swin transformer."""
    nodes = [
        *sizes_of("like", h=1, w=2),
        *extent("x", 0, "all_windows"),
        *count_windows(),
        node("Mul", ["h", "w"], ["pixels"]),
        node("Cast", ["pixels"], ["pixels_float"], to=FLOAT),
        node("Div", ["pixels_float", "side_float"], ["strips"]),
        node("Div", ["strips", "side_float"], ["of_an_image"]),
        node("Cast", ["all_windows"], ["all_float"], to=FLOAT),
        node("Div", ["all_float", "of_an_image"], ["batch_float"]),
        node("Cast", ["batch_float"], ["batch"], to=INT64),
        *woven("x", "batch"),
    ]
    return nodes, {**WINDOWED, "side_float": np.array([WINDOW], np.float32)}


def pad_and_partition() -> Body:
    """Pad height and width at their ends to multiples of 4, and partition."""
    return [*padded(), *count_windows("padded_h", "padded_w"), *partitioned("padded", "y")], PADDED


def pad_partition_and_crop() -> Body:
    """Pad, partition, Relu, reverse, and crop to the size that there was."""
    nodes = [
        *padded(),
        *count_windows("padded_h", "padded_w"),
        *partitioned("padded", "windows"),
        node("Relu", ["windows"], ["positive"]),
        *woven("positive", "n", output="whole", height="padded_h", width="padded_w"),
        node("Concat", ["h", "w"], ["ends"], axis=0),
        node("Slice", ["whole", "begins", "ends", "spatial"], ["y"]),
    ]
    return nodes, {**PADDED, "begins": ints(0, 0), "spatial": ints(1, 2)}


def window_means() -> Body:
    """The mean of each window: [n, h / 4, w / 4, 2]."""
    nodes = _blocks("x", "rows", "side", "columns", "side")
    return [*nodes, node("ReduceMean", ["blocks"], ["y"], axes=[2, 4], keepdims=0)], WINDOWED


def window_attention() -> Body:
    """Partition, softmax(t transposed(t)) t of the tokens t of each window, and reverse."""
    nodes = [
        *sizes_of("x", n=0, h=1, w=2),
        *count_windows(),
        *partitioned("x", "windows"),
        node("Reshape", ["windows", "flat"], ["tokens"]),
        node("Transpose", ["tokens"], ["keys"], perm=[0, 2, 1]),
        node("MatMul", ["tokens", "keys"], ["scores"]),
        node("Softmax", ["scores"], ["weights"], axis=-1),
        node("MatMul", ["weights", "tokens"], ["attended"]),
        *woven("attended", "n"),
    ]
    return nodes, {**WINDOWED, "flat": ints(-1, WINDOW**2, 2)}


def sizes_of(source: str, **axes: int) -> Nodes:
    return [part for name, axis in axes.items() for part in extent(source, axis, name)]


def count_windows(height: str = "h", width: str = "w") -> Nodes:
    """Return nodes that count the rows and columns of windows."""
    return [node("Div", [height, "side"], ["rows"]), node("Div", [width, "side"], ["columns"])]


def _blocks(source: str, *parts: str) -> Nodes:
    return [
        *sizes_of(source, n=0, h=1, w=2),
        *count_windows(),
        node("Concat", ["n", *parts, "two"], ["split"], axis=0),
        node("Reshape", [source, "split"], ["blocks"]),
    ]


def partitioned(source: str, result: str) -> Nodes:
    """Return nodes that partition [n, rows * 4, columns * 4, 2]."""
    return [
        node("Concat", ["n", "rows", "side", "columns", "side", "two"], ["split"], axis=0),
        node("Reshape", [source, "split"], ["blocks"]),
        node("Transpose", ["blocks"], ["ordered"], perm=[0, 1, 3, 2, 4, 5]),
        node("Reshape", ["ordered", "window"], [result]),
    ]


def woven(source: str, batch: str, *, output: str = "y", height: str = "h", width: str = "w") -> Nodes:
    """Return nodes that put windows together to [batch, height, width, 2]."""
    return [
        node("Concat", [batch, "rows", "columns", "side", "side", "two"], ["grid"], axis=0),
        node("Reshape", [source, "grid"], ["tiles"]),
        node("Transpose", ["tiles"], ["woven"], perm=[0, 1, 3, 2, 4, 5]),
        node("Concat", [batch, height, width, "two"], ["image"], axis=0),
        node("Reshape", ["woven", "image"], [output]),
    ]


def padded() -> Nodes:
    """Return nodes that pad x at the ends of height and width, by (-size) mod 4."""
    missing = [
        node(op, [*inputs], [f"{name}_{result}"])
        for name in "hw"
        for op, inputs, result in (("Neg", [name], "negative"), ("Mod", [f"{name}_negative", "side"], "missing"))
    ]
    return [
        *sizes_of("x", n=0, h=1, w=2),
        *missing,
        node("Concat", ["none", "h_missing", "w_missing", "zero"], ["pads"], axis=0),
        node("Pad", ["x", "pads"], ["padded"]),
        node("Add", ["h", "h_missing"], ["padded_h"]),
        node("Add", ["w", "w_missing"], ["padded_w"]),
    ]
