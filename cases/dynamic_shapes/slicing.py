"""Slice on both sides of its change, with starts, ends, axes and steps constant or given at run time; Split; Concat.

Data only moves: every result is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cases.case import Array, Case
from cases.dynamic_shapes.single_node import EVERY_AXIS, MOVING, Operand, always, node_case, vector
from cases.dynamic_shapes.symbolic import Sizes, Values, f32, ints
from cases.model import Signature

TOKENS = f32("N", "S", 5)
END = np.iinfo(np.int64).max
BEFORE_START = np.iinfo(np.int64).min
SPLIT: Mapping[str, Sizes] = {"T": (3, 12, 9, 24), "U": (5, 14, 8, 23)}


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _slice_attributes()
    yield from _slice_constants()
    yield from _slice_given()
    yield from _split()
    yield from _concat()


def _slice_attributes() -> Iterator[Case]:
    for opset in (7, 9):
        attributes = {"starts": [1], "ends": [3], "axes": [1]}
        yield node_case("attribute", "Slice", {"x": TOKENS}, f32("N", 2, 5), opset=opset, attributes=attributes)
    attributes = {"starts": [-3, 0], "ends": [END, -1], "axes": [1, 2]}
    yield node_case("attribute-negative", "Slice", {"x": TOKENS}, f32("N", 3, 4), opset=9, attributes=attributes)
    attributes = {"starts": [0, 1], "ends": [END, -1]}
    yield node_case(
        "attribute-axes_absent", "Slice", {"x": TOKENS}, f32("N", "S_less_2", 5), opset=9, attributes=attributes
    )


def _slice_constants() -> Iterator[Case]:
    for opset in (10, 11, 13, 17):
        yield _slice("from_one", (1,), (END,), (1,), y=f32("N", "S_less_1", 5), opset=opset)
    yield _slice("negative", (-3,), (-1,), (1,), y=f32("N", 2, 5), opset=10)
    yield _slice("negative_axes", (1, -2), (END, END), (-2, -1), y=f32("N", "S_less_1", 2))
    yield _slice("axes_absent", (0, 1), (END, -1), y=f32("N", "S_less_2", 5))
    yield _slice("clamped", (-100,), (100,), (1,), y=f32("N", "S_or_100", 5))
    for opset in (10, 13):
        yield _slice("step_2", (0,), (END,), (1,), (2,), y=f32("N", "S_half", 5), opset=opset)
        yield _slice("reversed", (-1,), (BEFORE_START,), (1,), (-1,), y=f32("N", "S", 5), opset=opset)
    yield _slice("reversed_step_2", (-1,), (BEFORE_START,), (1,), (-2,), y=f32("N", "S_half", 5))
    yield _slice("reversed_part", (-1,), (-4,), (1,), (-1,), y=f32("N", "three", 5))
    yield _slice("batch", (0,), (1,), (0,), y=f32(1, "S", 5))
    yield _slice("empty", (3,), (3,), (1,), y=f32("N", 0, 5))
    yield _slice("int32", (1, -4), (-1, 5), (1, 2), (1, 2), y=f32("N", "S_less_2", 2), dtype=np.int32)


def _slice(
    name: str,
    *parameters: tuple[int, ...],
    y: Signature,
    opset: int = 17,
    dtype: type[np.signedinteger[Any]] = np.int64,
) -> Case:
    names = ("starts", "ends", "axes", "steps")
    constants = {key: np.array(numbers, dtype) for key, numbers in zip(names, parameters)}  # noqa: B905 - the last may be absent
    return node_case(name, "Slice", {"x": TOKENS, **constants}, y, opset=opset)


def _slice_given() -> Iterator[Case]:
    starts: Values = ((0,), (3,), (1,), (6,))
    ends: Values = ((2,), (8,), (5,), (20,))
    cut, one = f32("N", "cut", 5), ints(1)
    for opset in (10, 13):
        yield _given("starts_ends_given", {"starts": starts, "ends": ends}, {"axes": one}, cut, opset=opset)
    yield _given("starts_given", {"starts": starts}, {"ends": ints(END), "axes": one}, cut)
    negative: Values = ((-3,), (-1,), (-2,), (0,))
    yield _given("starts_given_negative", {"starts": negative}, {"ends": ints(END), "axes": one}, cut)
    backward: Values = ((2,), (10,), (6,), (22,))
    from_end = {"ends": ints(BEFORE_START), "axes": one, "steps": ints(-1)}
    yield _given("starts_given_reversed", {"starts": backward}, from_end, cut)
    steps: Values = ((1,), (3,), (2,), (4,))
    whole = {"starts": ints(0), "ends": ints(END), "axes": one}
    yield _given("steps_given", {"steps": steps}, whole, cut)
    everything = {"starts": ints(1), "ends": ints(3)}
    yield _given("axes_given", {"axes": always(1)}, everything, f32(None, None, None))
    yield node_case(
        "axes_given_moving",
        "Slice",
        {"x": f32(*MOVING), "starts": ints(0), "ends": ints(-1), "axes": vector(1)},
        f32(None, None, None, None),
        sizes={**MOVING, "A": (2, 4, 3, 8)},
        values={"axes": EVERY_AXIS},
    )
    four: Mapping[str, Values] = {"starts": starts, "ends": ends, "axes": always(1), "steps": always(2)}
    for name, dtype in (("all_given", np.int64), ("all_given_int32", np.int32)):
        yield _given(name, four, {}, f32(None, None, None), dtype=dtype)


def _given(
    name: str,
    given: Mapping[str, Values],
    constants: Mapping[str, Array],
    y: Signature,
    *,
    opset: int = 17,
    dtype: type[np.signedinteger[Any]] = np.int64,
) -> Case:
    operands: dict[str, Operand] = {"x": TOKENS}
    for key in ("starts", "ends", "axes", "steps"):
        if key in given or key in constants:
            operands[key] = vector(1, dtype=dtype) if key in given else constants[key]
    return node_case(name, "Slice", operands, y, opset=opset, values=given)


def _split() -> Iterator[Case]:
    thirds = {"a": f32("N", "T_third"), "b": f32("N", "T_third"), "c": f32("N", "T_third")}
    x = f32("N", "T")
    fixed = {"a": f32("N", 2, "S"), "b": f32("N", 3, "S")}
    for opset in (7, 11):
        attributes = {"axis": 1, "split": [2, 3]}
        yield node_case("attribute", "Split", {"x": f32("N", 5, "S")}, fixed, opset=opset, attributes=attributes)
    for opset in (7, 11, 13):
        yield _split_case("equal", {"x": x}, thirds, opset=opset, axis=1 if opset < 11 else -1)
    for opset in (13, 18, 24):
        yield _split_case("sizes", {"x": f32("N", 5, "S"), "split": ints(2, 3)}, fixed, opset=opset, axis=1)
    for opset in (18, 23):
        yield _split_case("num_outputs_3", {"x": x}, thirds, opset=opset, axis=1, num_outputs=3)
    uneven = {"a": f32("N", "T_third"), "b": f32("N", "T_third"), "c": f32("N", "T_rest")}
    yield _split_case("num_outputs_3_uneven", {"x": f32("N", "U")}, uneven, opset=18, axis=1, num_outputs=3)
    chunks = {"a": f32("N", 3, "S"), "b": f32("N", 3, "S"), "c": f32("N", 1, "S")}
    yield _split_case("num_outputs_3_uneven_fixed", {"x": f32("N", 7, "S")}, chunks, opset=18, axis=1, num_outputs=3)
    yield _split_case("num_outputs_2-axis_minus_1", {"x": f32(2, "U")}, _two(2), opset=18, axis=-1, num_outputs=2)
    values: Values = ((1, 2), (4, 8), (2, 7), (9, 15))
    for opset in (13, 18):
        given: dict[str, Operand] = {"x": x, "split": vector(2)}
        yield _split_case("sizes_given", given, _two("N"), opset=opset, values={"split": values}, axis=1)
    zero = {"a": f32("N", 0, "S"), "b": f32("N", 5, "S")}
    yield _split_case("sizes_zero", {"x": f32("N", 5, "S"), "split": ints(0, 5)}, zero, opset=13, axis=1)


def _two(first: int | str) -> Mapping[str, Signature]:
    return {"a": f32(first, "left"), "b": f32(first, "right")}


def _split_case(
    name: str,
    operands: Mapping[str, Operand],
    outputs: Mapping[str, Signature],
    *,
    opset: int,
    values: Mapping[str, Values] | None = None,
    **attributes: int,
) -> Case:
    return node_case(name, "Split", operands, outputs, opset=opset, attributes=attributes, sizes=SPLIT, values=values)


def _concat() -> Iterator[Case]:
    table, wide = f32("N", "S", 2), f32("N", "C", 2)
    for opset, axis in ((7, 1), (11, -2), (13, 1), (17, -2)):
        operands: dict[str, Operand] = {"x": table, "w": wide}
        name = f"axis_{axis}".replace("-", "minus_")
        yield node_case(name, "Concat", operands, f32("N", "S_plus_C", 2), opset=opset, attributes={"axis": axis})
    same: dict[str, Operand] = {"a": f32("N", "S"), "b": f32("N", "S"), "c": f32("N", "S")}
    yield node_case("three", "Concat", same, f32("N_thrice", "S"), attributes={"axis": 0})
    yield node_case("once", "Concat", {"x": table}, table, attributes={"axis": 2})
    constant: dict[str, Operand] = {"x": f32("S", 2), "tail": np.array([[0.5, -0.5]], np.float32)}
    yield node_case("with_constant", "Concat", constant, f32("S_plus_1", 2), attributes={"axis": 0})
    empty: dict[str, Operand] = {"x": f32("E", 2), "w": f32("S", 2)}
    sizes = {"E": (0, 4, 2, 8)}
    yield node_case("with_empty", "Concat", empty, f32("E_plus_S", 2), attributes={"axis": 0}, sizes=sizes)
