"""Scan over symbolic dimensions: axes, directions, several states and inputs, and the batched form of opset 8.

The inputs are multiples of 1/16 of at most 4, and what is added are at most 24 of them: every sum is exact in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from cases.case import Case
from cases.dynamic_shapes import scan_bodies as bodies
from cases.dynamic_shapes.control_flow import TOKENS, control_flow_case
from cases.dynamic_shapes.symbolic import Body, f32
from cases.model import Signature

SUMS: Mapping[str, Signature] = {"total": f32(4), "y": f32("S", 4)}
BATCH: Mapping[str, Signature] = {"start": f32("N", 4), "x": f32("S", "N", 4)}


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for opset in (9, 11, 13, 16, 17, 19, 21, 23, 24, 25):
        yield control_flow_case("scan-sum", "Scan", bodies.sums, TOKENS, SUMS, opset=opset)
    for opset in (9, 11, 17, 21):
        outputs: Mapping[str, Signature] = {"total": f32("N", 4), "y": f32("S", "N", 4)}
        yield control_flow_case("scan-batch_state", "Scan", bodies.batch_state, BATCH, outputs, opset=opset)
    yield control_flow_case(
        "scan-batched",
        "Scan",
        bodies.batched,
        {"x": f32("N", "S", 4)},
        {"total": f32("N", 4), "y": f32("N", "S", 4)},
        opset=8,
    )
    yield from _axes()
    yield from _directions()
    yield from _signatures()


def _axes() -> Iterator[Case]:
    """Over another axis, into another axis, counted from the back."""
    table: Mapping[str, Signature] = {"x": f32(4, "S")}
    deep: Mapping[str, Signature] = {"x": f32("N", "S", 4), "start": f32("N", 4)}
    turned: Mapping[str, Signature] = {"total": f32(4), "y": f32(4, "S")}
    for opset in (9, 11, 17, 21):
        over = partial(bodies.sums, scan_input_axes=[1])
        yield control_flow_case("scan-input_axis_1", "Scan", over, table, SUMS, opset=opset)
        into = partial(bodies.sums, scan_output_axes=[1])
        yield control_flow_case("scan-output_axis_1", "Scan", into, TOKENS, turned, opset=opset)
    for opset in (11, 17):
        both = partial(bodies.sums, scan_input_axes=[-1], scan_output_axes=[-1])
        yield control_flow_case("scan-axes_negative", "Scan", both, table, turned, opset=opset)
    sequence = partial(bodies.batch_state, scan_input_axes=[1], scan_output_axes=[1])
    outputs: Mapping[str, Signature] = {"total": f32("N", 4), "y": f32("N", "S", 4)}
    yield control_flow_case("scan-sequence_axis_1", "Scan", sequence, deep, outputs)


def _directions() -> Iterator[Case]:
    for opset in (9, 11, 17, 21):
        back = partial(bodies.sums, scan_input_directions=[1])
        yield control_flow_case("scan-input_reverse", "Scan", back, TOKENS, SUMS, opset=opset)
        written = partial(bodies.sums, scan_output_directions=[1])
        yield control_flow_case("scan-output_reverse", "Scan", written, TOKENS, SUMS, opset=opset)
    both = partial(bodies.sums, scan_input_directions=[1], scan_output_directions=[1])
    yield control_flow_case("scan-both_reverse", "Scan", both, TOKENS, SUMS)
    yield control_flow_case("scan-two_directions", "Scan", bodies.two_directions, TOKENS, {"y": f32("S", 4)})
    turned: Mapping[str, Signature] = {"total": f32(4), "y": f32(4, "S")}
    table: Mapping[str, Signature] = {"x": f32(4, "S")}
    whole = partial(bodies.sums, scan_input_axes=[1], scan_input_directions=[1], scan_output_axes=[1])
    yield control_flow_case("scan-axis_1_reverse", "Scan", whole, table, turned)


def _signatures() -> Iterator[Case]:
    """No state, two states, two inputs, two outputs, no scanned output, and captured values."""
    two: Mapping[str, Signature] = {"a": f32("S", 4), "b": f32("S", 4)}
    pairs: Mapping[str, Signature] = {"smallest": f32(4), "largest": f32(4), "y": f32("S", 4)}
    line: Mapping[str, Signature] = {"y": f32("S", 4)}
    table: list[tuple[str, Callable[[], Body], Mapping[str, Signature], Mapping[str, Signature]]] = [
        ("no_state", bodies.no_state, TOKENS, line),
        ("two_states", bodies.two_states, TOKENS, pairs),
        ("two_inputs", bodies.two_inputs, two, SUMS),
        ("two_outputs", bodies.two_outputs, TOKENS, {**SUMS, "z": f32("S")}),
        ("state_only", bodies.state_only, BATCH, {"total": f32("N", 4)}),
        ("captured_values", bodies.captured, TOKENS, line),
        ("flows_into_matmul", bodies.into_matmul, TOKENS, {"y": f32("S", 2)}),
    ]
    for axes, body, inputs, outputs in table:
        yield control_flow_case(f"scan-{axes}", "Scan", body, inputs, outputs)
