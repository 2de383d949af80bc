"""Pad on both sides of its changes, in every mode, with pads and axes constant or given at run time.

Every result is exact. Pads differ on every side, so that none can be taken for another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from cases.case import Case
from cases.dynamic_shapes.single_node import EVERY_AXIS, MOVING, Operand, always, node_case, vector
from cases.dynamic_shapes.symbolic import Values, f32, i64, ints
from cases.inputs import integers
from cases.model import Signature

IMAGE = f32("N", 2, "H", "W")
AROUND = f32("N", 2, "H_plus_4", "W_plus_5")
TOKENS = f32("N", "S")
LONGER = f32("N", "S_padded")
PADS = (0, 0, 1, 3, 0, 0, 3, 2)
MODES = ("constant", "reflect", "edge")
VALUE = np.array(-1.5, np.float32)
PADS_GIVEN: Values = ((0, 0, 0, 1), (0, 2, 0, 4), (0, 1, 0, 3), (0, 5, 0, 8))
ENDS_GIVEN: Values = ((0, 1), (2, 4), (1, 3), (5, 8))


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _attribute()
    yield from _constant()
    yield from _axes()
    yield from _given()


def _attribute() -> Iterator[Case]:
    for mode in MODES:
        attributes: dict[str, Any] = {"mode": mode, "pads": list(PADS)}
        yield node_case(f"attribute-{mode}", "Pad", {"x": IMAGE}, AROUND, opset=7, attributes=attributes)
    attributes = {"value": -1.5, "pads": list(PADS)}
    yield node_case("attribute-constant_value", "Pad", {"x": IMAGE}, AROUND, opset=10, attributes=attributes)
    cropped = f32("N", 2, "H_less_1", "W_plus_1")
    attributes = {"pads": [0, 0, -2, 3, 0, 0, 1, -2]}
    yield node_case("attribute-negative", "Pad", {"x": IMAGE}, cropped, opset=10, attributes=attributes)


def _constant() -> Iterator[Case]:
    pads = ints(*PADS)
    for opset, modes in (
        (11, MODES),
        (13, ("constant", "reflect")),
        (18, MODES),
        (19, (*MODES, "wrap")),
        (24, ("wrap",)),
    ):
        for mode in modes:
            yield _pad(mode, {"pads": pads}, AROUND, opset=opset, mode=mode)
    for opset in (11, 19):
        yield _pad("constant_value", {"pads": pads, "value": VALUE}, AROUND, opset=opset)
    negative = ints(0, 0, -2, 3, 0, 0, 1, -2)
    cropped = f32("N", 2, "H_less_1", "W_plus_1")
    yield _pad("constant-negative", {"pads": negative, "value": VALUE}, cropped, opset=13)
    yield _pad("constant-batch", {"pads": ints(1, 0, 0, 0, 2, 0, 0, 0)}, f32("N_plus_3", 2, "H", "W"), opset=17)
    yield node_case(
        "constant-int64",
        "Pad",
        {"x": i64("N", "S"), "pads": ints(0, 1, 0, 2), "value": np.array(7)},
        i64("N", "S_plus_3"),
        opset=13,
        fill={"x": partial(integers, low=-9, high=9)},
    )


def _axes() -> Iterator[Case]:
    for opset in (18, 21):
        for mode in ("constant", "reflect"):
            operands = {"pads": ints(1, 3, 3, 2), "value": None, "axes": ints(2, 3)}
            yield _pad(f"{mode}-axes_2_3", operands, AROUND, opset=opset, mode=mode)
    swapped = {"pads": ints(3, 1, 2, 3), "value": VALUE, "axes": ints(-1, 2)}
    yield _pad("constant_value-axes_minus_1_2", swapped, AROUND, opset=18)
    wrapped = {"pads": ints(2, 5), "value": None, "axes": ints(3)}
    yield _pad("wrap-axes_3", wrapped, f32("N", 2, "H", "W_plus_7"), opset=19, mode="wrap")


def _given() -> Iterator[Case]:
    for mode, opset in (("constant", 11), ("constant", 13), ("edge", 13), ("edge", 18), ("constant", 19), ("wrap", 19)):
        yield _run_time(f"{mode}-pads_given", {"pads": vector(4)}, {"pads": PADS_GIVEN}, opset=opset, mode=mode)
    short: Values = ((0, 1, 0, 1), (0, 3, 0, 5), (0, 2, 0, 3), (0, 6, 0, 8))
    for opset in (13, 18):
        yield _run_time("reflect-pads_given", {"pads": vector(4)}, {"pads": short}, opset=opset, mode="reflect")
    given: dict[str, Operand] = {"pads": vector(2), "value": None, "axes": ints(1)}
    yield _run_time("constant-pads_given-axes_1", given, {"pads": ENDS_GIVEN}, opset=18)
    for name, dtype in (("pads_axes_given", np.int64), ("pads_axes_given_int32", np.int32)):
        both: dict[str, Operand] = {"pads": vector(2), "value": None, "axes": vector(1, dtype=dtype)}
        values = {"pads": ENDS_GIVEN, "axes": always(1)}
        y = f32(None, None)
        yield node_case(f"constant-{name}", "Pad", {"x": TOKENS, **both}, y, opset=18, values=values)
    moving: dict[str, Operand] = {"x": f32(*MOVING), "pads": ints(1, 2), "value": None, "axes": vector(1)}
    yield node_case(
        "edge-axes_given_moving",
        "Pad",
        moving,
        f32(None, None, None, None),
        opset=18,
        attributes={"mode": "edge"},
        sizes=MOVING,
        values={"axes": EVERY_AXIS},
    )
    number: dict[str, Operand] = {"pads": vector(4), "value": f32()}
    yield _run_time("constant-pads_value_given", number, {"pads": PADS_GIVEN}, opset=13)


def _run_time(
    name: str, operands: Mapping[str, Operand], values: Mapping[str, Values], *, opset: int, **attributes: Any
) -> Case:
    return node_case(name, "Pad", {"x": TOKENS, **operands}, LONGER, opset=opset, attributes=attributes, values=values)


def _pad(name: str, operands: Mapping[str, Operand], y: Signature, *, opset: int, **attributes: Any) -> Case:
    return node_case(name, "Pad", {"x": IMAGE, **operands}, y, opset=opset, attributes=attributes)
