"""Outputs whose size depends on the data, or on a k that is computed or given at run time.

Everything here selects, sorts or counts: every result is exact. Scores and what TopK sorts have no ties, and no overlap
of two boxes comes near the threshold, so that nothing is left to the implementation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import onnx

from cases.case import Array, Case, Shape
from cases.dynamic_shapes.symbolic import Body, Fill, dynamic_case, extent, f32, i64, ints
from cases.inputs import distinct_floats, integers, permutation
from cases.model import Signature, node

BOOL, INT64 = onnx.TensorProto.BOOL, onnx.TensorProto.INT64
TABLE: Signature = f32("N", "S")
FLAGS: Signature = np.bool_, ("S",)
CLASSES = 2
MOST_BOXES = 5  # of a class
OVERLAP = 0.47  # boxes have sides of 4 to 7: an intersection over union that is 47/100 needs a union of 100 at least
SCORE = 0.3  # scores are multiples of a power of two

sparse: Fill = partial(integers, low=-1, high=1, dtype=np.float32)
flags: Fill = partial(integers, low=0, high=1, dtype=np.bool_)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _nonzero()
    yield from _compress()
    yield from _unique()
    yield from _topk()
    yield from _boxes()
    yield from _sizes_from_data()


def _nonzero() -> Iterator[Case]:
    for dtype, opset in ((np.float32, 13), (np.float32, 17), (np.int64, 17), (np.bool_, 17)):
        yield dynamic_case(
            f"nonzero-{np.dtype(dtype).name}",
            "NonZero",
            _nonzero_body,
            {"x": (dtype, ("N", "S"))},
            {"y": i64(2, "count")},
            opset=opset,
            fill={"x": flags if dtype is np.bool_ else partial(integers, low=-1, high=1, dtype=dtype)},
            tags=["data_dependent"],
        )
    yield dynamic_case(
        "nonzero_gathernd-float32",
        "NonZero",
        _mask_gather,
        {"x": TABLE},
        {"y": f32("count")},
        tags=["data_dependent", "gathernd"],
    )


def _compress() -> Iterator[Case]:
    for axes, body, y in (
        ("axis_1", partial(_compress_body, axis=1), f32("N", "count")),
        ("flattened", _compress_body, f32("count")),
    ):
        yield dynamic_case(
            f"compress-{axes}",
            "Compress",
            body,
            {"x": TABLE, "keep": FLAGS},
            {"y": y},
            fill={"keep": flags},
            tags=["data_dependent"],
        )


def _unique() -> Iterator[Case]:
    few: Fill = partial(integers, low=0, high=5, dtype=np.float32)
    for axes, attributes, x, y in (
        ("sorted", {"sorted": 1}, f32("S"), f32("count")),
        ("unsorted", {"sorted": 0}, f32("S"), f32("count")),
        ("axis_0", {"axis": 0}, f32("S", 2), f32("count", 2)),
    ):
        yield dynamic_case(
            f"unique-{axes}",
            "Unique",
            partial(_unique_body, **attributes),
            {"x": x},
            {"y": y, "indices": i64("count"), "inverse": i64("S"), "counts": i64("count")},
            fill={"x": few},
            tags=["data_dependent"],
        )


def _topk() -> Iterator[Case]:
    outputs: Mapping[str, Signature] = {"y": f32("N", "k"), "indices": i64("N", "k")}
    fill: Mapping[str, Fill] = {"x": distinct_floats}
    for opset in (13, 17, 21):
        body = partial(_topk_half, largest=1)
        yield dynamic_case("topk-k_computed", "TopK", body, {"x": TABLE}, outputs, opset=opset, fill=fill)
    smallest = partial(_topk_half, largest=0)
    yield dynamic_case("topk-k_computed_smallest", "TopK", smallest, {"x": TABLE}, outputs, fill=fill)
    yield dynamic_case("topk-k_minimum", "TopK", _topk_at_most_ten, {"x": TABLE}, outputs, fill=fill)
    given = {"x": TABLE, "k": i64(1)}
    values = ((1,), (8,), (5,), (20,))
    yield dynamic_case("topk-k_input", "TopK", _topk_input, given, outputs, fill=fill, values={"k": values})


def _boxes() -> Iterator[Case]:
    for opset in (13, 17):
        yield dynamic_case(
            "nonmaxsuppression-float32",
            "NonMaxSuppression",
            _suppression,
            {"boxes": f32("N", "S", 4), "scores": f32("N", CLASSES, "S")},
            {"y": i64("count", 3)},
            opset=opset,
            fill={"boxes": corners, "scores": scores},
            tags=["data_dependent"],
        )


def _sizes_from_data() -> Iterator[Case]:
    yield dynamic_case(
        "slice-ends_from_data",
        "Slice",
        _slice_by_count,
        {"x": TABLE, "keep": FLAGS},
        {"y": f32("N", "count")},
        fill={"keep": flags},
        tags=["data_dependent"],
    )
    yield dynamic_case(
        "onehot-depth_from_data",
        "OneHot",
        _one_hot_by_maximum,
        {"x": i64("N", "S")},
        {"y": f32("N", "S", "depth")},
        fill={"x": _ids},
        tags=["data_dependent"],
    )


def corners(key: str, shape: Shape) -> Array:
    """Return boxes [..., 4] as two opposite corners, with whole sides of 4 to 7."""
    low = integers(f"{key}/corner", (*shape[:-1], 2), 0, 8)
    side = integers(f"{key}/side", (*shape[:-1], 2), 4, 7)
    return np.concatenate([low, low + side], axis=-1).astype(np.float32)


def scores(key: str, shape: Shape) -> Array:
    """Return pairwise different scores between 0 and 1, spread evenly."""
    count = int(np.prod(shape))
    return ((permutation(key, count) + 1) * 2.0 ** -count.bit_length()).reshape(shape).astype(np.float32)


def _ids(key: str, shape: Shape) -> Array:
    return integers(key, shape, 0, 2 * shape[-1])


def _nonzero_body() -> Body:
    """Return the indices of the elements that are not zero."""
    return [node("NonZero", ["x"], ["y"])], {}


def _mask_gather() -> Body:
    """Return x[x > 0]: NonZero -> Transpose -> GatherND."""
    nodes = [
        node("Greater", ["x", "zero"], ["mask"]),
        node("NonZero", ["mask"], ["indices"]),
        node("Transpose", ["indices"], ["positions"], perm=[1, 0]),
        node("GatherND", ["x", "positions"], ["y"]),
    ]
    return nodes, {"zero": np.array(0, np.float32)}


def _compress_body(**attributes: int) -> Body:
    """Return the elements whose flag is set."""
    return [node("Compress", ["x", "keep"], ["y"], **attributes)], {}


def _unique_body(**attributes: int) -> Body:
    """Return each value once, with first positions, inverse and counts."""
    return [node("Unique", ["x"], ["y", "indices", "inverse", "counts"], **attributes)], {}


def _topk_half(largest: int) -> Body:
    """Return the first half of each row as sorted by TopK: k is the length / 2."""
    nodes = [*extent("x", 1, "s"), node("Div", ["s", "two"], ["k"]), _top(largest)]
    return nodes, {"two": ints(2)}


def _topk_at_most_ten() -> Body:
    """Return the ten largest of each row, or all if there are fewer: k is Min(length, 10), as detectors compute it."""
    return [*extent("x", 1, "s"), node("Min", ["s", "ten"], ["k"]), _top(1)], {"ten": ints(10)}


def _topk_input() -> Body:
    """Return the k largest of each row, with k given at run time."""
    return [_top(1)], {}


def _suppression() -> Body:
    """Return the boxes that overlap no better one, a few of each class."""
    inputs = ["boxes", "scores", "most", "overlap", "score"]
    constants = {
        "most": ints(MOST_BOXES),
        "overlap": np.array([OVERLAP], np.float32),
        "score": np.array([SCORE], np.float32),
    }
    return [node("NonMaxSuppression", inputs, ["y"])], constants


def _slice_by_count() -> Body:
    """Return the first columns, as many as flags are set."""
    nodes = [
        node("Cast", ["keep"], ["ones"], to=INT64),
        node("ReduceSum", ["ones"], ["count"], keepdims=1),
        node("Slice", ["x", "zero", "count", "axis"], ["y"]),
    ]
    return nodes, {"zero": ints(0), "axis": ints(1)}


def _one_hot_by_maximum() -> Body:
    """Return OneHot as deep as the largest id needs."""
    nodes = [
        node("ReduceMax", ["x"], ["largest"], keepdims=0),
        node("Add", ["largest", "one"], ["depth"]),
        node("OneHot", ["x", "depth", "off_on"], ["y"], axis=-1),
    ]
    return nodes, {"one": ints(1)[0], "off_on": np.array([0, 1], np.float32)}


def _top(largest: int) -> onnx.NodeProto:
    return node("TopK", ["x", "k"], ["y", "indices"], axis=-1, largest=largest, sorted=1)
