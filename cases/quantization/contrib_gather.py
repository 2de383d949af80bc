"""GatherBlockQuantized of com.microsoft: rows of an embedding table that is stored in blocks of a few bits.

An element is (code - zero point) * scale with at most seven significant bits: exact in every type, tolerance zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from cases.case import Array, Case, Shape
from cases.inputs import integers, is_integer, representable, spread
from cases.model import dtype_named
from cases.quantization import extents
from cases.quantization.packing import pack
from cases.quantization.parameters import scales
from cases.quantization.single import Fed, Single

DOMAIN = "com.microsoft"
ROWS, WIDTH = 11, 64
SCALES = np.array([3, 5, 7, 2]) * 2.0**-4
OPSETS = {"uint8": 13, "int4": 21, "uint4": 21, "float4e2m1": 23}
FLOAT8 = ("float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz")


@dataclass(frozen=True, kw_only=True)
class Table:
    """One combination of axes; the table is always quantized along its columns."""

    dtype: str = "uint4"
    bits: int = 4
    block: int = 32
    real: str = "float"
    indices: str = "int64"
    gather_axis: int = 0
    zero_point: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        bits = (f"{self.bits}bits",) if self.dtype == "uint8" else ()
        axes = (f"block{self.block}", self.real, f"indices_{self.indices}", f"gather{self.gather_axis}")
        zero = "zp_nonzero" if self.zero_point else "zp_absent"
        return ("contrib_gatherblockquantized", self.dtype, *bits, *axes, zero)

    @property
    def blocks(self) -> int:
        return WIDTH // self.block if self.block else 1


def cases() -> Iterator[Case]:
    """Yield the cases of GatherBlockQuantized."""
    for dtype in ("int4", "uint4"):
        for zero_point in (False, True):
            yield _case(Table(dtype=dtype, zero_point=zero_point))
        yield _case(Table(dtype=dtype, real="float16", indices="int32", block=16))
        yield _case(Table(dtype=dtype, gather_axis=1, block=16, zero_point=True))
    for bits in (2, 4, 8):
        for zero_point in (False, True):
            yield _case(Table(dtype="uint8", bits=bits, zero_point=zero_point))
        yield _case(Table(dtype="uint8", bits=bits, block=64, indices="int32", zero_point=True))
    for dtype in (*FLOAT8, "float4e2m1"):
        yield _case(Table(dtype=dtype))
        yield _case(Table(dtype=dtype, block=0, real="float16", indices="int32"))
    for dtype in ("uint4", "uint8", "float8e4m3fn"):
        yield _case(Table(dtype=dtype, real="bfloat16"))
    for dtype in ("int4", "uint8"):
        yield _case(Table(dtype=dtype, zero_point=True), extents.BATCH)


def _case(axes: Table, kind: str = extents.STATIC) -> Case:
    selected: tuple[int | str, ...] = ("batch", 3)
    y = (*selected, WIDTH) if axes.gather_axis == 0 else (ROWS, *selected, WIDTH)
    return Single(
        domain=DOMAIN,
        op="GatherBlockQuantized",
        words=axes.words,
        summary=f"GatherBlockQuantized of {axes.dtype} in blocks of {axes.block or 'a whole row'}, {axes.real}",
        operands=("data", "indices", "scales", *(["zero_points"] if axes.zero_point else [])),
        fed={"indices": Fed(dtype=axes.indices, shape=selected, values=partial(_indices, axes))},
        constants=partial(_constants, axes),
        outputs={"y": (dtype_named(axes.real), y)},
        attributes={
            "block_size": axes.block,
            "gather_axis": axes.gather_axis,
            "quantize_axis": 1 + axes.gather_axis,
            **({"bits": axes.bits} if axes.dtype == "uint8" else {}),
        },
        kind=kind,
        opset=OPSETS.get(axes.dtype, 19),
        tags=frozenset({"contrib"}),
    ).case()


def _indices(axes: Table, key: str, shape: Shape) -> Array:
    """Return indices from either end; with ``gather_axis`` 1 the table has a further axis of ROWS in front."""
    return integers(key, shape, -ROWS, ROWS - 1, axes.indices)


def _constants(axes: Table, key: str) -> Mapping[str, Array]:
    front = (ROWS,) * (1 + axes.gather_axis)
    found: dict[str, Array] = {
        "data": _codes(axes, f"{key}/data", (*front, WIDTH)),
        "scales": scales(key, (*front, axes.blocks), pool=SCALES).astype(dtype_named(axes.real)),
    }
    if axes.zero_point:
        found["zero_points"] = _codes(axes, f"{key}/zero_points", (*front, axes.blocks))
    return found


def _codes(axes: Table, key: str, shape: Shape) -> Array:
    if axes.dtype == "uint8":
        return pack(integers(key, shape, 0, 2**axes.bits - 1), axes.bits)
    dtype = dtype_named(axes.dtype)
    values = representable(dtype)
    if not is_integer(dtype):
        values = values[np.abs(values) <= 2.0**7]  # times a scale within the range of float16
    return spread(key, values, shape).astype(dtype)
