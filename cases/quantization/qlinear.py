"""QLinearMatMul and QLinearConv: integers in, integers out, scaled back in between.

The scales of input and output are powers of two and those of the weights odd multiples of one, so the factor by which
a sum is scaled back is exact in float32, as is its product with the sum; the ties that come up are real ones. In
float16 and bfloat16 the factor is exact as well. Operands of float8 are whole numbers. The tolerance is zero steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import onnx

from cases.case import EXACT, Array, Case, ShapePoint
from cases.inputs import integers, is_integer, representable, spread
from cases.model import Dim, dtype_named, lowest_ir_version, model, node
from cases.quantization import batch
from cases.quantization.layouts import CONVOLUTIONS, PRODUCTS, Layout
from cases.quantization.parameters import small_weights, zero_points

MATMUL, CONV = "QLinearMatMul", "QLinearConv"
OPSET = 13
SPREAD_OPSETS = (10, 21)
LATER_OPSETS = (11, 17, 25)
FLOAT_OPSET = 21  # of QLinearMatMul with float8, and with scales that are not float32
TYPES = (("uint8", "uint8", "uint8"), ("uint8", "int8", "uint8"), ("int8", "int8", "int8"))  # input, weight, output
EIGHT_BITS = ("uint8", "int8")
FLOAT8 = ("float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz")
FLOAT8_LIMIT = 16  # of whole numbers that every float8 type has, up to 8 without a gap
USUAL = {
    MATMUL: Layout(x=(9, 16), weight=(16, 6), y=(9, 6)),
    CONV: Layout(
        x=(3, 9, 8),
        weight=(4, 3, 3, 2),
        y=(4, 5, 8),
        attributes={"kernel_shape": [3, 2], "pads": [1, 1, 1, 0], "strides": [2, 1]},
    ),
}
LAYOUTS = {MATMUL: PRODUCTS, CONV: CONVOLUTIONS}
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
    layout: Layout | None = None
    weight: str = ""  # "weight_input": the weight is a graph input
    scale_type: str = "float"

    @property
    def shapes(self) -> Layout:
        return self.layout or USUAL[self.op]

    @property
    def words(self) -> tuple[str, ...]:
        scale = f"scale_{self.scale_type}" if self.scale_type != "float" else ""
        return tuple(filter(None, (self.shapes.name, self.weight, scale)))

    @property
    def id(self) -> str:
        axes = (self.op.lower(), "_".join(self.types), self.granularity, f"opset{self.opset}", self.zero_point)
        return "-".join((*axes, *(["bias"] if self.bias else []), batch.tag(self.dynamic), *self.words))

    def weights(self) -> Array:
        dtype = dtype_named(self.types[1])
        if is_integer(dtype):
            return small_weights(self.id, dtype, self.shapes.weight)
        return _whole_float8(f"{self.id}/weight", self.types[1], self.shapes.weight)

    def parameters(self) -> dict[str, Array]:
        """Return the operands behind ``x``, named and ordered as both operators take them."""
        zero = self.zero_point == "zp_zero"
        channels = (self.shapes.channels(self.op == CONV),) if self.granularity == "per_axis" else ()
        x_type, weight_type, y_type = map(dtype_named, self.types)
        scale_type = dtype_named(self.scale_type)
        found = {
            "x_scale": np.array(X_SCALE, scale_type),
            "x_zero_point": zero_points(f"{self.id}/x", x_type, zero=zero or not is_integer(x_type)),
            "weight": self.weights(),
            "weight_scale": np.resize(WEIGHT_SCALES, channels).astype(scale_type),
            # An unsigned weight is centred by its zero point; a runtime may insist on 0 for a signed one.
            "weight_zero_point": np.full(channels, 127 if self.types[1] == "uint8" else 0, weight_type),
            "y_scale": np.array(Y_SCALE, scale_type),
            # Even: the ONNX reference evaluator adds it before it rounds, against the words of the specification.
            "y_zero_point": zero_points(f"{self.id}/y", y_type, zero=zero or not is_integer(y_type), odd=False),
        }
        if self.bias:
            found["bias"] = integers(f"{self.id}/bias", (self.shapes.channels(True),), -3000, 3000, np.int32)
        return found


def cases() -> Iterator[Case]:
    """Yield the cases of QLinearMatMul and QLinearConv."""
    for op in (MATMUL, CONV):
        for axes in {axes.id: axes for axes in (*_starter(op), *_further(op))}.values():
            yield _case(axes)
    for axes in _floats():
        yield _case(axes)


def _starter(op: str) -> Iterator[QLinear]:
    mixed, signed = TYPES[1], TYPES[2]
    for types, zero_point in product(TYPES, ("zp_zero", "zp_nonzero")):
        yield QLinear(op=op, types=types, zero_point=zero_point)
    for types in (mixed, signed):
        yield QLinear(op=op, types=types, granularity="per_axis", zero_point="zp_nonzero", bias=op == CONV)
    for opset in SPREAD_OPSETS:
        yield QLinear(op=op, types=signed, opset=opset)
    yield QLinear(op=op, types=signed, granularity="per_axis", dynamic=True)


def _further(op: str) -> Iterator[QLinear]:
    conv = op == CONV
    for x, weight, y in product(EIGHT_BITS, repeat=3):
        yield QLinear(op=op, types=(x, weight, y), zero_point="zp_nonzero")
        yield QLinear(op=op, types=(x, weight, y), granularity="per_axis", zero_point="zp_nonzero")
    for types in TYPES:
        yield QLinear(op=op, types=types, opset=10, zero_point="zp_nonzero")
        yield QLinear(op=op, types=types, dynamic=True, zero_point="zp_nonzero")
        yield QLinear(op=op, types=types, weight="weight_input")
        yield QLinear(op=op, types=types, granularity="per_axis", opset=10)
        if conv:
            yield QLinear(op=op, types=types, bias=True, zero_point="zp_nonzero")
            yield QLinear(op=op, types=types, bias=True, dynamic=True)
    for opset in LATER_OPSETS:
        yield QLinear(op=op, types=TYPES[1], opset=opset, zero_point="zp_nonzero")
    for layout in LAYOUTS[op]:
        for types in (TYPES[1], TYPES[2]):
            yield QLinear(op=op, types=types, layout=layout, zero_point="zp_nonzero", bias=conv)
        yield QLinear(op=op, types=TYPES[0], layout=layout, dynamic=True)
        if len(layout.weight) > 1 and layout.name not in ("stacked", "broadcast"):
            yield QLinear(op=op, types=TYPES[2], granularity="per_axis", layout=layout)


def _floats() -> Iterator[QLinear]:
    """QLinearMatMul from opset 21 on: float8 operands, and scales of float16 and bfloat16."""
    for types, scale in product(TYPES, ("float16", "bfloat16")):
        yield QLinear(op=MATMUL, types=types, opset=FLOAT_OPSET, zero_point="zp_nonzero", scale_type=scale)
        yield QLinear(op=MATMUL, types=types, granularity="per_axis", opset=FLOAT_OPSET, scale_type=scale)
    for kind in FLOAT8:
        yield QLinear(op=MATMUL, types=(kind, kind, "int8"), opset=FLOAT_OPSET)
        yield QLinear(op=MATMUL, types=(kind, kind, kind), opset=FLOAT_OPSET)
        yield QLinear(op=MATMUL, types=(kind, kind, kind), granularity="per_axis", opset=FLOAT_OPSET)
    for scale in ("float16", "bfloat16"):
        yield QLinear(op=MATMUL, types=("float8e4m3fn", "float8e4m3fn", "int8"), opset=FLOAT_OPSET, scale_type=scale)
    yield QLinear(op=MATMUL, types=("float8e4m3fn", "float8e5m2", "uint8"), opset=FLOAT_OPSET)
    yield QLinear(op=MATMUL, types=("uint8", "float8e4m3fn", "uint8"), opset=FLOAT_OPSET, zero_point="zp_nonzero")


def _case(axes: QLinear) -> Case:
    points = batch.points(axes.dynamic, {"x": axes.shapes.x})
    if axes.weight:
        points = tuple(
            ShapePoint(name=point.name, shapes={**point.shapes, "weight": axes.shapes.weight}) for point in points
        )
    zero = "zero points 0" if axes.zero_point == "zp_zero" else "non-zero zero points"
    what = (", with bias" if axes.bias else "") + "".join(f", {word.replace('_', ' ')}" for word in axes.words)
    words = (axes.op.lower(), *axes.types, axes.granularity, f"opset{axes.opset}", axes.zero_point, *axes.words)
    return Case(
        id=axes.id,
        family="quantization",
        op=axes.op,
        opset=axes.opset,
        ir_version=lowest_ir_version(axes.opset),
        summary=f"{axes.op} {'/'.join(axes.types)}, {axes.granularity.replace('_', '-')} weights, {zero}{what}",
        build=partial(_build, axes),
        inputs=partial(_inputs, axes),
        points=points,
        profiles=batch.profiles(points),
        tags=frozenset({*words, *(["bias"] if axes.bias else []), batch.tag(axes.dynamic)}),
        tolerance=EXACT,
    )


def _build(axes: QLinear) -> onnx.ModelProto:
    parameters = axes.parameters()
    rows: Dim = batch.size(axes.dynamic)
    x_type, weight_type, y_type = map(dtype_named, axes.types)
    inputs = {"x": (x_type, [rows, *axes.shapes.x])}
    if axes.weight:
        inputs["weight"] = (weight_type, list(axes.shapes.weight))
    return model(
        [node(axes.op, ["x", *parameters], ["y"], **axes.shapes.attributes)],
        inputs,
        {"y": (y_type, [rows, *axes.shapes.y])},
        {name: array for name, array in parameters.items() if name not in inputs},
        opset=axes.opset,
    )


def _inputs(axes: QLinear, point: ShapePoint) -> Mapping[str, Array]:
    key, dtype = f"{axes.id}/{point.name}/x", dtype_named(axes.types[0])
    if is_integer(dtype):
        found = {"x": spread(key, representable(dtype), point.shapes["x"]).astype(dtype)}
    else:
        found = {"x": _whole_float8(key, axes.types[0], point.shapes["x"])}
    if axes.weight:
        found["weight"] = axes.weights()
    return found


def _whole_float8(key: str, type_name: str, shape: tuple[int, ...]) -> Array:
    values = representable(dtype_named(type_name))
    whole = values[(values % 1 == 0) & (np.abs(values) <= FLOAT8_LIMIT)]
    return spread(key, whole, shape).astype(dtype_named(type_name))
