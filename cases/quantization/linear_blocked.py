"""QuantizeLinear and DequantizeLinear with an axis: which axis, of which rank, in blocks of which size."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from cases.case import Case
from cases.quantization.linear import FIRST_OPSET, lowest_opset, operand_of
from cases.quantization.linear_axes import DEQUANTIZE, QUANTIZE, Linear
from cases.quantization.linear_model import linear_case

PER_AXIS_DTYPES = ("int8", "uint8", "float8e4m3fn", "int4", "int16", "float4e2m1")
BLOCKED_DTYPES = ("int8", "uint8", "float8e4m3fn", "int4", "uint4", "float4e2m1")
BLOCKS = (16, 32, 64, 128)
BLOCK_AXES = ("", "axis_second_last")


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for op in (QUANTIZE, DEQUANTIZE):
        for axes in dict.fromkeys((*_per_axis(op), *_blocked(op))):
            yield linear_case(axes)


def _per_axis(op: str) -> Iterator[Linear]:
    for dtype, axis in product(PER_AXIS_DTYPES, ("axis0", "axis_last", "axis_negative")):
        zero = "zp_nonzero" if dtype in ("uint8", "int16") else "zp_zero"
        yield _axes(op, dtype, "per_axis", zero_point=zero, axis=axis)
    for dtype, rank in product(("int8", "uint8"), ("rank1", "rank2", "rank3", "rank5")):
        yield _axes(op, dtype, "per_axis", rank=rank)
        yield _axes(op, dtype, "per_tensor", rank=rank)
        yield _axes(op, dtype, "per_tensor", zero_point="zp_nonzero", rank=rank)
    yield _axes(op, "int8", "per_axis", axis="axis0", rank="rank2")  # one scale per output feature of a linear layer


def _blocked(op: str) -> Iterator[Linear]:
    for dtype, block, axis in product(BLOCKED_DTYPES, BLOCKS, BLOCK_AXES):
        if block != 32 or axis:  # the other one is in linear.py
            zero = "zp_nonzero" if dtype in ("uint8", "uint4") and block != 32 else "zp_zero"
            yield _axes(op, dtype, "blocked", zero_point=zero, block=block, axis=axis)
    for dtype in ("int8", "int4", "float8e4m3fn"):
        yield _axes(op, dtype, "blocked", axis="axis_negative")
        yield _axes(op, dtype, "blocked", partial_block=True)
        yield _axes(op, dtype, "blocked", axis="axis_second_last", partial_block=True)
    yield _axes(op, "int16", "blocked", zero_point="zp_nonzero", block=64)
    if op == DEQUANTIZE:
        # As a graph input, not as a weight: a tensor that is dequantized in blocks at run time.
        yield Linear(op=op, dtype="int4", granularity="blocked", opset=FIRST_OPSET["int4"])
        yield Linear(op=op, dtype="int8", granularity="blocked", opset=21, operand="weight")
        yield Linear(op=op, dtype="float8e4m3fn", granularity="blocked", opset=21, operand="weight")


def _axes(
    op: str,
    dtype: str,
    granularity: str,
    *,
    zero_point: str = "zp_zero",
    axis: str = "",
    block: int = 32,
    partial_block: bool = False,
    rank: str = "",
) -> Linear:
    return Linear(
        op=op,
        dtype=dtype,
        granularity=granularity,
        opset=lowest_opset(op, dtype, granularity, zero_point),
        zero_point=zero_point,
        operand=operand_of(op, dtype),
        axis=axis,
        block=block,
        partial_block=partial_block,
        rank=rank,
    )
