"""DynamicQuantizeLinear, which takes its scale from its input: alone, and followed by MatMulInteger.

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
from cases.model import lowest_ir_version, model, node
from cases.quantization import batch
from cases.quantization.parameters import ODD_MULTIPLES, scales, small_weights

DYNAMIC_QUANTIZE = "DynamicQuantizeLinear"
STEP = 2.0**-4
# Ends of the range, in steps: with zero inside, and on either side of zero, which then becomes an end of it.
RANGES = {"ties": (-100, 155), "positive": (3, 255), "negative": (-255, -3)}
UNIFORM_LIMIT = 4.0
LAST_PLACE = Tolerance(relative=2.0**-23, steps=1)
OPSETS = (11, 21)
FEATURES = 24
UNITS = 6


@dataclass(frozen=True, kw_only=True)
class Dynamic:
    """One combination of axes."""

    opset: int
    values: str
    dynamic: bool
    weights: str = ""  # with MatMulInteger: their type

    @property
    def id(self) -> str:
        words = ("dynamicquantizelinear", f"matmulinteger_{self.weights}" if self.weights else "", f"opset{self.opset}")
        return "-".join((*filter(None, words), self.values, batch.tag(self.dynamic)))


def cases() -> Iterator[Case]:
    """Yield the cases of DynamicQuantizeLinear."""
    for values in (*RANGES, "uniform"):
        yield _case(Dynamic(opset=OPSETS[0], values=values, dynamic=False))
    yield _case(Dynamic(opset=OPSETS[1], values="ties", dynamic=False))
    yield _case(Dynamic(opset=OPSETS[0], values="ties", dynamic=True))
    for weights, dynamic in product(("int8", "uint8"), (False, True)):
        yield _case(Dynamic(opset=OPSETS[0], values="ties", dynamic=dynamic, weights=weights))


def _case(axes: Dynamic) -> Case:
    points = batch.points(axes.dynamic, {"x": (FEATURES,)})
    followed = f", followed by MatMulInteger with {axes.weights} weights" if axes.weights else ""
    words = (axes.values, axes.weights, "matmulinteger" if axes.weights else "", batch.tag(axes.dynamic))
    return Case(
        id=axes.id,
        family="quantization",
        op=DYNAMIC_QUANTIZE,
        opset=axes.opset,
        ir_version=lowest_ir_version(axes.opset),
        summary=f"{DYNAMIC_QUANTIZE}{followed}, input values: {axes.values}",
        build=partial(_build, axes),
        inputs=partial(_inputs, axes),
        points=points,
        profiles=batch.profiles(points),
        tags=frozenset({"dynamicquantizelinear", f"opset{axes.opset}", *filter(None, words)}),
        tolerance=LAST_PLACE if axes.values == "uniform" else EXACT,
    )


def _build(axes: Dynamic) -> onnx.ModelProto:
    shape = [batch.size(axes.dynamic), FEATURES]
    quantize = node(DYNAMIC_QUANTIZE, ["x"], ["y", "y_scale", "y_zero_point"])
    inputs = {"x": (np.float32, shape)}
    if not axes.weights:
        outputs = {"y": (np.uint8, shape), "y_scale": (np.float32, []), "y_zero_point": (np.uint8, [])}
        return model([quantize], inputs, outputs, opset=axes.opset)
    nodes = [
        quantize,
        node("MatMulInteger", ["y", "weight", "y_zero_point", "weight_zero_point"], ["sums"]),
        node("Cast", ["sums"], ["float_sums"], to=onnx.TensorProto.FLOAT),
        node("Mul", ["y_scale", "weight_scale"], ["scale"]),
        node("Mul", ["float_sums", "scale"], ["product"]),
    ]
    constants = {
        "weight": small_weights(axes.id, axes.weights, (FEATURES, UNITS)),
        "weight_zero_point": np.array(0 if axes.weights == "int8" else 129, axes.weights),
        "weight_scale": scales(axes.id, pool=ODD_MULTIPLES),
    }
    return model(nodes, inputs, {"product": (np.float32, [shape[0], UNITS])}, constants, opset=axes.opset)


def _inputs(axes: Dynamic, point: ShapePoint) -> Mapping[str, Array]:
    shape: Shape = point.shapes["x"]
    key = f"{axes.id}/{point.name}/x"
    if axes.values == "uniform":
        x = floats(key, shape, limit=UNIFORM_LIMIT, step=2.0**-10)
        x[0, :2] = UNIFORM_LIMIT, -UNIFORM_LIMIT
        return {"x": x}
    low, high = RANGES[axes.values]
    x = integers(key, shape, 2 * low, 2 * high) * (STEP / 2)
    x[0, :2] = high * STEP, low * STEP
    return {"x": x.astype(np.float32)}
