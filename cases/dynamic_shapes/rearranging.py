"""Reshape, Squeeze, Unsqueeze, Flatten, Transpose, DepthToSpace, SpaceToDepth, ReverseSequence: data is only moved.

Every result is exact. Axes given as an input are not those that an implementation would take that ignores them: x has
several dimensions of 1, and only one is squeezed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cases.case import Array, Case, Shape
from cases.dynamic_shapes.single_node import EVERY_AXIS, MOVING, Operand, always, node_case, vector
from cases.dynamic_shapes.symbolic import Fill, f32, i64, ints
from cases.inputs import integers
from cases.model import Signature

AXES_INPUT = 13
ONES = f32("N", 1, "S", 1)
TOKENS = f32("N", "S")


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _reshape()
    yield from _flatten()
    yield from _squeeze()
    yield from _unsqueeze()
    yield from _transpose()
    yield from _blocks()
    yield from _reverse_sequence()


def _reshape() -> Iterator[Case]:
    x, rows = f32("N", 4, "S"), f32("N", "S_times_4")
    for opset in (7, 13, 14, 19, 24):
        yield _to("zero_minus_one", x, ints(0, -1), rows, opset=opset)
    yield _to("zero_four_two_minus_one", f32("N", "S", 8), ints(0, -1, 4, 2), f32("N", "S", 4, 2))
    yield _to("to_one_dimension", x, ints(-1), f32("N_times_S_times_4"))
    for opset in (14, 21):
        yield _to("allowzero_0-zero_minus_one", x, ints(0, -1), rows, opset=opset, allowzero=0)
        yield _to("allowzero_1-minus_one", x, ints(-1, 4), f32("N_times_S", 4), opset=opset, allowzero=1)
        empty = f32("N", 0, "S")
        yield _to("allowzero_1-empty", empty, ints(5, 0, 2), f32(5, 0, 2), opset=opset, allowzero=1)
        yield _to("allowzero_0-empty", empty, ints(0, 0, 3), f32("N", 0, 3), opset=opset, allowzero=0)
    for opset in (13, 14):
        yield node_case(
            "shape_given-with_zero",
            "Reshape",
            {"x": x, "shape": vector(2)},
            f32("N", "columns"),
            opset=opset,
            values={"shape": ((0, 12), (0, 48), (0, 28), (0, 96))},
        )
    yield node_case(
        "shape_given-with_minus_one",
        "Reshape",
        {"x": f32("N", 12), "shape": vector(3)},
        f32("a", "b", "c"),
        values={"shape": ((-1, 2, 3), (-1, 4, 6), (-1, 3, 4), (-1, 8, 12))},
    )


def _to(name: str, x: Signature, shape: Array, y: Signature, *, opset: int = 17, **attributes: int) -> Case:
    return node_case(name, "Reshape", {"x": x, "shape": shape}, y, opset=opset, attributes=attributes)


def _flatten() -> Iterator[Case]:
    x = f32("N", 2, "S", 3)
    for axis, opset, y in (
        (1, 7, f32("N", "S_times_6")),
        (0, 9, f32(1, "all")),
        (2, 11, f32("N_times_2", "S_times_3")),
        (-1, 13, f32("rows", 3)),
        (4, 13, f32("all", 1)),
        (3, 21, f32("rows", 3)),
    ):
        name = f"axis_{axis}".replace("-", "minus_")
        yield node_case(name, "Flatten", {"x": x}, y, opset=opset, attributes={"axis": axis})


def _squeeze() -> Iterator[Case]:
    middle, both = f32("N", "S", 1), f32("N", "S")
    for opset in (7, 11):
        yield _axes_attribute("axes_1", "Squeeze", ONES, middle, [1], opset=opset)
    yield _axes_attribute("axes_minus_3_3", "Squeeze", ONES, both, [-3, 3], opset=12)
    for opset in (13, 17, 24):
        yield _axes("axes_1", "Squeeze", ONES, middle, ints(1), opset=opset)
    yield _axes("axes_minus_3_3", "Squeeze", ONES, both, ints(-3, 3), opset=13)
    for opset in (11, 13):
        yield _axes("axes_absent", "Squeeze", f32(3, 1, "S", 1), f32(None, None), None, opset=opset)
    yield _axes("axes_given", "Squeeze", ONES, f32(None, None, None), vector(1), opset=13)
    one = {"B": (1, 1, 1, 1)}
    yield node_case("axes_1-symbolic", "Squeeze", {"x": f32("N", "B", "S"), "axes": ints(1)}, TOKENS, sizes=one)


def _unsqueeze() -> Iterator[Case]:
    for opset in (7, 11):
        yield _axes_attribute("axes_1", "Unsqueeze", TOKENS, f32("N", 1, "S"), [1], opset=opset)
    yield _axes_attribute("axes_minus_1_1", "Unsqueeze", TOKENS, f32("N", 1, "S", 1), [-1, 1], opset=12)
    for opset in (13, 17, 24):
        yield _axes("axes_1", "Unsqueeze", TOKENS, f32("N", 1, "S"), ints(1), opset=opset)
    yield _axes("axes_3_0", "Unsqueeze", TOKENS, f32(1, "N", "S", 1), ints(3, 0), opset=13)
    yield _axes("axes_minus_1_1", "Unsqueeze", TOKENS, f32("N", 1, "S", 1), ints(-1, 1), opset=13)
    yield _axes("axes_given", "Unsqueeze", TOKENS, f32(None, None, None), vector(1), opset=13)
    yield node_case(
        "axes_given_moving",
        "Unsqueeze",
        {"x": f32("A", "B", "C"), "axes": vector(1)},
        f32(None, None, None, None),
        sizes=MOVING,
        values={"axes": EVERY_AXIS},
    )


def _axes_attribute(name: str, op: str, x: Signature, y: Signature, axes: Sequence[int], *, opset: int) -> Case:
    return node_case(f"attribute-{name}", op, {"x": x}, y, opset=opset, attributes={"axes": axes})


def _axes(name: str, op: str, x: Signature, y: Signature, axes: Operand, *, opset: int) -> Case:
    operands: dict[str, Operand] = {"x": x} if axes is None else {"x": x, "axes": axes}
    values = {"axes": always(1)} if isinstance(axes, tuple) else None
    return node_case(name, op, operands, y, opset=opset, values=values)


def _transpose() -> Iterator[Case]:
    x = f32("N", "C", "S")
    yield node_case("perm_absent", "Transpose", {"x": x}, f32("S", "C", "N"), opset=7)
    yield node_case("perm_absent", "Transpose", {"x": x}, f32("S", "C", "N"), opset=13)
    for perm, y in (([1, 0, 2], f32("C", "N", "S")), ([2, 0, 1], f32("S", "N", "C"))):
        name = "perm_" + "_".join(map(str, perm))
        yield node_case(name, "Transpose", {"x": x}, y, attributes={"perm": perm})
    five = f32("N", 2, "H", "W", 3)
    perm = [0, 4, 1, 3, 2]
    yield node_case(
        "perm_rank_5", "Transpose", {"x": five}, f32("N", 3, 2, "W", "H"), opset=21, attributes={"perm": perm}
    )


def _blocks() -> Iterator[Case]:
    deep, wide = f32("N", 8, "H", "W"), f32("N", 2, "H_twice", "W_twice")
    for opset in (7, 11, 13):
        yield node_case("block_2", "DepthToSpace", {"x": deep}, wide, opset=opset, attributes={"blocksize": 2})
    for mode, opset in (("DCR", 11), ("CRD", 11), ("CRD", 13), ("DCR", 17)):
        attributes = {"blocksize": 2, "mode": mode}
        yield node_case(
            f"block_2_{mode.lower()}", "DepthToSpace", {"x": deep}, wide, opset=opset, attributes=attributes
        )
    sizes = {"H2": (8, 16, 12, 24), "W2": (6, 20, 10, 28)}
    even, half = f32("N", 3, "H2", "W2"), f32("N", 12, "H_half", "W_half")
    for opset in (7, 13):
        block = {"blocksize": 2}
        yield node_case("block_2", "SpaceToDepth", {"x": even}, half, opset=opset, attributes=block, sizes=sizes)
    crd = {"blocksize": 2, "mode": "CRD"}
    yield node_case("block_2_crd", "SpaceToDepth", {"x": even}, half, opset=28, attributes=crd, sizes=sizes)
    channels = f32("N", "C4", 3, 5)
    many = {"C4": (4, 16, 8, 32)}
    y = f32("N", "C_quarter", 6, 10)
    yield node_case("block_2-channel", "DepthToSpace", {"x": channels}, y, attributes={"blocksize": 2}, sizes=many)


def _reverse_sequence() -> Iterator[Case]:
    time_first, batch_first = f32("S", "N", 2), f32("N", "S", 2)
    lengths = i64("N")
    fill: dict[str, Fill] = {"lengths": _lengths}
    for opset in (10, 17):
        operands: dict[str, Operand] = {"x": time_first, "lengths": lengths}
        yield node_case("time_0", "ReverseSequence", operands, time_first, opset=opset, fill=fill)
    attributes = {"time_axis": 1, "batch_axis": 0}
    swapped: dict[str, Operand] = {"x": batch_first, "lengths": lengths}
    yield node_case("time_1", "ReverseSequence", swapped, batch_first, attributes=attributes, fill=fill)


def _lengths(key: str, shape: Shape) -> Array:
    """Return lengths from 1 to the shortest sequence."""
    return integers(key, shape, 1, 3).astype(np.int64)
