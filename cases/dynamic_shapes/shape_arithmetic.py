"""Shapes that the model computes from the shapes of its inputs and gives to Reshape, Expand, Range, Slice and others.

All of them move data, or add and multiply small integers: every result is exact, but for Resize by any ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from cases.case import Case
from cases.dynamic_shapes import shape_cuts as cuts
from cases.dynamic_shapes import shape_programs as programs
from cases.dynamic_shapes.rounding import interpolation_rounding
from cases.dynamic_shapes.symbolic import Body, Sizes, dynamic_case, f32
from cases.model import Signature

# id without opset, op, body, signatures of the inputs, signature of y
Row = tuple[str, str, Callable[[], Body], Mapping[str, Signature], Signature]

SIZES: Mapping[str, Sizes] = {
    "L": (4, 16, 9, 25),  # squares
    "H4": (8, 16, 12, 24),  # multiples of the side of a window
    "W4": (4, 20, 8, 28),
    "W_wide": (9, 20, 13, 28),  # wider than the padding to a multiple of 8, as mode reflect wants it
    "H_like": (10, 24, 17, 40),
    "W_like": (9, 30, 12, 35),
}
SQRT_ISSUE = "https://github.com/NVIDIA/TensorRT/issues/3490"
VOLUME: Mapping[str, Signature] = {"x": f32("N", 4, "S")}
TOKENS: Mapping[str, Signature] = {"x": f32("N", "S", 4)}
IMAGE: Mapping[str, Signature] = {"x": f32("N", 2, "H", "W")}
SAME = f32("N", "S", 4)
DOUBLE = f32("N", 2, "H_twice", "W_twice")


def cases() -> Iterator[Case]:
    """Yield the cases, grouped by what the op does to the shape."""
    for opset in (13, 17, 21):
        yield from _listed(_every_opset(), opset=opset)
    yield from _listed(_reshaping())
    yield from _listed(_growing())
    yield from _listed(_cutting())
    yield from _listed(_resampling())
    yield _sqrt()
    yield _resize_like()


def _listed(rows: Iterable[Row], *, opset: int = 17) -> Iterator[Case]:
    for axes, op, body, inputs, y in rows:
        yield dynamic_case(axes, op, body, inputs, {"y": y}, opset=opset, sizes=SIZES)


def _every_opset() -> Iterator[Row]:
    nearest = partial(cuts.resize_to_double, "nearest")
    yield "shape_gather_concat-reshape", "Reshape", programs.shape_gather_reshape, VOLUME, f32("N", "S_times_4")
    yield "shape_slice_mul_concat-resize_sizes_nearest", "Resize", nearest, IMAGE, DOUBLE


def _reshaping() -> Iterator[Row]:
    rows = f32("N", "S_times_4")
    scalar, cast = "shape_gather_unsqueeze_concat-reshape", "shape_cast_int32_mul_concat-reshape"
    yield scalar, "Reshape", programs.shape_gather_scalar_reshape, VOLUME, rows
    yield "shape_start_end_concat-reshape", "Reshape", programs.shape_start_end_reshape, VOLUME, rows
    yield "flatten_all_but_batch-reshape", "Reshape", programs.shape_slice_reshape, VOLUME, rows
    yield "flatten_all_but_batch-flatten", "Flatten", programs.flatten, VOLUME, rows
    yield "size_div_concat-reshape", "Reshape", programs.size_div_reshape, VOLUME, rows
    yield cast, "Reshape", programs.int32_reshape, VOLUME, rows
    yield "reshape-zero", "Reshape", partial(programs.reshape, 0, -1), VOLUME, rows
    yield "reshape-minus_one", "Reshape", partial(programs.reshape, -1, 2), VOLUME, f32("N_times_S_times_2", 2)
    yield "unsqueeze_squeeze", "Squeeze", programs.unsqueeze_squeeze, {"x": f32("N", 1, "S")}, f32("N", "S", 1)
    image: Mapping[str, Signature] = {"x": f32("N", "H4", "W4", 2)}
    windows, back = f32("windows", programs.WINDOW, programs.WINDOW, 2), f32("N", "H4", "W4", 2)
    yield "window_partition-reshape", "Reshape", programs.partition_windows, image, windows
    yield "window_partition_reverse-reshape", "Reshape", programs.partition_and_reverse_windows, image, back


def _growing() -> Iterator[Row]:
    rows: Mapping[str, Signature] = {"x": f32("N", "S")}
    pair: Mapping[str, Signature] = {"x": f32("N", 4), "like": f32("S")}
    yield "shape_gather_concat-expand", "Expand", programs.class_token_expand, TOKENS, f32("N", "S_plus_1", 4)
    yield "shape_equal_where-expand", "Expand", programs.where_expand, TOKENS, SAME
    yield "shape_gather-range", "Range", programs.range_positions, TOKENS, SAME
    yield "shape_gather_cast-range_float", "Range", programs.range_float, rows, f32("N", "S")
    yield "shape_gather_concat-tile", "Tile", programs.tile_like, pair, f32("N", "S_times_4")
    yield "shape_concat-constantofshape", "ConstantOfShape", programs.constant_of_shape, TOKENS, f32("S", "N")
    yield "shape_concat-constantofshape_trilu", "ConstantOfShape", programs.causal_mask, TOKENS, f32("S", "S")
    yield "shape_gather-onehot", "OneHot", programs.argmax_one_hot, rows, f32("N", "S")


def _cutting() -> Iterator[Row]:
    shorter, half = f32("N", "S_minus_1", 4), f32("N", "S_half", 4)
    rotary: Mapping[str, Signature] = {"x": f32("N", 3, "C")}
    yield "shape_gather_sub-slice_ends", "Slice", cuts.slice_all_but_last, TOKENS, shorter
    yield "shape_gather_div-slice_starts", "Slice", cuts.slice_second_half, TOKENS, half
    yield "shape_gather_min-slice_ends", "Slice", cuts.slice_at_most_ten, TOKENS, f32("N", "S_or_10", 4)
    yield "shape_cast_floor-slice_ends", "Slice", cuts.slice_floor_half, TOKENS, half
    yield "slice-negative_step", "Slice", cuts.slice_backwards, TOKENS, SAME
    yield "shape_gather_div-slice_halves", "Slice", cuts.rotate_half, rotary, f32("N", 3, "C")
    yield "shape_gather_sub-split", "Split", cuts.split_first, TOKENS, shorter


def _resampling() -> Iterator[Row]:
    wide: Mapping[str, Signature] = {"x": f32("N", 2, "H", "W_wide")}
    padded = f32("N", 2, "H", "W_padded")
    for mode in ("constant", "reflect", "edge"):
        yield f"shape_mod_concat-pad_{mode}", "Pad", partial(cuts.pad_to_multiple, mode), wide, padded
    linear = partial(cuts.resize_to_double, "linear")
    yield "shape_slice_mul_concat-resize_sizes_linear", "Resize", linear, IMAGE, DOUBLE
    scales = partial(cuts.resize_by_scales, "nearest")
    yield "shape_cast_div-resize_scales_nearest", "Resize", scales, IMAGE, DOUBLE


def _sqrt() -> Case:
    return dynamic_case(
        "shape_sqrt_concat-reshape",
        "Reshape",
        programs.sqrt_reshape,
        {"x": f32("N", "L", 4)},
        {"y": f32("N", "side", "side", 4)},
        sizes=SIZES,
        source=SQRT_ISSUE,
    )


def _resize_like() -> Case:
    return dynamic_case(
        "shape_slice_concat-resize_sizes_of_other_linear",
        "Resize",
        partial(cuts.resize_like, "linear"),
        {"x": f32("N", 2, "H", "W"), "like": f32("N", 1, "H_like", "W_like")},
        {"y": f32("N", 2, "H_like", "W_like")},
        sizes=SIZES,
        tolerance=interpolation_rounding(max(SIZES["H_like"][-1], SIZES["W_like"][-1])),
    )
