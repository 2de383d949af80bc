"""QLinearMatMul and QLinearConv: integers in, integers out, scaled back in between.

The scales of input and output are powers of two and those of the weights odd multiples of one, so the factor by which
a sum is scaled back is exact in float32, as is its product with the sum; the ties that come up are real ones. The
tolerance is zero steps.
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
from cases.inputs import integers, representable, spread
from cases.model import Dim, lowest_ir_version, model, node
from cases.quantization import batch
from cases.quantization.parameters import small_weights, zero_points

MATMUL, CONV = "QLinearMatMul", "QLinearConv"
OPSET = 13
SPREAD_OPSETS = (10, 21)
TYPES = (("uint8", "uint8", "uint8"), ("uint8", "int8", "uint8"), ("int8", "int8", "int8"))  # input, weight, output
INPUT: dict[str, Shape] = {MATMUL: (9, 16), CONV: (3, 9, 8)}
WEIGHT: dict[str, Shape] = {MATMUL: (16, 6), CONV: (4, 3, 3, 2)}
OUTPUT: dict[str, Shape] = {MATMUL: (9, 6), CONV: (4, 5, 8)}
CHANNELS = {MATMUL: 6, CONV: 4}
ATTRIBUTES: dict[str, dict[str, Any]] = {
    MATMUL: {},
    CONV: {"kernel_shape": [3, 2], "pads": [1, 1, 1, 0], "strides": [2, 1]},
}
X_SCALE, Y_SCALE = np.float32(2.0**-4), np.float32(2.0**-3)
# Sums of products reach some ten thousand; these bring most of them into 8 bits, and some beyond.
WEIGHT_SCALES = np.array([3, 5, 7, 2], np.float32) * np.float32(2.0**-8)


@dataclass(frozen=True, kw_only=True)
class QLinear:
    """One combination of axes; the granularity is that of the weight's scale."""

    op: str
    types: tuple[str, str, str]
    granularity: str = "per_tensor"
    opset: int = OPSET
    zero_point: str = "zp_zero"
    bias: bool = False
    dynamic: bool = False

    @property
    def id(self) -> str:
        axes = (self.op.lower(), "_".join(self.types), self.granularity, f"opset{self.opset}", self.zero_point)
        return "-".join((*axes, *(["bias"] if self.bias else []), batch.tag(self.dynamic)))

    def constants(self) -> dict[str, Array]:
        """Return the constant operands, named and ordered as both operators take them behind ``x``."""
        zero = self.zero_point == "zp_zero"
        channels = (CHANNELS[self.op],) if self.granularity == "per_axis" else ()
        x_type, weight_type, y_type = self.types
        found = {
            "x_scale": np.array(X_SCALE),
            "x_zero_point": zero_points(f"{self.id}/x", x_type, zero=zero),
            "weight": small_weights(self.id, weight_type, WEIGHT[self.op]),
            "weight_scale": np.resize(WEIGHT_SCALES, channels),
            # An unsigned weight is centred by its zero point; a runtime may insist on 0 for a signed one.
            "weight_zero_point": np.full(channels, 127 if weight_type == "uint8" else 0, weight_type),
            "y_scale": np.array(Y_SCALE),
            # Even: the ONNX reference evaluator adds it before it rounds, against the words of the specification.
            "y_zero_point": zero_points(f"{self.id}/y", y_type, zero=zero, odd=False),
        }
        if self.bias:
            found["bias"] = integers(f"{self.id}/bias", (CHANNELS[self.op],), -3000, 3000, np.int32)
        return found


def cases() -> Iterator[Case]:
    """Yield the cases of QLinearMatMul and QLinearConv."""
    mixed, signed = TYPES[1], TYPES[2]
    for op in (MATMUL, CONV):
        for types, zero_point in product(TYPES, ("zp_zero", "zp_nonzero")):
            yield _case(QLinear(op=op, types=types, zero_point=zero_point))
        for types in (mixed, signed):
            yield _case(QLinear(op=op, types=types, granularity="per_axis", zero_point="zp_nonzero", bias=op == CONV))
        for opset in SPREAD_OPSETS:
            yield _case(QLinear(op=op, types=signed, opset=opset))
        yield _case(QLinear(op=op, types=signed, granularity="per_axis", dynamic=True))


def _case(axes: QLinear) -> Case:
    points = batch.points(axes.dynamic, {"x": INPUT[axes.op]})
    zero = "zero points 0" if axes.zero_point == "zp_zero" else "non-zero zero points"
    bias = ", with bias" if axes.bias else ""
    words = (axes.op.lower(), *axes.types, axes.granularity, f"opset{axes.opset}", axes.zero_point)
    return Case(
        id=axes.id,
        family="quantization",
        op=axes.op,
        opset=axes.opset,
        ir_version=lowest_ir_version(axes.opset),
        summary=f"{axes.op} {'/'.join(axes.types)}, {axes.granularity.replace('_', '-')} weights, {zero}{bias}",
        build=partial(_build, axes),
        inputs=partial(_inputs, axes),
        points=points,
        profiles=batch.profiles(points),
        tags=frozenset({*words, *(["bias"] if axes.bias else []), batch.tag(axes.dynamic)}),
        tolerance=EXACT,
    )


def _build(axes: QLinear) -> onnx.ModelProto:
    constants = axes.constants()
    rows: Dim = batch.size(axes.dynamic)
    return model(
        [node(axes.op, ["x", *constants], ["y"], **ATTRIBUTES[axes.op])],
        {"x": (axes.types[0], [rows, *INPUT[axes.op]])},
        {"y": (axes.types[2], [rows, *OUTPUT[axes.op]])},
        constants,
        opset=axes.opset,
    )


def _inputs(axes: QLinear, point: ShapePoint) -> Mapping[str, Array]:
    values = representable(axes.types[0])
    return {"x": spread(f"{axes.id}/{point.name}/x", values, point.shapes["x"]).astype(axes.types[0])}
