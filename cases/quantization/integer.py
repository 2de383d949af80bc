"""MatMulInteger and ConvInteger: integers in, int32 out, so every result is exact and the tolerance is zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import onnx

from cases.case import EXACT, Array, Case, Shape, ShapePoint
from cases.inputs import representable, spread
from cases.model import Dim, lowest_ir_version, model, node
from cases.quantization import batch
from cases.quantization.parameters import small_weights, zero_points

MATMUL, CONV = "MatMulInteger", "ConvInteger"
PAIRS = (("uint8", "uint8"), ("uint8", "int8"), ("int8", "uint8"), ("int8", "int8"))  # input, weight
OPSET = 13
SPREAD_OPSETS = (10, 21)
# Behind the batch. Nothing is square, and the pads are uneven, so that exchanged axes show.
INPUT: dict[str, Shape] = {MATMUL: (5, 16), CONV: (3, 7, 6)}
WEIGHT: dict[str, Shape] = {MATMUL: (16, 6), CONV: (4, 3, 3, 2)}
OUTPUT: dict[str, Shape] = {MATMUL: (5, 6), CONV: (4, 3, 6)}
CHANNELS = {MATMUL: 6, CONV: 4}
ATTRIBUTES: dict[str, dict[str, Any]] = {
    MATMUL: {},
    CONV: {"kernel_shape": [3, 2], "pads": [1, 1, 0, 0], "strides": [2, 1]},
}


@dataclass(frozen=True, kw_only=True)
class Integer:
    """One combination of axes; the granularity is that of the weight's zero point."""

    op: str
    types: tuple[str, str]
    granularity: str = "per_tensor"
    opset: int = OPSET
    zero_point: str = "zp_nonzero"
    dynamic: bool = False

    @property
    def id(self) -> str:
        axes = (self.op.lower(), "_".join(self.types), self.granularity, f"opset{self.opset}", self.zero_point)
        return "-".join((*axes, batch.tag(self.dynamic)))

    def constants(self) -> dict[str, Array]:
        found = {"weight": small_weights(self.id, self.types[1], WEIGHT[self.op])}
        if self.zero_point == "zp_nonzero":
            shape = (CHANNELS[self.op],) if self.granularity == "per_axis" else ()
            found["x_zero_point"] = zero_points(f"{self.id}/x", self.types[0], zero=False)
            found["weight_zero_point"] = zero_points(f"{self.id}/weight", self.types[1], shape, zero=False)
        return found


def cases() -> Iterator[Case]:
    """Yield the cases of MatMulInteger and ConvInteger."""
    for op in (MATMUL, CONV):
        for types, zero_point in product(PAIRS, ("zp_absent", "zp_nonzero")):
            yield _case(Integer(op=op, types=types, zero_point=zero_point))
        yield _case(Integer(op=op, types=("uint8", "int8"), granularity="per_axis"))
        for opset in SPREAD_OPSETS:
            yield _case(Integer(op=op, types=("uint8", "int8"), opset=opset))
        yield _case(Integer(op=op, types=("uint8", "int8"), dynamic=True))


def _case(axes: Integer) -> Case:
    points = batch.points(axes.dynamic, {"x": INPUT[axes.op]})
    zero = "no zero points" if axes.zero_point == "zp_absent" else "odd zero points"
    granularity = axes.granularity.replace("_", "-")
    words = (axes.op.lower(), *axes.types, axes.granularity, f"opset{axes.opset}", axes.zero_point)
    return Case(
        id=axes.id,
        family="quantization",
        op=axes.op,
        opset=axes.opset,
        ir_version=lowest_ir_version(axes.opset),
        summary=f"{axes.op} of {axes.types[0]} with {axes.types[1]} weights, {granularity}, {zero}",
        build=partial(_build, axes),
        inputs=partial(_inputs, axes),
        points=points,
        profiles=batch.profiles(points),
        tags=frozenset({*words, batch.tag(axes.dynamic)}),
        tolerance=EXACT,
    )


def _build(axes: Integer) -> onnx.ModelProto:
    constants = axes.constants()
    rows: Dim = batch.size(axes.dynamic)
    operands = ["weight", *(name for name in ("x_zero_point", "weight_zero_point") if name in constants)]
    return model(
        [node(axes.op, ["x", *operands], ["y"], **ATTRIBUTES[axes.op])],
        {"x": (axes.types[0], [rows, *INPUT[axes.op]])},
        {"y": ("int32", [rows, *OUTPUT[axes.op]])},
        constants,
        opset=axes.opset,
    )


def _inputs(axes: Integer, point: ShapePoint) -> Mapping[str, Array]:
    values = representable(axes.types[0])
    return {"x": spread(f"{axes.id}/{point.name}/x", values, point.shapes["x"]).astype(axes.types[0])}
