"""QuantizeLinear and DequantizeLinear in other floats than float32, and the attributes that choose among them.

``precision`` is the type in which QuantizeLinear divides. With it the input has ties moved by 2**-13 of a step: float16
and bfloat16 lose that, and the tie goes to the even neighbour; float32 keeps it, and the number goes up. So a runtime
that ignores the attribute shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from cases.case import Case
from cases.quantization.linear import FIRST_OPSET, operand_of
from cases.quantization.linear_axes import DEQUANTIZE, QUANTIZE, Linear
from cases.quantization.linear_model import linear_case

FLOATS_OPSET = 19  # the first with scales of float16 and bfloat16
MIXED_OPSET = 23  # the first in which input and scale may differ; precision and DequantizeLinear's output_dtype
POWER_SCALE_OPSET = 24  # float8e8m0
HALVES = ("float16", "bfloat16")
FLOAT8 = ("float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz")
SIMPLE_DTYPES = ("int8", "uint8", "float8e4m3fn", "float8e5m2", "int4", "uint4", "int16", "float4e2m1", "int2")


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for axes in dict.fromkeys((*_scale_types(), *_quantize(), *_dequantize())):
        yield linear_case(axes)


def _scale_types() -> Iterator[Linear]:
    """Scale, input and output of one type, as far as the opset goes back; at every schema with int8 and float8."""
    for op, dtype, scale in product((QUANTIZE, DEQUANTIZE), SIMPLE_DTYPES, HALVES):
        opset = max(FLOATS_OPSET, FIRST_OPSET[dtype])
        yield Linear(op=op, dtype=dtype, opset=opset, operand=operand_of(op, dtype), scale_type=scale)
    for op, scale, opset in product((QUANTIZE, DEQUANTIZE), HALVES, (21, 23, 24, 25, 28)):
        yield Linear(op=op, dtype="int8", granularity="per_axis", opset=opset, scale_type=scale)
    for op, dtype, scale in product((QUANTIZE, DEQUANTIZE), ("int8", "int4", "float8e4m3fn", "float4e2m1"), HALVES):
        opset = max(21, FIRST_OPSET[dtype])
        operand = operand_of(op, dtype)
        yield Linear(op=op, dtype=dtype, granularity="blocked", opset=opset, operand=operand, scale_type=scale)
        yield Linear(
            op=op, dtype=dtype, granularity="per_axis", opset=opset, operand=operand, axis="axis0", scale_type=scale
        )
    for op, dtype in product((QUANTIZE, DEQUANTIZE), ("uint8", "uint4")):
        opset = max(FLOATS_OPSET, FIRST_OPSET[dtype])
        yield Linear(
            op=op,
            dtype=dtype,
            opset=opset,
            zero_point="zp_nonzero",
            operand=operand_of(op, dtype),
            scale_type=HALVES[0],
        )


def _quantize() -> Iterator[Linear]:
    for opset in (10, 13, 23, 24, 25, 28):
        yield Linear(op=QUANTIZE, dtype="int8", opset=opset, x_type="int32")
        yield Linear(op=QUANTIZE, dtype="uint8", opset=opset, zero_point="zp_nonzero", x_type="int32")
    for opset in (19, 21):  # here the two have one type
        yield Linear(op=QUANTIZE, dtype="int8", opset=opset, scale_type="int32")
    for opset, (x, scale) in product((23, 28), (("float16", "float"), ("float", "float16"), ("bfloat16", "float"))):
        yield Linear(op=QUANTIZE, dtype="int8", opset=opset, x_type=x, scale_type=scale)
    for x, opset in product(("float", "int32"), (23, 24, 25, 28)):
        yield Linear(op=QUANTIZE, dtype="int8", opset=opset, x_type=x, scale_type="int32")
    for opset, dtype in product((24, 25, 28), ("float8e4m3fn", "float4e2m1")):
        yield _power_scale(QUANTIZE, dtype, opset, x="float")
    for x in HALVES:
        yield _power_scale(QUANTIZE, "float8e4m3fn", POWER_SCALE_OPSET, x=x)
    for dtype, precision in product(("int8", "uint8", "int4"), ("float", *HALVES)):
        zero = "zp_nonzero" if dtype == "uint8" else "zp_zero"
        yield Linear(op=QUANTIZE, dtype=dtype, opset=MIXED_OPSET, zero_point=zero, x_type="float", precision=precision)
    for scale in HALVES:
        yield Linear(op=QUANTIZE, dtype="int8", opset=MIXED_OPSET, x_type="float", scale_type=scale, precision="float")
    for opset in (24, 25, 28):
        yield Linear(op=QUANTIZE, dtype="int8", opset=opset, x_type="float", precision="float16")
    for dtype, saturate in product(FLOAT8, ("saturate0", "saturate1")):
        yield Linear(op=QUANTIZE, dtype=dtype, opset=19, saturate=saturate)
        yield Linear(op=QUANTIZE, dtype=dtype, opset=25, zero_point="zp_absent", saturate=saturate)
    for dtype in ("float8e4m3fn", "float8e5m2"):
        yield Linear(op=QUANTIZE, dtype=dtype, opset=19, values="infinities", saturate="saturate0")
        yield Linear(op=QUANTIZE, dtype=dtype, granularity="per_axis", opset=23, saturate="saturate0")
    for dtype in FIRST_OPSET:  # the attribute as well as a zero point of that type
        yield Linear(op=QUANTIZE, dtype=dtype, opset=max(21, FIRST_OPSET[dtype]), output_type=dtype)
    yield Linear(op=QUANTIZE, dtype="uint8", opset=21, zero_point="zp_absent", output_type="uint8")


def _dequantize() -> Iterator[Linear]:
    for opset, (scale, output) in product(
        (23, 28), (("float", "float16"), ("float16", "float"), ("float", "bfloat16"))
    ):
        yield Linear(op=DEQUANTIZE, dtype="int8", opset=opset, scale_type=scale, output_type=output)
    for dtype in ("uint8", "int4", "float8e4m3fn", "float4e2m1"):
        yield Linear(op=DEQUANTIZE, dtype=dtype, opset=23, operand=operand_of(DEQUANTIZE, dtype), output_type="float16")
    yield Linear(op=DEQUANTIZE, dtype="int8", opset=MIXED_OPSET, output_type="float")
    for opset, output in product((24, 25), ("float16", "bfloat16")):
        yield Linear(op=DEQUANTIZE, dtype="int8", opset=opset, output_type=output)
    for opset, dtype in product((24, 25, 28), ("float8e4m3fn", "float4e2m1")):
        yield _power_scale(DEQUANTIZE, dtype, opset, output="float")
    for output in HALVES:
        yield _power_scale(DEQUANTIZE, "float8e4m3fn", POWER_SCALE_OPSET, output=output)


def _power_scale(op: str, dtype: str, opset: int, *, x: str = "", output: str = "") -> Linear:
    """Blocks of 32 with a scale that is a power of two: the microscaling formats of the Open Compute Project."""
    return Linear(
        op=op,
        dtype=dtype,
        granularity="blocked",
        opset=opset,
        zero_point="zp_absent",
        operand=operand_of(op, dtype),
        x_type=x,
        scale_type="float8e8m0",
        output_type=output,
    )
