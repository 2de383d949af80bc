"""QAttention of com.microsoft: self-attention whose input and packed projection weights have 8 bits.

The projections are exact in float32. What is rounded is the scaled scores, the softmax and the weighted mean of the
values: a mean with weights that add up to 1, so its error is at most that of the weights, some 2**-20 (scores below 8
in absolute value, a few roundings each, and an exponential good to a few units in the last place), times the largest
value, below 16. The tolerance is that, 2**-16. In float16 the result is rounded to 11 bits, and so is the present.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from cases.case import Array, Case, Shape, Tolerance
from cases.inputs import floats, integers
from cases.model import dtype_named
from cases.quantization import extents
from cases.quantization.codes import every_code, grid
from cases.quantization.parameters import small_weights, zero_points
from cases.quantization.single import Fed, Single

DOMAIN = "com.microsoft"
INPUT, HEADS, HEAD = 12, 2, 4
HIDDEN = HEADS * HEAD
PAST = 3
SCALES = np.array([3, 5, 7, 2]) * 2.0**-11
X_SCALE = 2.0**-5
TOLERANCE = {"float": Tolerance(absolute=2.0**-16), "float16": Tolerance(absolute=2.0**-8, relative=2.0**-9)}


@dataclass(frozen=True, kw_only=True)
class Attention:
    """One combination of axes."""

    types: tuple[str, str] = ("uint8", "int8")
    granularity: str = "per_tensor"
    real: str = "float"
    variant: str = "plain"  # or "zp_absent", "lengths", "mask", "causal", "past", "scale"

    @property
    def words(self) -> tuple[str, ...]:
        return ("contrib_qattention", "_".join(self.types), self.granularity, self.real, self.variant)


def cases() -> Iterator[Case]:
    """Yield the cases of QAttention."""
    for types in (("uint8", "int8"), ("uint8", "uint8"), ("int8", "int8"), ("int8", "uint8")):
        yield _case(Attention(types=types))
        yield _case(Attention(types=types, granularity="per_axis"))
    for variant in ("zp_absent", "lengths", "mask", "causal", "past", "scale"):
        yield _case(Attention(variant=variant))
    yield _case(Attention(real="float16"))
    for kind in (extents.BATCH, extents.SEQUENCE):
        yield _case(Attention(), kind)
        yield _case(Attention(granularity="per_axis", variant="mask"), kind)


def _case(axes: Attention, kind: str = extents.STATIC) -> Case:
    real = dtype_named(axes.real)
    fed = {
        "x": Fed(dtype=axes.types[0], shape=("batch", "sequence", INPUT), values=every_code(axes.types[0])),
        **_optional(axes, real),
    }
    mask = "mask" if "mask" in fed else ""
    zeros = ("", "") if axes.variant == "zp_absent" else ("x_zero_point", "weight_zero_point")
    operands = ["x", "weight", "bias", "x_scale", "weight_scale", mask, *zeros, "past" if "past" in fed else ""]
    while not operands[-1]:
        operands.pop()
    outputs: dict[str, tuple[np.dtype[Any], tuple[int | str, ...]]] = {"y": (real, ("batch", "sequence", HIDDEN))}
    if axes.variant == "past":
        outputs["present"] = (real, (2, "batch", HEADS, PAST + extents.SIZES["sequence"]["static"], HEAD))
    return Single(
        domain=DOMAIN,
        op="QAttention",
        words=axes.words,
        summary=f"QAttention of {axes.types[0]} with {axes.types[1]} weights, {axes.variant.replace('_', ' ')}",
        operands=tuple(operands),
        fed=fed,
        constants=partial(_constants, axes),
        outputs=outputs,
        attributes={
            "num_heads": HEADS,
            **({"unidirectional": 1} if axes.variant in ("causal", "past") else {}),
            **({"scale": 0.25} if axes.variant == "scale" else {}),
        },
        kind=kind,
        tolerance=TOLERANCE[axes.real],
        tags=frozenset({"contrib"}),
    ).case()


def _optional(axes: Attention, real: np.dtype[np.floating]) -> dict[str, Fed]:
    if axes.variant == "lengths":
        return {"mask": Fed(dtype=np.int32, shape=("batch",), values=_lengths)}
    if axes.variant == "mask":
        return {"mask": Fed(dtype=np.int32, shape=("batch", "sequence"), values=_mask)}
    if axes.variant == "past":
        return {"past": Fed(dtype=real, shape=(2, "batch", HEADS, PAST, HEAD), values=grid(4.0, 2.0**-4, real))}
    return {}


def _lengths(key: str, shape: Shape) -> Array:
    return integers(key, shape, 2, extents.SIZES["sequence"]["static"], np.int32)


def _mask(key: str, shape: Shape) -> Array:
    """Return 0 for a key that is hidden; the first one never is."""
    mask = integers(key, shape, 0, 1, np.int32)
    mask[:, 0] = 1
    return mask


def _constants(axes: Attention, key: str) -> Mapping[str, Array]:
    real = dtype_named(axes.real)
    shape = (3 * HIDDEN,) if axes.granularity == "per_axis" else ()
    found = {
        "weight": small_weights(key, axes.types[1], (INPUT, 3 * HIDDEN)),
        "bias": floats(f"{key}/bias", (3 * HIDDEN,), limit=1.0, dtype=real),
        "x_scale": np.array(X_SCALE, real),
        "weight_scale": np.resize(SCALES, shape).astype(real),
    }
    if axes.variant != "zp_absent":
        found["x_zero_point"] = zero_points(f"{key}/x", axes.types[0], zero=False)
        middle = 127 if axes.types[1] == "uint8" else 0
        found["weight_zero_point"] = np.full(shape, middle, axes.types[1])
    return found
