"""Windows, shifts, patches and frames of images and sequences of symbolic size, as vision transformers cut them.

What only moves data is exact; what multiplies or normalizes has the tolerance of its arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from cases.case import Case
from cases.dynamic_shapes import patch_programs as patches
from cases.dynamic_shapes import shift_programs as shifts
from cases.dynamic_shapes import window_programs as programs
from cases.dynamic_shapes.rounding import PRODUCT, attention_rounding, rounding
from cases.dynamic_shapes.rows import Row, listed
from cases.dynamic_shapes.shape_programs import WINDOW, partition_and_reverse_windows, partition_windows
from cases.dynamic_shapes.symbolic import dynamic_case, f32
from cases.inputs import floats
from cases.model import Signature

SIZES = {
    "H4": (8, 16, 12, 24),  # multiples of the side of a window
    "W4": (4, 20, 8, 28),
    "all_windows": (2, 80, 12, 336),  # as many for each of N
    "H": (5, 11, 9, 18),
    "W": (4, 14, 7, 19),
    "S": (8, 21, 13, 30),
    "tokens": (32, 320, 96, 672),  # H4 times W4
}
IMAGE = f32("N", "H4", "W4", 2)
ANY = f32("N", "H", "W", 2)
GRID: Mapping[str, Signature] = {"x": IMAGE}
UNEVEN: Mapping[str, Signature] = {"x": ANY}


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from listed(_partitions(), sizes=SIZES)
    for opset in (13, 21):
        yield from listed(_of_other_opsets(), opset=opset, sizes=SIZES)
    yield from listed(_shifts(), sizes=SIZES)
    yield from listed(_patches(), sizes=SIZES)
    yield from listed(_frames(), sizes=SIZES)
    yield _attention()


def _partitions() -> Iterator[Row]:
    windows, whole = f32("all_windows", WINDOW, WINDOW, 2), f32("all_windows", WINDOW**2, 2)
    yield Row("window_partition-tokens", "Reshape", programs.partition_tokens, GRID, whole)
    first = {"x": f32("N", 2, "H4", "W4")}
    yield Row(
        "window_partition-channels_first", "Reshape", programs.partition_channels_first, first, f32(None, 2, 4, 4)
    )
    back = {"x": windows, "like": IMAGE}
    yield Row("window_reverse-sizes_of_other", "Reshape", programs.reverse_like, back, IMAGE)
    yield Row("window_reverse-batch_by_division", "Reshape", programs.reverse_by_division, back, IMAGE)
    yield Row("window_reverse-batch_by_float_division", "Reshape", programs.reverse_by_float_division, back, IMAGE)
    yield Row("window_partition-padded", "Pad", programs.pad_and_partition, UNEVEN, f32(None, 4, 4, 2))
    yield Row("window_partition_reverse-padded_and_cropped", "Slice", programs.pad_partition_and_crop, UNEVEN, ANY)
    yield Row(
        "window_partition-mean",
        "ReduceMean",
        programs.window_means,
        GRID,
        f32("N", None, None, 2),
        rounding(16, 4.0 / 16),
    )
    yield Row("window_partition-grid", "Reshape", programs.grid_partition, GRID, f32(None, None, None, 2))


def _of_other_opsets() -> Iterator[Row]:
    windows = f32("all_windows", WINDOW, WINDOW, 2)
    yield Row("window_partition-reshape", "Reshape", partition_windows, GRID, windows)
    yield Row("window_partition_reverse-reshape", "Reshape", partition_and_reverse_windows, GRID, IMAGE)


def _shifts() -> Iterator[Row]:
    yield Row("window_shift-constant", "Concat", partial(shifts.roll, 2, 2), UNEVEN, ANY)
    yield Row("window_shift-backwards", "Concat", partial(shifts.roll, -2, -1), UNEVEN, ANY)
    yield Row("window_shift-half", "Concat", shifts.roll_by_half, UNEVEN, ANY)
    yield Row("window_shift-gather_mod", "Gather", shifts.roll_by_gather, UNEVEN, ANY)
    yield Row("window_shift-partition_and_back", "Reshape", shifts.shifted_windows, GRID, IMAGE)
    yield Row("window_shift-mask", "Where", shifts.shift_mask, GRID, f32(None, 16, 16))


def _patches() -> Iterator[Row]:
    first, tolerance = {"x": f32("N", 2, "H4", "W4")}, rounding(2 * WINDOW**2 + 1, PRODUCT)
    yield Row("patches-conv_flatten", "Conv", patches.embed_patches, first, f32("N", None, 3), tolerance)
    yield Row("patches-unfold", "Reshape", patches.unfold_patches, first, f32("N", None, 32))
    back = {"x": f32("N", "tokens", 3), "like": f32("N", 1, "H4", "W4")}
    yield Row("patches-tokens_to_image", "Reshape", patches.tokens_to_image, back, f32("N", 3, "H4", "W4"))
    square = {"x": f32("N", "H4", "W4", 2)}
    yield Row("patches-merge_by_slices", "Slice", patches.merge_patches, square, f32("N", None, 8))
    yield Row(
        "patches-class_token_positions",
        "Slice",
        patches.positions_and_class_token,
        {"x": f32("N", "S", 4)},
        f32("N", None, 4),
    )


def _frames() -> Iterator[Row]:
    tokens: Mapping[str, Signature] = {"x": f32("N", "S")}
    yield Row("frames-padded_chunks", "Reshape", patches.chunk, tokens, f32("N", None, WINDOW))
    yield Row("frames-overlapping_gather", "Gather", patches.frames, tokens, f32("N", None, WINDOW))
    yield Row("frames-every_second_slice", "Slice", patches.every_second, tokens, f32("N", None))
    yield Row("frames-neighbours", "Concat", patches.neighbours, tokens, f32("N", "S", 3))


def _attention() -> Case:
    return dynamic_case(
        "window_partition_reverse-attention",
        "Softmax",
        programs.window_attention,
        GRID,
        {"y": IMAGE},
        sizes=SIZES,
        fill={"x": partial(floats, limit=1.0)},
        tolerance=attention_rounding(WINDOW**2),
    )
