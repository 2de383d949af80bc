"""DynamicQuantizeLinear, which takes its scale from its input: alone, with MatMulInteger, and as ONNX spells it out.

The input is so chosen that its range, zero included, is 255 times a power of two. The scale, range / 255, is then that
power of two, half steps are ties, and everything up to the last product is exact: the tolerance is zero. In the variant
``uniform`` the range is 8, the scale is rounded, and a runtime that multiplies by a reciprocal may be one unit in the
last place, or one step, away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import onnx

from cases.case import EXACT, Array, Case, Shape, ShapePoint, Tolerance
from cases.inputs import floats, integers
from cases.model import Dim, lowest_ir_version, model, node
from cases.quantization import batch
from cases.quantization.parameters import ODD_MULTIPLES, scales, small_weights

DYNAMIC_QUANTIZE = "DynamicQuantizeLinear"
STEP = 2.0**-4
DENORMAL_STEP = 2.0**-140
# Ends of the range, in steps: with zero inside, and on either side of zero, which then becomes an end of it.
RANGES = {"ties": (-100, 155), "positive": (3, 255), "negative": (-255, -3), "denormals": (-100, 155)}
CONSTANTS = {"constant": 255, "constant_negative": -255, "zeros": 0}  # every element, in steps
OUTLIER = 255  # one element, in steps; a quarter of a step is about a thousandth of it
UNIFORM_LIMIT = 4.0
LAST_PLACE = Tolerance(relative=2.0**-23, steps=1)
OPSETS = (11, 21)
FURTHER_OPSETS = (13, 17, 25)
FEATURES = 24
UNITS = 6
SHAPES: dict[str, Shape] = {"": (FEATURES,), "rank3": (5, FEATURES), "rank4": (3, 5, FEATURES), "empty": (0, FEATURES)}
UNDEFINED = {
    "zeros": "the range of an all-zero tensor is zero: ONNX's function divides zero by it, its reference evaluator "
    "takes 1 / 255 as the scale and ONNX Runtime 1; ONNX does not say which is right",
    "infinities": "an infinite range has no scale, and ONNX does not say what becomes of it",
    "nan": "ONNX does not say what becomes of NaN",
}


@dataclass(frozen=True, kw_only=True)
class Dynamic:
    """One combination of axes."""

    opset: int
    values: str
    dynamic: bool
    weights: str = ""  # with MatMulInteger: their type
    form: str = ""  # "function_body": ONNX's own definition in its place; "dequantized": DequantizeLinear behind it
    shape: str = ""  # one of SHAPES
    granularity: str = ""  # with MatMulInteger: "per_axis", a scale and zero point for each column of the weights

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.form, self.shape, self.granularity)))

    @property
    def id(self) -> str:
        words = ("dynamicquantizelinear", f"matmulinteger_{self.weights}" if self.weights else "", f"opset{self.opset}")
        return "-".join((*filter(None, words), self.values, batch.tag(self.dynamic), *self.words))

    @property
    def is_undefined(self) -> bool:
        return self.values in UNDEFINED and self.form != "dequantized"


def cases() -> Iterator[Case]:
    """Yield the cases of DynamicQuantizeLinear."""
    for axes in dict.fromkeys((*_alone(), *_with_product(), *_as_function())):
        yield _case(axes)


def _alone() -> Iterator[Dynamic]:
    first, later = OPSETS
    for values in (*RANGES, *CONSTANTS, "uniform", "outliers", "infinities", "nan"):
        yield Dynamic(opset=first, values=values, dynamic=False)
    for opset in (later, *FURTHER_OPSETS):
        yield Dynamic(opset=opset, values="ties", dynamic=False)
    for values in ("ties", "uniform", "outliers"):
        yield Dynamic(opset=first, values=values, dynamic=True)
    for values, shape in product(("ties", "positive"), ("rank3", "rank4")):
        yield Dynamic(opset=first, values=values, dynamic=False, shape=shape)
    yield Dynamic(opset=first, values="uniform", dynamic=False, shape="empty")
    for values, opset in product(("zeros", "ties", "constant", "outliers"), (first, 13, later)):
        yield Dynamic(opset=opset, values=values, dynamic=False, form="dequantized")
    yield Dynamic(opset=first, values="ties", dynamic=True, form="dequantized")


def _with_product() -> Iterator[Dynamic]:
    for weights, dynamic in product(("int8", "uint8"), (False, True)):
        yield Dynamic(opset=OPSETS[0], values="ties", dynamic=dynamic, weights=weights)
        yield Dynamic(opset=OPSETS[0], values="ties", dynamic=dynamic, weights=weights, granularity="per_axis")
    for weights, opset in product(("int8", "uint8"), (13, 21, 25)):
        yield Dynamic(opset=opset, values="ties", dynamic=False, weights=weights)
    for weights, values in product(("int8", "uint8"), ("positive", "negative", "constant", "outliers")):
        yield Dynamic(opset=OPSETS[0], values=values, dynamic=False, weights=weights)
    yield Dynamic(opset=OPSETS[0], values="ties", dynamic=False, weights="int8", shape="rank4")


def _as_function() -> Iterator[Dynamic]:
    for values in ("ties", "positive", "negative", "constant", "uniform", "outliers"):
        yield Dynamic(opset=OPSETS[0], values=values, dynamic=False, form="function_body")
    for opset in (13, 17, 21, 25):
        yield Dynamic(opset=opset, values="ties", dynamic=False, form="function_body")
    yield Dynamic(opset=13, values="ties", dynamic=True, form="function_body")
    yield Dynamic(opset=13, values="ties", dynamic=True, form="function_body", weights="int8")
    yield Dynamic(opset=11, values="zeros", dynamic=False, form="function_body")


def _case(axes: Dynamic) -> Case:
    points = batch.points(axes.dynamic, {"x": SHAPES[axes.shape]})
    followed = f", followed by MatMulInteger with {axes.weights} weights" if axes.weights else ""
    what = "".join(f", {word.replace('_', ' ')}" for word in axes.words)
    words = (axes.values, axes.weights, "matmulinteger" if axes.weights else "", batch.tag(axes.dynamic), *axes.words)
    return Case(
        id=axes.id,
        family="quantization",
        op=DYNAMIC_QUANTIZE,
        opset=axes.opset,
        ir_version=lowest_ir_version(axes.opset),
        summary=f"{DYNAMIC_QUANTIZE}{followed}, input values: {axes.values}{what}",
        build=partial(_build, axes),
        inputs=partial(_inputs, axes),
        points=points,
        profiles=batch.profiles(points),
        tags=frozenset({"dynamicquantizelinear", f"opset{axes.opset}", *filter(None, words)}),
        tolerance=LAST_PLACE if axes.values == "uniform" else EXACT,
        no_reference=UNDEFINED[axes.values] if axes.is_undefined else "",
    )


def _build(axes: Dynamic) -> onnx.ModelProto:
    shape: list[Dim] = [batch.size(axes.dynamic), *SHAPES[axes.shape]]
    nodes = [node(DYNAMIC_QUANTIZE, ["x"], ["y", "y_scale", "y_zero_point"])]
    if axes.form == "function_body":
        nodes = _function_body()
    inputs = {"x": (np.float32, shape)}
    if axes.form == "dequantized":
        nodes.append(node("DequantizeLinear", ["y", "y_scale", "y_zero_point"], ["back"]))
        return model(nodes, inputs, {"back": (np.float32, shape)}, opset=axes.opset)
    if not axes.weights:
        outputs = {"y": (np.uint8, shape), "y_scale": (np.float32, []), "y_zero_point": (np.uint8, [])}
        return model(nodes, inputs, outputs, opset=axes.opset)
    nodes += [
        node("MatMulInteger", ["y", "weight", "y_zero_point", "weight_zero_point"], ["sums"]),
        node("Cast", ["sums"], ["float_sums"], to=onnx.TensorProto.FLOAT),
        node("Mul", ["y_scale", "weight_scale"], ["scale"]),
        node("Mul", ["float_sums", "scale"], ["product"]),
    ]
    columns = (UNITS,) if axes.granularity == "per_axis" else ()
    constants = {
        "weight": small_weights(axes.id, axes.weights, (FEATURES, UNITS)),
        "weight_zero_point": np.full(columns, 0 if axes.weights == "int8" else 129, axes.weights),
        "weight_scale": scales(axes.id, columns, pool=ODD_MULTIPLES),
    }
    return model(nodes, inputs, {"product": (np.float32, [*shape[:-1], UNITS])}, constants, opset=axes.opset)


def _function_body() -> list[onnx.NodeProto]:
    """Return the nodes by which ONNX defines the operator, each named after its first output."""
    body = list(onnx.defs.get_schema(DYNAMIC_QUANTIZE).function_body.node)
    for each in body:
        each.name = f"node_{each.output[0]}"
    return body


def _inputs(axes: Dynamic, point: ShapePoint) -> Mapping[str, Array]:
    shape: Shape = point.shapes["x"]
    key = f"{axes.id}/{point.name}/x"
    if axes.values in CONSTANTS:
        return {"x": np.full(shape, CONSTANTS[axes.values] * STEP, np.float32)}
    if axes.values == "uniform":
        x = floats(key, shape, limit=UNIFORM_LIMIT, step=2.0**-10)
        x.reshape(-1)[:2] = [UNIFORM_LIMIT, -UNIFORM_LIMIT][: x.size]
        return {"x": x}
    if axes.values == "outliers":
        x = np.array([0.25, 0.25, 0.25, 0.5, 1.5, 2.5])[integers(key, shape, 0, 5)] * STEP
        x.reshape(-1)[0] = OUTLIER * STEP
        return {"x": x.astype(np.float32)}
    low, high = RANGES.get(axes.values, RANGES["ties"])
    step = DENORMAL_STEP if axes.values == "denormals" else STEP
    x = integers(key, shape, 2 * low, 2 * high) * (step / 2)
    ends = [high * step, low * step]
    if axes.values in ("infinities", "nan"):
        ends[0] = float("inf" if axes.values == "infinities" else "nan")
    x.reshape(-1)[:2] = ends
    return {"x": x.astype(np.float32)}
