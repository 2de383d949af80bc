"""The Attention op of opsets 23 and 24 with symbolic batch and lengths, in float32 and float16.

Inputs are at most 1. Those of float16 are multiples of 1/4 and heads are 16 wide, so that the scaled scores are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from cases.case import Case, Tolerance
from cases.dynamic_shapes.attention import HEADS, LENGTHS, LONGEST, additive_masks, lengths, masks
from cases.dynamic_shapes.rounding import attention_rounding, half_attention_rounding
from cases.dynamic_shapes.symbolic import SIZES, Body, Fill, dynamic_case, i64
from cases.inputs import floats
from cases.model import Dim, Signature, node


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A type of queries, keys and values, the width of a head, and what follows from them."""

    dtype: npt.DTypeLike
    width: int
    step: float  # of the inputs
    rounding: Callable[[int], Tolerance]  # of a number of keys

    def tensor(self, *dims: Dim) -> Signature:
        """Return the signature of a tensor of this type."""
        return self.dtype, dims

    @property
    def fill(self) -> Fill:
        """What makes queries, keys and values."""
        return partial(floats, limit=1.0, step=self.step, dtype=self.dtype)


SINGLE = Kind(dtype=np.float32, width=4, step=2.0**-4, rounding=attention_rounding)
HALF = Kind(dtype=np.float16, width=16, step=2.0**-2, rounding=half_attention_rounding)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for kind in (SINGLE, HALF):
        for opset in (23, 24):
            yield from _masks(kind, opset)
            yield from _past(kind, opset)
        yield from _heads(kind)
        yield from _scores(kind)
        yield from _valid_lengths(kind)


def _masks(kind: Kind, opset: int) -> Iterator[Case]:
    square, cross, y = _inputs(kind, "S"), _inputs(kind, "T"), {"y": _query(kind)}
    case = partial(_case, kind, opset=opset)
    additive: Fill = partial(additive_masks, dtype=kind.dtype)
    yield case("cross", cross, y)
    yield case("causal", square, y, is_causal=1)
    float_masks = (("mask_float", kind.tensor("N", 1, "S", "T")), ("mask_float_rank2", kind.tensor("S", "T")))
    bool_masks = (("mask_bool", ("N", HEADS, "S", "T")), ("mask_bool_rank2", ("S", "T")))
    for name, mask in float_masks:
        yield case(name, {**cross, "mask": mask}, y, fill={"mask": additive})
    for name, dims in bool_masks:
        yield case(name, {**cross, "mask": (np.bool_, dims)}, y, fill={"mask": masks})
    both = {**square, "mask": kind.tensor("S", "S")}
    yield case("mask_causal", both, y, fill={"mask": additive}, is_causal=1)


def _past(kind: Kind, opset: int) -> Iterator[Case]:
    """Yield keys and values of the past; with a causal mask a query sees all of them."""
    past = {f"past_{name}": kind.tensor("N", HEADS, "P", kind.width) for name in ("key", "value")}
    present = {f"present_{name}": kind.tensor("N", HEADS, "PS", kind.width) for name in ("key", "value")}
    outputs = {"y": _query(kind), **present}
    case = partial(_case, kind, opset=opset)
    inputs = _inputs(kind, "S")
    yield case("past", {**inputs, **past}, outputs)
    yield case("past_causal", {**inputs, **past}, outputs, is_causal=1)
    masked: dict[str, Signature] = {**inputs, "mask": (np.bool_, ("N", 1, "S", "PS")), **past}
    yield case("past_mask", masked, outputs, fill={"mask": masks})


def _heads(kind: Kind) -> Iterator[Case]:
    query, y, width = _query(kind), {"y": _query(kind)}, kind.width
    for name, count in (("grouped_queries", 2), ("one_key_head", 1)):
        fewer = kind.tensor("N", count, "T", width)
        yield _case(kind, name, {"query": query, "key": fewer, "value": fewer}, y)
    flat = kind.tensor("N", "S", HEADS * width)
    heads: dict[str, Any] = {"q_num_heads": HEADS, "kv_num_heads": 2}
    values = {"query": flat, "key": kind.tensor("N", "T", 2 * width), "value": kind.tensor("N", "T", 3 * width)}
    yield _case(kind, "rank3_other_widths", values, {"y": kind.tensor("N", "S", HEADS * 3 * width // 2)}, **heads)
    grouped = {"query": flat, **dict.fromkeys(("key", "value"), kind.tensor("N", "T", 2 * width))}
    yield _case(kind, "rank3_grouped_queries", grouped, {"y": flat}, **heads)
    thrice = dict.fromkeys(("query", "key", "value"), flat)
    yield _case(kind, "rank3_causal", thrice, {"y": flat}, q_num_heads=HEADS, kv_num_heads=HEADS, is_causal=1)


def _scores(kind: Kind) -> Iterator[Case]:
    cross, y = _inputs(kind, "T"), {"y": _query(kind)}
    yield _case(kind, "scale", cross, y, scale=0.0625)
    yield _case(kind, "softcap", cross, y, softcap=1.0, scale=1.0)
    for opset in (23, 24):  # a softmax in float32, whatever the type
        yield _case(kind, "softmax_precision", cross, y, opset=opset, softmax_precision=onnx.TensorProto.FLOAT)
    scores = {**y, "scores": kind.tensor("N", HEADS, "S", "T")}
    yield _case(kind, "scores_output", cross, scores, qk_matmul_output_mode=0)


def _valid_lengths(kind: Kind) -> Iterator[Case]:
    """Yield nonpad_kv_seqlen, which opset 24 added: each sequence has another number of valid keys."""
    inputs = {**_inputs(kind, "T"), "lengths": i64("N")}
    yield _case(kind, "valid_lengths", inputs, {"y": _query(kind)}, opset=24, fill={"lengths": lengths})


def _query(kind: Kind) -> Signature:
    return kind.tensor("N", HEADS, "S", kind.width)


def _inputs(kind: Kind, length: str) -> dict[str, Signature]:
    """Return query, key and value, where the last two are of ``length``."""
    return {"query": _query(kind), **dict.fromkeys(("key", "value"), kind.tensor("N", HEADS, length, kind.width))}


def _case(
    kind: Kind,
    name: str,
    inputs: Mapping[str, Signature],
    outputs: Mapping[str, Signature],
    *,
    opset: int = 23,
    fill: Mapping[str, Fill] | None = None,
    **attributes: Any,
) -> Case:
    dtype = np.dtype(kind.dtype).name
    return dynamic_case(
        f"attention-{dtype}-{name}",
        "Attention",
        partial(_body, tuple(inputs), tuple(outputs), attributes),
        inputs,
        outputs,
        opset=opset,
        sizes=LENGTHS,
        fill={**dict.fromkeys(inputs, kind.fill), **(fill or {})},
        tolerance=kind.rounding(LONGEST if "past_key" in inputs else SIZES["S"][-1]),
        summary=f"Attention in {dtype}: {name.replace('_', ' ')}",
        tags=["softmax", dtype],
    )


INPUTS = ("query", "key", "value", "mask", "past_key", "past_value", "lengths")
OUTPUTS = ("y", "present_key", "present_value", "scores")


def _body(inputs: tuple[str, ...], outputs: tuple[str, ...], attributes: Mapping[str, Any]) -> Body:
    return [node("Attention", _placed(INPUTS, inputs), _placed(OUTPUTS, outputs), **attributes)], {}


def _placed(places: tuple[str, ...], given: tuple[str, ...]) -> list[str]:
    """Return what is given in its places, with empty names in the others as far as the last that is given."""
    used = [name if name in given else "" for name in places]
    return used[: max(places.index(name) for name in given) + 1]
