"""QuantizeLinear and DequantizeLinear that ONNX does not allow: parameters, types and attributes that do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from cases.case import Array, Case, Shape
from cases.model import dtype_named, onnx_type
from cases.quantization.fault import Single, changed, fault
from cases.quantization.linear_axes import DEQUANTIZE, QUANTIZE

SHAPE: Shape = (2, 3, 8, 5)
BLOCKED: Shape = (6, 128)
# dtype -> the highest version of the schemas that lacks it
TOO_OLD = {"float8e4m3fn": 13, "int16": 19, "int4": 19, "uint4": 19, "float4e2m1": 21, "int2": 24, "float6e2m3": 25}


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for op in (QUANTIZE, DEQUANTIZE):
        for opset in (13, 21):
            yield from _parameters(op, opset)
        yield from _types(op)
        yield from _blocks(op)
        yield from _attributes(op)
    yield from _quantize_only()


def _linear(op: str, dtype: str, opset: int, shape: Shape, parameter_shape: Shape, **attributes: Any) -> Single:
    kinds = ("float", dtype) if op == QUANTIZE else (dtype, "float")
    return Single(
        op=op,
        dtype=dtype,
        opset=opset,
        x=(kinds[0], shape),
        y=(kinds[1], shape),
        operands={"scale": _scale(*parameter_shape), "zero_point": _zero(dtype, *parameter_shape)},
        attributes=attributes,
    )


def _scale(*shape: int, kind: str = "float") -> Array:
    return np.full(shape, 0.5, dtype_named(kind))


def _zero(kind: str, *shape: int) -> Array:
    return np.zeros(shape, dtype_named(kind))


def _parameters(op: str, opset: int) -> Iterator[Case]:
    tensor = _linear(op, "int8", opset, SHAPE, ())
    axis = _linear(op, "int8", opset, SHAPE, (3,), axis=1)
    yield fault(
        "scale_length",
        "4 scales for an axis of length 3",
        changed(axis, operands={"scale": _scale(4), "zero_point": _zero("int8", 4)}),
    )
    yield fault("scale_empty", "no scale", changed(axis, operands={"scale": _scale(0), "zero_point": _zero("int8", 0)}))
    yield fault(
        "zero_point_length", "3 scales with 2 zero points", changed(axis, operands={"zero_point": _zero("int8", 2)})
    )
    yield fault(
        "zero_point_vector", "one scale with 3 zero points", changed(tensor, operands={"zero_point": _zero("int8", 3)})
    )
    yield fault(
        "scale_matrix",
        "a scale of rank 2 without blocks",
        changed(axis, operands={"scale": _scale(2, 3), "zero_point": _zero("int8", 2, 3)}),
    )
    yield fault(
        "scale_shape_of_x",
        "a scale for each element, which without blocks has no meaning",
        changed(axis, operands={"scale": _scale(*SHAPE), "zero_point": _zero("int8", *SHAPE)}),
    )
    yield fault("axis_too_large", "axis 4 of a tensor of rank 4", changed(axis, attributes={"axis": 4}))
    yield fault("axis_too_small", "axis -5 of a tensor of rank 4", changed(axis, attributes={"axis": -5}))
    yield fault("no_scale", "the scale is missing", changed(tensor, operands={"scale": None, "zero_point": None}))
    yield fault("undefined_input", "its input is made by nothing", changed(tensor, source="nothing"))


def _types(op: str) -> Iterator[Case]:
    tensor = _linear(op, "int8", 13, SHAPE, ())
    for kind in ("double", "int8", "int64"):
        yield fault(
            f"scale_{kind}", f"a scale of {kind}", changed(tensor, operands={"scale": np.array(1, dtype_named(kind))})
        )
    yield fault("scale_float16", "a float16 scale", changed(tensor, operands={"scale": _scale(kind="float16")}))
    wrong = ("double", "int64", "bool") if op == QUANTIZE else ("float", "int64", "bool")
    for kind in wrong:
        yield fault(f"x_{kind}", f"an input of {kind}", changed(tensor, x=(kind, SHAPE)))
    yield fault("zero_point_float", "a zero point of float", changed(tensor, operands={"zero_point": _zero("float")}))
    kind = "uint8"
    words = "the output is declared as int8" if op == QUANTIZE else "the input is int8"
    yield fault(
        "zero_point_type",
        f"a zero point of {kind} where {words}",
        changed(tensor, operands={"zero_point": _zero(kind)}),
    )
    yield fault("output_type", "the output is declared as int64", changed(tensor, y=("int64", SHAPE)))
    yield fault("output_shape", "the output is declared with another shape", changed(tensor, y=(tensor.y[0], (2, 3))))
    for dtype, opset in TOO_OLD.items():
        too_new = _linear(op, dtype, opset, SHAPE, ())
        yield fault("type_too_new", f"{dtype} is not a type of opset {opset}", too_new)


def _blocks(op: str) -> Iterator[Case]:
    blocked = _linear(op, "int8", 21, BLOCKED, (6, 4), axis=1, block_size=32)
    four_bits = _linear(op, "int4", 21, BLOCKED, (6, 4), axis=1, block_size=32)
    for dtype, base in (("int8", blocked), ("int4", four_bits)):
        for word, why, shape in (
            ("block_count", "3 scales for 4 blocks", (6, 3)),
            ("block_count_too_large", "5 scales for 4 blocks", (6, 5)),
            ("two_blocked_axes", "blocks along two axes", (3, 4)),
            ("block_scale_vector", "blocks with a scale of rank 1", (4,)),
            ("block_scale_rank", "a scale of rank 3 for a tensor of rank 2", (1, 6, 4)),
        ):
            broken = changed(base, operands={"scale": _scale(*shape), "zero_point": _zero(dtype, *shape)})
            yield fault(word, why, broken)
        wrong_axis = changed(base, attributes={"axis": 0, "block_size": 32})
        yield fault("block_axis", "blocks along the other axis", wrong_axis)
    for word, size in (("negative", -32), ("too_large", 256), ("not_dividing", 48)):
        yield fault(
            f"block_size_{word}",
            f"blocks of {size} where the scale says 4 blocks of 128",
            changed(blocked, attributes={"axis": 1, "block_size": size}),
        )
    yield fault("block_axis_too_large", "axis 2 of rank 2", changed(blocked, attributes={"axis": 2, "block_size": 32}))
    short = changed(blocked, operands={"zero_point": _zero("int8", 6, 3)})
    yield fault("block_zero_point", "the zero point has another shape than the scale", short)
    for opset in (13, 19):
        yield fault("block_size_too_new", f"opset {opset} has no blocks", changed(blocked, opset=opset))


def _attributes(op: str) -> Iterator[Case]:
    tensor = _linear(op, "int8", 13, SHAPE, ())
    yield fault(
        "attribute_unknown", "an attribute that the operator does not have", changed(tensor, attributes={"n": 1})
    )
    yield fault("axis_float", "the axis is a float", changed(tensor, attributes={"axis": 1.5}))
    int8 = onnx_type(np.int8)
    kind = onnx_type(np.float32) if op == DEQUANTIZE else int8
    yield fault(
        "output_dtype_too_new", "opset 13 has no output_dtype", changed(tensor, attributes={"output_dtype": kind})
    )
    wrong = changed(tensor, opset=23, attributes={"output_dtype": onnx_type(np.int64)}, y=("int64", SHAPE))
    yield fault("output_dtype_int64", "an output_dtype that no schema allows", wrong)
    missing = changed(tensor, opset=23, attributes={"output_dtype": 99})
    yield fault("output_dtype_unknown", "an output_dtype that does not exist", missing)


def _quantize_only() -> Iterator[Case]:
    tensor = _linear(QUANTIZE, "int8", 21, SHAPE, ())
    unlike = changed(tensor, attributes={"output_dtype": onnx_type(np.uint8)})
    yield fault("output_dtype_conflict", "output_dtype is uint8, the zero point is int8", unlike)
    yield fault("saturate_too_new", "opset 13 has no saturate", changed(tensor, opset=13, attributes={"saturate": 1}))
    precision = {"precision": onnx_type(np.float32)}
    yield fault("precision_too_new", "opset 21 has no precision", changed(tensor, attributes=precision))
    absent = changed(tensor, opset=13, operands={"zero_point": None})
    yield fault("int8_undeclared", "without a zero point the output is uint8, and int8 is declared", absent)
