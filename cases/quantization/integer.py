"""MatMulInteger and ConvInteger: integers in, int32 out, so every result is exact and the tolerance is zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

import onnx

from cases.case import EXACT, Array, Case, ShapePoint
from cases.inputs import representable, spread
from cases.model import Dim, lowest_ir_version, model, node
from cases.quantization import batch
from cases.quantization.layouts import CONVOLUTIONS, PRODUCTS, Layout
from cases.quantization.parameters import small_weights, zero_points

MATMUL, CONV = "MatMulInteger", "ConvInteger"
PAIRS = (("uint8", "uint8"), ("uint8", "int8"), ("int8", "uint8"), ("int8", "int8"))  # input, weight
OPSET = 13
SPREAD_OPSETS = (10, 21)
LATER_OPSETS = (11, 17, 25)
USUAL = {
    MATMUL: Layout(x=(5, 16), weight=(16, 6), y=(5, 6)),
    CONV: Layout(
        x=(3, 7, 6),
        weight=(4, 3, 3, 2),
        y=(4, 3, 6),
        attributes={"kernel_shape": [3, 2], "pads": [1, 1, 0, 0], "strides": [2, 1]},
    ),
}
LAYOUTS = {MATMUL: PRODUCTS, CONV: CONVOLUTIONS}
ZERO_POINTS = {
    "zp_absent": "no zero points",
    "zp_zero": "zero points 0",
    "zp_nonzero": "odd zero points",
    "zp_x_only": "an odd zero point of the input only",
    "zp_weight_only": "an odd zero point of the weight only",
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
    layout: Layout | None = None
    weight: str = ""  # "weight_input": the weight is a graph input
    rows: str = ""  # MatMulInteger: one zero point for each row of the input, as "per_row" or "per_row_vector"

    @property
    def shapes(self) -> Layout:
        return self.layout or USUAL[self.op]

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.shapes.name, self.weight, self.rows)))

    @property
    def id(self) -> str:
        axes = (self.op.lower(), "_".join(self.types), self.granularity, f"opset{self.opset}", self.zero_point)
        return "-".join((*axes, batch.tag(self.dynamic), *self.words))

    def weights(self) -> Array:
        return small_weights(self.id, self.types[1], self.shapes.weight)

    def constants(self) -> dict[str, Array]:
        found = {} if self.weight else {"weight": self.weights()}
        channels = (self.shapes.channels(self.op == CONV),) if self.granularity == "per_axis" else ()
        zero = self.zero_point == "zp_zero"
        if self.zero_point not in ("zp_absent", "zp_weight_only"):
            rows = {
                "per_row": (*(batch.STATIC, *self.shapes.x)[:-1], 1),
                "per_row_vector": (batch.STATIC,),
            }.get(self.rows, ())
            found["x_zero_point"] = zero_points(f"{self.id}/x", self.types[0], rows, zero=zero)
        if self.zero_point not in ("zp_absent", "zp_x_only"):
            found["weight_zero_point"] = zero_points(f"{self.id}/weight", self.types[1], channels, zero=zero)
        return found


def cases() -> Iterator[Case]:
    """Yield the cases of MatMulInteger and ConvInteger."""
    for op in (MATMUL, CONV):
        for axes in {axes.id: axes for axes in (*_starter(op), *_further(op))}.values():
            yield _case(axes)
    yield _case(Integer(op=MATMUL, types=("uint8", "int8"), rows="per_row"))
    yield _case(Integer(op=MATMUL, types=("int8", "uint8"), rows="per_row", zero_point="zp_x_only"))
    yield _case(Integer(op=MATMUL, types=("uint8", "int8"), layout=PRODUCTS[0], rows="per_row_vector"))


def _starter(op: str) -> Iterator[Integer]:
    for types, zero_point in product(PAIRS, ("zp_absent", "zp_nonzero")):
        yield Integer(op=op, types=types, zero_point=zero_point)
    yield Integer(op=op, types=("uint8", "int8"), granularity="per_axis")
    for opset in SPREAD_OPSETS:
        yield Integer(op=op, types=("uint8", "int8"), opset=opset)
    yield Integer(op=op, types=("uint8", "int8"), dynamic=True)


def _further(op: str) -> Iterator[Integer]:
    for types in PAIRS:
        yield Integer(op=op, types=types, granularity="per_axis")
        yield Integer(op=op, types=types, opset=10)
        yield Integer(op=op, types=types, dynamic=True)
        yield Integer(op=op, types=types, weight="weight_input")
        for zero_point in ("zp_zero", "zp_x_only", "zp_weight_only"):
            yield Integer(op=op, types=types, zero_point=zero_point)
    for opset in LATER_OPSETS:
        yield Integer(op=op, types=("int8", "int8"), opset=opset)
    for layout, types in product(LAYOUTS[op], (PAIRS[1], PAIRS[3])):
        yield Integer(op=op, types=types, layout=layout)
    for layout in LAYOUTS[op]:
        yield Integer(op=op, types=PAIRS[0], layout=layout, dynamic=True)
        if len(layout.weight) > 1 and layout.name not in ("stacked", "broadcast"):
            yield Integer(op=op, types=PAIRS[1], granularity="per_axis", layout=layout)


def _case(axes: Integer) -> Case:
    inputs = {"x": axes.shapes.x}
    points = batch.points(axes.dynamic, inputs)
    if axes.weight:
        points = tuple(
            ShapePoint(name=point.name, shapes={**point.shapes, "weight": axes.shapes.weight}) for point in points
        )
    granularity = axes.granularity.replace("_", "-")
    words = (axes.op.lower(), *axes.types, axes.granularity, f"opset{axes.opset}", axes.zero_point, *axes.words)
    what = "".join(f", {word.replace('_', ' ')}" for word in axes.words)
    return Case(
        id=axes.id,
        family="quantization",
        op=axes.op,
        opset=axes.opset,
        ir_version=lowest_ir_version(axes.opset),
        summary=f"{axes.op} of {axes.types[0]} with {axes.types[1]} weights, {granularity}, "
        f"{ZERO_POINTS[axes.zero_point]}{what}",
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
    inputs = {"x": (axes.types[0], [rows, *axes.shapes.x])}
    if axes.weight:
        inputs["weight"] = (axes.types[1], list(axes.shapes.weight))
    operands = ["x", "weight", *(name if name in constants else "" for name in ("x_zero_point", "weight_zero_point"))]
    while not operands[-1]:
        operands.pop()
    return model(
        [node(axes.op, operands, ["y"], **axes.shapes.attributes)],
        inputs,
        {"y": ("int32", [rows, *axes.shapes.y])},
        constants,
        opset=axes.opset,
    )


def _inputs(axes: Integer, point: ShapePoint) -> Mapping[str, Array]:
    values = representable(axes.types[0])
    found = {"x": spread(f"{axes.id}/{point.name}/x", values, point.shapes["x"]).astype(axes.types[0])}
    if axes.weight:
        found["weight"] = axes.weights()
    return found
