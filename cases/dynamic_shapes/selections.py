"""Bodies around NonZero, Compress and Unique: input ``x``, often flags ``keep``, and what is done with what is left."""

from __future__ import annotations

import numpy as np

from cases.dynamic_shapes.symbolic import Body, extent, ints
from cases.inputs import floats
from cases.model import node

UNITS = 5
ROWS = [  # indices int64[count] of the flags that are set
    node("NonZero", ["keep"], ["found"]),
    node("Squeeze", ["found", "front"], ["indices"]),
]
FRONT = {"front": ints(0)}


def nonzero() -> Body:
    """Return the indices of the elements that are not zero."""
    return [node("NonZero", ["x"], ["y"])], {}


def gather_rows() -> Body:
    """Return the rows whose flag is set: NonZero -> Squeeze -> Gather."""
    return [*ROWS, node("Gather", ["x", "indices"], ["y"], axis=0)], FRONT


def gather_rows_matmul() -> Body:
    """Return the chosen rows times a weight: a product with as many rows as the data say."""
    nodes = [*ROWS, node("Gather", ["x", "indices"], ["rows"], axis=0), node("MatMul", ["rows", "weight"], ["y"])]
    return nodes, {**FRONT, "weight": floats("rows/weight", (4, UNITS))}


def gather_rows_sum() -> Body:
    """Return x plus the sum of the chosen rows, which is 0 where there are none."""
    nodes = [
        *ROWS,
        node("Gather", ["x", "indices"], ["rows"], axis=0),
        node("ReduceSum", ["rows", "front"], ["sum"], keepdims=0),
        node("Add", ["x", "sum"], ["y"]),
    ]
    return nodes, FRONT


def gather_rows_concat() -> Body:
    """Return all rows, and once more those that are chosen."""
    nodes = [*ROWS, node("Gather", ["x", "indices"], ["rows"], axis=0), node("Concat", ["x", "rows"], ["y"], axis=0)]
    return nodes, FRONT


def gather_rows_reshape() -> Body:
    """Return the chosen rows of 4 as twice as many rows of 2, with -1 for their number."""
    nodes = [*ROWS, node("Gather", ["x", "indices"], ["rows"], axis=0), node("Reshape", ["rows", "pairs"], ["y"])]
    return nodes, {**FRONT, "pairs": ints(-1, 2)}


def range_over_count() -> Body:
    """Return 0, 1, ... up to the number of flags that are set: Shape of what NonZero gives, as a scalar."""
    nodes = [*ROWS, *extent("indices", 0, "count", rank=0), node("Range", ["zero", "count", "one"], ["y"])]
    return nodes, {**FRONT, "zero": np.array(0, np.int64), "one": np.array(1, np.int64)}


def zeros_of_count() -> Body:
    """Return zeros in as many rows as flags are set."""
    nodes = [
        *ROWS,
        *extent("indices", 0, "count"),
        node("Concat", ["count", "three"], ["shape"], axis=0),
        node("ConstantOfShape", ["shape"], ["y"]),
    ]
    return nodes, {**FRONT, "three": ints(3)}


def expand_to_count() -> Body:
    """Return the sum of all rows as many times as flags are set."""
    nodes = [
        *ROWS,
        *extent("indices", 0, "count"),
        node("Concat", ["count", "four"], ["shape"], axis=0),
        node("ReduceSum", ["x", "front"], ["sum"], keepdims=1),
        node("Expand", ["sum", "shape"], ["y"]),
    ]
    return nodes, {**FRONT, "four": ints(4)}


def compress(**attributes: int) -> Body:
    """Return the elements whose flag is set."""
    return [node("Compress", ["x", "keep"], ["y"], **attributes)], {}


def compress_matmul() -> Body:
    """Return the products of rows over the chosen columns: the inner size of MatMul depends on the data."""
    nodes = [
        node("Compress", ["x", "keep"], ["chosen"], axis=1),
        node("Transpose", ["chosen"], ["turned"], perm=[1, 0]),
        node("MatMul", ["chosen", "turned"], ["y"]),
    ]
    return nodes, {}


def compress_concat() -> Body:
    """Return the chosen columns, which may be none, and then all."""
    nodes = [node("Compress", ["x", "keep"], ["chosen"], axis=1), node("Concat", ["chosen", "x"], ["y"], axis=1)]
    return nodes, {}


def compress_sum() -> Body:
    """Return the sums over the chosen columns, which are 0 where there are none."""
    nodes = [
        node("Compress", ["x", "keep"], ["chosen"], axis=1),
        node("ReduceSum", ["chosen", "axis"], ["y"], keepdims=0),
    ]
    return nodes, {"axis": ints(1)}


def unique(**attributes: int) -> Body:
    """Return each value once, with first positions, inverse and counts."""
    return [node("Unique", ["x"], ["y", "indices", "inverse", "counts"], **attributes)], {}


def unique_values() -> Body:
    """Return each value once, and leave out the other outputs."""
    return [node("Unique", ["x"], ["y"])], {}


def unique_values_and_counts() -> Body:
    """Return each value once, and its count; the two outputs between them have no name."""
    return [node("Unique", ["x"], ["y", "", "", "counts"])], {}


def unique_size() -> Body:
    """Return 0, 1, ... up to the number of different values."""
    nodes = [
        node("Unique", ["x"], ["values"]),
        node("Size", ["values"], ["count"]),
        node("Range", ["zero", "count", "one"], ["y"]),
    ]
    return nodes, {"zero": np.array(0, np.int64), "one": np.array(1, np.int64)}


def mask_gather() -> Body:
    """Return x[x > 0]: NonZero -> Transpose -> GatherND."""
    nodes = [
        node("Greater", ["x", "zero"], ["mask"]),
        node("NonZero", ["mask"], ["indices"]),
        node("Transpose", ["indices"], ["positions"], perm=[1, 0]),
        node("GatherND", ["x", "positions"], ["y"]),
    ]
    return nodes, {"zero": np.array(0, np.float32)}


def mask_compress() -> Body:
    """Return x[x > 0]: Reshape to one dimension -> Compress."""
    nodes = [
        node("Greater", ["x", "zero"], ["mask"]),
        node("Reshape", ["mask", "flat"], ["flat_mask"]),
        node("Compress", ["x", "flat_mask"], ["y"]),
    ]
    return nodes, {"zero": np.array(0, np.float32), "flat": ints(-1)}


def mask_rows() -> Body:
    """Return the rows with a positive sum: ReduceSum -> Greater -> NonZero -> Squeeze -> Gather."""
    nodes = [
        node("ReduceSum", ["x", "axis"], ["sums"], keepdims=0),
        node("Greater", ["sums", "zero"], ["mask"]),
        node("NonZero", ["mask"], ["found"]),
        node("Squeeze", ["found", "front"], ["indices"]),
        node("Gather", ["x", "indices"], ["y"], axis=0),
    ]
    return nodes, {"zero": np.array(0, np.float32), "axis": ints(1), **FRONT}


def mask_scatter() -> Body:
    """Return x with x[x > 0] = 7: ScatterND of as many updates as the data say."""
    nodes = [
        node("Greater", ["x", "zero"], ["mask"]),
        node("NonZero", ["mask"], ["indices"]),
        node("Transpose", ["indices"], ["positions"], perm=[1, 0]),
        *extent("positions", 0, "count"),
        node("Expand", ["seven", "count"], ["updates"]),
        node("ScatterND", ["x", "positions", "updates"], ["y"]),
    ]
    return nodes, {"zero": np.array(0, np.float32), "seven": np.array([7], np.float32)}
