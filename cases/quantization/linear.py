"""QuantizeLinear and DequantizeLinear alone: type x granularity x opset x zero point, and the starter's input values.

Every type occurs with every granularity at every version of the operators' schemas. The zero point varies at the lowest
opset that can have the combination, at opset 10 where that is older, and at the newest opset that runtimes read.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from cases.case import Case
from cases.inputs import is_integer
from cases.model import dtype_named
from cases.quantization.linear_axes import DEQUANTIZE, QUANTIZE, SUB_BYTE, Linear
from cases.quantization.linear_model import linear_case

SCHEMA_OPSETS = (10, 13, 19, 21, 23, 24, 25, 28)  # of both operators
FIRST_OPSET = {
    "int8": 10,
    "uint8": 10,
    "float8e4m3fn": 19,
    "float8e4m3fnuz": 19,
    "float8e5m2": 19,
    "float8e5m2fnuz": 19,
    "int4": 21,
    "uint4": 21,
    "int16": 21,
    "uint16": 21,
    "float4e2m1": 23,
    "int2": 25,
    "uint2": 25,
    "float6e2m3": 28,
    "float6e3m2": 28,
}
FIRST_OPSET_OF_GRANULARITY = {"per_tensor": 10, "per_axis": 13, "blocked": 21}
LOWEST_OPSET = 13  # of a case that needs nothing newer: every TensorRT that has Q/DQ reads it
NEWEST_READ_OPSET = 25
OUTPUT_DTYPE_OPSET = 21
STARTER_DTYPES = ("int8", "uint8", "float8e4m3fn", "int4")
ZERO_POINTS = ("zp_absent", "zp_zero", "zp_nonzero")


def cases() -> Iterator[Case]:
    """Yield the cases of QuantizeLinear and DequantizeLinear."""
    for op in (QUANTIZE, DEQUANTIZE):
        for axes in dict.fromkeys(_combinations(op)):
            yield linear_case(axes)


def _combinations(op: str) -> Iterator[Linear]:
    for dtype, granularity in product(FIRST_OPSET, FIRST_OPSET_OF_GRANULARITY):
        operand = operand_of(op, dtype)
        for zero in ZERO_POINTS if is_integer(dtype_named(dtype)) else ZERO_POINTS[:2]:
            for opset in _opsets(op, dtype, granularity, zero):
                yield Linear(op=op, dtype=dtype, granularity=granularity, opset=opset, zero_point=zero, operand=operand)
    if op == QUANTIZE:
        for dtype, values in product(STARTER_DTYPES, ("uniform", "ties", "ties_odd_scale", "saturation")):
            yield Linear(op=op, dtype=dtype, opset=max(LOWEST_OPSET, FIRST_OPSET[dtype]), values=values)
    else:
        for dtype in SUB_BYTE:
            yield Linear(op=op, dtype=dtype, opset=FIRST_OPSET[dtype])
        for opset in SCHEMA_OPSETS:  # int32 is a bias; it has no zero point
            yield Linear(op=op, dtype="int32", opset=opset, zero_point="zp_absent")
            if opset >= FIRST_OPSET_OF_GRANULARITY["per_axis"]:
                yield Linear(op=op, dtype="int32", granularity="per_axis", opset=opset, zero_point="zp_absent")
        for dtype in ("int8", "uint8", "int32"):
            yield Linear(op=op, dtype=dtype, granularity="per_axis", opset=13, zero_point="zp_absent", operand="weight")


def operand_of(op: str, dtype: str) -> str:
    """Return "weight" for types under a byte, which are dequantized from an initializer.

    That is how they are used, and few runtimes take them as a graph input.
    """
    return "weight" if op == DEQUANTIZE and dtype in SUB_BYTE else ""


def lowest_opset(op: str, dtype: str, granularity: str, zero_point: str) -> int:
    """Return the opset of a case that needs nothing newer."""
    opset = max(LOWEST_OPSET, FIRST_OPSET[dtype], FIRST_OPSET_OF_GRANULARITY[granularity])
    if op == QUANTIZE and zero_point == "zp_absent" and dtype != "uint8":
        opset = max(opset, OUTPUT_DTYPE_OPSET)
    return opset


def _opsets(op: str, dtype: str, granularity: str, zero_point: str) -> list[int]:
    first = lowest_opset(op, dtype, granularity, zero_point)
    if first == LOWEST_OPSET:
        first = max(FIRST_OPSET[dtype], FIRST_OPSET_OF_GRANULARITY[granularity])
    possible = [opset for opset in SCHEMA_OPSETS if opset >= first]
    if zero_point == "zp_zero":
        return possible
    return [
        opset
        for opset in possible
        if opset in (10, lowest_opset(op, dtype, granularity, zero_point), NEWEST_READ_OPSET)
    ]
