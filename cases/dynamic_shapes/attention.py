"""Attention with symbolic batch and lengths, spelled out in primitives as exporters do for any opset.

Queries, keys and values are at most 1 and heads are 4 wide, so that scores are at most 2 apart from 0 and a softmax
over K of them is within ``attention_rounding``. Masks are -128 or boolean: what is masked counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import numpy.typing as npt

from cases.case import Array, Case, Shape
from cases.dynamic_shapes import attention_programs as programs
from cases.dynamic_shapes.rounding import attention_rounding
from cases.dynamic_shapes.symbolic import Body, Fill, Sizes, dynamic_case, f32, i64
from cases.inputs import floats, integers
from cases.model import Signature

HEADS, WIDTH = 4, 4
LENGTHS: Mapping[str, Sizes] = {
    "T": (5, 14, 9, 20),  # of keys and values, where they are not the queries'
    "P": (2, 9, 5, 16),  # of the past
    "PS": (5, 21, 12, 40),  # past and present together
}
LONGEST = 40
SMALL: Fill = partial(floats, limit=1.0)
FLAT = f32("N", "S", HEADS * WIDTH)
QUERY = f32("N", HEADS, "S", WIDTH)
KEY = f32("N", HEADS, "T", WIDTH)
PAST = f32("N", HEADS, "P", WIDTH)
BOOL = np.bool_


def masks(key: str, shape: Shape) -> Array:
    """Return flags, of which the first of each row is set: no query is left without a key."""
    flags = integers(key, shape, 0, 1, dtype=np.bool_)
    flags[..., 0] = True
    return flags


def additive_masks(key: str, shape: Shape, dtype: npt.DTypeLike) -> Array:
    """Return 0, -1/2 or -128, of which the first of each row is 0."""
    numbers = np.array([0, -0.5, -128], dtype)[integers(key, shape, 0, 2)]
    numbers[..., 0] = 0
    return numbers


def lengths(key: str, shape: Shape) -> Array:
    """Return from 1 to 3 for each sequence: all of them are at least 3 long."""
    return integers(key, shape, 1, 3)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    square: Mapping[str, Signature] = {"query": QUERY, "key": QUERY, "value": QUERY}
    cross: Mapping[str, Signature] = {"query": QUERY, "key": KEY, "value": KEY}
    y = {"y": QUERY}
    additive: Fill = partial(additive_masks, dtype=np.float32)
    for name, mask in (
        ("additive", f32("N", 1, 1, "T")),
        ("additive_per_query", f32(1, 1, "S", "T")),
        ("additive_per_head", f32("N", HEADS, "S", "T")),
    ):
        inputs, fill = {**cross, "mask": mask}, {"mask": additive}
        yield _case(f"attention_spelled_out-mask_{name}", "MatMul", programs.additive, inputs, y, fill=fill)
    for name, dims in (("padding", ("N", 1, 1, "T")), ("per_query", ("N", 1, "S", "T"))):
        inputs = {**cross, "mask": (BOOL, dims)}
        fill = {"mask": masks}
        yield _case(f"attention_spelled_out-mask_where_{name}", "Where", programs.where, inputs, y, fill=fill)
    yield _case("attention_spelled_out-cross", "MatMul", programs.plain, cross, y)
    yield _case("attention_spelled_out-causal_trilu", "Trilu", programs.causal_trilu, square, y)
    yield _case("attention_spelled_out-causal_ranges", "Range", programs.causal_ranges, square, y)
    inputs = {**cross, "lengths": i64("N")}
    yield _case(
        "attention_spelled_out-valid_lengths", "Less", programs.valid_lengths, inputs, y, fill={"lengths": lengths}
    )
    past = {**square, "past_key": PAST, "past_value": PAST}
    kept = f32("N", HEADS, "PS", WIDTH)
    outputs = {**y, "present_key": kept, "present_value": kept}
    yield _case("attention_spelled_out-past", "Concat", programs.with_past, past, outputs)
    yield _case("attention_spelled_out-past_causal", "Trilu", programs.with_past_causal, past, outputs)
    fewer = f32("N", 2, "S", WIDTH)
    grouped = {"query": QUERY, "key": fewer, "value": fewer}
    yield _case("attention_spelled_out-grouped_queries", "Expand", programs.grouped, grouped, y)
    yield _case(
        "attention_spelled_out-heads_from_features", "Reshape", programs.heads_from_features, {"x": FLAT}, {"y": FLAT}
    )
    yield _case("attention_spelled_out-einsum", "Einsum", programs.einsum, cross, y)
    relative = {**square, "bias": f32(HEADS, "S", "S")}
    yield _case("attention_spelled_out-relative_bias", "MatMul", programs.relative_bias, relative, y)
    yield _case("attention_spelled_out-window", "Where", programs.sliding_window, square, y)


def _case(
    axes: str,
    op: str,
    body: Callable[[], Body],
    inputs: Mapping[str, Signature],
    outputs: Mapping[str, Signature],
    *,
    fill: Mapping[str, Fill] | None = None,
) -> Case:
    filled = {**dict.fromkeys(inputs, SMALL), **(fill or {})}
    tolerance = attention_rounding(LONGEST)
    return dynamic_case(axes, op, body, inputs, outputs, sizes=LENGTHS, fill=filled, tolerance=tolerance)
