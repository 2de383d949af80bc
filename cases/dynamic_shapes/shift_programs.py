"""Bodies that shift images cyclically, alone and with windows, and mask what the shift brought together."""

from __future__ import annotations

import numpy as np
import onnx

from cases.dynamic_shapes.shape_programs import WINDOW
from cases.dynamic_shapes.symbolic import Body, extent, ints, scalar
from cases.dynamic_shapes.window_programs import WINDOWED, count_windows, partitioned, sizes_of, woven
from cases.model import node

INT64 = onnx.TensorProto.INT64
SHIFT = WINDOW // 2
END = np.iinfo(np.int64).max
BLOCKED = -100.0
Nodes = list[onnx.NodeProto]
ROLLED = {"zero": ints(0), "end": ints(END), "axis1": ints(1), "axis2": ints(2)}


def roll(rows: int, columns: int) -> Body:
    """Shift the image cyclically: the first rows and columns come last; the last come first if negative."""
    nodes = [*_rolled("x", "down", "axis1", "half_rolled"), *_rolled("half_rolled", "right", "axis2", "y")]
    return nodes, {**ROLLED, "down": ints(rows), "right": ints(columns)}


def roll_by_half() -> Body:
    """Shift cyclically by half of the height and of the width, rounded down."""
    nodes = [
        *sizes_of("x", h=1, w=2),
        node("Div", ["h", "axis2"], ["down"]),
        node("Div", ["w", "axis2"], ["right"]),
        *_rolled("x", "down", "axis1", "half_rolled"),
        *_rolled("half_rolled", "right", "axis2", "y"),
    ]
    return nodes, ROLLED


def roll_by_gather() -> Body:
    """Shift the rows cyclically by 2: Gather by (i + 2) mod h."""
    nodes = [
        *extent("x", 1, "h", rank=0),
        node("Range", ["zero", "h", "one"], ["rows"]),
        node("Add", ["rows", "shift"], ["later"]),
        node("Mod", ["later", "h"], ["wrapped"]),
        node("Gather", ["x", "wrapped"], ["y"], axis=1),
    ]
    return nodes, {"zero": scalar(0), "one": scalar(1), "shift": scalar(SHIFT)}


def shifted_windows() -> Body:
    """Shift, partition, Relu, reverse and shift back."""
    nodes = [
        *_rolled("x", "forth", "axis1", "half_shifted"),
        *_rolled("half_shifted", "forth", "axis2", "shifted"),
        *sizes_of("x", n=0, h=1, w=2),
        *count_windows(),
        *partitioned("shifted", "windows"),
        node("Relu", ["windows"], ["positive"]),
        *woven("positive", "n", output="whole"),
        *_rolled("whole", "back", "axis1", "half_back"),
        *_rolled("half_back", "back", "axis2", "y"),
    ]
    return nodes, {**WINDOWED, **ROLLED, "forth": ints(SHIFT), "back": ints(-SHIFT)}


def shift_mask() -> Body:
    """Return -100 for two tokens of a window that come from different regions of the shifted image, else 0.

    The regions are rows up to h - 4, up to h - 2 and the others, and the same of the columns.
    """
    nodes = [
        *sizes_of("x", h=1, w=2),
        *count_windows(),
        *_regions("h"),
        *_regions("w"),
        node("Mul", ["h_regions", "three"], ["h_weighted"]),
        node("Unsqueeze", ["h_weighted", "one"], ["h_column"]),
        node("Add", ["h_column", "w_regions"], ["region"]),
        node("Concat", ["rows", "side", "columns", "side"], ["split"], axis=0),
        node("Reshape", ["region", "split"], ["blocks"]),
        node("Transpose", ["blocks"], ["ordered"], perm=[0, 2, 1, 3]),
        node("Reshape", ["ordered", "flat"], ["of_tokens"]),
        node("Unsqueeze", ["of_tokens", "one"], ["across"]),
        node("Unsqueeze", ["of_tokens", "two"], ["down"]),
        node("Equal", ["across", "down"], ["same"]),
        node("Where", ["same", "open", "blocked"], ["y"]),
    ]
    values = {"open": np.array(0, np.float32), "blocked": np.array(BLOCKED, np.float32)}
    numbers = {"one": ints(1), "three": ints(3), "flat": ints(-1, WINDOW**2), "first": scalar(0), "step": scalar(1)}
    return nodes, {**WINDOWED, **numbers, **values, "shift": scalar(SHIFT), "window_side": scalar(WINDOW)}


def _regions(size: str) -> Nodes:
    """Return nodes that number the regions of one direction 0, 1 and 2."""
    names = {name: f"{size}_{name}" for name in ("end", "all", "late", "last", "second", "third")}
    return [
        node("Squeeze", [size], [names["end"]]),
        node("Range", ["first", names["end"], "step"], [names["all"]]),
        node("Sub", [names["end"], "window_side"], [names["late"]]),
        node("Sub", [names["end"], "shift"], [names["last"]]),
        *_at_least(names["all"], names["late"], names["second"]),
        *_at_least(names["all"], names["last"], names["third"]),
        node("Add", [names["second"], names["third"]], [f"{size}_regions"]),
    ]


def _at_least(numbers: str, limit: str, result: str) -> Nodes:
    return [
        node("GreaterOrEqual", [numbers, limit], [f"{result}_flags"]),
        node("Cast", [f"{result}_flags"], [result], to=INT64),
    ]


def _rolled(source: str, shift: str, axis: str, result: str) -> Nodes:
    """Return nodes that set what stands before ``shift`` behind the rest."""
    return [
        node("Slice", [source, shift, "end", axis], [f"{result}_front"]),
        node("Slice", [source, "zero", shift, axis], [f"{result}_back"]),
        node("Concat", [f"{result}_front", f"{result}_back"], [result], axis=int(axis[-1])),
    ]
