"""Sizes that are computed: a k of TopK from a shape, and ends, repeats and lengths from the data themselves.

Everything here sorts, selects or moves data: every result is exact. What TopK sorts has no ties. In the variants with
``empty`` in their id no flag is set at the point ``inside``, and the computed size is 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import onnx

from cases.case import Array, Case, Shape
from cases.dynamic_shapes import size_bodies as bodies
from cases.dynamic_shapes.fills import blank_at, flags
from cases.dynamic_shapes.symbolic import Fill, dynamic_case, f32, i64
from cases.inputs import distinct_floats, integers, permutation
from cases.model import Signature

INT64 = onnx.TensorProto.INT64
TABLE: Signature = f32("N", "S")
FLAGS: Signature = np.bool_, ("S",)
EMPTY = blank_at("inside", flags)
TOP: Mapping[str, Signature] = {"y": f32("N", "k"), "indices": i64("N", "k")}


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _topk()
    yield from _topk_from_data()
    yield from _from_count()
    yield from _from_values()


def _topk() -> Iterator[Case]:
    fill: Mapping[str, Fill] = {"x": distinct_floats}
    for opset in (11, 13, 17, 21, 24):
        body = partial(bodies.topk_half, largest=1)
        yield dynamic_case("topk-k_computed", "TopK", body, {"x": TABLE}, TOP, opset=opset, fill=fill)
    yield dynamic_case("topk-k_computed", "TopK", bodies.topk_half, {"x": TABLE}, TOP, opset=10, fill=fill)
    smallest = partial(bodies.topk_half, largest=0)
    yield dynamic_case("topk-k_computed_smallest", "TopK", smallest, {"x": TABLE}, TOP, fill=fill)
    yield dynamic_case("topk-k_minimum", "TopK", bodies.topk_at_most_ten, {"x": TABLE}, TOP, fill=fill)
    whole: Mapping[str, Signature] = {"y": (np.int64, ("N", "k")), "indices": i64("N", "k")}
    half = partial(bodies.topk_half, largest=1)
    yield dynamic_case("topk-int64", "TopK", half, {"x": i64("N", "S")}, whole, fill={"x": _distinct})
    columns: Mapping[str, Signature] = {"y": f32("k", 4), "indices": i64("k", 4)}
    first = partial(bodies.topk_half, axis=0, largest=1)
    yield dynamic_case("topk-axis_0", "TopK", first, {"x": f32("S", 4)}, columns, fill=fill)
    for axes, second, y in (
        ("gatherelements", bodies.topk_gather_elements, f32("N", "k")),
        ("slice", bodies.topk_slice, f32("N", "S_less_k")),
    ):
        yield dynamic_case(f"topk-{axes}", "TopK", second, {"x": TABLE}, {"y": y}, fill=fill)


def _topk_from_data() -> Iterator[Case]:
    for word, keep in (("k_from_data", flags), ("k_from_data_empty", EMPTY)):
        for opset in (11, 17):
            yield dynamic_case(
                f"topk-{word}",
                "TopK",
                partial(bodies.by_count, bodies.top_by_count),
                {"x": TABLE, "keep": FLAGS},
                TOP,
                opset=opset,
                fill={"x": distinct_floats, "keep": keep},
                tags=["data_dependent"],
            )


def _from_count() -> Iterator[Case]:
    """Sizes that are the number of flags that are set: int64[1] ``count``, or the scalar ``number``."""
    rows: Signature = f32("N", "count")
    for op, body, y, words in (
        ("Slice", bodies.slice_by_count, rows, ("ends_from_data", "ends_from_data_empty")),
        ("Slice", bodies.slice_from_count, f32("N", "rest"), ("starts_from_data",)),
        ("Range", bodies.range_by_count, i64("count"), ("limit_from_data", "limit_from_data_empty")),
        (
            "ConstantOfShape",
            bodies.constant_by_count,
            f32("count", 3),
            ("shape_from_data", "shape_from_data_empty"),
        ),
        ("Expand", bodies.expand_by_count, f32("N", "count"), ("shape_from_data", "shape_from_data_empty")),
        (
            "Tile",
            bodies.tile_by_count,
            f32("N", "S_times_count"),
            ("repeats_from_data", "repeats_from_data_empty"),
        ),
        ("Pad", bodies.pad_by_count, f32("N", "S_padded"), ("pads_from_data", "pads_from_data_empty")),
        ("Resize", bodies.resize_by_count, f32("N", "one_and_count"), ("sizes_from_data",)),
    ):
        for word in words:
            yield dynamic_case(
                f"{op.lower()}-{word}",
                op,
                partial(bodies.by_count, body),
                {"x": TABLE, "keep": FLAGS},
                {"y": y},
                fill={"keep": EMPTY if "empty" in word else flags},
                tags=["data_dependent"],
            )
    for word in ("sizes_from_data", "sizes_from_data_empty"):
        for opset in (13, 18):
            yield dynamic_case(
                f"split-{word}",
                "Split",
                partial(bodies.by_count, bodies.split_by_count),
                {"x": TABLE, "keep": FLAGS},
                {"y": rows, "z": f32("N", "rest")},
                opset=opset,
                fill={"keep": EMPTY if "empty" in word else flags},
                tags=["data_dependent"],
            )


def _from_values() -> Iterator[Case]:
    """Sizes that are an element, the largest element or the place of the largest element."""
    lengths: Mapping[str, Signature] = {"x": i64("N", "S")}
    for axes, op, body, y in (
        ("onehot-depth_from_data", "OneHot", bodies.one_hot_by_maximum, f32("N", "S", "depth")),
        ("range-mask_from_lengths", "Range", bodies.mask_by_lengths, (np.bool_, ("N", "longest"))),
        ("slice-ends_from_maximum", "Slice", bodies.slice_by_maximum, i64("N", "longest")),
    ):
        yield dynamic_case(axes, op, body, lengths, {"y": y}, fill={"x": _ids}, tags=["data_dependent"])
    yield dynamic_case(
        "slice-starts_from_argmax",
        "Slice",
        bodies.slice_from_argmax,
        {"x": f32("S")},
        {"y": f32("rest")},
        fill={"x": distinct_floats},
        tags=["data_dependent"],
    )
    yield dynamic_case(
        "reshape-columns_from_maximum",
        "Reshape",
        bodies.reshape_by_data,
        {"x": f32("N", 12), "columns": i64(1)},
        {"y": f32("rows", "columns")},
        values={"columns": ((2,), (6,), (3,), (12,))},
    )


def _ids(key: str, shape: Shape) -> Array:
    return integers(key, shape, 0, 2 * shape[-1])


def _distinct(key: str, shape: Shape) -> Array:
    return permutation(key, int(np.prod(shape))).reshape(shape)
