"""com.microsoft operators that multiply matrices of 8 bits: QGemm, MatMulIntegerToFloat, DynamicQuantizeMatMul.

Integer sums times scales of at most four bits in all are exact in float32, so the tolerance is zero. QGemm divides by
the scale of its result, a power of two, and ties are ties. DynamicQuantizeMatMul gets inputs whose range makes its
scale a power of two. Only a bias of the same size as the sums would be rounded; it is a multiple of the same unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import product

import numpy as np

from cases.case import Array, Case
from cases.inputs import integers
from cases.model import dtype_named
from cases.quantization import extents
from cases.quantization.codes import every_code, full_range
from cases.quantization.parameters import scales, small_weights, zero_points
from cases.quantization.single import Fed, Single

DOMAIN = "com.microsoft"
PAIRS = (("uint8", "uint8"), ("uint8", "int8"), ("int8", "int8"), ("int8", "uint8"))
ROWS, INNER, UNITS = "batch", 20, 6
UNIT_SCALES = np.array([3, 5, 7, 2]) * 2.0**-8
X_SCALE = 2.0**-4
LOW, HIGH, STEP = -100, 155, 2.0**-4  # of DynamicQuantizeMatMul: 255 steps


def cases() -> Iterator[Case]:
    """Yield the cases of the matrix products."""
    for pair, granularity in product(PAIRS, ("per_tensor", "per_axis")):
        yield _to_float(pair, granularity, "zp_nonzero", extents.STATIC)
        yield _gemm(pair, granularity, "quantized", "plain", extents.STATIC)
    for pair in PAIRS[:3]:
        yield _to_float(pair, "per_tensor", "zp_absent", extents.STATIC)
        yield _to_float(pair, "per_axis", "bias", extents.BATCH)
        yield _gemm(pair, "per_tensor", "float", "bias", extents.STATIC)
        yield _gemm(pair, "per_axis", "quantized", "bias", extents.BATCH)
        yield _gemm(pair, "per_axis", "quantized", "transb", extents.STATIC)
        yield _gemm(pair, "per_tensor", "quantized", "transa", extents.STATIC)
        yield _gemm(pair, "per_tensor", "float", "alpha", extents.STATIC)
        yield _gemm(pair, "per_tensor", "quantized", "ties", extents.STATIC)
    yield _to_float(PAIRS[1], "per_tensor", "float16", extents.STATIC)
    for weights, granularity, variant in product(
        ("int8", "uint8"), ("per_tensor", "per_axis"), ("zp_absent", "zp_nonzero")
    ):
        yield _dynamic(weights, granularity, variant, extents.STATIC)
    for weights in ("int8", "uint8"):
        yield _dynamic(weights, "per_axis", "bias", extents.BATCH)


def _to_float(pair: tuple[str, str], granularity: str, variant: str, kind: str) -> Case:
    real = dtype_named("float16" if variant == "float16" else "float")
    zeros = ("", "") if variant == "zp_absent" else ("a_zero_point", "b_zero_point")
    return Single(
        domain=DOMAIN,
        op="MatMulIntegerToFloat",
        words=("contrib_matmulintegertofloat", "_".join(pair), granularity, variant),
        summary=f"MatMulIntegerToFloat of {pair[0]} with {pair[1]}, {granularity.replace('_', '-')} weights",
        operands=("a", "b", "a_scale", "b_scale", *zeros, *(["bias"] if variant == "bias" else [])),
        fed={"a": Fed(dtype=dtype_named(pair[0]), shape=(ROWS, 3, INNER), values=every_code(pair[0]))},
        constants=partial(_to_float_constants, pair, granularity, variant, real),
        outputs={"y": (real, (ROWS, 3, UNITS))},
        kind=kind,
        tags=frozenset({"contrib"}),
    ).case()


def _to_float_constants(
    pair: tuple[str, str], granularity: str, variant: str, real: np.dtype[np.floating], key: str
) -> Mapping[str, Array]:
    shape = (UNITS,) if granularity == "per_axis" else ()
    scale = np.resize(UNIT_SCALES, shape).astype(real)
    found: dict[str, Array] = {
        "b": small_weights(key, pair[1], (INNER, UNITS)),
        "a_scale": np.array(X_SCALE, real),
        "b_scale": scale,
    }
    if variant != "zp_absent":
        found["a_zero_point"] = zero_points(f"{key}/a", pair[0], zero=False)
        found["b_zero_point"] = zero_points(f"{key}/b", pair[1], shape, zero=False)
    if variant == "bias":
        found["bias"] = (integers(f"{key}/bias", (UNITS,), -3000, 3000) * X_SCALE * np.resize(scale, UNITS)).astype(
            real
        )
    return found


def _gemm(pair: tuple[str, str], granularity: str, output: str, variant: str, kind: str) -> Case:
    quantized = output == "quantized"
    operands = ["a", "a_scale", "a_zero_point", "b", "b_scale", "b_zero_point"]
    operands.append("bias" if variant == "bias" else "")
    operands += ["y_scale", "y_zero_point"] if quantized else []
    while not operands[-1]:
        operands.pop()
    return Single(
        domain=DOMAIN,
        op="QGemm",
        words=("contrib_qgemm", "_".join(pair), granularity, f"output_{output}", variant),
        summary=f"QGemm of {pair[0]} with {pair[1]}, {granularity.replace('_', '-')}, {output} output, {variant}",
        operands=tuple(operands),
        fed={
            "a": Fed(
                dtype=dtype_named(pair[0]),
                shape=(INNER, ROWS) if variant == "transa" else (ROWS, INNER),
                values=every_code(pair[0]),
            )
        },
        constants=partial(_gemm_constants, pair, granularity, variant == "transb", quantized),
        outputs={"y": (dtype_named(pair[0]) if quantized else np.float32, (ROWS, UNITS))},
        attributes={
            "transA": int(variant == "transa"),
            "transB": int(variant == "transb"),
            "alpha": 0.5 if variant == "alpha" else 1.0,
        },
        kind=kind,
        tags=frozenset({"contrib"}),
    ).case()


def _gemm_constants(
    pair: tuple[str, str], granularity: str, transposed: bool, quantized: bool, key: str
) -> Mapping[str, Array]:
    shape = (UNITS,) if granularity == "per_axis" else ()
    found: dict[str, Array] = {
        "a_scale": np.array(X_SCALE),
        "a_zero_point": zero_points(f"{key}/a", pair[0], zero=False),
        "b": small_weights(key, pair[1], (UNITS, INNER) if transposed else (INNER, UNITS)),
        "b_scale": np.resize(UNIT_SCALES, shape),
        "b_zero_point": np.full(shape, 127 if pair[1] == "uint8" else 0, pair[1]),
    }
    if "bias" in key.split("-"):
        found["bias"] = integers(f"{key}/bias", (UNITS,), -3000, 3000, np.int32)
    if quantized:
        found["y_scale"] = np.array(2.0**-2)
        found["y_zero_point"] = zero_points(f"{key}/y", pair[0], zero=False, odd=False)
    if "ties" in key.split("-"):  # weights of -64, 0 and 64 times 2^-11, divided by 2^-4: every result is a half
        signs = integers(f"{key}/b", found["b"].shape, -1, 1)
        found["b"] = (64 * signs + found["b_zero_point"]).astype(pair[1])
        found["b_scale"] = np.array(2.0**-7)
        found["y_scale"] = np.array(2.0**-4)
    return found


def _dynamic(weights: str, granularity: str, variant: str, kind: str) -> Case:
    return Single(
        domain=DOMAIN,
        op="DynamicQuantizeMatMul",
        words=("contrib_dynamicquantizematmul", weights, granularity, variant),
        summary=f"DynamicQuantizeMatMul with {weights} weights, {granularity.replace('_', '-')}",
        operands=(
            *("x", "b", "b_scale", "" if variant == "zp_absent" else "b_zero_point"),
            *(["bias"] if variant == "bias" else []),
        )
        if variant != "zp_absent"
        else ("x", "b", "b_scale"),
        fed={"x": Fed(dtype=np.float32, shape=(ROWS, 3, INNER), values=full_range(LOW, HIGH, STEP))},
        constants=partial(_dynamic_constants, weights, granularity, variant),
        outputs={"y": (np.float32, (ROWS, 3, UNITS))},
        kind=kind,
        tags=frozenset({"contrib"}),
    ).case()


def _dynamic_constants(weights: str, granularity: str, variant: str, key: str) -> Mapping[str, Array]:
    shape = (UNITS,) if granularity == "per_axis" else ()
    scale = scales(key, shape, pool=UNIT_SCALES)
    found: dict[str, Array] = {"b": small_weights(key, weights, (INNER, UNITS)), "b_scale": scale}
    if variant != "zp_absent":
        found["b_zero_point"] = zero_points(f"{key}/b", weights, shape, zero=False)
    if variant == "bias":
        found["bias"] = integers(f"{key}/bias", (UNITS,), -3000, 3000) * STEP * np.resize(scale, UNITS)
    return found
