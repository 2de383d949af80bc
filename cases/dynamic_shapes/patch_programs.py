"""Bodies that make tokens of images, images of tokens, and frames of sequences; the output is ``y``."""

from __future__ import annotations

import numpy as np

from cases.dynamic_shapes.shape_programs import WINDOW
from cases.dynamic_shapes.symbolic import Body, extent, ints, scalar
from cases.dynamic_shapes.window_programs import sizes_of
from cases.inputs import floats
from cases.model import node

END = np.iinfo(np.int64).max
LONGEST = 40  # positions in the table: more than any sequence has
HOP = 3  # from a frame to the next


def embed_patches() -> Body:
    """A Conv of patches of 4 x 4, flattened to tokens: [n, h / 4 * w / 4, 3]."""
    nodes = [
        node("Conv", ["x", "weight", "bias"], ["patches"], kernel_shape=[WINDOW, WINDOW], strides=[WINDOW, WINDOW]),
        node("Shape", ["patches"], ["shape"]),
        node("Slice", ["shape", "zero", "two"], ["kept"]),
        node("Concat", ["kept", "rest"], ["target"], axis=0),
        node("Reshape", ["patches", "target"], ["flat"]),
        node("Transpose", ["flat"], ["y"], perm=[0, 2, 1]),
    ]
    constants = {"weight": floats("patches/weight", (3, 2, WINDOW, WINDOW)), "bias": floats("patches/bias", (3,))}
    return nodes, {**constants, "zero": ints(0), "two": ints(2), "rest": ints(-1)}


def unfold_patches() -> Body:
    """[n, 2, h, w] becomes tokens [n, h / 4 * w / 4, 32] of the pixels of a patch."""
    nodes = [
        *sizes_of("x", n=0, h=2, w=3),
        node("Div", ["h", "side"], ["rows"]),
        node("Div", ["w", "side"], ["columns"]),
        node("Concat", ["n", "two", "rows", "side", "columns", "side"], ["split"], axis=0),
        node("Reshape", ["x", "split"], ["blocks"]),
        node("Transpose", ["blocks"], ["ordered"], perm=[0, 2, 4, 1, 3, 5]),
        node("Concat", ["n", "tokens"], ["target"], axis=0),
        node("Reshape", ["ordered", "target"], ["y"]),
    ]
    return nodes, {"side": ints(WINDOW), "two": ints(2), "tokens": ints(-1, 2 * WINDOW**2)}


def tokens_to_image() -> Body:
    """Tokens [n, h * w, 3] become [n, 3, h, w], with the height and width of another input."""
    nodes = [
        *extent("x", 0, "n"),
        *sizes_of("like", h=2, w=3),
        node("Transpose", ["x"], ["channels_first"], perm=[0, 2, 1]),
        node("Concat", ["n", "three", "h", "w"], ["target"], axis=0),
        node("Reshape", ["channels_first", "target"], ["y"]),
    ]
    return nodes, {"three": ints(3)}


def merge_patches() -> Body:
    """[n, h, w, 2] becomes [n, h / 2 * w / 2, 8]: four slices of every second row and column, side by side."""
    slices = [
        node("Slice", ["x", f"begin{row}{column}", "ends", "spatial", "steps"], [f"corner{row}{column}"])
        for column in (0, 1)
        for row in (0, 1)
    ]
    nodes = [
        *slices,
        node("Concat", [each.output[0] for each in slices], ["merged"], axis=-1),
        *extent("x", 0, "n"),
        node("Concat", ["n", "tokens"], ["target"], axis=0),
        node("Reshape", ["merged", "target"], ["y"]),
    ]
    begins = {f"begin{row}{column}": ints(row, column) for row in (0, 1) for column in (0, 1)}
    return nodes, {**begins, "ends": ints(END, END), "spatial": ints(1, 2), "steps": ints(2, 2), "tokens": ints(-1, 8)}


def positions_and_class_token() -> Body:
    """Set a token before the sequence and add the first s + 1 rows of a table of positions."""
    nodes = [
        *extent("x", 0, "n"),
        *extent("x", 1, "s"),
        node("Concat", ["n", "one", "four"], ["target"], axis=0),
        node("Expand", ["token", "target"], ["tokens"]),
        node("Concat", ["tokens", "x"], ["longer"], axis=1),
        node("Add", ["s", "one"], ["length"]),
        node("Slice", ["table", "zero", "length", "one"], ["positions"]),
        node("Add", ["longer", "positions"], ["y"]),
    ]
    learned = {"token": floats("class_token", (1, 1, 4)), "table": floats("position_table", (1, LONGEST, 4))}
    return nodes, {**learned, "zero": ints(0), "one": ints(1), "four": ints(4)}


def chunk() -> Body:
    """Pad [n, s] at its end to a multiple of 4 and cut it: [n, ceil(s / 4), 4]."""
    nodes = [
        *sizes_of("x", n=0, s=1),
        node("Neg", ["s"], ["negative"]),
        node("Mod", ["negative", "side"], ["missing"]),
        node("Concat", ["none", "missing"], ["pads"], axis=0),
        node("Pad", ["x", "pads"], ["padded"]),
        node("Concat", ["n", "rest"], ["target"], axis=0),
        node("Reshape", ["padded", "target"], ["y"]),
    ]
    return nodes, {"side": ints(WINDOW), "none": ints(0, 0, 0), "rest": ints(-1, WINDOW)}


def frames() -> Body:
    """Frames of 4 samples, 3 apart: [n, (s - 4) / 3 + 1, 4]."""
    nodes = [
        *extent("x", 1, "s", rank=0),
        node("Sub", ["s", "side"], ["beyond_the_first"]),
        node("Div", ["beyond_the_first", "hop"], ["more"]),
        node("Add", ["more", "one"], ["count"]),
        node("Range", ["zero", "count", "one"], ["numbers"]),
        node("Mul", ["numbers", "hop"], ["begins"]),
        node("Unsqueeze", ["begins", "behind"], ["column"]),
        node("Add", ["column", "offsets"], ["indices"]),
        node("Gather", ["x", "indices"], ["y"], axis=1),
    ]
    offsets = {"offsets": np.arange(WINDOW), "behind": ints(1)}
    return nodes, {**offsets, "zero": scalar(0), "one": scalar(1), "side": scalar(WINDOW), "hop": scalar(HOP)}


def every_second() -> Body:
    """Every second sample from the second on, minus every second from the first on."""
    nodes = [
        *extent("x", 1, "s"),
        node("Div", ["s", "two"], ["pairs"]),
        node("Mul", ["pairs", "two"], ["even_end"]),
        node("Slice", ["x", "one", "even_end", "one", "two"], ["odd"]),
        node("Slice", ["x", "zero", "even_end", "one", "two"], ["even"]),
        node("Sub", ["odd", "even"], ["y"]),
    ]
    return nodes, {"zero": ints(0), "one": ints(1), "two": ints(2)}


def neighbours() -> Body:
    """Each sample with the one before it and the one after it, zero beyond the ends: [n, s, 3]."""
    nodes = [
        *extent("x", 1, "s"),
        node("Add", ["s", "two"], ["s_plus_2"]),
        node("Pad", ["x", "pads"], ["padded"]),
        node("Slice", ["padded", "zero", "s", "one"], ["before"]),
        node("Slice", ["padded", "two", "s_plus_2", "one"], ["after"]),
        *(node("Unsqueeze", [name, "two"], [f"{name}_column"]) for name in ("before", "x", "after")),
        node("Concat", ["before_column", "x_column", "after_column"], ["y"], axis=2),
    ]
    return nodes, {"zero": ints(0), "one": ints(1), "two": ints(2), "pads": ints(0, 1, 0, 1)}
