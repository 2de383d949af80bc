"""Attention with symbolic batch and lengths: spelled out, and as the op of opsets 23 and 24.

Queries, keys and values are at most 1 and heads are 4 wide, so that scores are at most 2 apart from 0 and a softmax
over K of them is within ``attention_rounding``. Masks are -128 or boolean: what is masked counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from cases.case import Array, Case, Shape
from cases.dynamic_shapes import attention_programs as programs
from cases.dynamic_shapes.rounding import attention_rounding
from cases.dynamic_shapes.symbolic import Body, Fill, Sizes, dynamic_case, f32, i64
from cases.inputs import floats, integers
from cases.model import Signature, node

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
TOLERANCE = attention_rounding(LONGEST)
BOOL = np.bool_


def masks(key: str, shape: Shape) -> Array:
    """Return flags, of which the first of each row is set: no query is left without a key."""
    flags = integers(key, shape, 0, 1, dtype=np.bool_)
    flags[..., 0] = True
    return flags


def additive_masks(key: str, shape: Shape) -> Array:
    """Return 0, -1/2 or -128, of which the first of each row is 0."""
    numbers = np.array([0, -0.5, -128], np.float32)[integers(key, shape, 0, 2)]
    numbers[..., 0] = 0
    return numbers


def lengths(key: str, shape: Shape) -> Array:
    """Return from 1 to 3 for each sequence: all of them are at least 3 long."""
    return integers(key, shape, 1, 3)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _spelled_out()
    for opset in (23, 24):
        yield from _attention_ops(opset)
    yield from _valid_lengths()


def _case(
    axes: str,
    op: str,
    body: Callable[[], Body],
    inputs: Mapping[str, Signature],
    outputs: Mapping[str, Signature],
    *,
    opset: int = 17,
    fill: Mapping[str, Fill] | None = None,
    **options: Any,
) -> Case:
    options = {"tolerance": TOLERANCE, **options}
    filled = {**dict.fromkeys(inputs, SMALL), **(fill or {})}
    return dynamic_case(axes, op, body, inputs, outputs, opset=opset, sizes=LENGTHS, fill=filled, **options)


def _spelled_out() -> Iterator[Case]:
    """Yield attention as exporters spell it for any opset."""
    square: Mapping[str, Signature] = {"query": QUERY, "key": QUERY, "value": QUERY}
    cross: Mapping[str, Signature] = {"query": QUERY, "key": KEY, "value": KEY}
    y = {"y": QUERY}
    for name, mask in (
        ("additive", f32("N", 1, 1, "T")),
        ("additive_per_query", f32(1, 1, "S", "T")),
        ("additive_per_head", f32("N", HEADS, "S", "T")),
    ):
        inputs, fill = {**cross, "mask": mask}, {"mask": additive_masks}
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


def _attention_ops(opset: int) -> Iterator[Case]:
    """Yield the Attention op with what versions 23 and 24 have in common."""
    square: Mapping[str, Signature] = {"query": QUERY, "key": QUERY, "value": QUERY}
    cross: Mapping[str, Signature] = {"query": QUERY, "key": KEY, "value": KEY}
    y = {"y": QUERY}
    case = partial(_op_case, opset=opset)
    yield case("cross", cross, y)
    yield case("causal", square, y, is_causal=1)
    yield case("scale", cross, y, scale=0.25)
    yield case("softcap", cross, y, softcap=2.0)
    for name, mask, fill in (
        ("mask_float", f32("N", 1, "S", "T"), additive_masks),
        ("mask_float_rank2", f32("S", "T"), additive_masks),
        ("mask_bool", (BOOL, ("N", HEADS, "S", "T")), masks),
        ("mask_bool_rank2", (BOOL, ("S", "T")), masks),
    ):
        yield case(name, {**cross, "mask": mask}, y, fill={"mask": fill})
    yield case("mask_causal", {**square, "mask": f32("S", "S")}, y, fill={"mask": additive_masks}, is_causal=1)
    fewer = f32("N", 2, "T", WIDTH)
    yield case("grouped_queries", {"query": QUERY, "key": fewer, "value": fewer}, y)
    one = f32("N", 1, "T", WIDTH)
    yield case("one_key_head", {"query": QUERY, "key": one, "value": one}, y)
    kept = f32("N", HEADS, "PS", WIDTH)
    past = {**square, "past_key": PAST, "past_value": PAST}
    outputs = {**y, "present_key": kept, "present_value": kept}
    yield case("past", past, outputs, mask="")
    yield case("past_causal", past, outputs, mask="", is_causal=1)
    masked = {**square, "mask": (BOOL, ("N", 1, "S", "PS")), "past_key": PAST, "past_value": PAST}
    yield case("past_mask", masked, outputs, fill={"mask": masks})
    flat = {"query": FLAT, "key": f32("N", "T", 8), "value": f32("N", "T", 12)}
    widths = f32("N", "S", 24)
    yield case("rank3_other_widths", flat, {"y": widths}, q_num_heads=HEADS, kv_num_heads=2)
    thrice = dict.fromkeys(("query", "key", "value"), FLAT)
    yield case("rank3_causal", thrice, {"y": FLAT}, q_num_heads=HEADS, kv_num_heads=HEADS, is_causal=1)
    scores = {**y, "": f32(), "scores": f32("N", HEADS, "S", "T")}
    yield case("scores_output", cross, scores, qk_matmul_output_mode=0)


def _op_case(
    name: str,
    inputs: Mapping[str, Signature],
    outputs: Mapping[str, Signature],
    *,
    opset: int,
    fill: Mapping[str, Fill] | None = None,
    mask: str | None = None,
    **attributes: Any,
) -> Case:
    names = ["query", "key", "value", *([] if mask is None else [mask])]
    names += [each for each in inputs if each not in names]
    given = list(outputs) if "scores" not in outputs else ["y", "", "", "scores"]
    declared = {key: signature for key, signature in outputs.items() if key}
    return _case(
        f"attention-{name}",
        "Attention",
        partial(_attention, names, given, attributes),
        inputs,
        declared,
        opset=opset,
        fill=fill,
        summary=f"Attention of query[N, 4, S, 4] or its like: {name}",
        tags=["softmax"],
    )


def _attention(inputs: list[str], outputs: list[str], attributes: Mapping[str, Any]) -> Body:
    return [node("Attention", inputs, outputs, **attributes)], {}


def _valid_lengths() -> Iterator[Case]:
    """Yield nonpad_kv_seqlen, which only opset 24 and later have."""
    cross: Mapping[str, Signature] = {"query": QUERY, "key": KEY, "value": KEY}
    names = ["query", "key", "value", "", "", "", "lengths"]
    yield _case(
        "attention-valid_lengths",
        "Attention",
        partial(_attention, names, ["y"], {}),
        {**cross, "lengths": i64("N")},
        {"y": QUERY},
        opset=24,
        fill={"lengths": lengths},
        summary="Attention of which each sequence has another number of valid keys",
    )
