"""Sequences of tensors: made, split, grown in a Loop, taken apart; their lengths and the sizes inside are dynamic.

Everything here moves data, or adds few multiples of 1/16: every result is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np

from cases.case import Case
from cases.dynamic_shapes import sequence_bodies as bodies
from cases.dynamic_shapes.fills import at_points, few, flags
from cases.dynamic_shapes.symbolic import Body, dynamic_case, f32, i64, scalar
from cases.model import Signature

TABLE: Mapping[str, Signature] = {"x": f32("S", 4)}
ROWS: Mapping[str, Signature] = {"x": f32("N", 4)}
PARTS: Mapping[str, Signature] = {"x": f32("N", "S")}
FLAGS: Signature = np.bool_, ("S",)
Row = tuple[str, str, Callable[[], Body], Mapping[str, Signature], Signature]


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for axes, op, body, inputs, y in (*_made(), *_split(), *_looped()):
        for opset in OPSETS.get(axes, (17,)):
            yield dynamic_case(axes, op, body, inputs, {"y": y}, opset=opset, tags=["sequence", *TAGS.get(axes, ())])
    yield from _at_run_time()


OPSETS = {
    "sequenceat-index": (11, 13, 17, 21),
    "sequenceinsert-end": (11, 17),
    "concatfromsequence-axis_0": (11, 13, 17, 21),
    "splittosequence-default": (11, 17, 24),
    "splittosequence-scalar": (11, 17, 24),
    "splittosequence-sizes": (11, 17, 24),
    "splittosequence-keepdims_0": (11, 17, 24),
    "loop-sequence_state": (13, 16, 17, 19, 21),
    "if-sequence_branches": (13, 16, 17, 21),
    "identity-sequence": (14, 17, 21),
}
TAGS = dict.fromkeys(("loop-sequence_state", "if-sequence_branches"), ("control_flow",))


def _made() -> Iterator[Row]:
    """SequenceConstruct, and what takes from it: Relu(x), -x and x + x in a sequence."""
    whole = f32("N", 4)
    for index in (1, -1):
        word = "index" if index > 0 else "index_negative"
        yield f"sequenceat-{word}", "SequenceAt", partial(bodies.three_then, "SequenceAt", index), ROWS, whole
    yield "sequenceat-index_computed", "SequenceAt", bodies.at_computed, ROWS, whole
    yield "sequenceinsert-end", "SequenceInsert", partial(bodies.inserted, None), ROWS, f32("rows", 4)
    for position in (0, 1, -1):
        word = f"position_{position}".replace("-", "minus_")
        yield (
            f"sequenceinsert-{word}",
            "SequenceInsert",
            partial(bodies.inserted, position),
            ROWS,
            f32("rows", 4),
        )
    yield "sequenceinsert-other_shape", "SequenceInsert", bodies.other_shape, ROWS, f32("rows", 4)
    yield "sequenceerase-end", "SequenceErase", partial(bodies.erased, None), ROWS, f32("rows", 4)
    for position in (0, -2):
        word = f"position_{position}".replace("-", "minus_")
        yield f"sequenceerase-{word}", "SequenceErase", partial(bodies.erased, position), ROWS, f32("rows", 4)
    yield "sequenceempty-insert", "SequenceEmpty", bodies.empty_then_insert, ROWS, whole
    yield "sequencelength-range", "SequenceLength", bodies.length, TABLE, i64("S")
    for axis in (0, 1, -1):
        word = f"axis_{axis}".replace("-", "minus_")
        y = f32("rows", 4) if axis == 0 else f32("N", 12)
        yield f"concatfromsequence-{word}", "ConcatFromSequence", partial(bodies.joined, axis, 0), ROWS, y
        stacked = {0: f32(3, "N", 4), 1: f32("N", 3, 4), -1: f32("N", 4, 3)}[axis]
        yield (
            f"concatfromsequence-new_{word}",
            "ConcatFromSequence",
            partial(bodies.joined, axis, 1),
            ROWS,
            stacked,
        )
    yield "identity-sequence", "Identity", bodies.identity, ROWS, f32("rows", 4)


def _split() -> Iterator[Row]:
    """SplitToSequence of a dynamic axis: rows, rows without their axis, parts of two, and given sizes."""
    op = "SplitToSequence"
    yield "splittosequence-default", op, partial(bodies.split_and_joined, 1, 0), TABLE, f32(1, "all")
    yield (
        "splittosequence-keepdims_0",
        op,
        partial(bodies.split_and_joined, 0, 0, keepdims=0),
        TABLE,
        f32("all"),
    )
    yield "splittosequence-axis_1", op, partial(bodies.split_at, 1, axis=1), PARTS, f32("N", 1)
    yield (
        "splittosequence-scalar",
        op,
        partial(bodies.split_at, 1, split=scalar(2)),
        TABLE,
        f32("two_or_less", 4),
    )
    yield (
        "splittosequence-scalar_last",
        op,
        partial(bodies.split_at, -1, split=scalar(5)),
        TABLE,
        f32("up_to_five", 4),
    )
    yield "splittosequence-sizes", op, partial(bodies.split_columns, 1), ROWS, f32("N", 3)
    yield "splittosequence-sizes_int32", op, partial(bodies.split_columns, 1, np.int32), ROWS, f32("N", 3)
    yield "splittosequence-sizes_computed", op, bodies.split_in_halves, TABLE, f32("half", 4)
    yield "splittosequence-joined", op, partial(bodies.split_and_joined, -1, 1, keepdims=0), TABLE, f32(4, "S")
    yield "splittosequence-length", "SequenceLength", bodies.count_of_parts, TABLE, i64("parts")


def _looped() -> Iterator[Row]:
    """A sequence as the state of a Loop, from the branches of an If, and through SequenceMap."""
    yield "loop-sequence_state", "Loop", bodies.collected, TABLE, f32("S", 4)
    yield "loop-sequence_of_growing_rows", "Loop", bodies.growing_rows, TABLE, f32("rows", 4)
    yield "if-sequence_branches", "If", bodies.either, ROWS, f32("rows", 4)
    yield "sequencemap-relu", "SequenceMap", bodies.mapped, TABLE, f32("S", 4)


def _at_run_time() -> Iterator[Case]:
    """An index, sizes and flags that are given at run time."""
    places = at_points({"min": -1, "opt": 2, "inside": 0, "max": 1}, np.int64)
    given: Mapping[str, Signature] = {**ROWS, "index": i64()}
    for opset in (11, 17):
        yield dynamic_case(
            "sequenceat-index_input",
            "SequenceAt",
            partial(bodies.three_then, "SequenceAt", None),
            given,
            {"y": f32("N", 4)},
            opset=opset,
            fill={"index": places},
            tags=["sequence"],
        )
    yield dynamic_case(
        "splittosequence-sizes_input",
        "SplitToSequence",
        partial(bodies.split_at, 1, split=None, given=True),
        {**TABLE, "split": i64(2)},
        {"y": f32("rest", 4)},
        values={"split": ((1, 2), (5, 7), (3, 4), (10, 14))},
        tags=["sequence"],
    )
    yield dynamic_case(
        "loop-sequence_chosen_by_data",
        "Loop",
        bodies.chosen,
        {**TABLE, "keep": FLAGS},
        {"y": f32("count", 4)},
        fill={"x": few(np.float32), "keep": flags},
        tags=["sequence", "control_flow", "data_dependent"],
    )
