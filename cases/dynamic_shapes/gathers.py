"""Gather, GatherElements and GatherND with symbolic data and symbolic indices, negative indices among them.

They move data: every result is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from cases.case import Array, Case
from cases.dynamic_shapes.single_node import Operands, node_case
from cases.dynamic_shapes.symbolic import Fill, Sizes, f32, i64
from cases.inputs import integers
from cases.model import Signature

ROWS = 5  # of what is indexed along a fixed dimension: indices are from -5 to 4
COLUMNS = 3
COUNT: Sizes = (2, 5, 3, 9)  # how many indices there are
FEWEST: Sizes = (3, 12, 7, 24)  # sizes of S: indices that are valid at every point are from -3 to 2

anywhere: Fill = partial(integers, low=-ROWS, high=ROWS - 1)
anywhere_int32: Fill = partial(integers, low=-ROWS, high=ROWS - 1, dtype=np.int32)
forward: Fill = partial(integers, low=0, high=ROWS - 1)
within_all: Fill = partial(integers, low=-FEWEST[0], high=FEWEST[0] - 1)
INT32: Signature = np.int32, ("K",)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _gather()
    yield from _elements()
    yield from _nd()


def _gather() -> Iterator[Case]:
    table, k = f32("N", ROWS, "S"), i64("K")
    for opset, fill in ((7, forward), (11, anywhere), (13, anywhere)):
        yield _case("axis_1", "Gather", table, k, f32("N", "K", "S"), fill, opset=opset, axis=1)
    yield _case("axis_1_int32", "Gather", table, INT32, f32("N", "K", "S"), anywhere_int32, axis=1)
    matrix = i64("K", 2)
    yield _case("axis_minus_2-matrix", "Gather", table, matrix, f32("N", "K", 2, "S"), anywhere, axis=-2)
    yield _case("axis_minus_1", "Gather", f32("N", "S"), k, f32("N", "K"), within_all, axis=-1)
    yield _case("axis_0", "Gather", f32("S", COLUMNS), k, f32("K", COLUMNS), within_all)
    yield _case("axis_2-scalar", "Gather", f32("N", COLUMNS, "S"), i64(), f32("N", COLUMNS), within_all, axis=2)
    yield _constant("axis_1-constant", f32("N", "S", 4), _integers(-1, 0, -3), f32("N", 3, 4), axis=1)
    yield _constant("axis_1-constant_scalar", f32("N", "S", 4), np.array(-2, np.int64), f32("N", 4), axis=1)
    yield _case("empty_points", "Gather", table, i64("E"), f32("N", "E", "S"), anywhere, opset=13, axis=1)


def _elements() -> Iterator[Case]:
    op, data, y = "GatherElements", f32("N", ROWS, "S"), f32("N", "K", "S")
    for opset in (11, 13, 18):
        yield _case("axis_1", op, data, i64("N", "K", "S"), y, anywhere, opset=opset, axis=1)
    yield _case("axis_minus_2_int32", op, data, (np.int32, ("N", "K", "S")), y, anywhere_int32, axis=-2)
    yield _case("axis_0", op, f32("S", "C"), i64("K", "C"), f32("K", "C"), within_all)
    yield _case("axis_minus_1", op, f32("N", "S"), i64("N", "K"), f32("N", "K"), within_all, axis=-1)
    fewer = i64("K", 2)
    yield _case("axis_0-fewer_columns", op, f32("S", COLUMNS), fewer, f32("K", 2), within_all)


def _nd() -> Iterator[Case]:
    op, table = "GatherND", f32("S", COLUMNS, "C")
    pair, single = partial(_bounded, (FEWEST[0], COLUMNS)), partial(_bounded, (FEWEST[0],))
    for opset in (11, 12, 13):
        yield _case("pairs", op, table, i64("K", 2), f32("K", "C"), pair, opset=opset)
    yield _case("rows", op, table, i64("K", 1), f32("K", COLUMNS, "C"), single)
    yield _case("rows_of_matrix", op, table, i64("K", 2, 1), f32("K", 2, COLUMNS, "C"), single)
    batched = f32("N", ROWS, "S")
    inner = partial(_bounded, (ROWS,))
    for opset in (12, 17):
        yield _case("batch_dims_1", op, batched, i64("N", 1), f32("N", "S"), inner, opset=opset, batch_dims=1)
    yield _case("batch_dims_1-many", op, batched, i64("N", "K", 1), f32("N", "K", "S"), inner, batch_dims=1)
    deep, deeper = f32("N", "C", ROWS, 4), i64("N", "C", "K", 1)
    yield _case("batch_dims_2", op, deep, deeper, f32("N", "C", "K", 4), inner, batch_dims=2)
    full = partial(_bounded, (1, COLUMNS, 2))
    yield _case("elements", op, f32("N", COLUMNS, "C"), i64("K", 3), f32("K"), full)


def _case(
    axes: str,
    op: str,
    data: Signature,
    indices: Signature,
    y: Signature,
    fill: Fill,
    *,
    opset: int = 17,
    **attributes: int,
) -> Case:
    operands: Operands = {"x": data, "indices": indices}
    return node_case(
        axes,
        op,
        operands,
        y,
        opset=opset,
        attributes=attributes,
        sizes={"K": COUNT, "E": (0, 3, 1, 6)},
        fill={"indices": fill},
    )


def _constant(axes: str, data: Signature, indices: Array, y: Signature, **attributes: int) -> Case:
    return node_case(axes, "Gather", {"x": data, "indices": indices}, y, attributes=attributes)


def _integers(*numbers: int) -> Array:
    return np.array(numbers, np.int64)


def _bounded(bounds: tuple[int, ...], key: str, shape: tuple[int, ...]) -> Array:
    """Return tuples of indices, each from minus its bound to its bound less 1."""
    columns = [integers(f"{key}/{at}", shape[:-1], -bound, bound - 1) for at, bound in enumerate(bounds[: shape[-1]])]
    return np.stack(columns, axis=-1)
