"""Bodies that reshape, expand and number by computed sizes, as exporters spell them; the output is ``y``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import onnx

from cases.dynamic_shapes.symbolic import Body, extent, ints
from cases.model import node

FLOAT, INT32, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT32, onnx.TensorProto.INT64
FACTOR = 2  # of the pixel shuffles
HEADS = 3
BEYOND_THE_END = np.iinfo(np.int64).max


def with_relu(body: Callable[[], Body]) -> Body:
    """Let ``body`` give ``sizes`` instead of y, and give Relu(x) as ``positive``."""
    nodes, constants = body()
    renamed = onnx.NodeProto()
    renamed.CopyFrom(nodes[-1])
    renamed.output[0] = "sizes"
    return [*nodes[:-1], renamed, node("Relu", ["x"], ["positive"])], constants


def reshape_to_swapped() -> Body:
    """Reshape [n, s, 4] to [s, n, 4]: the data stays in its order."""
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "order"], ["target"], axis=0),
        node("Reshape", ["x", "target"], ["y"]),
    ]
    return nodes, {"order": ints(1, 0, 2)}


def reshape_to_halves(*, allowzero: int = 0) -> Body:
    """Reshape [n, s, 4] to [n, -1, 2]."""
    nodes = [
        *extent("x", 0, "n"),
        node("Concat", ["n", "rest"], ["target"], axis=0),
        node("Reshape", ["x", "target"], ["y"], allowzero=allowzero),
    ]
    return nodes, {"rest": ints(-1, 2)}


def reshape_empty() -> Body:
    """Reshape [n, 0, 4] to [n, 4, 0], which only allowzero can, and join it with [n, 4, 3]."""
    nodes = [
        *extent("x", 0, "n"),
        node("Concat", ["n", "rest"], ["target"], axis=0),
        node("Reshape", ["x", "target"], ["empty"], allowzero=1),
        node("Concat", ["empty", "like"], ["y"], axis=2),
    ]
    return nodes, {"rest": ints(4, 0)}


def reshape_to_computed_zero() -> Body:
    """Reshape [n, s, 4] to [n - n, s, 2, 2], where the 0 is computed and means n."""
    nodes = [
        *extent("x", 0, "n"),
        *extent("x", 1, "s"),
        node("Sub", ["n", "n"], ["zero"]),
        node("Concat", ["zero", "s", "rest"], ["target"], axis=0),
        node("Reshape", ["x", "target"], ["y"], allowzero=0),
    ]
    return nodes, {"rest": ints(2, 2)}


def flatten_by_size() -> Body:
    """Reshape to [n, Size / n]."""
    nodes = [
        *extent("x", 0, "n"),
        node("Size", ["x"], ["size"]),
        node("Div", ["size", "n"], ["rest"]),
        *_reshape_to("n", "rest"),
    ]
    return nodes, {}


def flatten_by_product() -> Body:
    """Reshape to the first size and the product of the others."""
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Slice", ["shape", "zero", "one"], ["n"]),
        node("Slice", ["shape", "one", "end"], ["others"]),
        node("ReduceProd", ["others"], ["rest"], axes=[0], keepdims=1),
        *_reshape_to("n", "rest"),
    ]
    return nodes, {"zero": ints(0), "one": ints(1), "end": ints(BEYOND_THE_END)}


def flatten_by_minus_one() -> Body:
    """Reshape to [n, -1], with n a scalar on the way."""
    nodes = [
        *extent("x", 0, "scalar_n", rank=0),
        node("Unsqueeze", ["scalar_n", "front"], ["n"]),
        *_reshape_to("n", "rest"),
    ]
    return nodes, {"front": ints(0), "rest": ints(-1)}


def flatten_by_split() -> Body:
    """Split the shape of four dimensions and multiply the last three."""
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Split", ["shape", "ones"], ["n", "c", "h", "w"], axis=0),
        node("Mul", ["c", "h"], ["planes"]),
        node("Mul", ["planes", "w"], ["rest"]),
        *_reshape_to("n", "rest"),
    ]
    return nodes, {"ones": ints(1, 1, 1, 1)}


def several_sizes() -> Body:
    """Sizes 3, 0 and 2, picked by one Gather."""
    nodes = [node("Shape", ["x"], ["shape"]), node("Gather", ["shape", "order"], ["y"], axis=0)]
    return nodes, {"order": ints(3, 0, 2)}


def shape_of_transposed() -> Body:
    """The shape after a Transpose."""
    nodes = [node("Transpose", ["x"], ["turned"], perm=[3, 0, 2, 1]), node("Shape", ["turned"], ["y"])]
    return nodes, {}


def differences() -> Body:
    """Each size minus the one before it, of either sign."""
    nodes = [
        node("Shape", ["x"], ["later"], start=1),
        node("Shape", ["x"], ["earlier"], end=-1),
        node("Sub", ["later", "earlier"], ["y"]),
    ]
    return nodes, {}


def split_heads() -> Body:
    """[n, s, 12] becomes [n, 3, s, 4]."""
    return _split_heads("split", ints(0, 0, HEADS, 4))


def split_heads_computed() -> Body:
    """[n, s, 12] becomes [n, 3, s, 12 / 3], all of it computed."""
    nodes = [
        *extent("x", 0, "n"),
        *extent("x", 1, "s"),
        *extent("x", 2, "d"),
        node("Div", ["d", "heads"], ["width"]),
        node("Concat", ["n", "s", "heads", "width"], ["split"], axis=0),
    ]
    more, _ = _split_heads("split", ints())
    return [*nodes, *more], {"heads": ints(HEADS)}


def merge_heads() -> Body:
    """[n, 3, s, 4] becomes [n, s, 12]."""
    nodes = [node("Transpose", ["x"], ["turned"], perm=[0, 2, 1, 3]), node("Reshape", ["turned", "merged"], ["y"])]
    return nodes, {"merged": ints(0, 0, -1)}


def merge_heads_computed() -> Body:
    """[n, 3, s, 4] becomes [n, s, 3 * 4], all of it computed."""
    nodes = [
        *(part for axis, name in enumerate("nhsd") for part in extent("x", axis, name)),
        node("Mul", ["h", "d"], ["width"]),
        node("Concat", ["n", "s", "width"], ["merged"], axis=0),
        node("Transpose", ["x"], ["turned"], perm=[0, 2, 1, 3]),
        node("Reshape", ["turned", "merged"], ["y"]),
    ]
    return nodes, {}


def split_and_merge_heads() -> Body:
    """Split into heads, Relu, and merge by the shape of x."""
    nodes, constants = _split_heads("split", ints(0, 0, HEADS, 4), output="heads_first")
    back = [
        node("Relu", ["heads_first"], ["positive"]),
        node("Transpose", ["positive"], ["tokens_first"], perm=[0, 2, 1, 3]),
        node("Shape", ["x"], ["shape"]),
        node("Reshape", ["tokens_first", "shape"], ["y"]),
    ]
    return [*nodes, *back], constants


def pixel_shuffle() -> Body:
    """[n, 8, h, w] becomes [n, 2, 2 h, 2 w] by Reshape and Transpose."""
    nodes = [
        *_image_sizes(),
        node("Concat", ["n", "two", "two", "two", "h", "w"], ["apart"], axis=0),
        node("Reshape", ["x", "apart"], ["blocks"]),
        node("Transpose", ["blocks"], ["woven"], perm=[0, 1, 4, 2, 5, 3]),
        node("Mul", ["h", "two"], ["rows"]),
        node("Mul", ["w", "two"], ["columns"]),
        node("Concat", ["n", "two", "rows", "columns"], ["target"], axis=0),
        node("Reshape", ["woven", "target"], ["y"]),
    ]
    return nodes, {"two": ints(FACTOR)}


def pixel_unshuffle() -> Body:
    """[n, 2, h, w] becomes [n, 8, h / 2, w / 2] by Reshape and Transpose."""
    nodes = [
        *_image_sizes(),
        node("Div", ["h", "two"], ["rows"]),
        node("Div", ["w", "two"], ["columns"]),
        node("Concat", ["n", "two", "rows", "two", "columns", "two"], ["apart"], axis=0),
        node("Reshape", ["x", "apart"], ["blocks"]),
        node("Transpose", ["blocks"], ["woven"], perm=[0, 1, 3, 5, 2, 4]),
        node("Concat", ["n", "eight", "rows", "columns"], ["target"], axis=0),
        node("Reshape", ["woven", "target"], ["y"]),
    ]
    return nodes, {"two": ints(FACTOR), "eight": ints(2 * FACTOR**2)}


def channel_shuffle() -> Body:
    """Weave the two halves of six channels, as ShuffleNet does."""
    nodes = [
        *_image_sizes(),
        node("Concat", ["n", "two", "three", "h", "w"], ["apart"], axis=0),
        node("Reshape", ["x", "apart"], ["groups"]),
        node("Transpose", ["groups"], ["woven"], perm=[0, 2, 1, 3, 4]),
        node("Shape", ["x"], ["shape"]),
        node("Reshape", ["woven", "shape"], ["y"]),
    ]
    return nodes, {"two": ints(2), "three": ints(3)}


def _split_heads(name: str, target: npt.NDArray[np.int64], output: str = "y") -> Body:
    nodes = [node("Reshape", ["x", name], ["apart"]), node("Transpose", ["apart"], [output], perm=[0, 2, 1, 3])]
    return nodes, {name: target}


def _image_sizes() -> list[onnx.NodeProto]:
    return [*extent("x", 0, "n"), *extent("x", 2, "h"), *extent("x", 3, "w")]


def _reshape_to(*parts: str) -> list[onnx.NodeProto]:
    return [node("Concat", parts, ["target"], axis=0), node("Reshape", ["x", "target"], ["y"])]
