"""Operators whose meaning for a symbolic shape, or whose operands, changed with an opset: a case on each side.

Softmax and its kin flatten what follows the axis up to opset 12 and do not from 13 on: with an axis in the middle the
sums differ. Clip's bounds and Dropout's ratio were attributes. GroupNormalization is here as it is from opset 21 on:
the one of opset 18, with a scale per group, is deprecated, and the checker refuses it. Shape got a start and an end.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cases.case import EXACT, Array, Case
from cases.dynamic_shapes.rounding import log_rounding, normalization_rounding, softmax_rounding
from cases.dynamic_shapes.single_node import Operand, node_case
from cases.dynamic_shapes.symbolic import SIZES, f32, i64
from cases.inputs import distinct_floats, floats

VOLUME = f32("N", 3, "S")
IMAGE = f32("N", 6, "H", "W")
CHANNELS, GROUPS = 6, 3
PLANE = SIZES["H"][-1] * SIZES["W"][-1]
FLATTENED = 3 * SIZES["S"][-1]  # the longest sum of a softmax that flattens
EPSILON = 2.0**-10


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _softmax()
    yield from _clip()
    yield from _dropout()
    yield from _group_normalization()
    yield from _shape()


def _softmax() -> Iterator[Case]:
    for op, tolerance in (
        ("Softmax", softmax_rounding(FLATTENED)),
        ("LogSoftmax", log_rounding(softmax_rounding(FLATTENED).relative)),
        ("Hardmax", EXACT),
    ):
        for axes, attributes, opset in (
            ("axis_1", {"axis": 1}, 7),
            ("axis_1", {"axis": 1}, 11),
            ("axis_1", {"axis": 1}, 13),
            ("axis_minus_2", {"axis": -2}, 11),
            ("axis_minus_2", {"axis": -2}, 13),
            ("axis_default", {}, 11),
            ("axis_default", {}, 13),
        ):
            yield node_case(
                axes,
                op,
                {"x": VOLUME},
                VOLUME,
                opset=opset,
                attributes=attributes,
                fill={"x": distinct_floats} if op == "Hardmax" else None,
                tolerance=tolerance,
            )


def _clip() -> Iterator[Case]:
    x = f32("N", "S")
    for name, attributes in (("both", {"min": -1.5, "max": 2.25}), ("max", {"max": 0.5}), ("absent", {})):
        yield node_case(f"attribute-{name}", "Clip", {"x": x}, x, opset=7, attributes=attributes)
    low, high = np.array(-1.5, np.float32), np.array(2.25, np.float32)
    for opset in (11, 12, 13):
        yield node_case("both", "Clip", {"x": x, "low": low, "high": high}, x, opset=opset)
    yield node_case("min_absent", "Clip", {"x": x, "low": None, "high": high}, x, opset=11)
    yield node_case("max_absent", "Clip", {"x": x, "low": low}, x, opset=13)
    given: dict[str, Operand] = {"x": x, "low": f32(), "high": high}
    yield node_case("min_input", "Clip", given, x, opset=13)


def _dropout() -> Iterator[Case]:
    x, mask = f32("N", "S"), (np.bool_, ("N", "S"))
    for opset in (7, 10):
        yield node_case("ratio_attribute", "Dropout", {"x": x}, x, opset=opset, attributes={"ratio": 0.75})
    ratio, off = np.array(0.75, np.float32), np.array(False)
    for opset in (12, 13, 22):
        yield node_case("ratio_input", "Dropout", {"x": x, "ratio": ratio}, x, opset=opset)
    operands: dict[str, Operand] = {"x": x, "ratio": ratio, "training": off}
    yield node_case("training_mode_false-mask", "Dropout", operands, {"y": x, "mask": mask}, opset=13)


def _group_normalization() -> Iterator[Case]:
    constants = {"scale": _affine("scale", CHANNELS), "bias": _affine("bias", CHANNELS)}
    sequence = f32("N", CHANNELS, "S")
    for name, x, attributes in (
        ("groups_3", IMAGE, {"num_groups": GROUPS, "epsilon": EPSILON}),
        ("groups_3-stash_type", IMAGE, {"num_groups": GROUPS, "epsilon": EPSILON, "stash_type": 1}),
        ("groups_2-sequence", sequence, {"num_groups": 2}),
    ):
        tolerance = normalization_rounding(GROUPS * PLANE)
        operands: dict[str, Operand] = {"x": x, **constants}
        yield node_case(name, "GroupNormalization", operands, x, opset=21, attributes=attributes, tolerance=tolerance)


def _affine(key: str, count: int) -> Array:
    return floats(f"group/{key}", (count,), limit=1.0)


def _shape() -> Iterator[Case]:
    x = f32("N", 3, "S", 5)
    for opset in (7, 13, 15, 21):
        yield node_case("all", "Shape", {"x": x}, i64(4), opset=opset)
        yield node_case("elements", "Size", {"x": x}, i64(), opset=opset)
    for name, attributes, length in (
        ("start_1", {"start": 1}, 3),
        ("end_minus_1", {"end": -1}, 3),
        ("start_minus_2_end_3", {"start": -2, "end": 3}, 1),
    ):
        yield node_case(name, "Shape", {"x": x}, i64(length), opset=15, attributes=attributes)
