"""QuantizeLinear and DequantizeLinear on the values that go wrong, and with scales that are not constants.

The scale of ``scale_computed`` is the largest magnitude of the tensor (or channel, or block) over the number of
levels, MaxAbs / 127 for int8. The tensor holds that magnitude as levels times a power of two, so the IEEE quotient is
that power of two, and the result exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from cases.case import Case
from cases.inputs import is_integer
from cases.model import dtype_named
from cases.quantization.linear import FIRST_OPSET, LOWEST_OPSET, operand_of
from cases.quantization.linear_axes import DEQUANTIZE, LEVELS, QUANTIZE, Linear
from cases.quantization.linear_model import linear_case
from cases.quantization.linear_steps import has_infinity, has_nan

VALUE_DTYPES = (
    "int8",
    "uint8",
    "int16",
    "int4",
    "float8e4m3fn",
    "float8e5m2",
    "float8e4m3fnuz",
    "float8e5m2fnuz",
    "float4e2m1",
)
PLAIN_VALUES = ("zeros", "constant", "denormals", "outliers", "empty")


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for axes in dict.fromkeys((*_quantize_values(), *_dequantize_values(), *_scales())):
        yield linear_case(axes)


def _quantize_values() -> Iterator[Linear]:
    for dtype in VALUE_DTYPES:
        opset = max(LOWEST_OPSET, FIRST_OPSET[dtype])
        integer = is_integer(dtype_named(dtype))
        for zero, values in product(_zero_points(dtype), PLAIN_VALUES):
            yield Linear(op=QUANTIZE, dtype=dtype, opset=opset, zero_point=zero, values=values)
        # What NaN and +infinity become is defined for float8 only, and float4 saturates both infinities.
        for values in ("minus_infinity", "infinities", "nan") if integer else ("infinities",):
            yield Linear(op=QUANTIZE, dtype=dtype, opset=opset, values=values)
        if has_nan(dtype):
            yield Linear(op=QUANTIZE, dtype=dtype, opset=opset, values="nan")
    for dtype, values in product(("int16", "float8e5m2", "float4e2m1"), ("ties", "saturation")):
        opset = max(LOWEST_OPSET, FIRST_OPSET[dtype])
        yield Linear(op=QUANTIZE, dtype=dtype, opset=opset, values=values)
    for dtype, values in product(("int8", "uint8"), ("ties", "saturation", "zeros", "outliers", "empty")):
        for zero in _zero_points(dtype):
            yield Linear(op=QUANTIZE, dtype=dtype, opset=10, zero_point=zero, values=values)
            yield Linear(op=QUANTIZE, dtype=dtype, granularity="per_axis", opset=13, zero_point=zero, values=values)


def _dequantize_values() -> Iterator[Linear]:
    for dtype in VALUE_DTYPES:
        opset = max(LOWEST_OPSET, FIRST_OPSET[dtype])
        operand = operand_of(DEQUANTIZE, dtype)
        for zero in _zero_points(dtype):
            for values in ("zeros", "constant", "denormals"):
                yield Linear(op=DEQUANTIZE, dtype=dtype, opset=opset, zero_point=zero, operand=operand, values=values)
            yield Linear(op=DEQUANTIZE, dtype=dtype, opset=opset, zero_point=zero, values="empty")
        if has_nan(dtype):
            yield Linear(op=DEQUANTIZE, dtype=dtype, opset=opset, values="nan")
        if has_infinity(dtype):
            yield Linear(op=DEQUANTIZE, dtype=dtype, opset=opset, values="infinities")
    for dtype, values in product(("int8", "uint8"), ("zeros", "empty")):
        for zero in _zero_points(dtype):
            yield Linear(op=DEQUANTIZE, dtype=dtype, opset=10, zero_point=zero, values=values)


def _scales() -> Iterator[Linear]:
    for op, scale, dtype in product((QUANTIZE, DEQUANTIZE), ("scale_input", "scale_computed"), LEVELS):
        opset = max(LOWEST_OPSET, FIRST_OPSET[dtype])
        zero = "zp_nonzero" if dtype in ("uint8", "uint16") else "zp_zero"
        operand = operand_of(op, dtype)
        for granularity in ("per_tensor", "per_axis"):
            yield Linear(
                op=op,
                dtype=dtype,
                granularity=granularity,
                opset=opset,
                zero_point=zero,
                operand=operand,
                scale=scale,
            )
        if dtype not in ("uint16", "uint8"):
            blocked = max(21, opset)
            yield Linear(op=op, dtype=dtype, granularity="blocked", opset=blocked, operand=operand, scale=scale)
    for op, scale, dtype in product((QUANTIZE, DEQUANTIZE), ("scale_input", "scale_computed"), ("int8", "uint8")):
        for zero in _zero_points(dtype):
            yield Linear(op=op, dtype=dtype, opset=10, zero_point=zero, scale=scale)
    for op, opset in product((QUANTIZE, DEQUANTIZE), (18, 23)):  # ReduceMax takes its axes as an input from opset 18 on
        yield Linear(op=op, dtype="int8", granularity="per_axis", opset=opset, scale="scale_computed")
    for op in (QUANTIZE, DEQUANTIZE):
        yield Linear(op=op, dtype="int8", opset=19, scale="scale_input", scale_type="float16")
    for op, dtype, opset in product((QUANTIZE, DEQUANTIZE), ("int8", "uint8"), (10, 13, 21)):
        # Not the scalar that ONNX asks for, but what many exporters write, and what checkers let pass.
        for zero in _zero_points(dtype):
            yield Linear(op=op, dtype=dtype, opset=opset, zero_point=zero, scale="scale_one_element")


def _zero_points(dtype: str) -> tuple[str, ...]:
    """Return 0, which is all that TensorRT takes, and for integers another one as well."""
    return ("zp_zero", "zp_nonzero") if is_integer(dtype_named(dtype)) else ("zp_zero",)
