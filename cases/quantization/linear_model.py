"""The model and the inputs of a combination of axes of QuantizeLinear or DequantizeLinear.

Every result is exact. Scales have at most four significant bits, so ``code * scale`` has no rounding in float32, and
IEEE division gives the code back unrounded; ties are ties. Where another float type takes part, scales are powers of
two: quotient and product are then as exact as the operands, and what a result loses in a type with few bits it loses in
one rounding, whatever the order of the operations. The tolerance is therefore zero steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import onnx

from cases.case import EXACT, Array, Case, Shape, ShapePoint
from cases.inputs import floats, is_integer, spread
from cases.model import dtype_named, lowest_ir_version, model, node
from cases.quantization.batch import static_point
from cases.quantization.linear_axes import LEVELS, QUANTIZE, Linear
from cases.quantization.linear_steps import special_codes, steps
from cases.quantization.parameters import expand

ZERO_POINT_WORDS = {"zp_absent": "no zero point", "zp_zero": "zero point 0", "zp_nonzero": "an odd zero point"}
REDUCE_AXES_INPUT_OPSET = 18  # ReduceMax takes its axes as an input from here on
LARGEST = 2.0**15  # what a number with a step of 2**-6 may be in float16, half of the largest one it has
PRECISION_NUDGE = 2.0**-13  # of a step: lost in float16 and bfloat16, kept in float32
UNDEFINED = "ONNX does not say which integer NaN becomes; there is no answer to compare with"


def linear_case(axes: Linear) -> Case:
    """Return the case of ``axes``."""
    what = "".join(f", {word.replace('_', ' ')}" for word in axes.words)
    granularity = axes.granularity.replace("_", "-")
    words = (axes.op.lower(), axes.dtype, axes.granularity, f"opset{axes.opset}", axes.zero_point, *axes.words)
    return Case(
        id=axes.id,
        family="quantization",
        op=axes.op,
        opset=axes.opset,
        ir_version=lowest_ir_version(axes.opset),
        summary=f"{axes.op} {axes.dtype}, {granularity}, {ZERO_POINT_WORDS[axes.zero_point]}{what}",
        build=partial(_build, axes),
        inputs=partial(_inputs, axes),
        points=static_point(_input_shapes(axes)),
        tags=frozenset({*words, "static"}),
        tolerance=EXACT,
        no_reference=UNDEFINED if _is_undefined(axes) else "",
    )


def _is_undefined(axes: Linear) -> bool:
    return axes.op == QUANTIZE and axes.values == "nan" and is_integer(dtype_named(axes.dtype))


def _input_shapes(axes: Linear) -> dict[str, Shape]:
    shapes = {"x": axes.shape}
    if axes.scale == "scale_input":
        shapes["scale"] = axes.parameter_shape
    if axes.scale == "scale_computed" and axes.op != QUANTIZE:
        shapes["measured"] = axes.shape
    return shapes


def _build(axes: Linear) -> onnx.ModelProto:
    dtype, scale_type = dtype_named(axes.dtype), dtype_named(axes.scale_type)
    result = dtype if axes.op == QUANTIZE else dtype_named(axes.result_type)
    inputs = {"x": (_x_type(axes), axes.shape)}
    constants: dict[str, Array] = {}
    nodes: list[onnx.NodeProto] = []
    if axes.scale == "scale_input":
        inputs["scale"] = (scale_type, axes.parameter_shape)
    elif axes.scale == "scale_computed":
        if axes.op != QUANTIZE:
            inputs["measured"] = (scale_type, axes.shape)
        nodes += _measure_scale(axes, "x" if axes.op == QUANTIZE else "measured", constants)
    else:
        constants["scale"] = axes.scales()
    operands = ["codes" if axes.operand else "x", "scale"]
    if axes.zero_point != "zp_absent":
        constants["zero_point"] = axes.zeros()
        operands.append("zero_point")
    nodes.append(node(axes.op, operands, ["weight" if axes.operand else "y"], **axes.attributes()))
    if axes.operand:
        constants["codes"] = _codes(axes)
        nodes.append(node("Add", ["x", "weight"], ["y"]))
    return model(nodes, inputs, {"y": (result, axes.shape)}, constants, opset=axes.opset)


def _x_type(axes: Linear) -> np.dtype[np.generic]:
    if axes.operand:
        return dtype_named(axes.result_type)
    return dtype_named(axes.input_type if axes.op == QUANTIZE else axes.dtype)


def _measure_scale(axes: Linear, source: str, constants: dict[str, Array]) -> list[onnx.NodeProto]:
    """Return nodes that compute the scale as the largest magnitude over the number of levels."""
    constants["levels"] = np.array(LEVELS[axes.dtype], dtype_named(axes.scale_type))
    nodes = [node("Abs", [source], ["magnitudes"])]
    over, reduced = "magnitudes", [index for index in range(len(axes.shape)) if index != axes.axis_number]
    if axes.granularity == "per_tensor":
        reduced = list(range(len(axes.shape)))
    if axes.granularity == "blocked":
        constants["blocks"] = np.array([*axes.parameter_shape, axes.block], np.int64)
        nodes.append(node("Reshape", [over, "blocks"], ["blocked"]))
        over, reduced = "blocked", [len(axes.shape)]
    if axes.opset < REDUCE_AXES_INPUT_OPSET:
        nodes.append(node("ReduceMax", [over], ["largest"], axes=reduced, keepdims=0))
    else:
        constants["reduced"] = np.array(reduced, np.int64)
        nodes.append(node("ReduceMax", [over, "reduced"], ["largest"], keepdims=0))
    return [*nodes, node("Div", ["largest", "levels"], ["scale"])]


def _inputs(axes: Linear, _point: ShapePoint) -> Mapping[str, Array]:
    found = {"x": _x(axes)}
    if axes.scale == "scale_input":
        found["scale"] = axes.scales()
    if axes.scale == "scale_computed" and axes.op != QUANTIZE:
        measured = np.zeros(axes.shape)
        _set_peaks(axes, measured)
        found["measured"] = measured.astype(dtype_named(axes.scale_type))
    return found


def _x(axes: Linear) -> Array:
    if axes.operand:
        return floats(f"{axes.id}/x", axes.shape, dtype=dtype_named(axes.result_type))
    if axes.op != QUANTIZE:
        return _codes(axes)
    pool = steps(axes.dtype, axes.values)
    if axes.scale_type == "int32":
        pool = np.unique(np.rint(pool))  # whole multiples: ONNX does not say how int32 is divided, and they do not care
    elif axes.x_type == "int32":
        pool = np.unique(np.rint(2 * pool) / 2)  # a whole number of half steps, the scales being even
    chosen = spread(f"{axes.id}/x", pool, axes.shape)
    if axes.precision:
        chosen = chosen + PRECISION_NUDGE * np.where(np.abs(chosen) % 1 == 0.5, 1, 0)
    scale, zero = (_expand(each, axes) for each in (axes.scales(), axes.zeros()))
    if "float16" in (axes.input_type, axes.scale_type, axes.precision):
        chosen = np.clip(chosen, -LARGEST, LARGEST)
    if axes.scale == "scale_computed":
        x = np.clip(chosen, -LEVELS[axes.dtype], LEVELS[axes.dtype]) * scale
        _set_peaks(axes, x)
    elif axes.values == "zeros":  # which become the zero point, whatever it is
        x = chosen * scale
    else:
        x = (chosen - zero) * scale
    return x.astype(dtype_named(axes.input_type))


def _expand(parameter: Array, axes: Linear) -> Array:
    return expand(parameter, axes.shape, axis=axes.axis_number, block=axes.block_size)


def _set_peaks(axes: Linear, x: Array) -> None:
    """Give each group that shares a scale one element whose magnitude makes the computed scale the wanted one."""
    peaks = LEVELS[axes.dtype] * _expand(axes.scales(), axes)
    first: list[slice] = [slice(0, 1)] * x.ndim
    if axes.granularity == "blocked":
        first = [slice(None)] * x.ndim
        first[axes.axis_number] = slice(0, None, axes.block)
    elif axes.granularity == "per_axis":
        first[axes.axis_number] = slice(None)
    x[tuple(first)] = np.broadcast_to(peaks, x.shape)[tuple(first)]


def _codes(axes: Linear) -> Array:
    return spread(f"{axes.id}/codes", special_codes(axes.dtype, axes.values), axes.shape)
