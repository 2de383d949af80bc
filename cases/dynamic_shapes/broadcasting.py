"""Broadcasting on either side, in the middle, by rank and of three operands; inputs that share a symbol or do not.

All results are exact but for Div and Mean, whose one rounding is correct to 2 units in the last place at worst.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from cases.case import EXACT, Case
from cases.dynamic_shapes.elementwise import positive
from cases.dynamic_shapes.layers import binary
from cases.dynamic_shapes.rounding import function_rounding
from cases.dynamic_shapes.rows import Row, listed
from cases.dynamic_shapes.symbolic import Body, Fill, Sizes, f32
from cases.inputs import integers
from cases.model import Signature, node

VOLUME = f32("N", "C", "S")
SIZES = {
    "A": (2, 4, 3, 8),  # equal to B but for min, where B is 1 and only there stretched
    "B": (1, 4, 3, 8),
    "T": (5, 9, 7, 16),
}
BOOL = np.bool_
flags: Fill = partial(integers, low=0, high=1, dtype=np.bool_)
few: Fill = partial(integers, low=-2, high=2, dtype=np.float32)  # many equal pairs
nonzero: Fill = partial(integers, low=1, high=9, dtype=np.int64)
signed: Fill = partial(integers, low=-40, high=40, dtype=np.int64)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from listed(_sides(), sizes=SIZES)
    yield from listed(_quotients(), sizes=SIZES, fill={"b": positive})
    yield from _comparisons()
    yield from _logical()
    yield from _integers()
    yield from _where()
    yield from listed(_variadic(), sizes=SIZES)
    yield from listed(_joined(), sizes=SIZES)
    yield from _several_inputs()
    for opset in (7, 13, 14):
        left = {"a": f32("C", 1), "b": VOLUME}
        yield from listed([Row("broadcast-left_middle-add", "Add", partial(binary, "Add"), left, VOLUME)], opset=opset)


def _sides() -> Iterator[Row]:
    sides: tuple[tuple[str, str, Signature, Signature, Signature], ...] = (
        ("left", "Sub", f32(1, "S"), f32("N", "S"), f32("N", "S")),
        ("left", "Mul", f32("S"), VOLUME, VOLUME),
        ("right", "Sub", f32("N", "S"), f32("N", 1), f32("N", "S")),
        ("right_scalar", "Mul", VOLUME, f32(1), VOLUME),
        ("left_scalar", "Sub", f32(1), VOLUME, VOLUME),
        ("both", "Mul", f32("N", 1, "S"), f32(1, "C", 1), VOLUME),
        ("both", "Sub", f32("N", "C", 1), f32("N", 1, "S"), VOLUME),
        ("both_rank", "Add", f32("C", 1), f32("N", 1, "S"), VOLUME),
        ("middle", "Add", VOLUME, f32("N", 1, "S"), VOLUME),
        ("all_but_last", "Mul", VOLUME, f32(1, 1, "S"), VOLUME),
        ("rank5", "Add", f32("N", 1, "C", 1, 3), f32("S", 1, 4, 3), f32("N", "S", "C", 4, 3)),
        ("image_channel", "Add", f32("N", 3, "H", "W"), f32(3, 1, 1), f32("N", 3, "H", "W")),
        ("image_gate", "Mul", f32("N", "C", "H", "W"), f32("N", "C", 1, 1), f32("N", "C", "H", "W")),
        ("image_rows", "Sub", f32("H", 1), f32(2, 3, "H", "W"), f32(2, 3, "H", "W")),
        ("outer", "Sub", f32("N", 1), f32("S"), f32("N", "S")),
        ("decided_at_run_time", "Mul", f32("A", 4), f32("B", 4), f32(None, 4)),
        ("decided_at_run_time_left", "Sub", f32("B", 4), f32("A", 4), f32(None, 4)),
    )
    for side, op, a, b, y in sides:
        yield Row(f"broadcast-{side}-{op.lower()}", op, partial(binary, op), {"a": a, "b": b}, y)


def _quotients() -> Iterator[Row]:
    tolerance = function_rounding(8.0)
    body = partial(binary, "Div")
    yield Row("broadcast-right-div", "Div", body, {"a": VOLUME, "b": f32("C", 1)}, VOLUME, tolerance)
    yield Row("broadcast-left-div", "Div", body, {"a": f32("S"), "b": VOLUME}, VOLUME, tolerance)


def _comparisons() -> Iterator[Case]:
    for op, a, b in (
        ("Equal", VOLUME, f32("C", 1)),
        ("Less", f32("S"), VOLUME),
        ("Greater", f32("N", 1, "S"), f32(1, "C", 1)),
        ("LessOrEqual", f32("N", "C", 1), f32("S")),
        ("GreaterOrEqual", f32(1), VOLUME),
    ):
        row = Row(f"broadcast-{op.lower()}", op, partial(binary, op), {"a": a, "b": b}, (BOOL, VOLUME[1]))
        yield from listed([row], fill={"a": few, "b": few})


def _logical() -> Iterator[Case]:
    for op, a, b in (("And", ("N", "C", "S"), ("C", 1)), ("Or", ("S",), ("N", "C", 1)), ("Xor", ("N", 1), ("S",))):
        y = ("N", "S") if op == "Xor" else ("N", "C", "S")
        inputs: dict[str, Signature] = {"a": (BOOL, a), "b": (BOOL, b)}
        row = Row(f"broadcast-{op.lower()}", op, partial(binary, op), inputs, (BOOL, y))
        yield from listed([row], fill={"a": flags, "b": flags})


def _integers() -> Iterator[Case]:
    """Yield quotients and remainders of both signs: ONNX truncates the one, the other has the sign of its divisor."""
    fill = {"a": signed, "b": nonzero}
    for name, op, attributes in (
        ("div_int64", "Div", {}),
        ("mod_int64", "Mod", {}),
        ("fmod_int64", "Mod", {"fmod": 1}),
        ("add_int64", "Add", {}),
        ("max_int64", "Max", {}),
    ):
        volume: Signature = np.int64, VOLUME[1]
        inputs: dict[str, Signature] = {"a": volume, "b": (np.int64, ("C", 1))}
        row = Row(f"broadcast-right-{name}", op, partial(binary, op, **attributes), inputs, volume)
        yield from listed([row], fill=fill)


def _where() -> Iterator[Case]:
    volume = ("N", "C", "S")
    rows = {
        name: Row(
            f"broadcast-{name}-where", "Where", _where_body, {"condition": (BOOL, condition), "a": a, "b": b}, VOLUME
        )
        for name, condition, a, b in (
            ("same_shape", volume, VOLUME, VOLUME),
            ("condition_stretched", ("N", 1, 1), VOLUME, VOLUME),
            ("values_stretched", volume, f32("C", 1), f32(1)),
            ("each_another_axis", ("N", 1, 1), f32("C", 1), f32("S")),
            ("mask_by_rank", ("S",), VOLUME, f32(1, 1, 1)),
        )
    }
    yield from listed(rows.values(), fill={"condition": flags})
    for opset in (9, 16):
        yield from listed([rows["each_another_axis"]], opset=opset, fill={"condition": flags})


def _variadic() -> Iterator[Row]:
    three = {"a": f32("N", 1, "S"), "b": f32("C", 1), "c": VOLUME}
    widest_first = {"a": VOLUME, "b": f32("C", 1), "c": f32("N", 1, "S")}  # as the reference evaluator wants it
    for op, tolerance in (("Max", EXACT), ("Min", EXACT), ("Sum", EXACT), ("Mean", function_rounding(4.0))):
        inputs = widest_first if op == "Mean" else three
        yield Row(f"broadcast-three_inputs-{op.lower()}", op, partial(_all, op), inputs, VOLUME, tolerance)


def _joined() -> Iterator[Row]:
    """Concat along each kind of axis; the joined axis is the sum, the others share a symbol."""
    variants: tuple[tuple[str, int, Signature, Signature, Signature], ...] = (
        ("batch", 0, f32("N", 3, "S"), f32("T", 3, "S"), f32(None, 3, "S")),
        ("sequence", 1, f32("N", "S", 4), f32("N", "T", 4), f32("N", None, 4)),
        ("sequence_static_part", 1, f32("N", "S", 4), f32("N", 2, 4), f32("N", None, 4)),
        ("channel_last", -1, f32("N", 3, "S"), f32("N", 3, "T"), f32("N", 3, None)),
        ("batch_channel", 1, f32("N", 2, "H", "W"), f32("N", 5, "H", "W"), f32("N", 7, "H", "W")),
        ("anonymous", 1, f32("?N", "?S", 4), f32("?N", "?T", 4), f32(None, None, 4)),
    )
    for name, axis, a, b, y in variants:
        yield Row(f"two_inputs-{name}-concat", "Concat", partial(binary, "Concat", axis=axis), {"a": a, "b": b}, y)
    three = {"a": f32("N", "S"), "b": f32("N", "T"), "c": f32("N", "S")}
    yield Row("three_inputs-concat", "Concat", partial(_all, "Concat", axis=1), three, f32("N", None))


def _several_inputs() -> Iterator[Case]:
    """Yield models of several inputs: symbols that they share, that differ, an input that is unused or given twice."""
    shared = {"a": f32("N", "S"), "b": f32("S", "N")}
    yield from _several("two_inputs-symbols_swapped-transpose_add", _transpose_add, shared, f32("N", "S"))
    apart = {"a": f32("N", 4), "b": f32("T", 4), "c": f32("S", 4)}
    yield from _several("three_inputs-different_symbols-concat", partial(_all, "Concat", axis=0), apart, f32(None, 4))
    mixed = {"a": f32("N", "S"), "b": f32("N", 1), "c": f32("T", 1, 1)}
    yield from _several("three_inputs-some_symbols_shared-sum", partial(_all, "Sum"), mixed, f32("T", "N", "S"))
    unused = {"a": f32("N", "S"), "b": f32("N", "S"), "unused": f32("T", "N")}
    tags = ("unused_input",)
    body = partial(binary, "Add")
    yield from _several("three_inputs-one_unused-other_rank_and_symbol", body, unused, f32("N", "S"), tags)
    anonymous = {"a": f32("?N", "?S"), "b": f32("?N", "?S"), "unused": f32("?T", 3)}
    yield from _several("three_inputs-one_unused-anonymous", body, anonymous, f32(None, None), tags)
    twice = {"a": f32("N", "N_more"), "b": f32("N_more", "N")}
    sizes = {"N_more": (3, 6, 4, 10)}
    yield from _several(
        "two_inputs-symbols_of_one_prefix-transpose_add", _transpose_add, twice, f32("N", "N_more"), (), sizes
    )
    square = {"a": f32("S", "S"), "b": f32("S")}
    yield from _several("two_inputs-symbol_twice_in_one_input-transpose_add", _square, square, f32("S", "S"))


def _several(
    axes: str,
    body: Callable[[], Body],
    inputs: Mapping[str, Signature],
    y: Signature,
    tags: Iterable[str] = (),
    sizes: Mapping[str, Sizes] | None = None,
) -> Iterator[Case]:
    op = {"concat": "Concat", "sum": "Sum"}.get(axes.rpartition("-")[2], "Add")
    return listed([Row(axes, op, body, inputs, y)], sizes={**SIZES, **(sizes or {})}, tags=tags)


def _all(op: str, **attributes: Any) -> Body:
    """One op of three inputs."""
    return [node(op, ["a", "b", "c"], ["y"], **attributes)], {}


def _where_body() -> Body:
    """Where of a condition and two values, each of which is stretched."""
    return [node("Where", ["condition", "a", "b"], ["y"])], {}


def _transpose_add() -> Body:
    """Add b, transposed, to a: the dimensions of b are those of a in the other order."""
    return [node("Transpose", ["b"], ["turned"], perm=[1, 0]), node("Add", ["a", "turned"], ["y"])], {}


def _square() -> Body:
    """Add a transposed to a and subtract b from each row: one symbol for both dimensions of a."""
    nodes = [
        node("Transpose", ["a"], ["turned"], perm=[1, 0]),
        node("Add", ["a", "turned"], ["both"]),
        node("Sub", ["both", "b"], ["y"]),
    ]
    return nodes, {}
