"""Rotary embeddings, as an op and spelled out, and a cache of keys that is written in place, at symbolic lengths.

Everything is at most 1: two products and a sum for each element.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from cases.case import Case
from cases.dynamic_shapes import rotary_programs as programs
from cases.dynamic_shapes.attention import HEADS, SMALL, WIDTH
from cases.dynamic_shapes.rounding import rounding
from cases.dynamic_shapes.symbolic import SIZES, Body, Fill, dynamic_case, f32, i64
from cases.inputs import integers
from cases.model import Signature, node

POSITIONS = 64  # rows of the tables of cosines and sines
CACHED = 32  # keys in the cache
ROTATED = rounding(2, 1.0)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _rotary()
    yield _scattered_cache()


def _rotary() -> Iterator[Case]:
    """Yield RotaryEmbedding, and what it is made of."""
    half = WIDTH // 2
    tables = f32("N", "S", half)
    four, three = f32("N", HEADS, "S", WIDTH), f32("N", "S", HEADS * WIDTH)
    shared = f32(POSITIONS, half)
    variants: tuple[tuple[str, Signature, Signature, bool, dict[str, int]], ...] = (
        ("rank4", four, tables, False, {}),
        ("rank3", three, tables, False, {"num_heads": HEADS}),
        ("interleaved", four, tables, False, {"interleaved": 1}),
        ("positions", four, shared, True, {}),
        ("positions_rank3_interleaved", three, shared, True, {"num_heads": HEADS, "interleaved": 1}),
        ("part_of_the_head", four, f32("N", "S", 1), False, {"rotary_embedding_dim": 2}),
    )
    for name, x, table, has_positions, attributes in variants:
        inputs: dict[str, Signature] = {"x": x, "cosines": table, "sines": table}
        filled: dict[str, Fill] = {}
        if has_positions:
            inputs["positions"] = i64("N", "S")
            filled["positions"] = partial(integers, low=0, high=POSITIONS - 1)
        yield dynamic_case(
            f"rotaryembedding-{name}",
            "RotaryEmbedding",
            partial(_rotary_embedding, list(inputs), attributes),
            inputs,
            {"y": x},
            opset=23,
            fill={**dict.fromkeys(inputs, SMALL), **filled},
            tolerance=ROTATED,
            summary=f"RotaryEmbedding, {name.replace('_', ' ')}",
        )
    inputs = {"x": four, "cosines": shared, "sines": shared}
    for name, body in (("half", programs.rotate_half), ("interleaved", programs.rotate_interleaved)):
        fill = dict.fromkeys(inputs, SMALL)
        axes = f"rotary_spelled_out-{name}"
        yield dynamic_case(axes, "Mul", body, inputs, {"y": four}, fill=fill, tolerance=ROTATED)


def _rotary_embedding(inputs: list[str], attributes: Mapping[str, int]) -> Body:
    return [node("RotaryEmbedding", inputs, ["y"], **attributes)], {}


def _scattered_cache() -> Case:
    """Return TensorScatter, which writes new keys into a cache of fixed length."""
    cache = f32("N", HEADS, CACHED, WIDTH)
    return dynamic_case(
        "tensorscatter-cache",
        "TensorScatter",
        programs.scattered,
        {"x": cache, "update": f32("N", HEADS, "S", WIDTH), "begin": i64("N")},
        {"y": cache},
        opset=24,
        fill={"begin": partial(integers, low=0, high=CACHED - SIZES["S"][-1])},
    )
