"""DynamicQuantizeLinear and the integer products and convolutions that ONNX does not allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from cases.case import Array, Case, Shape
from cases.quantization.fault import Single, changed, fault

PRODUCT_X, PRODUCT_W, PRODUCT_Y = (2, 5, 16), (16, 6), (2, 5, 6)
CONV_X, CONV_W, CONV_Y = (2, 3, 7, 6), (4, 3, 3, 2), (2, 4, 5, 5)
KERNEL: dict[str, Any] = {"kernel_shape": [3, 2]}
# The same fault of every convolution: its word, what it is, and the attributes with it.
CONV_ATTRIBUTES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("kernel_shape", "kernel_shape contradicts the weight", {"kernel_shape": [2, 2]}),
    ("kernel_rank", "kernel_shape has three numbers for two dimensions", {"kernel_shape": [3, 2, 1]}),
    ("pads_length", "pads has three numbers for two dimensions", {**KERNEL, "pads": [1, 1, 1]}),
    ("pads_negative", "a negative pad", {**KERNEL, "pads": [-1, 0, 0, 0]}),
    ("strides_length", "strides has one number for two dimensions", {**KERNEL, "strides": [1]}),
    ("strides_zero", "a stride of 0", {**KERNEL, "strides": [0, 1]}),
    ("dilations_zero", "a dilation of 0", {**KERNEL, "dilations": [0, 1]}),
    ("dilations_length", "dilations has three numbers for two dimensions", {**KERNEL, "dilations": [1, 1, 1]}),
    ("group_zero", "0 groups", {**KERNEL, "group": 0}),
    ("group_not_dividing", "2 groups of 3 channels", {**KERNEL, "group": 2}),
    ("auto_pad_unknown", "an auto_pad that does not exist", {**KERNEL, "auto_pad": "SAME_MIDDLE"}),
)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _dynamic()
    yield from _matmul_integer()
    yield from _convolutions(_conv_integer())
    yield from _convolutions(_qlinear_conv())
    yield from _conv_parameters()
    yield from _qlinear_matmul()


def _whole(shape: Shape, dtype: str = "int8", value: int = 1) -> Array:
    return np.full(shape, value, dtype)


def _scale(*shape: int) -> Array:
    return np.full(shape, 0.25, np.float32)


def _dynamic() -> Iterator[Case]:
    right = Single(
        op="DynamicQuantizeLinear",
        dtype="uint8",
        opset=11,
        x=("float", (2, 24)),
        y=("uint8", (2, 24)),
        operands={},
        more_outputs={"y_scale": ("float", ()), "y_zero_point": ("uint8", ())},
    )
    for kind in ("float16", "double", "int8"):
        yield fault(f"x_{kind}", f"an input of {kind}", changed(right, x=(kind, (2, 24))))
    yield fault("output_int8", "the output is declared as int8", changed(right, y=("int8", (2, 24))))
    yield fault("outputs", "only one of three outputs", changed(right, more_outputs={}))
    yield fault("too_old", "opset 10 does not have the operator", changed(right, opset=10))
    yield fault("operand", "a second input", changed(right, operands={"scale": _scale()}))
    vector = {"y_scale": ("float", (2,)), "y_zero_point": ("uint8", ())}
    yield fault("scale_shape", "the scale is declared as a vector", changed(right, more_outputs=vector))


def _matmul_integer() -> Iterator[Case]:
    right = Single(
        op="MatMulInteger",
        dtype="uint8",
        opset=13,
        x=("uint8", PRODUCT_X),
        y=("int32", PRODUCT_Y),
        operands={
            "weight": _whole(PRODUCT_W),
            "x_zero_point": _whole((), "uint8"),
            "weight_zero_point": _whole(()),
        },
    )
    yield fault("inner", "16 columns times 15 rows", changed(right, operands={"weight": _whole((15, 6))}))
    yield fault("weight_scalar", "a weight of rank 0", changed(right, operands={"weight": _whole(())}))
    yield fault("broadcast", "batches of 2 and 3", changed(right, operands={"weight": _whole((3, 16, 6))}))
    yield fault("zero_point_type", "the input is uint8", changed(right, operands={"x_zero_point": _whole(())}))
    yield fault(
        "zero_point_length", "5 zero points for 6 columns", changed(right, operands={"weight_zero_point": _whole((5,))})
    )
    for kind in ("float", "int16", "int32"):
        yield fault(f"x_{kind}", f"an input of {kind}", changed(right, x=(kind, PRODUCT_X)))
    yield fault("output_int8", "the output is declared as int8", changed(right, y=("int8", PRODUCT_Y)))
    yield fault("no_weight", "the weight is missing", changed(right, operands=dict.fromkeys(right.operands)))


def _conv_integer() -> Single:
    return Single(
        op="ConvInteger",
        dtype="uint8",
        opset=13,
        x=("uint8", CONV_X),
        y=("int32", CONV_Y),
        operands={"weight": _whole(CONV_W), "x_zero_point": _whole((), "uint8")},
        attributes=KERNEL,
    )


def _qlinear_conv() -> Single:
    return Single(
        op="QLinearConv",
        dtype="uint8",
        opset=13,
        x=("uint8", CONV_X),
        y=("uint8", CONV_Y),
        operands={
            "x_scale": _scale(),
            "x_zero_point": _whole((), "uint8"),
            "weight": _whole(CONV_W),
            "weight_scale": _scale(),
            "weight_zero_point": _whole((), value=0),
            "y_scale": _scale(),
            "y_zero_point": _whole((), "uint8"),
        },
        attributes=KERNEL,
    )


def _convolutions(right: Single) -> Iterator[Case]:
    for word, why, attributes in CONV_ATTRIBUTES:
        yield fault(word, why, changed(right, attributes=attributes))
    yield fault("channels", "3 channels, the weight has 2", changed(right, operands={"weight": _whole((4, 2, 3, 2))}))
    yield fault("weight_rank", "a weight of rank 3", changed(right, operands={"weight": _whole((4, 3, 3))}))
    yield fault("x_rank", "an input of rank 2", changed(right, x=("uint8", (2, 3)), y=(right.y[0], (2, 4))))
    yield fault("kernel_too_large", "the kernel is larger than the input", changed(right, x=("uint8", (2, 3, 2, 1))))
    yield fault("zero_point_type", "the input is uint8", changed(right, operands={"x_zero_point": _whole(())}))


def _conv_parameters() -> Iterator[Case]:
    integer, scaled = _conv_integer(), _qlinear_conv()
    zeros = changed(integer, operands={"weight_zero_point": _whole((5,))})
    yield fault("zero_point_length", "5 zero points for 4 output channels", zeros)
    yield fault("output_int8", "the output is declared as int8", changed(integer, y=("int8", CONV_Y)))
    five = {"weight_scale": _scale(5), "weight_zero_point": _whole((5,), value=0)}
    yield fault("scale_length", "5 scales for 4 output channels", changed(scaled, operands=five))
    yield fault("scale_matrix", "scales of rank 2", changed(scaled, operands={"weight_scale": _scale(4, 1)}))
    yield fault("x_scale_vector", "3 scales of the input", changed(scaled, operands={"x_scale": _scale(3)}))
    yield fault("bias_length", "3 biases for 4 output channels", _with_bias(scaled, np.zeros(3, np.int32)))
    yield fault("bias_float", "the bias is float, not int32", _with_bias(scaled, np.zeros(4, np.float32)))
    yield fault("bias_int8", "the bias is int8, not int32", _with_bias(scaled, np.zeros(4, np.int8)))
    yield fault("operand_missing", "the last operand is missing", changed(scaled, operands={"y_zero_point": None}))
    signed = changed(scaled, operands={"y_zero_point": _whole(())})
    yield fault("output_type", "the output is uint8, its zero point int8", signed)


def _with_bias(right: Single, bias: Array) -> Single:
    return changed(right, operands={"bias": bias})


def _qlinear_matmul() -> Iterator[Case]:
    right = Single(
        op="QLinearMatMul",
        dtype="uint8",
        opset=13,
        x=("uint8", PRODUCT_X),
        y=("uint8", PRODUCT_Y),
        operands={
            "x_scale": _scale(),
            "x_zero_point": _whole((), "uint8"),
            "weight": _whole(PRODUCT_W),
            "weight_scale": _scale(),
            "weight_zero_point": _whole((), value=0),
            "y_scale": _scale(),
            "y_zero_point": _whole((), "uint8"),
        },
    )
    yield fault("inner", "16 columns times 15 rows", changed(right, operands={"weight": _whole((15, 6))}))
    five = {"weight_scale": _scale(5), "weight_zero_point": _whole((5,), value=0)}
    yield fault("scale_length", "5 scales for 6 columns", changed(right, operands=five))
    yield fault("zero_point_type", "the input is uint8", changed(right, operands={"x_zero_point": _whole(())}))
    signed = changed(right, operands={"y_zero_point": _whole(())})
    yield fault("output_type", "the output is uint8, its zero point int8", signed)
    double = changed(right, operands={"x_scale": np.array(0.5, np.float64)})
    yield fault("scale_double", "a scale of double", double)
    half = changed(right, operands={"x_scale": np.array(0.5, np.float16)})
    yield fault("scale_float16", "opset 13 has no scale of float16", half)
    mixed = changed(right, opset=21, operands={"x_scale": np.array(0.5, np.float16)})
    yield fault("scale_types", "scales of float16 and float32", mixed)
    yield fault("operand_missing", "the last operand is missing", changed(right, operands={"y_zero_point": None}))
    yield fault("x_float", "an input of float", changed(right, x=("float", PRODUCT_X)))
