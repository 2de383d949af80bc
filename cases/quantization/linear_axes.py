"""One combination of the axes of QuantizeLinear and DequantizeLinear, with the parameters that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cases.case import Array, Shape
from cases.model import dtype_named, onnx_type
from cases.quantization.parameters import ODD_MULTIPLES, POWERS_OF_TWO, RECIPROCAL_PARTS, scales, zero_points

QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
SUB_BYTE = ("int4", "uint4", "float4e2m1", "int2", "uint2", "float6e2m3", "float6e3m2")
SHAPES: dict[str, Shape] = {
    "": (2, 3, 8, 16),
    "rank1": (24,),
    "rank2": (6, 20),
    "rank3": (2, 5, 24),
    "rank5": (2, 3, 2, 4, 5),
    "empty": (2, 3, 0, 16),
}
# Where the axis is, by its name in ids; the unnamed one is 1, the default of the operators.
AXES = {"": 1, "axis0": 0, "axis_last": 3, "axis_negative": -2}
BLOCK = 32
BLOCKS = 2  # along the blocked axis, or more: with one, the axis would not show
# Integer scales are whole numbers, so that x = steps * scale is one as well.
WHOLE_SCALES: Array = np.array([2.0, 4.0, 8.0])
DENORMAL_SCALES: Array = np.array([2.0**-130, 2.0**-132])
# The symmetric range that a scale computed in the graph maps to the largest magnitude of the tensor.
LEVELS = {"int8": 127, "uint8": 127, "int16": 32767, "uint16": 32767, "int4": 7, "float8e4m3fn": 448, "float4e2m1": 6}


@dataclass(frozen=True, kw_only=True)
class Linear:
    """One combination of axes. An empty text is the default of the axis and does not stand in the id."""

    op: str
    dtype: str
    granularity: str = "per_tensor"
    opset: int
    zero_point: str = "zp_zero"
    operand: str = ""  # DequantizeLinear: "weight" if what is dequantized is an initializer
    values: str = ""  # which input values; by default all ordinary ones
    axis: str = ""  # one of AXES; for blocks "axis_second_last" or "axis_negative"
    block: int = BLOCK
    partial_block: bool = False  # the last block is shorter than the others
    rank: str = ""  # one of SHAPES
    scale: str = ""  # "scale_input", "scale_computed" or, constant with shape [1], "scale_one_element"
    x_type: str = ""  # of the high-precision input of QuantizeLinear; by default that of the scale
    scale_type: str = "float"
    precision: str = ""  # the attribute, a type; QuantizeLinear only
    output_type: str = ""  # the attribute output_dtype given explicitly, a type
    saturate: str = ""  # the attribute given explicitly: "saturate0" or "saturate1"

    @property
    def words(self) -> tuple[str, ...]:
        """The axes that are not at their default, as they stand in the id."""
        found = (
            self.operand,
            self.values,
            self.axis,
            f"block{self.block}" if self.granularity == "blocked" and self.block != BLOCK else "",
            "partial_block" if self.partial_block else "",
            self.rank,
            self.scale,
            f"x_{self.x_type}" if self.x_type else "",
            f"scale_{self.scale_type}" if self.scale_type != "float" else "",
            f"precision_{self.precision}" if self.precision else "",
            f"output_{self.output_type}" if self.output_type else "",
            self.saturate,
        )
        return tuple(filter(None, found))

    @property
    def id(self) -> str:
        axes = (self.op.lower(), self.dtype, self.granularity, f"opset{self.opset}", self.zero_point)
        return "-".join((*axes, *self.words))

    @property
    def shape(self) -> Shape:
        if self.granularity != "blocked":
            return SHAPES["empty" if self.values == "empty" else self.rank]
        length = max(128, BLOCKS * self.block) - (self.block // 2 if self.partial_block else 0)
        return (2, length, 6) if self.axis else (6, length)

    @property
    def axis_number(self) -> int:
        """The attribute ``axis``; a blocked axis is the last of two, or with a name the second-to-last of three."""
        if self.granularity == "blocked":
            return -2 if self.axis == "axis_negative" else 1
        if self.rank == "rank1":
            return 0
        return len(self.shape) - 1 if self.axis == "axis_last" else AXES[self.axis]

    @property
    def block_size(self) -> int:
        return self.block if self.granularity == "blocked" else 0

    @property
    def parameter_shape(self) -> Shape:
        """The shape of scale and zero point."""
        if self.granularity == "per_tensor":
            return (1,) if self.scale == "scale_one_element" else ()
        if self.granularity == "per_axis":
            return (self.shape[self.axis_number],)
        blocked = list(self.shape)
        blocked[self.axis_number] = -(-blocked[self.axis_number] // self.block)
        return tuple(blocked)

    @property
    def input_type(self) -> str:
        """The type of the high-precision input of QuantizeLinear."""
        return self.x_type or self.scale_type

    @property
    def result_type(self) -> str:
        """The type of the result of DequantizeLinear."""
        return self.output_type or self.scale_type

    def scales(self) -> Array:
        """Return the scale, in its own type.

        Dividing by a power of two is exact in every type, and so is multiplying; where all is float32, DequantizeLinear
        gets odd multiples, whose product with a code still is exact in float32.
        """
        pool = POWERS_OF_TWO
        if self.values == "denormals":
            pool = DENORMAL_SCALES
        elif "int32" in (self.scale_type, self.x_type):
            pool = WHOLE_SCALES
        elif self.op == DEQUANTIZE and self.scale_type == self.result_type == "float":
            pool = ODD_MULTIPLES
        elif self.values == "ties_odd_scale":
            pool = RECIPROCAL_PARTS
        return scales(self.id, self.parameter_shape, pool=pool).astype(dtype_named(self.scale_type))

    def zeros(self) -> Array:
        """Return the zero point, zero where there is none."""
        return zero_points(self.id, dtype_named(self.dtype), self.parameter_shape, zero=self.zero_point != "zp_nonzero")

    def attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.granularity != "per_tensor":
            found["axis"] = self.axis_number
        if self.block_size:
            found["block_size"] = self.block_size
        if self.op == QUANTIZE and self.zero_point == "zp_absent" and self.dtype != "uint8":
            found["output_dtype"] = onnx_type(dtype_named(self.dtype))
        if self.output_type:
            found["output_dtype"] = onnx_type(dtype_named(self.output_type))
        if self.precision:
            found["precision"] = onnx_type(dtype_named(self.precision))
        if self.saturate:
            found["saturate"] = int(self.saturate == "saturate1")
        return found
