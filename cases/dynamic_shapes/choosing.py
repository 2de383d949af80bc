"""ArgMax, ArgMin, TopK, CumSum, Trilu and Where: what picks, orders or masks along a symbolic dimension.

What is sorted has no ties, but for ArgMax and ArgMin where ties are the point (select_last_index). Sums are of
multiples of 1/16. Every result is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from cases.case import Case
from cases.dynamic_shapes.single_node import EVERY_AXIS, MOVING, Operand, Operands, always, node_case, vector
from cases.dynamic_shapes.symbolic import Fill, Values, f32, i64, ints, scalar
from cases.inputs import distinct_floats, integers
from cases.model import Signature

TABLE = f32("N", "S")
VOLUME = f32("N", 5, "S")
few: Fill = partial(integers, low=-2, high=2, dtype=np.float32)  # many ties
flags: Fill = partial(integers, low=0, high=1, dtype=np.bool_)
LENGTHS: Values = ((1,), (8,), (5,), (20,))


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for op in ("ArgMax", "ArgMin"):
        yield from _extreme(op)
    yield from _topk()
    yield from _cumsum()
    yield from _trilu()
    yield from _where()


def _extreme(op: str) -> Iterator[Case]:
    for axis, keepdims, opset, y in (
        (1, 1, 7, i64("N", 1, "S")),
        (2, 0, 7, i64("N", 5)),
        (-2, 0, 11, i64("N", "S")),
        (0, 0, 13, i64(5, "S")),
        (-1, 1, 13, i64("N", 5, 1)),
    ):
        attributes = {"axis": axis, "keepdims": keepdims}
        name = f"axis_{axis}-keepdims_{keepdims}".replace("axis_-", "axis_minus_")
        yield _ties(op, name, y, opset, attributes)
    for last, opset in ((0, 12), (1, 12), (1, 13)):
        yield _ties(op, f"select_last_index_{last}", i64("N", 5, 1), opset, {"axis": -1, "select_last_index": last})


def _ties(op: str, name: str, y: Signature, opset: int, attributes: Mapping[str, int]) -> Case:
    return node_case(name, op, {"x": VOLUME}, y, opset=opset, attributes=attributes, fill={"x": few})


def _topk() -> Iterator[Case]:
    fixed = {"y": f32("N", 2, "S"), "indices": i64("N", 2, "S")}
    yield _top("k_attribute", {"x": VOLUME}, fixed, opset=7, k=2, axis=1)
    for opset in (10, 11, 24):
        yield _top("k_constant", {"x": VOLUME, "k": ints(2)}, fixed, opset=opset, axis=1)
    last = {"y": f32("N", 3), "indices": i64("N", 3)}
    for opset in (10, 17):
        yield _top("k_constant-last", {"x": TABLE, "k": ints(3)}, last, opset=opset)
    for largest in (0, 1):
        operands: Operands = {"x": VOLUME, "k": ints(2)}
        yield _top(f"largest_{largest}", operands, fixed, opset=11, largest=largest, sorted=1, axis=-2)
    given = {"y": f32("N", "k"), "indices": i64("N", "k")}
    for opset in (10, 11, 24):
        yield _top("k_given", {"x": TABLE, "k": vector(1)}, given, opset=opset, values={"k": LENGTHS})
    batch = {"y": f32("k", "S"), "indices": i64("k", "S")}
    counts: Values = ((1,), (3,), (2,), (7,))
    yield _top("k_given-axis_0", {"x": TABLE, "k": vector(1)}, batch, opset=17, values={"k": counts}, axis=0)


def _top(
    name: str,
    operands: Operands,
    outputs: Mapping[str, Signature],
    *,
    opset: int,
    values: Mapping[str, Values] | None = None,
    **attributes: int,
) -> Case:
    fill = {"x": distinct_floats}
    return node_case(name, "TopK", operands, outputs, opset=opset, attributes=attributes, values=values, fill=fill)


def _cumsum() -> Iterator[Case]:
    for opset in (11, 14):
        yield _sum("axis_1", VOLUME, scalar(1), opset=opset)
        yield _sum("axis_minus_1", TABLE, scalar(-1), opset=opset)
    for exclusive, reverse in ((1, 0), (0, 1), (1, 1)):
        name = "-".join(word for word, wanted in (("exclusive", exclusive), ("reverse", reverse)) if wanted)
        yield _sum(f"axis_1-{name}", TABLE, scalar(1), opset=14, exclusive=exclusive, reverse=reverse)
    yield _sum("axis_0", TABLE, np.array(0, np.int32), opset=14)
    for name, dtype in (("axis_given", np.int64), ("axis_given_int32", np.int32)):
        axis: Signature = dtype, ()
        yield _sum(name, VOLUME, axis, opset=14, values={"axis": always(1)})
    moving: dict[str, Operand] = {"x": f32(*MOVING), "axis": i64()}
    values = {"axis": EVERY_AXIS}
    yield node_case("axis_given_moving", "CumSum", moving, f32(*MOVING), opset=14, sizes=MOVING, values=values)
    numbers: Signature = np.int64, ("N", "S")
    fill: Mapping[str, Fill] = {"x": partial(integers, low=-9, high=9)}
    yield node_case("int64", "CumSum", {"x": numbers, "axis": scalar(1)}, numbers, opset=14, fill=fill)


def _sum(
    name: str,
    x: Signature,
    axis: Operand,
    *,
    opset: int,
    values: Mapping[str, Values] | None = None,
    **attributes: int,
) -> Case:
    return node_case(name, "CumSum", {"x": x, "axis": axis}, x, opset=opset, attributes=attributes, values=values)


def _trilu() -> Iterator[Case]:
    for upper in (0, 1):
        yield _triangle(f"k_absent-upper_{upper}", {}, upper)
        for k in (0, 2, -1):
            yield _triangle(f"k_{k}-upper_{upper}".replace("k_-", "k_minus_"), {"k": scalar(k)}, upper)
        diagonals: Values = ((-2,), (1,), (0,), (3,))
        yield _triangle(f"k_given-upper_{upper}", {"k": i64()}, upper, values={"k": diagonals})
    batched = f32("N", 2, "H", "W")
    yield _triangle("batched", {"k": scalar(1)}, 1, x=batched)
    yield _triangle("k_minus_1-upper_0", {"k": scalar(-1)}, 0, opset=24)
    yield _triangle("bool", {}, 0, x=(np.bool_, ("N", "S")), fill={"x": flags})


def _triangle(name: str, k: Operands, upper: int, *, x: Signature = TABLE, opset: int = 14, **given: Any) -> Case:
    return node_case(name, "Trilu", {"x": x, **k}, x, opset=opset, attributes={"upper": upper}, **given)


def _where() -> Iterator[Case]:
    fill: Mapping[str, Fill] = {"condition": flags}
    mask: Signature = np.bool_, ("N", 1, "S")
    for opset in (9, 16):
        operands: dict[str, Operand] = {"condition": mask, "x": VOLUME, "otherwise": f32("N", 5, 1)}
        yield node_case("broadcast", "Where", operands, VOLUME, opset=opset, fill=fill)
    wide: Signature = np.bool_, ("N", "S")
    constant: dict[str, Operand] = {"condition": wide, "x": np.array(-8, np.float32), "otherwise": TABLE}
    yield node_case("constant", "Where", constant, TABLE, opset=16, fill=fill)
    both: dict[str, Operand] = {"condition": wide, "x": f32("N", 1), "otherwise": f32("S")}
    yield node_case("both_sides", "Where", both, TABLE, opset=17, fill=fill)
    whole: dict[str, Operand] = {"condition": wide, "x": i64("N", "S"), "otherwise": i64("N", "S")}
    numbers = partial(integers, low=-9, high=9)
    yield node_case("int64", "Where", whole, i64("N", "S"), opset=16, fill={**fill, "x": numbers, "otherwise": numbers})
