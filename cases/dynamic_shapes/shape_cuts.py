"""Bodies that cut, pad or resample ``x`` by sizes that they compute from its shape; the output is ``y``."""

from __future__ import annotations

import numpy as np
import onnx

from cases.dynamic_shapes.symbolic import Body, extent, ints
from cases.model import node

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
MULTIPLE = 8  # what widths are padded to
BEYOND_THE_START = np.iinfo(np.int64).min


def slice_all_but_last() -> Body:
    """x[:, : s - 1]."""
    nodes = [*extent("x", 1, "s"), node("Sub", ["s", "one"], ["end"]), _slice("zero", "end")]
    return nodes, {"zero": ints(0), "one": ints(1)}


def slice_second_half() -> Body:
    """x[:, s / 2 :]."""
    nodes = [*extent("x", 1, "s"), node("Div", ["s", "two"], ["middle"]), _slice("middle", "s")]
    return nodes, {"one": ints(1), "two": ints(2)}


def slice_at_most_ten() -> Body:
    """x[:, : min(s, 10)]."""
    nodes = [*extent("x", 1, "s"), node("Min", ["s", "ten"], ["end"]), _slice("zero", "end")]
    return nodes, {"zero": ints(0), "one": ints(1), "ten": ints(10)}


def slice_floor_half() -> Body:
    """x[:, : floor(s * 0.5)], computed in float32."""
    nodes = [
        *extent("x", 1, "s"),
        node("Cast", ["s"], ["s_float"], to=FLOAT),
        node("Mul", ["s_float", "half"], ["product"]),
        node("Floor", ["product"], ["floor"]),
        node("Cast", ["floor"], ["end"], to=INT64),
        _slice("zero", "end"),
    ]
    return nodes, {"zero": ints(0), "one": ints(1), "half": np.array([0.5], np.float32)}


def slice_backwards() -> Body:
    """x[:, ::-1]."""
    constants = {"last": ints(-1), "end": ints(BEYOND_THE_START), "one": ints(1), "back": ints(-1)}
    return [_slice("last", "end", step="back")], constants


def rotate_half() -> Body:
    """Swap the halves of the last dimension and negate one of them, as rotary embeddings do."""
    nodes = [
        *extent("x", -1, "c"),
        node("Div", ["c", "two"], ["middle"]),
        node("Slice", ["x", "zero", "middle", "last"], ["first_half"]),
        node("Slice", ["x", "middle", "c", "last"], ["second_half"]),
        node("Neg", ["second_half"], ["negated"]),
        node("Concat", ["negated", "first_half"], ["y"], axis=-1),
    ]
    return nodes, {"zero": ints(0), "two": ints(2), "last": ints(-1)}


def split_first() -> Body:
    """Split into 1 and s - 1 along the sequence, and the difference of the two."""
    nodes = [
        *extent("x", 1, "s"),
        node("Sub", ["s", "one"], ["others"]),
        node("Concat", ["one", "others"], ["sizes"], axis=0),
        node("Split", ["x", "sizes"], ["first", "rest"], axis=1),
        node("Sub", ["rest", "first"], ["y"]),
    ]
    return nodes, {"one": ints(1)}


def pad_to_multiple(mode: str) -> Body:
    """Pad the last of four dimensions at its end to a multiple of 8."""
    nodes = [
        *extent("x", 3, "w"),
        node("Neg", ["w"], ["negative"]),
        node("Mod", ["negative", "multiple"], ["missing"]),
        node("Concat", ["zeros", "missing"], ["pads"], axis=0),
        node("Pad", ["x", "pads"], ["y"], mode=mode),
    ]
    return nodes, {"multiple": ints(MULTIPLE), "zeros": ints(0, 0, 0, 0, 0, 0, 0)}


def resize_to_double(mode: str) -> Body:
    """Resize height and width to computed sizes, twice as large."""
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Slice", ["shape", "zero", "two"], ["kept"]),
        node("Slice", ["shape", "two", "four"], ["small"]),
        node("Mul", ["small", "two"], ["large"]),
        node("Concat", ["kept", "large"], ["sizes"], axis=0),
        _resize(mode, "", "sizes"),
    ]
    return nodes, {"zero": ints(0), "two": ints(2), "four": ints(4)}


def resize_like(mode: str) -> Body:
    """Resize height and width to those of the input ``like``."""
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Shape", ["like"], ["like_shape"]),
        node("Slice", ["shape", "zero", "two"], ["kept"]),
        node("Slice", ["like_shape", "two", "four"], ["large"]),
        node("Concat", ["kept", "large"], ["sizes"], axis=0),
        _resize(mode, "", "sizes"),
    ]
    return nodes, {"zero": ints(0), "two": ints(2), "four": ints(4)}


def resize_by_scales(mode: str) -> Body:
    """Resize height and width by scales that are the quotient of computed sizes: 2 in either direction."""
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Mul", ["shape", "factors"], ["sizes"]),
        node("Cast", ["shape"], ["small"], to=FLOAT),
        node("Cast", ["sizes"], ["large"], to=FLOAT),
        node("Div", ["large", "small"], ["scales"]),
        _resize(mode, "scales", ""),
    ]
    return nodes, {"factors": ints(1, 1, 2, 2)}


def _slice(start: str, end: str, *, step: str = "one") -> onnx.NodeProto:
    return node("Slice", ["x", start, end, "one", step], ["y"])


def _resize(mode: str, scales: str, sizes: str) -> onnx.NodeProto:
    inputs = ["x", "", scales, sizes] if sizes else ["x", "", scales]
    if mode == "nearest":
        return node(
            "Resize", inputs, ["y"], mode=mode, coordinate_transformation_mode="asymmetric", nearest_mode="floor"
        )
    return node("Resize", inputs, ["y"], mode=mode, coordinate_transformation_mode="half_pixel")
