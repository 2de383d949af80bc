"""DynamicQuantizeLSTM of com.microsoft: weights of 8 bits, the input and the hidden state quantized as they come.

The range of the input makes its scale a power of two, so the first step is exact but for its activation functions. The
hidden state takes its scale from its own range: a last bit there may move a code to its neighbour, which is at most
2 / 255 away. The recurrent weights are so small that the absolute values of no column add up to more than 1, and no
activation function is steeper than 1, so each of the five steps adds at most one such step: 5 * 2 / 255.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import product

import numpy as np

from cases.case import Array, Case, Shape, Tolerance
from cases.inputs import floats, integers
from cases.quantization import extents
from cases.quantization.codes import full_range, grid
from cases.quantization.parameters import small_weights, zero_points
from cases.quantization.single import Fed, Single

DOMAIN = "com.microsoft"
INPUT, HIDDEN = 10, 6
STEPS = extents.SIZES["sequence"]["static"]
LOW, HIGH, STEP = -100, 155, 2.0**-7
DIRECTIONS = {"forward": 1, "reverse": 1, "bidirectional": 2}
# 6 codes of at most 64 steps from zero, or 128 for uint8, are below 1 in all.
SCALES = {"int8": np.array([3, 5, 7, 2]) * 2.0**-12, "uint8": np.array([3, 5, 7, 2]) * 2.0**-13}
TOLERANCE = Tolerance(absolute=STEPS * 2.0 / 255)


def cases() -> Iterator[Case]:
    """Yield the cases of DynamicQuantizeLSTM."""
    for weights, granularity, direction in product(("int8", "uint8"), ("per_tensor", "per_axis"), DIRECTIONS):
        yield _case(weights, granularity, direction, "plain", extents.STATIC)
    for variant in ("lengths", "initial", "peephole"):
        yield _case("int8", "per_axis", "forward", variant, extents.STATIC)
    for kind in (extents.BATCH, extents.SEQUENCE):
        yield _case("int8", "per_axis", "bidirectional", "plain", kind)


def _case(weights: str, granularity: str, direction: str, variant: str, kind: str) -> Case:
    count = DIRECTIONS[direction]
    initial = variant == "initial"
    fed = {"x": Fed(dtype=np.float32, shape=("sequence", "batch", INPUT), values=full_range(LOW, HIGH, STEP))}
    if variant == "lengths":
        fed["lengths"] = Fed(dtype=np.int32, shape=("batch",), values=_lengths)
    if initial:
        fed["h"] = Fed(dtype=np.float32, shape=(count, "batch", HIDDEN), values=full_range(-128, 127, 2.0**-8))
        fed["c"] = Fed(dtype=np.float32, shape=(count, "batch", HIDDEN), values=grid(1.0, 2.0**-6))
    return Single(
        domain=DOMAIN,
        op="DynamicQuantizeLSTM",
        words=("contrib_dynamicquantizelstm", weights, granularity, direction, variant),
        summary=f"DynamicQuantizeLSTM, {direction}, {weights} weights, {granularity.replace('_', '-')}, {variant}",
        operands=(
            *("x", "w", "r", "bias", "lengths" if variant == "lengths" else ""),
            *(("h", "c") if initial else ("", "")),
            "peepholes" if variant == "peephole" else "",
            *("w_scale", "w_zero_point", "r_scale", "r_zero_point"),
        ),
        fed=fed,
        constants=partial(_constants, weights, granularity, count, variant),
        outputs={
            "y": (np.float32, ("sequence", count, "batch", HIDDEN)),
            "y_h": (np.float32, (count, "batch", HIDDEN)),
            "y_c": (np.float32, (count, "batch", HIDDEN)),
        },
        attributes={"hidden_size": HIDDEN, "direction": direction},
        kind=kind,
        tolerance=TOLERANCE,
        tags=frozenset({"contrib"}),
    ).case()


def _lengths(key: str, shape: Shape) -> Array:
    return integers(key, shape, 2, STEPS, np.int32)


def _constants(weights: str, granularity: str, count: int, variant: str, key: str) -> Mapping[str, Array]:
    gates = 4 * HIDDEN
    shape = (count, gates) if granularity == "per_axis" else (count,)
    middle = zero_points(key, weights, shape, zero=True) + np.array(127 if weights == "uint8" else 0, weights)
    found: dict[str, Array] = {
        "w": small_weights(f"{key}/w", weights, (count, INPUT, gates)),
        "r": small_weights(f"{key}/r", weights, (count, HIDDEN, gates)),
        "bias": floats(f"{key}/bias", (count, 2 * gates), limit=1.0),
        "w_scale": np.resize(SCALES[weights] * 8, shape),
        "w_zero_point": middle,
        "r_scale": np.resize(SCALES[weights], shape),
        "r_zero_point": middle,
    }
    if variant == "peephole":
        found["peepholes"] = floats(f"{key}/peepholes", (count, 3 * HIDDEN), limit=0.5)
    return found
