"""Scatter, ScatterElements and ScatterND with symbolic data, indices and updates, and every reduction.

Without a reduction the indices are all different, as ONNX leaves open who wins otherwise; with one they repeat, so that
an implementation that overwrites shows. Data and updates are multiples of 1/16, products are of powers of two: exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from cases.case import Array, Case, Shape
from cases.dynamic_shapes.reductions import powers
from cases.dynamic_shapes.single_node import node_case
from cases.dynamic_shapes.symbolic import Fill, Sizes, f32, i64
from cases.inputs import integers, permutation

ROWS = 12  # more than there are indices, so that they can be different
COUNT: Sizes = (2, 5, 3, 9)
SIZES = {"K": COUNT}
repeated: Fill = partial(integers, low=-3, high=2)  # of ROWS


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for op, opset in (("Scatter", 9), ("ScatterElements", 11), ("ScatterElements", 13), ("ScatterElements", 18)):
        yield _elements("axis_1", op, opset=opset, axis=1)
    yield _elements("axis_minus_2", "ScatterElements", axis=-2)
    yield _elements("axis_1_int32", "ScatterElements", dtype=np.int32, axis=1)
    yield from _elements_along_the_symbol()
    for opset in (11, 13, 16, 18):
        yield _nd("rows", opset=opset)
    yield _nd("rows_negative", low=-ROWS)
    yield from _nd_of_pairs()
    for reduction, opset in (
        ("none", 16),
        ("add", 16),
        ("mul", 16),
        ("add", 18),
        ("mul", 18),
        ("max", 18),
        ("min", 18),
    ):
        yield _elements(f"axis_1-{reduction}", "ScatterElements", opset=opset, axis=1, reduction=reduction)
        yield _nd(f"rows-{reduction}", opset=opset, reduction=reduction)


def _elements(
    axes: str, op: str, *, opset: int = 17, dtype: type[np.signedinteger] = np.int64, **attributes: str | int
) -> Case:
    reduced = attributes.get("reduction", "none") != "none"
    fill: Fill = repeated if reduced else partial(different, axis=1, bound=ROWS, dtype=dtype)
    return node_case(
        axes,
        op,
        {"x": f32("N", ROWS, "S"), "indices": (dtype, ("N", "K", "S")), "updates": f32("N", "K", "S")},
        f32("N", ROWS, "S"),
        opset=opset,
        attributes=attributes,
        sizes=SIZES,
        fill={"indices": fill, **_factors(attributes)},
    )


def _elements_along_the_symbol() -> Iterator[Case]:
    sizes = {"K": (2, 5, 3, 9), "T": (3, 12, 7, 24)}
    for axes, attributes in (("axis_0-symbolic", {}), ("axis_0-symbolic_fewer_columns", {"axis": 0})):
        columns: tuple[str | int, ...] = ("C",) if not attributes else (2,)
        yield node_case(
            axes,
            "ScatterElements",
            {"x": f32("T", "C"), "indices": i64("K", *columns), "updates": f32("K", *columns)},
            f32("T", "C"),
            attributes=attributes,
            sizes=sizes,
            fill={"indices": partial(different, axis=0)},
        )


def _nd(axes: str, *, opset: int = 17, low: int = 0, **attributes: str) -> Case:
    reduced = attributes.get("reduction", "none") != "none"
    fill: Fill = repeated if reduced else partial(different, axis=0, bound=ROWS, low=low)
    return node_case(
        axes,
        "ScatterND",
        {"x": f32(ROWS, "S"), "indices": i64("K", 1), "updates": f32("K", "S")},
        f32(ROWS, "S"),
        opset=opset,
        attributes=attributes,
        sizes=SIZES,
        fill={"indices": fill, **_factors(attributes)},
    )


def _nd_of_pairs() -> Iterator[Case]:
    yield node_case(
        "pairs",
        "ScatterND",
        {"x": f32("T", 3, "C"), "indices": i64("K", 2), "updates": f32("K", "C")},
        f32("T", 3, "C"),
        sizes={"K": (2, 5, 3, 9), "T": (3, 12, 7, 24)},
        fill={"indices": _pairs},
    )
    yield node_case(
        "slabs",
        "ScatterND",
        {"x": f32("S", 3, "C"), "indices": np.array([[2], [0]], np.int64), "updates": f32(2, 3, "C")},
        f32("S", 3, "C"),
    )


def different(
    key: str, shape: Shape, *, axis: int, bound: int = 0, low: int = 0, dtype: type[np.signedinteger] = np.int64
) -> Array:
    """Return indices that differ along ``axis``, from ``low`` to ``bound`` less 1.

    ``bound`` is by default one more than there are along the axis, which is a row of the smallest x at each point.
    A negative ``low`` of minus ``bound`` makes every second index negative; it stays another row.
    """
    rows = bound or shape[axis] + 1
    count = shape[axis]
    lanes = int(np.prod(shape, dtype=np.int64)) // count
    columns = [permutation(f"{key}/{lane}", rows)[:count] for lane in range(lanes)]
    indices = np.stack(columns, axis=-1).astype(dtype)
    if low < 0:
        indices[::2] -= rows
    moved = indices.reshape(count, *np.delete(shape, axis))
    return np.ascontiguousarray(np.moveaxis(moved, 0, axis))


def _pairs(key: str, shape: Shape) -> Array:
    """Return different pairs of a row of 3 and a column of 3, some of them negative."""
    flat = permutation(key, 9)[: shape[0]]
    return np.stack([flat // 3, flat % 3 - 3], axis=-1)


def _factors(attributes: dict[str, str] | dict[str, str | int]) -> dict[str, Fill]:
    return {"x": powers, "updates": powers} if attributes.get("reduction") == "mul" else {}
