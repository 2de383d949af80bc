"""QuantizeLinear and DequantizeLinear of com.microsoft: those of ONNX with more types, before ONNX had them.

Scales are powers of two (of QuantizeLinear) or have three bits (of DequantizeLinear), so every result is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product

import numpy as np

from cases.case import Array, Case, Shape
from cases.model import dtype_named
from cases.quantization import extents
from cases.quantization.codes import Values, every_code, quantizable
from cases.quantization.parameters import ODD_MULTIPLES, POWERS_OF_TWO, scales, zero_points
from cases.quantization.single import Fed, Single

DOMAIN = "com.microsoft"
TYPES = ("int8", "uint8", "int16", "uint16", "int4", "uint4", "int32")
OPSETS = {"int4": 21, "uint4": 21}  # of ONNX itself: the first with the type
SHAPE: tuple[int | str, ...] = ("batch", 5, 8, 16)
AXIS = 1
FLOAT16_LIMIT = 2.0**11  # integers up to which float16 has all of them


def cases() -> Iterator[Case]:
    """Yield the cases of QuantizeLinear and DequantizeLinear."""
    for op, dtype in product(("QuantizeLinear", "DequantizeLinear"), TYPES):
        if (op, dtype) == ("QuantizeLinear", "int32"):
            continue
        yield _case(op, dtype, "float", "per_tensor", "zp_zero", extents.STATIC)
        yield _case(op, dtype, "float16", "per_tensor", "zp_zero", extents.STATIC)
        if dtype != "int32":  # its zero point has to be 0
            yield _case(op, dtype, "float", "per_axis", "zp_nonzero", extents.STATIC)
        else:
            yield _case(op, dtype, "float", "per_axis", "zp_zero", extents.STATIC)
    for op in ("QuantizeLinear", "DequantizeLinear"):
        yield _case(op, "uint8", "float", "per_tensor", "zp_absent", extents.STATIC)
        yield _case(op, "int8", "float", "per_axis", "zp_zero", extents.BATCH)


def _case(op: str, dtype: str, real: str, granularity: str, zero_point: str, kind: str) -> Case:
    words = (f"contrib_{op.lower()}", dtype, real, granularity, zero_point)
    quantize = op == "QuantizeLinear"
    parameters = partial(_parameters, quantize, dtype, real, granularity, zero_point)
    small, large = dtype_named(dtype), dtype_named(real)
    feed = partial(_steps, parameters, "-".join((*words, kind)), dtype) if quantize else _codes(dtype, real)
    return Single(
        domain=DOMAIN,
        op=op,
        words=words,
        summary=f"com.microsoft {op} of {dtype} and {real}, {granularity.replace('_', '-')}",
        operands=("x", "scale", *(["zero_point"] if zero_point != "zp_absent" else [])),
        fed={"x": Fed(dtype=large if quantize else small, shape=SHAPE, values=feed)},
        constants=parameters,
        outputs={"y": (small if quantize else large, SHAPE)},
        attributes={} if granularity == "per_tensor" else {"axis": AXIS},
        kind=kind,
        opset=OPSETS.get(dtype, 13),
        tags=frozenset({"contrib"}),
    ).case()


def _codes(dtype: str, real: str) -> Values:
    return every_code(dtype, FLOAT16_LIMIT if real == "float16" else np.inf)


def _parameters(
    quantize: bool, dtype: str, real: str, granularity: str, zero_point: str, key: str
) -> Mapping[str, Array]:
    shape: Shape = () if granularity == "per_tensor" else (int(SHAPE[AXIS]),)
    pool = POWERS_OF_TWO if quantize else ODD_MULTIPLES
    found = {"scale": scales(key, shape, pool=pool).astype(dtype_named(real))}
    if zero_point != "zp_absent":
        found["zero_point"] = zero_points(key, dtype_named(dtype), shape, zero=zero_point == "zp_zero")
    return found


def _steps(
    parameters: Callable[[str], Mapping[str, Array]], identity: str, dtype: str, key: str, shape: Shape
) -> Array:
    found = parameters(identity)
    scale = found["scale"]
    return quantizable(dtype, scale, found.get("zero_point", np.zeros(scale.shape)), axis=AXIS)(key, shape)
