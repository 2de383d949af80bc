"""Reshape, Flatten, Shape, Expand, Range and their like in the spellings that exporters have; all of them are exact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np

from cases.case import Case
from cases.dynamic_shapes import branch_programs as branches
from cases.dynamic_shapes import growing_programs as growing
from cases.dynamic_shapes import reshape_programs as programs
from cases.dynamic_shapes.layers import unary
from cases.dynamic_shapes.rows import Row, listed
from cases.dynamic_shapes.shape_programs import reshape
from cases.dynamic_shapes.symbolic import Body, dynamic_case, f32, i64
from cases.model import Signature

X: Mapping[str, Signature] = {"x": f32("N", "S", 4)}
IMAGE: Mapping[str, Signature] = {"x": f32("N", 3, "H", "W")}
SIZES = {"H4": (2, 5, 3, 6), "T": (4, 10, 5, 16), "H": (4, 9, 7, 12), "W": (5, 11, 6, 14)}


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from listed(_constant_targets(), sizes=SIZES)
    for opset in (9, 13, 14, 19, 21, 23, 24, 25):
        yield from listed(_computed_target(), opset=opset)
    for opset in (14, 21, 25):
        yield from listed(_allowzero(), opset=opset, sizes=SIZES)
    yield from listed(_flatten(), sizes=SIZES)
    for opset in (9, 11, 13, 21, 25):
        yield from listed(_flatten_of_every_opset(), opset=opset)
    yield from listed(_flatten_all_but_batch(), sizes=SIZES)
    yield from _shapes()
    yield from listed(_heads())
    yield from listed(_growing(), sizes=SIZES)
    yield from _depth_and_space()
    yield from _if()


def _constant_targets() -> Iterator[Row]:
    """Reshape [n, s, 4] to a constant with 0, which keeps a dimension, and -1, which takes what is left."""
    for name, target, y in (
        ("minus_one_alone", (-1,), f32(None)),
        ("one_minus_one", (1, -1), f32(1, None)),
        ("minus_one_zero", (-1, 0), f32(None, "S")),
        ("zero_minus_one_two", (0, -1, 2), f32("N", None, 2)),
        ("zero_zero_split", (0, 0, 2, 2), f32("N", "S", 2, 2)),
        ("zero_two_minus_one", (0, 2, -1), f32("N", 2, None)),
        ("zero_zero_zero", (0, 0, 0), f32("N", "S", 4)),
        ("zero_zero_minus_one", (0, 0, -1), f32("N", "S", 4)),
        ("minus_one_last", (2, 2, -1), f32(2, 2, None)),
        ("rank5", (0, 1, -1, 1, 4), f32("N", 1, "S", 1, 4)),
    ):
        yield Row(f"reshape-{name}", "Reshape", partial(reshape, *target), X, y)
    merged = partial(reshape, 0, 0, -1)
    yield Row("reshape-height_width_merged", "Reshape", merged, IMAGE, f32("N", 3, "H_times_W"))


def _computed_target() -> Iterator[Row]:
    """Yield a target of computed sizes; the axes of Unsqueeze became an input with 13, so that Gather takes [1]."""
    yield Row("reshape-swapped_sizes", "Reshape", programs.reshape_to_swapped, X, f32("S", "N", 4))


def _allowzero() -> Iterator[Row]:
    plain = partial(programs.reshape_to_halves, allowzero=1)
    yield Row("reshape-allowzero_without_zero", "Reshape", plain, X, f32("N", None, 2))
    zero = {"x": f32("N", 0, 4), "like": f32("N", 4, 3)}
    yield Row("reshape-allowzero_of_empty", "Reshape", programs.reshape_empty, zero, f32("N", 4, 3))
    kept = {"x": f32("N", "S", 4)}
    yield Row("reshape-zero_computed", "Reshape", programs.reshape_to_computed_zero, kept, f32("N", "S", 2, 2))


def _flatten() -> Iterator[Row]:
    for name, axis, inputs, y in (
        ("axis0", 0, X, f32(1, None)),
        ("axis2", 2, X, f32(None, 4)),
        ("axis3_of_rank3", 3, X, f32(None, 1)),
        ("axis_minus1", -1, X, f32(None, 4)),
        ("axis3_of_image", 3, IMAGE, f32(None, "W")),
        ("axis_minus2_of_image", -2, IMAGE, f32(None, None)),
    ):
        yield Row(f"flatten-{name}", "Flatten", partial(unary, "Flatten", axis=axis), inputs, y)


def _flatten_of_every_opset() -> Iterator[Row]:
    yield Row("flatten-all_but_batch", "Flatten", partial(unary, "Flatten"), X, f32("N", None))


def _flatten_all_but_batch() -> Iterator[Row]:
    for name, body in (
        ("size_div", programs.flatten_by_size),
        ("slice_reduceprod", programs.flatten_by_product),
        ("concat_minus_one", programs.flatten_by_minus_one),
        ("zero_minus_one", partial(reshape, 0, -1)),
        ("split_mul", programs.flatten_by_split),
    ):
        yield Row(f"flatten_all_but_batch-image_{name}", "Reshape", body, IMAGE, f32("N", None))
    every = {"x": f32("N", "S", 2, "H", "W")}
    yield Row("flatten_all_but_batch-rank5", "Reshape", programs.flatten_by_minus_one, every, f32("N", None))


def _shapes() -> Iterator[Case]:
    """Yield cases that also give the sizes as numbers: those are exact, and visible."""
    for name, attributes, count in (
        ("start1", {"start": 1}, 3),
        ("end2", {"end": 2}, 2),
        ("start1_end3", {"start": 1, "end": 3}, 2),
        ("start_minus3_end_minus1", {"start": -3, "end": -1}, 2),
        ("end_beyond", {"start": 2, "end": 9}, 2),
    ):
        yield _sizes(f"shape-{name}", "Shape", partial(unary, "Shape", **attributes), i64(count))
    for opset in (15, 17, 19, 21, 23, 24, 25):
        yield _sizes("shape-start_minus2", "Shape", partial(unary, "Shape", start=-2), i64(2), opset=opset)
    for opset in (9, 13, 14):
        yield _sizes("shape-whole", "Shape", partial(unary, "Shape"), i64(4), opset=opset)
    for opset in (9, 13, 19, 21, 23, 24, 25):
        yield _sizes("size-whole", "Size", partial(unary, "Size"), i64(), opset=opset)
    yield _sizes("shape-gather_several", "Gather", programs.several_sizes, i64(3))
    yield _sizes("shape-of_transposed", "Shape", programs.shape_of_transposed, i64(4))
    yield _sizes("shape-differences", "Sub", programs.differences, i64(3))


def _sizes(axes: str, op: str, body: Callable[[], Body], sizes: Signature, *, opset: int = 17) -> Case:
    inputs = {"x": f32("N", 3, "H", "W")}
    outputs = {"sizes": sizes, "positive": inputs["x"]}
    with_data = partial(programs.with_relu, body)
    summary = f"{op}: sizes of x[N, 3, H, W] as an output, beside its Relu"
    return dynamic_case(axes, op, with_data, inputs, outputs, opset=opset, summary=summary, sizes=SIZES)


def _heads() -> Iterator[Row]:
    wide, four = {"x": f32("N", "S", 12)}, f32("N", 3, "S", 4)
    yield Row("reshape-split_heads", "Reshape", programs.split_heads, wide, four)
    yield Row("reshape-split_heads_computed", "Reshape", programs.split_heads_computed, wide, four)
    yield Row("reshape-merge_heads", "Reshape", programs.merge_heads, {"x": four}, f32("N", "S", 12))
    yield Row("reshape-merge_heads_computed", "Reshape", programs.merge_heads_computed, {"x": four}, f32("N", "S", 12))
    yield Row("reshape-split_and_merge_heads", "Reshape", programs.split_and_merge_heads, wide, f32("N", "S", 12))
    kept = {"x": f32("N", 2, "S", 4)}
    yield Row("expand-repeat_heads", "Expand", growing.repeat_heads, kept, f32("N", 6, "S", 4))


def _growing() -> Iterator[Row]:
    pair: dict[str, Signature] = {"x": f32("N", 1, 4), "like": f32("S", 1)}
    yield Row("expand-shape_of_other", "Expand", growing.expand_like, pair, f32("N", "S", 4))
    yield Row("expand-smaller_target", "Expand", growing.expand_to_ones, X, f32("N", "S", 4))
    yield Row("expand-higher_rank", "Expand", growing.expand_rank, {"x": f32("S")}, f32("S", 2, "S"))
    yield Row(
        "reshape-shape_of_other", "Reshape", growing.reshape_like, {**X, "like": f32("S", 4, "N")}, f32("S", 4, "N")
    )
    yield Row("constantofshape-zeros_like", "ConstantOfShape", growing.zeros_like, X, f32("N", "S", 4))
    for name, dtype in (("int64", np.int64), ("bool", np.bool_)):
        body = partial(growing.filled, dtype)
        yield Row(f"constantofshape-{name}", "ConstantOfShape", body, X, (dtype, ("S", "N")))
    yield Row(
        "range-from_start",
        "Range",
        growing.range_from_length,
        {"x": f32("N", "S"), "past": f32("N", "T")},
        f32("N", "S"),
    )
    yield Row("range-backwards", "Range", growing.reversed_by_range, X, f32("N", "S", 4))
    yield Row("range-int32", "Range", growing.range_int32, {"x": f32("N", "S")}, f32("N", "S"))
    yield Row("range-product_reshape", "Range", growing.numbered, X, i64("N", "S"))
    yield Row("range-relative_positions", "Range", growing.relative_positions, X, f32("S", "S"))
    yield Row("range-coordinates", "Range", growing.coordinates, IMAGE, f32(2, "H", "W"))
    yield Row(
        "tile-two_computed_repeats",
        "Tile",
        growing.tile_twice,
        {"x": f32(2, 3), "like": f32("N", "S")},
        f32(None, None),
    )
    yield Row("equal-one_hot", "Equal", growing.one_hot_by_equal, {"x": f32("N", "S")}, f32("N", "S"))


def _depth_and_space() -> Iterator[Case]:
    y: Signature = f32("N", 2, None, None)
    x: Mapping[str, Signature] = {"x": f32("N", 8, "H", "W")}
    for opset in (11, 13):
        for mode in ("DCR", "CRD"):
            body = partial(unary, "DepthToSpace", blocksize=2, mode=mode)
            rows = [Row(f"depthtospace-{mode.lower()}", "DepthToSpace", body, x, y)]
            yield from listed(rows, opset=opset, sizes=SIZES)
    old = [Row("depthtospace-without_mode", "DepthToSpace", partial(unary, "DepthToSpace", blocksize=2), x, y)]
    yield from listed(old, opset=9, sizes=SIZES)
    even = {"H": (4, 10, 6, 12), "W": (2, 8, 4, 14)}
    space: Mapping[str, Signature] = {"x": f32("N", 2, "H", "W")}
    body = partial(unary, "SpaceToDepth", blocksize=2)
    for opset in (9, 13):
        row = Row("spacetodepth", "SpaceToDepth", body, space, f32("N", 8, None, None))
        yield from listed([row], opset=opset, sizes=even)
    shuffle = Row("reshape-pixel_shuffle", "Reshape", programs.pixel_shuffle, x, y)
    unshuffle = Row("reshape-pixel_unshuffle", "Reshape", programs.pixel_unshuffle, space, f32("N", 8, None, None))
    channels = Row(
        "reshape-channel_shuffle",
        "Reshape",
        programs.channel_shuffle,
        {"x": f32("N", 6, "H", "W")},
        f32("N", 6, "H", "W"),
    )
    yield from listed([shuffle, unshuffle, channels], sizes=even)


def _if() -> Iterator[Case]:
    """Yield Ifs whose condition is computed from a size; each branch is taken at two of the points."""
    for name, body, y in (
        ("size_greater-slice", branches.if_longer_than_ten, f32("N", None, 4)),
        ("size_even-pad", branches.if_odd_pad, f32("N", None, 4)),
        ("two_sizes_compared-transpose", branches.if_wider_transpose, f32(None, None, 4)),
        ("size_equal_or-scale", branches.if_either, f32("N", "S", 4)),
    ):
        for opset in (17, 21) if name == "size_greater-slice" else (17,):
            yield dynamic_case(f"if-{name}", "If", body, X, {"y": y}, opset=opset, tags=["control_flow"])
