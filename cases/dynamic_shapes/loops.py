"""Loop over symbolic dimensions: trip counts from everywhere, none, and zero; states and scan outputs of any shape.

The inputs are multiples of 1/16 of at most 4; every sum here stays below 2**11 and is a multiple of 2**-8, and is so
exact in float32, in whatever order it is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from cases.case import Case
from cases.dynamic_shapes import loop_bodies as bodies
from cases.dynamic_shapes.control_flow import FLAG, ROWS, TOKENS, control_flow_case
from cases.dynamic_shapes.fills import at_points, blank_at, few, flags
from cases.dynamic_shapes.symbolic import f32, i64
from cases.model import Signature

SAME: Mapping[str, Signature] = {"y": f32("N", 4)}
BOTH: Mapping[str, Signature] = {"start": f32("N", 4), **TOKENS}


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _trip_counts()
    yield from _conditions()
    yield from _states()
    yield from _scan_outputs()


def _trip_counts() -> Iterator[Case]:
    for opset in (11, 13, 16, 17, 19, 21, 23, 24, 25):
        yield control_flow_case("loop-trip_count_constant", "Loop", bodies.constant, ROWS, SAME, opset=opset)
    for opset in (11, 13, 16, 17, 19, 21):
        yield control_flow_case("loop-trip_count_computed", "Loop", bodies.computed, BOTH, SAME, opset=opset)
    given: Mapping[str, Signature] = {**ROWS, "trips": i64()}
    for opset in (11, 17, 21):
        values = {"trips": ((1,), (4,), (2,), (6,))}
        yield control_flow_case(
            "loop-trip_count_input", "Loop", bodies.given_trips, given, SAME, opset=opset, values=values
        )
    one: Mapping[str, Signature] = {**ROWS, "trips": i64(1)}
    values = {"trips": ((0,), (4,), (2,), (6,))}
    yield control_flow_case("loop-trip_count_input_zero", "Loop", bodies.given_trips, given, SAME, values=values)
    yield control_flow_case("loop-trip_count_input_vector", "Loop", bodies.given_trips, one, SAME, values=values)
    for word, fill in (("", flags), ("_empty", blank_at("inside", flags))):
        inputs: Mapping[str, Signature] = {**ROWS, "keep": (np.bool_, ("S",))}
        yield control_flow_case(
            f"loop-trip_count_from_data{word}", "Loop", bodies.from_data, inputs, SAME, fill={"keep": fill}
        )
        yield control_flow_case(
            f"loop-trip_count_from_data{word}_scan_output",
            "Loop",
            bodies.from_data_scanned,
            inputs,
            {**SAME, "history": f32("count", 4)},
            fill={"keep": fill},
            tags=["data_dependent"],
        )


def _conditions() -> Iterator[Case]:
    """Without a trip count, with both, with neither; false from the start, and false in the middle."""
    positive = few(np.float32, 1, 4)
    ended: Mapping[str, Signature] = {"y": f32("N", 4), "history": f32("steps", 1)}
    for opset in (11, 13, 17, 21):
        yield control_flow_case(
            "loop-trip_count_absent",
            "Loop",
            partial(bodies.double_until_large, ""),
            ROWS,
            ended,
            opset=opset,
            fill={"x": positive},
            tags=["data_dependent"],
        )
    yield control_flow_case(
        "loop-trip_count_and_condition",
        "Loop",
        partial(bodies.double_until_large, "trips"),
        {**ROWS, "trips": i64()},
        ended,
        fill={"x": positive},
        values={"trips": ((1,), (4,), (2,), (6,))},
    )
    yield control_flow_case("loop-condition_absent", "Loop", partial(bodies.constant, condition=""), ROWS, SAME)
    yield control_flow_case(
        "loop-condition_input",
        "Loop",
        partial(bodies.constant, condition="begin"),
        {**ROWS, "begin": FLAG},
        SAME,
        fill={"begin": at_points({"min": True, "opt": True, "inside": False, "max": True}, np.bool_)},
    )
    yield control_flow_case(
        "loop-break_at_first_zero",
        "Loop",
        bodies.add_until_zero,
        TOKENS,
        {"y": f32("S", 4), "steps": i64()},
        fill={"x": few(np.float32, 0, 2)},
    )


def _states() -> Iterator[Case]:
    """Several states, none, a state that grows or shrinks, one of integers, and captured values."""
    yield control_flow_case("loop-two_states", "Loop", bodies.fibonacci, ROWS, {**SAME, "z": f32("N", 4)})
    yield control_flow_case(
        "loop-integer_state", "Loop", bodies.factorial, {"x": i64("N", 4)}, {"y": i64("N", 4)}, fill=WHOLE
    )
    for opset in (11, 13, 17, 21):
        yield control_flow_case(
            "loop-growing_state", "Loop", bodies.growing, ROWS, {"y": f32("N_grown", 4)}, opset=opset
        )
    yield control_flow_case("loop-shrinking_state", "Loop", bodies.shrinking, TOKENS, {"y": f32("rest", 4)})
    yield control_flow_case(
        "loop-growing_by_data",
        "Loop",
        bodies.collecting,
        FLAGGED,
        {"y": f32("count", 4)},
        fill={"keep": blank_at("inside", flags)},
        tags=["data_dependent"],
    )
    yield control_flow_case("loop-captured_values", "Loop", bodies.captured, ROWS, SAME)
    yield control_flow_case("loop-no_state", "Loop", bodies.no_state, TOKENS, {"y": f32("S", 4)})
    yield control_flow_case(
        "loop-matmul_inside", "Loop", bodies.powers, {"x": f32("S", "S")}, {"y": f32("S", "S")}, fill=SIGNS
    )


WHOLE = {"x": few(np.int64, 1, 4)}
SIGNS = {"x": few(np.float32)}
FLAGGED: Mapping[str, Signature] = {**TOKENS, "keep": (np.bool_, ("S",))}


def _scan_outputs() -> Iterator[Case]:
    """What is stacked: rows, matrices with a symbol, scalars; and what becomes of it."""
    for opset in (11, 13, 17, 21):
        outputs: Mapping[str, Signature] = {"total": f32(4), "y": f32("S", 4)}
        yield control_flow_case("loop-scan_output", "Loop", bodies.running_sums, TOKENS, outputs, opset=opset)
        matrices: Mapping[str, Signature] = {"total": f32("N", 4), "y": f32("S", "N", 4)}
        yield control_flow_case("loop-scan_output_matrices", "Loop", bodies.matrices, BOTH, matrices, opset=opset)
    scalars: Mapping[str, Signature] = {"total": f32(), "y": f32("S")}
    yield control_flow_case("loop-scan_output_scalars", "Loop", bodies.scalars, TOKENS, scalars)
    two: Mapping[str, Signature] = {"total": f32(4), "y": f32("S", 4), "z": f32("S", 2)}
    yield control_flow_case("loop-scan_outputs_two", "Loop", bodies.two_outputs, TOKENS, two)
    yield control_flow_case(
        "loop-scan_output_matmul", "Loop", bodies.products, TOKENS, {"y": f32("S", "S")}, fill=SIGNS
    )
    values = {"trips": ((0,), (4,), (2,), (6,))}
    given: Mapping[str, Signature] = {**ROWS, "trips": i64()}
    none: Mapping[str, Signature] = {**SAME, "history": f32("trips", 1)}
    yield control_flow_case("loop-scan_output_empty", "Loop", bodies.history, given, none, values=values)
