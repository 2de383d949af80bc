"""What quantizers make of Conv, MatMul and Gemm: Q/DQ before each operand, or a weight that is only stored small.

Activations are quantized by a power of two and weights by odd multiples of one, and their codes have few bits, so every
sum is exact in float32 in whatever order it is taken, and in int32. A runtime may still choose a convolution that adds
rounded terms (Winograd), so a float result may be off by the usual bound for a dot product of K terms,
K * 2**-24 * sum |a||b|. A result that is quantized again may not: its scale is an odd multiple of the product of the
other two, which leaves no sum near a tie.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import onnx

from cases.case import EXACT, Array, Case, Shape, ShapePoint, Tolerance
from cases.inputs import between, floats, integers, is_integer, representable, saturating, spread, ties
from cases.model import dtype_named, lowest_ir_version, model, node
from cases.quantization import extents
from cases.quantization.extents import Dims
from cases.quantization.parameters import ODD_MULTIPLES, scales, small_weights, zero_points

X_SCALE = {"int8": 2.0**-4, "uint8": 2.0**-4, "float8e4m3fn": 1.0}
FLOAT_LIMIT = 4.0  # of an activation that is not quantized to integers: sums of products stay exact
OUTPUT_STEPS = 301  # the scale of a quantized output, in units of the exact product: odd, hence no tie
BIAS_STEPS = 3000  # the largest bias, in the same units
BLOCK = 32
LARGEST = {"int8": 128, "uint8": 255, "float8e4m3fn": 4, "int4": 8}  # distance of a code from the zero point
OPSETS = {"int8": 13, "uint8": 13, "float8e4m3fn": 19, "int4": 21}


@dataclass(frozen=True, kw_only=True)
class Operator:
    """An operator that gets quantized; ``x`` and ``y`` are dimensions, the weight's channels are at ``axis``."""

    name: str
    op: str
    x: Dims
    weight: Shape
    y: Dims
    axis: int
    terms: int  # of one dot product
    bias: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)


CONV = Operator(
    name="conv",
    op="Conv",
    x=("batch", 3, "height", "width"),
    weight=(4, 3, 3, 3),
    y=("batch", 4, "height", "width"),
    axis=0,
    terms=27,
    bias=True,
    attributes={"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]},
)
MATMUL = Operator(
    name="matmul",
    op="MatMul",
    x=("batch", "sequence", 64),
    weight=(64, 6),
    y=("batch", "sequence", 6),
    axis=1,
    terms=64,
)
GEMM = Operator(
    name="gemm",
    op="Gemm",
    x=("batch", 64),
    weight=(6, 64),
    y=("batch", 6),
    axis=0,
    terms=64,
    bias=True,
    attributes={"transB": 1},
)


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """One combination of axes; the granularity is that of the weight."""

    kind: str  # "qdq" or "weight_only"
    operator: Operator
    x_type: str = "int8"
    weight_type: str = "int8"
    granularity: str = "per_tensor"
    zero_point: str = "zp_zero"
    output: str = ""  # "quantized": Q/DQ behind the operator as well
    activations: bool = False  # both operands are activations
    extent: str = extents.STATIC

    @property
    def types(self) -> tuple[str, ...]:
        if self.kind == "weight_only":
            return (self.weight_type,)
        return tuple(dict.fromkeys((self.x_type, self.weight_type)))

    @property
    def opset(self) -> int:
        return max(OPSETS[name] for name in self.types)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(filter(None, ("activations" if self.activations else "", self.output and f"output_{self.output}")))

    @property
    def id(self) -> str:
        axes = (f"{self.kind}_{self.operator.name}", "_".join(self.types), self.granularity, f"opset{self.opset}")
        return "-".join((*axes, self.zero_point, *self.words, self.extent))


def cases() -> Iterator[Case]:
    """Yield each pattern with static shapes, with a dynamic batch, and with dynamic height and width or sequence."""
    for pattern in _patterns():
        for extent in extents.kinds_of(pattern.operator.x):
            yield _case(replace(pattern, extent=extent))


def _patterns() -> Iterator[Pattern]:
    for operator in (CONV, MATMUL, GEMM):
        yield Pattern(kind="qdq", operator=operator)
        yield Pattern(kind="qdq", operator=operator, granularity="per_axis")
        yield Pattern(kind="qdq", operator=operator, output="quantized")
        yield Pattern(kind="qdq", operator=operator, x_type="uint8", zero_point="zp_nonzero")
        yield Pattern(kind="qdq", operator=operator, x_type="float8e4m3fn", weight_type="float8e4m3fn")
    yield Pattern(kind="qdq", operator=MATMUL, activations=True)
    yield Pattern(kind="qdq", operator=MATMUL, weight_type="int4")
    yield Pattern(kind="weight_only", operator=MATMUL, granularity="per_axis")
    yield Pattern(kind="weight_only", operator=MATMUL, weight_type="int4", granularity="per_axis")
    yield Pattern(kind="weight_only", operator=MATMUL, weight_type="int4", granularity="blocked")
    yield Pattern(kind="weight_only", operator=MATMUL, weight_type="float8e4m3fn")


def _case(axes: Pattern) -> Case:
    operator = axes.operator
    inputs: dict[str, Dims] = {"x": operator.x, **({"w": ("batch", *operator.weight)} if axes.activations else {})}
    points = extents.points(axes.extent, inputs)
    op = f"{'QDQ' if axes.kind == 'qdq' else 'Weight-only'} {operator.op}"
    words = (
        axes.kind,
        operator.name,
        *axes.types,
        axes.granularity,
        f"opset{axes.opset}",
        axes.zero_point,
        *axes.words,
    )
    return Case(
        id=axes.id,
        family="quantization",
        op=op,
        opset=axes.opset,
        ir_version=lowest_ir_version(axes.opset),
        summary=f"{op}, {'/'.join(axes.types)}, {axes.granularity.replace('_', '-')} {' '.join(axes.words)}".rstrip(),
        build=partial(_build, axes),
        inputs=partial(_inputs, axes),
        points=points,
        profiles=extents.profiles(points),
        tags=frozenset({*words, axes.extent}),
        tolerance=EXACT if axes.output else _dot_product(axes),
    )


def _dot_product(axes: Pattern) -> Tolerance:
    """Return K * 2**-24 * sum |a||b|, with the largest code and scale that each operand can have."""
    terms = axes.operator.terms
    x = LARGEST[axes.x_type] * X_SCALE[axes.x_type] if axes.kind == "qdq" else FLOAT_LIMIT
    weight = LARGEST[axes.weight_type] * float(ODD_MULTIPLES.max())
    return Tolerance(absolute=terms * 2.0**-24 * terms * x * weight)


def _build(axes: Pattern) -> onnx.ModelProto:
    operator = axes.operator
    inputs = {"x": (np.float32, extents.dims(axes.extent, operator.x))}
    constants: dict[str, Array] = {}
    nodes = []
    operands = ["x"]
    if axes.kind == "qdq":
        nodes += _quantize_dequantize("x", *_x_parameters(axes), constants)
        operands = ["x_dequantized"]
    if axes.activations:
        inputs["w"] = (np.float32, extents.dims(axes.extent, ("batch", *operator.weight)))
        nodes += _quantize_dequantize("w", _weight_scale(axes), np.array(0, dtype_named(axes.weight_type)), constants)
    else:
        nodes.append(_dequantize_weight(axes, constants))
    operands.append("w_dequantized")
    if operator.bias:
        constants["bias"] = _bias(axes)
        operands.append("bias")
    result = "sums" if axes.output else "y"
    nodes.append(node(operator.op, operands, [result], **operator.attributes))
    if axes.output:
        scale = np.float32(OUTPUT_STEPS) * _unit(axes)
        nodes += _quantize_dequantize("sums", scale, np.array(0, dtype_named(axes.x_type)), constants, target="y")
    return model(nodes, inputs, {"y": (np.float32, extents.dims(axes.extent, operator.y))}, constants, opset=axes.opset)


def _quantize_dequantize(
    name: str, scale: Array, zero_point: Array, constants: dict[str, Array], *, target: str = ""
) -> list[onnx.NodeProto]:
    constants |= {f"{name}_scale": scale, f"{name}_zero_point": zero_point}
    parameters = [f"{name}_scale", f"{name}_zero_point"]
    return [
        node("QuantizeLinear", [name, *parameters], [f"{name}_quantized"]),
        node("DequantizeLinear", [f"{name}_quantized", *parameters], [target or f"{name}_dequantized"]),
    ]


def _dequantize_weight(axes: Pattern, constants: dict[str, Array]) -> onnx.NodeProto:
    dtype = dtype_named(axes.weight_type)
    scale = _weight_scale(axes)
    constants |= {
        "w_quantized": small_weights(axes.id, dtype, axes.operator.weight),
        "w_scale": scale,
        "w_zero_point": np.zeros(scale.shape, dtype),
    }
    attributes = {
        "per_tensor": {},
        "per_axis": {"axis": axes.operator.axis},
        "blocked": {"axis": 0, "block_size": BLOCK},
    }[axes.granularity]
    return node("DequantizeLinear", ["w_quantized", "w_scale", "w_zero_point"], ["w_dequantized"], **attributes)


def _x_parameters(axes: Pattern) -> tuple[Array, Array]:
    dtype = dtype_named(axes.x_type)
    zero_point = zero_points(f"{axes.id}/x", dtype, zero=axes.zero_point == "zp_zero")
    return np.array(X_SCALE[axes.x_type], np.float32), zero_point


def _weight_scale(axes: Pattern) -> Array:
    weight = axes.operator.weight
    shapes: dict[str, Shape] = {
        "per_tensor": (),
        "per_axis": (weight[axes.operator.axis],),
        "blocked": (weight[0] // BLOCK, *weight[1:]),
    }
    return scales(f"{axes.id}/w", shapes[axes.granularity], pool=ODD_MULTIPLES)


def _unit(axes: Pattern) -> Array:
    """Return what one step of x times one step of the weight is worth: a scalar, or one number for each channel."""
    return np.asarray(np.float32(X_SCALE[axes.x_type]) * _weight_scale(axes))


def _bias(axes: Pattern) -> Array:
    channels = axes.operator.weight[axes.operator.axis]
    steps = integers(f"{axes.id}/bias", (channels,), -BIAS_STEPS, BIAS_STEPS)
    return np.asarray(steps * _unit(axes), np.float32)


def _inputs(axes: Pattern, point: ShapePoint) -> Mapping[str, Array]:
    parameters = {"x": (axes.x_type, *_x_parameters(axes))}
    if axes.activations:
        parameters["w"] = (axes.weight_type, _weight_scale(axes), np.array(0))
    return {
        name: _activation(f"{axes.id}/{point.name}/{name}", axes.kind, *parameters[name], shape)
        for name, shape in point.shapes.items()
    }


def _activation(key: str, kind: str, type_name: str, scale: Array, zero_point: Array, shape: Shape) -> Array:
    """Return an input: multiples of 1/32, or where it is quantized to integers, every code, ties and values beyond."""
    dtype = dtype_named(type_name)
    if kind != "qdq" or not is_integer(dtype):
        return floats(key, shape, limit=FLOAT_LIMIT, step=2.0**-5)
    steps = np.concatenate([representable(dtype), between(dtype, 0.25), ties(dtype), saturating(dtype)])
    return ((spread(key, steps, shape) - zero_point.astype(np.float64)) * scale).astype(np.float32)
