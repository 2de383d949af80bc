"""Operators whose meaning for a symbolic shape, or whose operands, changed with an opset: a case on each side.

Softmax and its kin flatten what follows the axis up to opset 12 and do not from 13 on: with an axis in the middle the
sums differ. Clip's bounds and Dropout's ratio were attributes. GroupNormalization is here as it is from opset 21 on:
the one of opset 18, with a scale per group, is deprecated, and the checker refuses it. Shape got a start and an end.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from cases.case import EXACT, Array, Case
from cases.dynamic_shapes.rounding import (
    attention_rounding,
    log_rounding,
    normalization_rounding,
    rounding,
    softmax_rounding,
)
from cases.dynamic_shapes.single_node import Operand, node_case
from cases.dynamic_shapes.symbolic import SIZES, Fill, f32, i64
from cases.inputs import distinct_floats, floats, integers

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
    yield from _pools()
    yield from _batch_normalization()
    yield from _attention()


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
    yield node_case("min_given", "Clip", given, x, opset=13)


def _dropout() -> Iterator[Case]:
    x, mask = f32("N", "S"), (np.bool_, ("N", "S"))
    for opset in (7, 10):
        yield node_case("ratio_attribute", "Dropout", {"x": x}, x, opset=opset, attributes={"ratio": 0.75})
    ratio, off = np.array(0.75, np.float32), np.array(False)
    for opset in (12, 13, 22):
        yield node_case("ratio_constant", "Dropout", {"x": x, "ratio": ratio}, x, opset=opset)
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


def _pools() -> Iterator[Case]:
    """Yield pools of the versions without dilations, and for MaxPool without a second output."""
    halves = f32("N", 6, "H_half", "W_half")
    window = {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 0, 0]}
    for opset in (7, 8, 10):
        yield node_case("window", "MaxPool", {"x": IMAGE}, halves, opset=opset, attributes=window)
    for opset in (7, 11, 18):
        yield node_case("window-p_1", "LpPool", {"x": IMAGE}, halves, opset=opset, attributes={**window, "p": 1})


def _batch_normalization() -> Iterator[Case]:
    """Yield normalizations with deviations of 2: four roundings of at most 8, though no step need round at all.

    A momentum does not matter here, but the reference evaluator averages by it below opset 14 if it is not 1.
    """
    operands: dict[str, Operand] = {
        "x": IMAGE,
        "scale": _affine("scale", CHANNELS),
        "bias": _affine("bias", CHANNELS),
        "mean": _affine("mean", CHANNELS),
        "variance": np.full(CHANNELS, 4 - EPSILON, np.float32),
    }
    for opset, attributes in ((7, {"spatial": 1}), (8, {}), (9, {}), (14, {}), (15, {})):
        yield node_case(
            "deviation_2",
            "BatchNormalization",
            operands,
            IMAGE,
            opset=opset,
            attributes={"epsilon": EPSILON, "momentum": 1.0, **attributes},
            tolerance=rounding(4, 8),
        )


def _attention() -> Iterator[Case]:
    """Yield Attention with the length of each sequence, an operand from opset 24 on, and a window, from 25 on."""
    tokens = f32("N", "S", 16)
    operands: dict[str, Operand] = {"q": tokens, "k": tokens, "v": tokens}
    lengths: dict[str, Operand] = {"mask": None, "past_key": None, "past_value": None, "lengths": i64("N")}
    heads = {"q_num_heads": 2, "kv_num_heads": 2}
    tolerance = attention_rounding(SIZES["S"][-1])
    limited = partial(floats, limit=1.0)
    for name, opset, given, attributes in (
        ("lengths", 24, {**operands, **lengths}, heads),
        ("window", 25, operands, {**heads, "left_window_size": 2, "right_window_size": 1}),
    ):
        fill: dict[str, Fill] = {"q": limited, "k": limited, "v": limited, "lengths": partial(integers, low=1, high=3)}
        yield node_case(
            name, "Attention", given, tokens, opset=opset, attributes=attributes, fill=fill, tolerance=tolerance
        )
