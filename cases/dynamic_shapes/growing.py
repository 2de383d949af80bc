"""Expand, Tile, Range, ConstantOfShape and OneHot, with their sizes constant or given at run time.

Every result is exact: data is repeated, and ranges are of integers and of multiples of 1/2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from cases.case import Case
from cases.dynamic_shapes.single_node import Operand, node_case, vector
from cases.dynamic_shapes.symbolic import Body, Values, dynamic_case, f32, i64, ints, scalar
from cases.inputs import integers
from cases.model import Signature, node, tensor

DEPTH = 5
TOKENS = f32("N", "S")
LENGTHS: Values = ((3,), (12,), (7,), (24,))


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _expand()
    yield from _tile()
    yield from _range()
    yield from _constant_of_shape()
    yield from _one_hot()


def _expand() -> Iterator[Case]:
    column = f32("N", 1, "S")
    for opset in (8, 13):
        yield node_case("middle", "Expand", {"x": column, "shape": ints(3, 1)}, f32("N", 3, "S"), opset=opset)
    yield node_case("more_ranks", "Expand", {"x": f32("N", 1), "shape": ints(2, 1, 4)}, f32(2, "N", 4))
    yield node_case("fewer_ranks", "Expand", {"x": column, "shape": ints(1)}, column)
    values: Values = ((1, 3, 1), (1, 12, 1), (1, 7, 1), (1, 24, 1))
    operands: dict[str, Operand] = {"x": column, "shape": vector(3)}
    yield node_case("shape_given", "Expand", operands, f32("N", "rows", "S"), opset=8, values={"shape": values})
    whole: Values = ((2, 1, 3), (4, 4, 12), (3, 2, 7), (6, 8, 24))
    row: dict[str, Operand] = {"x": f32("N", 1), "shape": vector(3)}
    yield node_case("shape_given-more_ranks", "Expand", row, f32("a", "N", "b"), values={"shape": whole})


def _tile() -> Iterator[Case]:
    for opset in (7, 13):
        yield node_case(
            "repeats", "Tile", {"x": TOKENS, "repeats": ints(3, 2)}, f32("N_thrice", "S_twice"), opset=opset
        )
    yield node_case("repeats_one", "Tile", {"x": f32("N", 2, "S"), "repeats": ints(1, 2, 1)}, f32("N", 4, "S"))
    repeats: Values = ((1, 2), (3, 4), (2, 3), (5, 6))
    given: dict[str, Operand] = {"x": TOKENS, "repeats": vector(2)}
    yield node_case("repeats_given", "Tile", given, f32("a", "b"), opset=7, values={"repeats": repeats})


def _range() -> Iterator[Case]:
    bounds: Mapping[str, Values] = {
        "start": ((0,), (2,), (1,), (3,)),
        "limit": ((9,), (20,), (14,), (32,)),
        "delta": ((1,), (3,), (2,), (4,)),
    }
    for name, dtype, opset in (("int64", np.int64, 11), ("int32", np.int32, 17), ("int64", np.int64, 27)):
        yield _added_range(f"{name}-all_given", dtype, dict.fromkeys(bounds, None), bounds, opset=opset)
    downward: Mapping[str, Values] = {"start": ((2,), (11,), (6,), (23,))}
    yield _added_range("int64-negative_delta", np.int64, {"start": None, "limit": -1, "delta": -1}, downward)
    yield _added_range(
        "int64-limit_given",
        np.int64,
        {"start": -2, "limit": None, "delta": 3},
        {"limit": ((5,), (20,), (9,), (31,))},
        opset=11,
    )


def _added_range(
    name: str,
    dtype: type[np.signedinteger[Any]],
    bounds: Mapping[str, int | None],
    values: Mapping[str, Values],
    *,
    opset: int = 17,
) -> Case:
    return dynamic_case(
        f"range-{name}",
        "Range",
        partial(_sum_with_range, dtype, bounds),
        {"x": f32("N", 1), **{key: (dtype, ()) for key, number in bounds.items() if number is None}},
        {"y": f32("N", "length")},
        opset=opset,
        values=values,
    )


def _sum_with_range(dtype: npt.DTypeLike, bounds: Mapping[str, int | None]) -> Body:
    """Add a range to x, with bounds that are constant or given at run time."""
    nodes = [
        node("Range", ["start", "limit", "delta"], ["steps"]),
        node("Cast", ["steps"], ["steps_float"], to=1),
        node("Add", ["x", "steps_float"], ["y"]),
    ]
    return nodes, {key: np.array(number, dtype) for key, number in bounds.items() if number is not None}


def _constant_of_shape() -> Iterator[Case]:
    whole: Values = ((1, 3), (4, 12), (2, 7), (8, 24))
    for dtype, number, opset in (
        (np.float32, -2.5, 9),
        (np.float32, None, 9),
        (np.int64, 7, 13),
        (np.bool_, True, 17),
        (np.float32, 0.5, 20),
        (np.float32, 0.5, 24),
    ):
        name = "zero" if number is None else np.dtype(dtype).name
        yield dynamic_case(
            f"constantofshape-like_x_{name}",
            "ConstantOfShape",
            partial(_filled, dtype, number),
            {"x": TOKENS},
            {"y": (dtype, ("N", "S"))},
            opset=opset,
        )
    given: dict[str, Operand] = {"shape": vector(2), "x": TOKENS}
    yield dynamic_case(
        "constantofshape-shape_given",
        "ConstantOfShape",
        _sum_with_constant,
        {name: operand for name, operand in given.items() if isinstance(operand, tuple)},
        {"y": TOKENS},
        opset=9,
        values={"shape": whole},
    )


def _filled(dtype: npt.DTypeLike, number: float | None) -> Body:
    """Make a constant of the shape of x."""
    attributes = {} if number is None else {"value": tensor("value", np.array([number], dtype))}
    return [node("Shape", ["x"], ["shape"]), node("ConstantOfShape", ["shape"], ["y"], **attributes)], {}


def _sum_with_constant() -> Body:
    """Add a constant of a shape that is given at run time."""
    half = tensor("half", np.array([0.5], np.float32))
    return [node("ConstantOfShape", ["shape"], ["halves"], value=half), node("Add", ["x", "halves"], ["y"])], {}


def _one_hot() -> Iterator[Case]:
    indices = i64("N", "S")
    off_on: dict[str, Operand] = {"values": np.array([-1, 2], np.float32)}
    for axis, opset, y in ((-1, 9, f32("N", "S", DEPTH)), (1, 11, f32("N", DEPTH, "S")), (0, 17, f32(DEPTH, "N", "S"))):
        name = f"axis_{axis}".replace("-", "minus_")
        yield _hot(name, {"x": indices, "depth": scalar(DEPTH), **off_on}, y, opset=opset, axis=axis)
    yield _hot(
        "depth_given", {"x": indices, "depth": vector(1), **off_on}, f32("N", "S", "depth"), values={"depth": LENGTHS}
    )
    yield _hot(
        "depth_given_scalar",
        {"x": indices, "depth": i64(), **off_on},
        f32("N", "S", "depth"),
        values={"depth": LENGTHS},
    )
    narrow: Signature = np.int32, (1,)
    operands: dict[str, Operand] = {"x": indices, "depth": narrow, **off_on}
    yield _hot("depth_given_int32", operands, f32("N", "S", "depth"), values={"depth": LENGTHS})
    given: dict[str, Operand] = {"x": indices, "depth": scalar(DEPTH), "values": f32(2)}
    yield _hot("values_given", given, f32("N", "S", DEPTH))


def _hot(
    name: str,
    operands: Mapping[str, Operand],
    y: Signature,
    *,
    opset: int = 17,
    values: Mapping[str, Values] | None = None,
    **attributes: int,
) -> Case:
    """Indices from -3 to 5: with a depth of 5 or less some of them are beyond it, which gives a row of "off"."""
    fill = {"x": partial(integers, low=-3, high=DEPTH)}
    return node_case(name, "OneHot", operands, y, opset=opset, attributes=attributes, fill=fill, values=values)
