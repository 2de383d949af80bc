"""A float network with Q/DQ in it, as quantizers write them, and the case that it becomes.

Scales of activations are powers of two and those of weights small odd multiples of one, so what is dequantized, and
sums of products of it, are exact in float32 in whatever order they are taken. A result is quantized again with three
times the unit of what it is made of: a sum of units divided by three is never a tie, so it comes out the same wherever
it is rounded. Only behind a function that is itself rounded (softmax, sqrt, erf) may a code be one step off, and the
patterns that have one say what that makes of their result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from cases.case import EXACT, Array, Case, Shape, ShapePoint, Tolerance
from cases.inputs import between, floats, integers, is_integer, representable, saturating, spread, ties
from cases.model import Dim, dtype_named, lowest_ir_version, model, node
from cases.quantization import extents
from cases.quantization.extents import Dims
from cases.quantization.parameters import scales, small_weights

X_SCALE = 2.0**-4
FLOAT8_SCALE = 1.0
WEIGHT_SCALES = np.outer([3, 5, 7], 2.0 ** np.arange(-8, -5)).reshape(-1)
LOWEST = {  # opset with the type
    "int8": 13,
    "uint8": 13,
    "float8e4m3fn": 19,
    "int4": 21,
    "uint4": 21,
    "int2": 25,
    "uint2": 25,
}
UINT8_ZERO_POINT = 131  # odd; those of all other types are 0
FORMS = {"qdq": "QDQ", "weight_only": "Weight-only"}
FLOAT_LIMIT = 4.0  # of an input that is quantized to float8


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """One pattern for one type; ``write`` adds its nodes and returns the name of what they compute.

    ``inputs`` and ``output`` are the dimensions of float tensors, some of them names.
    """

    name: str
    op: str
    inputs: Mapping[str, Dims]
    output: Dims
    write: Callable[[Network], str]
    dtype: str = "int8"
    granularity: str = "per_tensor"
    opset: int = 13
    kind: str = extents.STATIC
    words: tuple[str, ...] = ()
    output_scale: float = 0.0  # of Q/DQ behind the pattern; none if 0
    tolerance: Tolerance = EXACT
    real: str = "float"
    form: str = "qdq"  # or "weight_only": inputs stay float, and have few bits
    quantized_input: bool = False  # DQ without Q where the graph begins
    quantized_output: bool = False  # Q without DQ where it ends
    block: int = 0  # of a weight's scales, along the axis of the dot product

    @property
    def lowest_opset(self) -> int:
        return max(self.opset, LOWEST[self.dtype])

    @property
    def id(self) -> str:
        quantized = ("output_quantized",) if self.output_scale else ()
        axes = (f"{self.form}_{self.name}", self.dtype, self.granularity, f"opset{self.lowest_opset}")
        return "-".join((*axes, *self.words, *quantized, self.kind))

    def case(self) -> Case:
        """Return the case."""
        points = extents.points(self.kind, self.inputs)
        words = (self.name, self.dtype, self.granularity, *self.words, f"opset{self.lowest_opset}", self.kind)
        return Case(
            id=self.id,
            family="quantization",
            op=f"{FORMS[self.form]} {self.op}",
            opset=self.lowest_opset,
            ir_version=lowest_ir_version(self.lowest_opset),
            summary=", ".join(
                (
                    f"{FORMS[self.form]} {self.name.replace('_', ' ')}",
                    self.dtype,
                    self.granularity.replace("_", "-"),
                    *(word.replace("_", " ") for word in self.words),
                )
            ),
            build=partial(_build, self),
            inputs=partial(_inputs, self),
            points=points,
            profiles=extents.profiles(points),
            tags=frozenset({*words, self.form, *(["output_quantized"] if self.output_scale else [])}),
            tolerance=self.tolerance,
        )


@dataclass(kw_only=True)
class Network:
    """A graph in the making."""

    pattern: Pattern
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.pattern.id

    @property
    def opset(self) -> int:
        return self.pattern.lowest_opset

    @property
    def real(self) -> np.dtype[Any]:
        return dtype_named(self.pattern.real)

    def add(self, op: str, operands: list[str], result: str, **attributes: Any) -> str:
        """Add a node and return its result's name."""
        self.nodes.append(node(op, operands, [result], **attributes))
        return result

    def constant(self, name: str, array: npt.ArrayLike) -> str:
        """Add an initializer; floats of 64 bits become those of the network."""
        found = np.asarray(array)
        self.constants[name] = found.astype(self.real) if found.dtype == np.float64 else found
        return name

    def shape(self, name: str, *sizes: int) -> str:
        """Add a constant shape."""
        return self.constant(name, np.array(sizes, np.int64))

    def activation(self, name: str, scale: float = 0.0) -> str:
        """Add Q/DQ behind ``name`` and return what is dequantized."""
        if self.pattern.form == "weight_only":
            return name
        self.constant(f"{name}_scale", float(scale or activation_scale(self.pattern.dtype)))
        zero = np.array(zero_point(self.pattern.dtype), dtype_named(self.pattern.dtype))
        self.constant(f"{name}_zero_point", zero)
        return self.round_trip(name, [f"{name}_scale", f"{name}_zero_point"])

    def round_trip(self, name: str, parameters: list[str], **attributes: Any) -> str:
        """Add Q/DQ with the parameters of that name."""
        given = self.pattern.quantized_input and name in self.pattern.inputs
        quantized = (
            name if given else self.add("QuantizeLinear", [name, *parameters], f"{name}_quantized", **attributes)
        )
        return self.add("DequantizeLinear", [quantized, *parameters], f"{name}_dequantized", **attributes)

    def weight(self, name: str, shape: Shape, axis: int, factor: float = 1.0) -> str:
        """Add a weight as codes with a DequantizeLinear, its scale per tensor or along ``axis``; return its name."""
        dtype = dtype_named("int8" if self.pattern.dtype == "uint8" else self.pattern.dtype)
        per_axis = self.pattern.granularity == "per_axis"
        scale_shape: Shape = (shape[axis],) if per_axis else ()
        attributes: dict[str, Any] = {"axis": axis} if per_axis else {}
        if self.pattern.block:
            blocked = 1 - axis  # of a matrix: the axis of the dot product
            scale_shape = tuple(size // (self.pattern.block if i == blocked else 1) for i, size in enumerate(shape))
            attributes = {"axis": blocked, "block_size": self.pattern.block}
        scale = scales(f"{self.key}/{name}", scale_shape, pool=WEIGHT_SCALES * factor)
        self.constant(f"{name}_codes", small_weights(f"{self.key}/{name}", dtype, shape))
        self.constant(f"{name}_scale", scale.astype(self.real))
        self.constant(f"{name}_zero_point", np.zeros(scale.shape, dtype))
        operands = [f"{name}_{part}" for part in ("codes", "scale", "zero_point")]
        return self.add("DequantizeLinear", operands, name, **attributes)

    def bias(self, name: str, units: int, weight: str) -> str:
        """Add a float bias of multiples of the unit of the sums: scale of the input times scale of the weight."""
        steps = 100 if self.pattern.dtype == "float8e4m3fn" else 2000
        unit = self.constants[f"{weight}_scale"].astype(np.float64) * activation_scale(self.pattern.dtype)
        return self.constant(name, integers(f"{self.key}/{name}", (units,), -steps, steps) * np.resize(unit, units))


def zero_point(dtype: str) -> int:
    """Return the zero point of an activation."""
    return UINT8_ZERO_POINT if dtype == "uint8" else 0


def activation_scale(dtype: str) -> float:
    """Return the scale of an input."""
    return FLOAT8_SCALE if dtype == "float8e4m3fn" else X_SCALE


def largest(dtype: str) -> float:
    """Return the largest absolute value of an input that is quantized and dequantized."""
    return FLOAT_LIMIT if dtype == "float8e4m3fn" else 131 * X_SCALE


def dot_product(terms: int, dtype: str, factor: float = 1.0) -> Tolerance:
    """Return K * 2**-24 * sum |a||b| for K terms, with the largest input and the largest weight that there can be.

    The sums are exact; the bound is for runtimes that choose a way to convolve which adds rounded terms (Winograd).
    """
    weight = (4.0 if dtype == "float8e4m3fn" else 64.0) * float(WEIGHT_SCALES.max()) * factor
    return Tolerance(absolute=terms * 2.0**-24 * terms * largest(dtype) * weight)


def _build(axes: Pattern) -> onnx.ModelProto:
    network = Network(pattern=axes)
    small = dtype_named(axes.dtype)
    result = axes.write(network)
    if axes.output_scale:
        result = network.activation(result, axes.output_scale)
    if axes.quantized_output:
        result = network.nodes.pop().input[0]
    renamed = [_renamed(each, result) for each in network.nodes]
    return model(
        renamed,
        {
            name: (small if axes.quantized_input else network.real, extents.dims(axes.kind, shape))
            for name, shape in axes.inputs.items()
        },
        {"y": (small if axes.quantized_output else network.real, _declared(axes))},
        network.constants,
        opset=axes.lowest_opset,
    )


def _renamed(each: onnx.NodeProto, result: str) -> onnx.NodeProto:
    """Call the graph's output y."""
    for names in (each.input, each.output):
        names[:] = ["y" if name == result else name for name in names]
    return each


def _declared(axes: Pattern) -> list[Dim]:
    """Return the output's dimensions; one that is written as an expression ("2*height") is a number or anonymous."""
    free = extents.FREE[axes.kind]
    found: list[Dim] = []
    for dim in axes.output:
        factor, _, name = dim.rpartition("*") if isinstance(dim, str) else ("", "", "")
        if not factor:
            found += extents.dims(axes.kind, [dim])
        else:
            found.append(f"{name}_times_{factor}" if name in free else int(factor) * extents.SIZES[name]["static"])
    return found


def _inputs(axes: Pattern, point: ShapePoint) -> Mapping[str, Array]:
    return {name: _input(axes, f"{axes.id}/{point.name}/{name}", shape) for name, shape in point.shapes.items()}


def _input(axes: Pattern, key: str, shape: Shape) -> Array:
    kind = dtype_named(axes.dtype)
    if axes.form == "weight_only":
        return floats(key, shape, limit=FLOAT_LIMIT, step=2.0**-5, dtype=dtype_named(axes.real))
    if axes.quantized_input:
        return spread(key, representable(kind), shape).astype(kind)
    return activations(key, axes.dtype, shape).astype(dtype_named(axes.real))


def activations(key: str, dtype: str, shape: Shape) -> Array:
    """Return an input: every code, quarters and ties between them, and values beyond; for float8 multiples of 1/32."""
    kind = dtype_named(dtype)
    if not is_integer(kind):
        return floats(key, shape, limit=FLOAT_LIMIT, step=2.0**-5)
    steps = np.concatenate([representable(kind), between(kind, 0.25), ties(kind), saturating(kind)])
    return ((spread(key, steps, shape) - zero_point(dtype)) * X_SCALE).astype(np.float32)
