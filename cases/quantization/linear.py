"""QuantizeLinear and DequantizeLinear alone: type x granularity x opset x zero point x input values.

Every result is exact. Scales have at most four significant bits, so ``code * scale`` has no rounding in float32, and
IEEE division gives the code back unrounded; ties are ties. The tolerance is therefore zero steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import onnx

from cases.case import EXACT, Array, Case, Shape, ShapePoint
from cases.inputs import between, floats, is_integer, representable, saturating, spread, ties
from cases.model import dtype_named, lowest_ir_version, model, node, onnx_type
from cases.quantization.batch import static_point
from cases.quantization.parameters import ODD_MULTIPLES, POWERS_OF_TWO, RECIPROCAL_PARTS, expand, scales, zero_points

QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
FIRST_OPSET = {"int8": 10, "uint8": 10, "float8e4m3fn": 19, "int4": 21}  # of the schemas of both operators
LOWEST_OPSET = 13  # of a case that needs nothing newer: every TensorRT that has Q/DQ reads it
BLOCKED_OPSET = 21
OUTPUT_DTYPE_OPSET = 21
SPREAD_OPSETS = (10, 19, 23, 25)
BLOCK = 32
SHAPE: Shape = (2, 3, 8, 16)
BLOCKED_SHAPE: Shape = (6, 128)
AXIS = 1


@dataclass(frozen=True, kw_only=True)
class Linear:
    """One combination of axes."""

    op: str
    dtype: str
    granularity: str = "per_tensor"
    opset: int
    zero_point: str = "zp_zero"
    operand: str = ""  # DequantizeLinear: "weight" if what is dequantized is an initializer
    values: str = ""  # QuantizeLinear: which input values; by default all of them

    @property
    def id(self) -> str:
        axes = (self.op.lower(), self.dtype, self.granularity, f"opset{self.opset}", self.zero_point)
        return "-".join((*axes, *filter(None, (self.operand, self.values))))

    @property
    def shape(self) -> Shape:
        return BLOCKED_SHAPE if self.granularity == "blocked" else SHAPE

    @property
    def block(self) -> int:
        return BLOCK if self.granularity == "blocked" else 0

    @property
    def parameter_shape(self) -> Shape:
        if self.granularity == "per_tensor":
            return ()
        if self.granularity == "per_axis":
            return (self.shape[AXIS],)
        return (self.shape[0], self.shape[AXIS] // BLOCK)

    def scale(self) -> Array:
        pool = ODD_MULTIPLES if self.op == DEQUANTIZE else POWERS_OF_TWO
        if self.values == "ties_odd_scale":
            pool = RECIPROCAL_PARTS
        return scales(self.id, self.parameter_shape, pool=pool)

    def zeros(self) -> Array:
        return zero_points(self.id, dtype_named(self.dtype), self.parameter_shape, zero=self.zero_point != "zp_nonzero")

    def attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.granularity != "per_tensor":
            found["axis"] = AXIS
        if self.block:
            found["block_size"] = self.block
        if self.op == QUANTIZE and self.zero_point == "zp_absent" and self.dtype != "uint8":
            found["output_dtype"] = onnx_type(dtype_named(self.dtype))
        return found


def cases() -> Iterator[Case]:
    """Yield the cases of QuantizeLinear and DequantizeLinear."""
    for op in (QUANTIZE, DEQUANTIZE):
        for axes in _combinations(op):
            yield _case(axes)


def _combinations(op: str) -> Iterator[Linear]:
    granularities = ("per_tensor", "per_axis", "blocked")
    for dtype, granularity, zero in product(FIRST_OPSET, granularities, ("zp_absent", "zp_zero", "zp_nonzero")):
        if zero != "zp_nonzero" or is_integer(dtype_named(dtype)):
            opset = _lowest_opset(op, dtype, granularity, zero)
            yield Linear(
                op=op, dtype=dtype, granularity=granularity, opset=opset, zero_point=zero, operand=_operand(op, dtype)
            )
    for dtype, opset in product(FIRST_OPSET, SPREAD_OPSETS):
        if opset >= FIRST_OPSET[dtype] and opset != _lowest_opset(op, dtype, "per_tensor", "zp_zero"):
            yield Linear(op=op, dtype=dtype, opset=opset, operand=_operand(op, dtype))
    for opset in (19, 23):
        yield Linear(op=op, dtype="int8", granularity="per_axis", opset=opset)
    if op == QUANTIZE:
        for dtype, values in product(FIRST_OPSET, ("uniform", "ties", "ties_odd_scale", "saturation")):
            yield Linear(op=op, dtype=dtype, opset=max(LOWEST_OPSET, FIRST_OPSET[dtype]), values=values)
    else:
        yield Linear(op=op, dtype="int4", opset=FIRST_OPSET["int4"])


def _lowest_opset(op: str, dtype: str, granularity: str, zero_point: str) -> int:
    opset = max(LOWEST_OPSET, FIRST_OPSET[dtype])
    if granularity == "blocked":
        opset = max(opset, BLOCKED_OPSET)
    if op == QUANTIZE and zero_point == "zp_absent" and dtype != "uint8":
        opset = max(opset, OUTPUT_DTYPE_OPSET)
    return opset


def _operand(op: str, dtype: str) -> str:
    """int4 is dequantized from an initializer: that is how it is used, and few runtimes take it as a graph input."""
    return "weight" if op == DEQUANTIZE and dtype == "int4" else ""


def _case(axes: Linear) -> Case:
    zero = {"zp_absent": "no zero point", "zp_zero": "zero point 0", "zp_nonzero": "an odd zero point"}[axes.zero_point]
    what = {"": "", "weight": " of an initializer"}[axes.operand] + (f", {axes.values}" if axes.values else "")
    granularity = axes.granularity.replace("_", "-")
    words = (axes.op.lower(), axes.dtype, axes.granularity, axes.zero_point, axes.operand, axes.values, "static")
    return Case(
        id=axes.id,
        family="quantization",
        op=axes.op,
        opset=axes.opset,
        ir_version=lowest_ir_version(axes.opset),
        summary=f"{axes.op} {axes.dtype}, {granularity}, {zero}{what}",
        build=partial(_build, axes),
        inputs=partial(_inputs, axes),
        points=static_point({"x": axes.shape}),
        tags=frozenset({f"opset{axes.opset}", *filter(None, words)}),
        tolerance=EXACT,
    )


def _build(axes: Linear) -> onnx.ModelProto:
    dtype = dtype_named(axes.dtype)
    constants = {"scale": axes.scale()}
    if axes.zero_point != "zp_absent":
        constants["zero_point"] = axes.zeros()
    source, target = ("x", "y") if not axes.operand else ("codes", "weight")
    nodes = [node(axes.op, [source, *constants], [target], **axes.attributes())]
    if axes.operand:
        constants["codes"] = _codes(axes)
        nodes.append(node("Add", ["x", "weight"], ["y"]))
    takes, gives = (np.float32, dtype) if axes.op == QUANTIZE else (dtype, np.float32)
    return model(
        nodes,
        {"x": (np.float32 if axes.operand else takes, axes.shape)},
        {"y": (gives, axes.shape)},
        constants,
        opset=axes.opset,
    )


def _inputs(axes: Linear, _point: ShapePoint) -> Mapping[str, Array]:
    if axes.operand:
        return {"x": floats(f"{axes.id}/x", axes.shape)}
    if axes.op == DEQUANTIZE:
        return {"x": _codes(axes)}
    steps = spread(f"{axes.id}/x", _values(axes.dtype, axes.values), axes.shape)
    scale, zero = (expand(each, axes.shape, axis=AXIS, block=axes.block) for each in (axes.scale(), axes.zeros()))
    return {"x": ((steps - zero) * scale).astype(np.float32)}


def _codes(axes: Linear) -> Array:
    dtype = dtype_named(axes.dtype)
    return spread(f"{axes.id}/codes", representable(dtype), axes.shape).astype(dtype)


def _values(dtype_name: str, values: str) -> Array:
    """Return what to quantize, in steps: numbers that the type has, and numbers between and beyond them."""
    dtype = dtype_named(dtype_name)
    inside = np.concatenate([representable(dtype), between(dtype, 0.25), [-0.0]])
    pools: dict[str, Array] = {
        "": np.concatenate([inside, ties(dtype), saturating(dtype)]),
        "uniform": inside,
        "ties": ties(dtype),
        "ties_odd_scale": ties(dtype),
        "saturation": np.concatenate([saturating(dtype), between(dtype, 0.75)[:1], between(dtype, 0.25)[-1:]]),
    }
    return pools[values]
