"""QMoE of com.microsoft: a mixture of experts with weights of 2, 4 or 8 bits.

Two products of K terms, each within K * 2**-24 * sum |a||b|, the first passed through an activation function that is
nowhere steeper than 2; each token's result is a mean over its experts with weights that add up to at most 1. float16
rounds the input of the second product and the result to 11 bits. Experts of 8 bits in blocks are computed with
activations of 8 bits at every accuracy level, and others at ``accuracy_level`` 4: the input is so made that this is
exact, but what is between the products is half of 1 / 127 of its largest off. As these errors are independent and a
weight is on average a third of the largest, four standard deviations of their sum are the tolerance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np

from cases.case import Array, Case, Shape, Tolerance
from cases.inputs import distinct_floats, floats, integers
from cases.model import dtype_named
from cases.quantization import extents
from cases.quantization.packing import pack
from cases.quantization.parameters import scales
from cases.quantization.single import Fed, Single

DOMAIN = "com.microsoft"
EXPERTS, HIDDEN, INNER = 4, 32, 64
LIMIT = 1.0  # of the input
# What gpt-oss has.
CLAMPED = {
    "activation_alpha": 1.702,
    "activation_beta": 1.0,
    "swiglu_limit": 7.0,
    "normalize_routing_weights": 1,
    "use_sparse_mixer": 0,
}
LARGEST_CODE = {2: 2, 4: 8, 8: 128}  # distance from the zero point in the middle
# The largest weight is 3 * 2**-4 for every number of bits.
SCALES = {bits: np.array([3, 5, 6, 2]) * 2.0**-5 / largest for bits, largest in LARGEST_CODE.items()}
WEIGHT = 6 * 2.0**-5
NO_KERNEL = "ONNX Runtime registers no CPU kernel of QMoE for {}"
# type of the codes, type of the blocks' scales, block: of the kinds of quantization that only GPUs have
FLOATING: Mapping[str, tuple[str, str, int]] = {
    "fp8": ("float8e4m3fn", "float16", 16),
    "fp4": ("uint8", "float8e8m0", 32),
    "nvfp4": ("uint8", "float8e4m3fn", 16),
}


@dataclass(frozen=True, kw_only=True)
class Experts:
    """One combination of axes."""

    bits: int = 4
    block: int = 0
    real: str = "float"
    activation: str = "relu"
    variant: str = "plain"  # or "bias", "zp", "normalized", "accuracy4", "router_weights", "clamped", one of FLOATING

    @property
    def hidden(self) -> int:
        """Blocks of 128 need more than the other cases have."""
        return 128 if self.block == 128 else HIDDEN

    @property
    def inner(self) -> int:
        return 256 if self.block == 128 else INNER

    @property
    def fusion(self) -> int:
        return 2 if self.activation == "swiglu" else 1

    @property
    def words(self) -> tuple[str, ...]:
        block = f"block{self.block}" if self.block else "per_axis"
        return ("contrib_qmoe", f"{self.bits}bits", block, self.real, self.activation, self.variant)


def cases() -> Iterator[Case]:
    """Yield the cases of QMoE."""
    for bits, block in product((2, 4, 8), (0, 16, 32)):
        yield _case(Experts(bits=bits, block=block))
    for activation in ("gelu", "silu", "swiglu", "identity"):
        yield _case(Experts(activation=activation))
    for bits, block, real in product((4, 8), (16, 32, 128), ("float", "float16")):
        yield _case(Experts(bits=bits, block=block, real=real, activation="swiglu", variant="clamped"))
    yield _case(Experts(block=32, real="float16", activation="swiglu", variant="clamped"), extents.BATCH)
    for variant in ("bias", "zp", "normalized", "router_weights"):
        yield _case(Experts(variant=variant))
    yield _case(Experts(block=32, variant="accuracy4"))
    yield _case(Experts(block=32, variant="zp"))
    for bits in (4, 8):
        yield _case(Experts(bits=bits, real="float16"))
        yield _case(Experts(bits=bits, real="bfloat16"))
        yield _case(Experts(bits=bits), extents.BATCH)
    for variant in FLOATING:
        yield _case(
            Experts(bits=8 if variant == "fp8" else 4, block=FLOATING[variant][2], real="float16", variant=variant)
        )


def _case(axes: Experts, kind: str = extents.STATIC) -> Case:
    """Static: three tokens in each of two sequences; dynamic: tokens packed one behind the other."""
    real = dtype_named(axes.real)
    bias, zeros = axes.variant == "bias", axes.variant == "zp"
    tokens: tuple[int | str, ...] = ("batch",) if kind == extents.BATCH else ("batch", 3)
    rows = "batch" if kind == extents.BATCH else 3 * extents.SIZES["batch"]["static"]
    fed = {
        "x": Fed(dtype=real, shape=(*tokens, axes.hidden), values=partial(_input, real)),
        "router": Fed(dtype=real, shape=(rows, EXPERTS), values=partial(_router, real)),
    }
    operands = ["x", "router", "fc1", "fc1_scales", "fc1_bias" if bias else ""]
    operands += ["fc2", "fc2_scales", "fc2_bias" if bias else "", "", "", ""]
    operands += ["fc1_zero_points", "fc2_zero_points"] if zeros else []
    if axes.variant == "router_weights":
        operands += ["", "", "", "router_weights"]
        fed["router_weights"] = Fed(dtype=real, shape=(rows, EXPERTS), values=partial(_mixing, real))
    if axes.variant in ("fp4", "nvfp4"):
        operands += [""] * 4 + ["fc1_global_scale", "fc2_global_scale"]
    while not operands[-1]:
        operands.pop()
    return Single(
        domain=DOMAIN,
        op="QMoE",
        words=axes.words,
        summary=f"QMoE, experts of {axes.bits} bits, {axes.real}, {axes.activation}, {axes.variant}",
        operands=tuple(operands),
        fed=fed,
        constants=partial(_constants, axes),
        outputs={"y": (real, (*tokens, axes.hidden))},
        attributes={
            "k": 2,
            "expert_weight_bits": axes.bits,
            "activation_type": axes.activation,
            **({"block_size": axes.block} if axes.block else {}),
            **({"swiglu_fusion": 1} if axes.activation == "swiglu" else {}),
            **({"normalize_routing_weights": 1} if axes.variant == "normalized" else {}),
            **({"accuracy_level": 4} if axes.variant == "accuracy4" else {}),
            **(CLAMPED if axes.variant == "clamped" else {}),
            **({"quant_type": axes.variant} if axes.variant in FLOATING else {}),
        },
        kind=kind,
        opset=24 if axes.variant in FLOATING else 13,
        tolerance=_tolerance(axes),
        tags=frozenset({"contrib"}),
        no_reference=_why_no_reference(axes),
    ).case()


def _why_no_reference(axes: Experts) -> str:
    what = axes.variant if axes.variant in FLOATING else axes.real if axes.real == "bfloat16" else ""
    return NO_KERNEL.format(what) if what else ""


def _tolerance(axes: Experts) -> Tolerance:
    inner = axes.hidden * LIMIT * WEIGHT  # the largest value between the two products
    error = axes.hidden * 2.0**-24 * inner + axes.inner * 2.0**-24 * inner * 2
    if axes.variant == "accuracy4" or (axes.bits == 8 and axes.block):
        largest = 2.0 if axes.hidden == HIDDEN else 4.0  # of what is between the products, in these cases
        error += 4 * axes.inner**0.5 * largest / 254 * WEIGHT / 3
    if axes.real == "float":
        return Tolerance(absolute=error)
    rounding = 2.0**-11 if axes.real == "float16" else 2.0**-8
    return Tolerance(absolute=error + axes.inner**0.5 * inner * WEIGHT * rounding, relative=2 * rounding)


def _input(real: np.dtype[np.floating], key: str, shape: Shape) -> Array:
    """Return 127 units at both ends of every 16 numbers: dividing by the largest and 127 is then exact."""
    steps = integers(key, shape, -127, 127)
    steps[..., ::16], steps[..., 1::16] = 127, -127
    return (steps * 2.0**-7).astype(real)


def _router(real: np.dtype[np.floating], key: str, shape: Shape) -> Array:
    """Return logits of which no two of a token are within 1 / 4 of each other: its experts are not in doubt."""
    rows = [distinct_floats(f"{key}/{row}", (shape[1],), step=0.25) for row in range(shape[0])]
    return np.stack(rows).astype(real)


def _mixing(real: np.dtype[np.floating], key: str, shape: Shape) -> Array:
    return (integers(key, shape, 1, 8) * 2.0**-4).astype(real)


def _constants(axes: Experts, key: str) -> Mapping[str, Array]:
    if axes.variant in FLOATING:
        return _floating_constants(axes, key)
    real = dtype_named(axes.real)
    found: dict[str, Array] = {}
    for name, units, inner in (("fc1", axes.fusion * axes.inner, axes.hidden), ("fc2", axes.hidden, axes.inner)):
        codes = integers(f"{key}/{name}", (EXPERTS, units, inner), 0, 2**axes.bits - 1)
        blocks = (inner // axes.block,) if axes.block else ()
        found[name] = pack(codes, axes.bits)
        found[f"{name}_scales"] = scales(f"{key}/{name}", (EXPERTS, units, *blocks), pool=SCALES[axes.bits]).astype(
            real
        )
        if axes.variant == "bias":
            found[f"{name}_bias"] = floats(f"{key}/{name}/bias", (EXPERTS, units), limit=1.0, dtype=real)
        if axes.variant == "zp":
            zeros = integers(f"{key}/{name}/zero_points", (EXPERTS, units, *blocks), 5, 10)
            found[f"{name}_zero_points"] = pack(zeros, axes.bits)
    return found


def _floating_constants(axes: Experts, key: str) -> Mapping[str, Array]:
    """Return float8 codes with a scale for each square block, or packed float4 codes with one for each row's blocks."""
    codes, kind, block = FLOATING[axes.variant]
    found: dict[str, Array] = {}
    for name, units, inner in (("fc1", INNER, HIDDEN), ("fc2", HIDDEN, INNER)):
        if codes == "uint8":
            found[name] = pack(integers(f"{key}/{name}", (EXPERTS, units, inner), 0, 15), 4)
            found[f"{name}_global_scale"] = np.resize([0.5, 0.25], (EXPERTS,)).astype(np.float32)
        else:
            found[name] = floats(f"{key}/{name}", (EXPERTS, units, inner), step=0.25, dtype=dtype_named(codes))
        rows = units if codes == "uint8" else units // block
        pool = np.array([2.0**-4, 2.0**-5])
        shape = (EXPERTS, rows, inner // block)
        found[f"{name}_scales"] = scales(f"{key}/{name}", shape, pool=pool).astype(dtype_named(kind))
    return found
