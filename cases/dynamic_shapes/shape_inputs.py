"""Shapes that arrive at run time as graph inputs: shape tensors, whose values the profile bounds as well.

Everything here moves data, or adds small integers: every result is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from cases.case import Case
from cases.dynamic_shapes import shape_input_bodies as bodies
from cases.dynamic_shapes.shape_input_bodies import Row, cases_of
from cases.dynamic_shapes.symbolic import SIZES, Values, f32, i64

TOKENS = f32("N", "S", 4)
TABLE = f32("N", "S")
IMAGE, LARGE = f32("N", 2, "H", "W"), f32("N", 2, "H_twice", "W_twice")
PLANE: Values = ((1, 3), (4, 12), (2, 7), (8, 24))
ENDS: Values = ((2,), (8,), (5,), (20,))
STARTS: Values = ((0,), (4,), (2,), (9,))
TWELVES: Values = ((2, 6), (6, 8), (3, 8), (8, 12))  # as many elements as x[N, 12] has
PADS: Values = ((0, 0, 0, 1), (0, 2, 0, 4), (0, 1, 0, 3), (0, 4, 0, 6))
DOUBLED: Values = tuple((n, 2, 2 * h, 2 * w) for n, h, w in zip(SIZES["N"], SIZES["H"], SIZES["W"], strict=True))


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from cases_of((*_targets(), *_cuts()))


def _targets() -> Iterator[Row]:
    """The shape that comes out, as it is."""
    plane = f32("rows", "columns")
    yield (
        "reshape-shape_input",
        "Reshape",
        bodies.direct("Reshape"),
        f32("N", 12),
        i64(2),
        TWELVES,
        plane,
        (13, 14, 17, 19, 21),
    )
    rows: Values = ((-1, 2), (-1, 6), (-1, 3), (-1, 12))
    yield (
        "reshape-shape_input_minus_one",
        "Reshape",
        bodies.direct("Reshape"),
        f32("N", 12),
        i64(2),
        rows,
        plane,
        (13, 17),
    )
    copied: Values = ((0, 2, -1), (0, 6, -1), (0, 3, -1), (0, 12, -1))
    cube = f32("N", "middle", "last")
    yield (
        "reshape-shape_input_zero",
        "Reshape",
        bodies.direct("Reshape"),
        f32("N", 12),
        i64(3),
        copied,
        cube,
        (13, 17),
    )
    exact = tuple((n, 12) for n in SIZES["N"])
    whole = bodies.direct("Reshape", allowzero=1)
    yield "reshape-shape_input_allowzero", "Reshape", whole, f32("N", 3, 4), i64(2), exact, plane, (14, 21)
    narrow = bodies.cast("Reshape")
    yield "reshape-shape_input_int32", "Reshape", narrow, f32("N", 12), (np.int32, (2,)), TWELVES, plane, (13, 17)
    yield (
        "expand-shape_input",
        "Expand",
        bodies.direct("Expand"),
        f32("N", 1),
        i64(2),
        PLANE,
        f32("N", "columns"),
        (8, 13, 17, 21),
    )
    yield (
        "expand-shape_input_int32",
        "Expand",
        bodies.cast("Expand"),
        f32("N", 1),
        (np.int32, (2,)),
        PLANE,
        f32("N", "columns"),
        (13, 17),
    )
    ranks: Values = tuple((depth, n, 4) for depth, n in zip((2, 5, 3, 6), SIZES["N"], strict=True))
    yield (
        "expand-shape_input_rank",
        "Expand",
        bodies.direct("Expand"),
        f32("N", 4),
        i64(3),
        ranks,
        f32("depth", "N", 4),
        (13, 17),
    )
    repeats: Values = ((1, 1), (2, 3), (3, 4), (4, 6))
    yield (
        "tile-repeats_input",
        "Tile",
        bodies.direct("Tile"),
        f32("N", 4),
        i64(2),
        repeats,
        plane,
        (6, 13, 17, 21),
    )
    yield (
        "tile-repeats_input_int32",
        "Tile",
        bodies.cast("Tile"),
        f32("N", 4),
        (np.int32, (2,)),
        repeats,
        plane,
        (13,),
    )
    row: Values = tuple((1, length) for length in SIZES["S"])
    yield (
        "constantofshape-shape_input",
        "ConstantOfShape",
        bodies.constant,
        f32("N", 1),
        i64(2),
        row,
        f32("N", "columns"),
        (9, 17, 20, 21),
    )
    yield (
        "resize-sizes_input",
        "Resize",
        bodies.resize("sizes"),
        IMAGE,
        i64(4),
        DOUBLED,
        LARGE,
        (13, 17, 18, 19),
    )
    pair: Values = tuple(shape[2:] for shape in DOUBLED)
    two = bodies.resize("sizes", axes=[2, 3])
    yield "resize-sizes_input_axes", "Resize", two, IMAGE, i64(2), pair, LARGE, (18, 19)
    factors: Values = ((1, 1, 1, 2), (1, 1, 2, 3), (1, 1, 3, 4), (1, 1, 4, 5))
    scales = np.float32, (4,)
    yield (
        "resize-scales_input",
        "Resize",
        bodies.resize("scales"),
        IMAGE,
        scales,
        factors,
        LARGE,
        (13, 17, 19),
    )
    crop: Values = ((4, 8), (12, 16), (7, 10), (20, 30))
    centered = partial(bodies.crop, axes=[2, 3])
    yield "centercroppad-shape_input", "CenterCropPad", centered, IMAGE, i64(2), crop, f32("N", 2, "h", "w"), (18,)


def _cuts() -> Iterator[Row]:
    """Starts, ends and steps of Slice, sizes of Split, pads."""
    for name, dtype in (("ends_input", np.int64), ("ends_input_int32", np.int32)):
        ends = partial(bodies.cut, "end", dtype)
        yield f"slice-{name}", "Slice", ends, TOKENS, (dtype, (1,)), ENDS, f32("N", "end", 4), (10, 11, 13, 17, 21)
        starts = partial(bodies.cut, "start", dtype)
        word = name.replace("ends", "starts")
        yield f"slice-{word}", "Slice", starts, TOKENS, (dtype, (1,)), STARTS, f32("N", "rest", 4), (13, 17)
    negative: Values = ((-9,), (-3,), (-6,), (-1,))  # at the smallest length of 3, -9 is before the beginning
    ahead = partial(bodies.cut, "end", np.int64)
    yield "slice-ends_input_negative", "Slice", ahead, TOKENS, i64(1), negative, f32("N", "end", 4), (13, 17)
    steps: Values = ((1,), (3,), (2,), (4,))
    yield (
        "slice-steps_input",
        "Slice",
        partial(bodies.cut, "step", np.int64),
        TOKENS,
        i64(1),
        steps,
        f32("N", "some", 4),
        (13, 17),
    )
    yield (
        "slice-axes_input",
        "Slice",
        partial(bodies.cut, "axis", np.int64),
        TOKENS,
        i64(1),
        ((1,),) * 4,
        f32("N", "s", 4),
        (13, 17),
    )
    none: Values = ((0,), (4,), (2,), (9,))
    yield "slice-ends_input_empty", "Slice", ahead, TOKENS, i64(1), none, f32("N", "end", 4), (13, 17)
    sizes: Values = ((1, 2), (5, 7), (3, 4), (10, 14))
    first = partial(bodies.split, 0)
    yield "split-sizes_input", "Split", first, TABLE, i64(2), sizes, f32("N", "first"), (13, 17, 18, 21)
    ends_of: Values = ((0, 3), (4, 8), (2, 5), (9, 15))
    yield "split-sizes_input_empty", "Split", first, TABLE, i64(2), ends_of, f32("N", "first"), (13, 18)
    padded = f32("N", "S_padded")
    for mode in ("constant", "edge", "reflect", "wrap"):
        direct = bodies.direct("Pad", mode=mode)
        opsets = (19, 21) if mode == "wrap" else (11, 13, 17, 18, 19, 21) if mode == "constant" else (13, 18)
        name = "pads_input" if mode == "constant" else f"pads_input_{mode}"
        yield f"pad-{name}", "Pad", direct, TABLE, i64(4), PADS, padded, opsets
    axes_pads: Values = ((0, 1), (2, 4), (1, 3), (5, 6))
    yield "pad-pads_input_axes", "Pad", bodies.pad_axes, TABLE, i64(2), axes_pads, padded, (18, 21)
    removed: Values = ((0, -2, 0, 0), (0, -1, 0, 4), (0, -1, 0, 3), (0, 0, 0, 6))
    yield (
        "pad-pads_input_negative",
        "Pad",
        bodies.direct("Pad", mode="constant"),
        TABLE,
        i64(4),
        removed,
        padded,
        (13,),
    )
