"""Elementwise operators and Softmax over each rank and each kind of dimension.

What selects, compares, adds or multiplies multiples of a power of two is exact. The others are within the errors that
the CUDA C++ Programming Guide gives (function_rounding).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from cases.case import Array, Case, Shape
from cases.dynamic_shapes.layers import binary, unary
from cases.dynamic_shapes.rounding import PRODUCT, function_rounding, softmax_rounding
from cases.dynamic_shapes.rows import Row, listed
from cases.dynamic_shapes.symbolic import SIZES, Body, Fill, f32
from cases.inputs import floats, integers
from cases.model import Signature, node, onnx_type

# One signature for each rank, all of it symbolic
RANKS: tuple[Signature, ...] = (
    f32("N"),
    f32("N", "S"),
    f32("N", "C", "S"),
    f32("N", "C", "H", "W"),
    f32("N", "C", "S", "H", "W"),
)
IMAGE_SIZES = {"C": (2, 5, 3, 7), "S": (3, 4, 2, 6), "H": (4, 6, 5, 8), "W": (3, 7, 4, 9)}  # small: five dimensions
SIZES_5D = {**IMAGE_SIZES, "S": (1, 4, 2, 6)}
# One signature for each kind of dimension; the id names what is symbolic
KINDS: dict[str, Signature] = {
    "batch": f32("N", 3, 5, 4),
    "channel": f32(2, "C", 5, 4),
    "height": f32(2, 3, "H", 4),
    "width": f32(2, 3, 5, "W"),
    "height_width": f32(2, 3, "H", "W"),
    "batch_channel": f32("N", "C", 5, 4),
    "batch_height_width": f32("N", 3, "H", "W"),
    "sequence": f32(2, "S", 6),
    "batch_sequence": f32("N", "S", 6),
}


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from listed(_ranks(), sizes=SIZES_5D)
    yield from listed(_exact())
    yield from listed(_rounded())
    yield from listed(_positive(), fill={"x": positive})
    yield from listed(_parametrized())
    yield from listed(_softmax())
    yield from listed(_softmax_flattened(), opset=11)
    yield from listed(_gelu(), opset=20)
    yield from listed(_softplus_family(), opset=18)
    yield from _other_types()
    yield from _changed_with_the_opset()


def positive(key: str, shape: Shape) -> Array:
    """Return multiples of 1/16 in [1/2, 8]."""
    return (floats(key, shape) + 4.5).astype(np.float32)


def _ranks() -> Iterator[Row]:
    """Every dimension symbolic, at each rank; 2 and 4 of Relu are in dimensions.py."""
    for rank, x in enumerate(RANKS, start=1):
        op = partial(unary, "Sigmoid")
        yield Row(f"rank{rank}-every_dimension-sigmoid", "Sigmoid", op, {"x": x}, x, function_rounding(1.0))
        yield Row(f"rank{rank}-every_dimension-mul", "Mul", partial(binary, "Mul"), {"a": x, "b": x}, x)
        depth = SIZES_5D["W"][-1] if rank > 3 else SIZES["S"][-1]
        softmax = partial(unary, "Softmax", axis=-1)
        yield Row(f"rank{rank}-every_dimension-softmax", "Softmax", softmax, {"x": x}, x, softmax_rounding(depth))


def _exact() -> Iterator[Row]:
    operators: tuple[tuple[str, str, dict[str, float]], ...] = (
        ("batch", "Abs", {}),
        ("channel", "Neg", {}),
        ("height", "Floor", {}),
        ("width", "Ceil", {}),
        ("height_width", "LeakyRelu", {"alpha": 0.25}),
        ("batch_channel", "Sign", {}),
        ("batch_height_width", "Round", {}),
        ("sequence", "ThresholdedRelu", {"alpha": 1.5}),
        ("batch_sequence", "HardSigmoid", {"alpha": 0.125, "beta": 0.5}),
        ("batch_sequence", "Identity", {}),
    )
    for kind, op, attributes in operators:
        x = KINDS[kind]
        yield Row(f"{kind}-{op.lower()}", op, partial(unary, op, **attributes), {"x": x}, x)
    for kind in ("channel", "height", "width"):
        x = KINDS[kind]
        yield Row(f"{kind}-relu", "Relu", partial(unary, "Relu"), {"x": x}, x)


def _rounded() -> Iterator[Row]:
    operators = (
        ("batch", "Exp", 55.0),  # e^4
        ("channel", "Tanh", 1.0),
        ("height", "Erf", 1.0),
        ("width", "Elu", 1.0),
        ("height_width", "Selu", 2.0),
        ("batch_channel", "Softplus", 4.1),
        ("batch_height_width", "HardSwish", 4.0),
        ("sequence", "Softsign", 1.0),
        ("batch_sequence", "Sin", 1.0),
        ("batch_sequence", "Celu", 1.0),
    )
    for kind, op, largest in operators:
        x = KINDS[kind]
        yield Row(f"{kind}-{op.lower()}", op, partial(unary, op), {"x": x}, x, function_rounding(largest))


def _positive() -> Iterator[Row]:
    for kind, op, largest in (("batch", "Sqrt", 3.0), ("channel", "Log", 2.1), ("height_width", "Reciprocal", 2.0)):
        x = KINDS[kind]
        yield Row(f"{kind}-{op.lower()}", op, partial(unary, op), {"x": x}, x, function_rounding(largest))


def _parametrized() -> Iterator[Row]:
    for kind in ("batch", "height_width"):
        x = KINDS[kind]
        yield Row(f"{kind}-prelu_per_channel", "PRelu", _prelu, {"x": x}, x)
        yield Row(f"{kind}-clip_inputs", "Clip", _clip, {"x": x}, x)
    x = KINDS["batch_sequence"]
    yield Row("batch_sequence-clip_max_only", "Clip", partial(_clip, low=None), {"x": x}, x)
    yield Row("batch_sequence-swish_primitives", "Sigmoid", _swish, {"x": x}, x, function_rounding(PRODUCT))
    gelu = function_rounding(PRODUCT)
    yield Row("batch_sequence-gelu_primitives", "Erf", _gelu_primitives, {"x": x}, x, gelu)


def _softmax() -> Iterator[Row]:
    """The axis that is summed is symbolic, or the one beside it is."""
    for kind, axis, terms in (
        ("batch", 0, SIZES["N"][-1]),
        ("height", 2, SIZES["H"][-1]),
        ("width", 3, SIZES["W"][-1]),
        ("height_width", 1, 3),
        ("sequence", 1, SIZES["S"][-1]),
        ("batch_sequence", -2, SIZES["S"][-1]),
    ):
        x = KINDS[kind]
        name = f"{kind}-softmax_axis{axis}".replace("axis-", "axis_minus")
        yield Row(name, "Softmax", partial(unary, "Softmax", axis=axis), {"x": x}, x, softmax_rounding(terms))
    x = KINDS["batch_sequence"]
    log_softmax = partial(unary, "LogSoftmax", axis=1)
    yield Row("batch_sequence-logsoftmax", "LogSoftmax", log_softmax, {"x": x}, x, function_rounding(16.0))


def _softmax_flattened() -> Iterator[Row]:
    """Below opset 13 Softmax sums over its axis and all behind it; here only the axis has more than one element."""
    x = f32("N", "S", 1)
    softmax = partial(unary, "Softmax", axis=1)
    yield Row("batch_sequence-softmax_flattened", "Softmax", softmax, {"x": x}, x, softmax_rounding(SIZES["S"][-1]))


def _gelu() -> Iterator[Row]:
    x = KINDS["batch_sequence"]
    for approximate in ("none", "tanh"):
        body = partial(unary, "Gelu", approximate=approximate)
        yield Row(f"batch_sequence-gelu_{approximate}", "Gelu", body, {"x": x}, x, function_rounding(PRODUCT))


def _softplus_family() -> Iterator[Row]:
    x = KINDS["batch_height_width"]
    yield Row("batch_height_width-mish", "Mish", partial(unary, "Mish"), {"x": x}, x, function_rounding(PRODUCT))


def _other_types() -> Iterator[Case]:
    flags: Fill = partial(integers, low=0, high=1, dtype=np.bool_)
    boolean: Signature = np.bool_, ("N", "S", 6)
    inverted = Row("batch_sequence-not", "Not", partial(unary, "Not"), {"x": boolean}, boolean)
    yield from listed([inverted], fill={"x": flags})
    x = KINDS["batch_sequence"]
    for name, dtype in (("int32", np.int32), ("float16", np.float16), ("bool", np.bool_)):
        body = partial(unary, "Cast", to=onnx_type(dtype))
        yield from listed([Row(f"batch_sequence-cast_{name}", "Cast", body, {"x": x}, (dtype, x[1]))])


def _changed_with_the_opset() -> Iterator[Case]:
    x, image = KINDS["batch_sequence"], KINDS["batch_height_width"]
    limits = partial(unary, "Clip", min=-1.5, max=2.25)  # attributes until 10, inputs from 11 on
    attributes = Row("batch_sequence-clip_attributes", "Clip", limits, {"x": x}, x)
    inputs = Row("batch_sequence-clip_inputs", "Clip", _clip, {"x": x}, x)
    slopes = Row("batch_height_width-prelu_per_channel", "PRelu", _prelu, {"x": image}, image)
    for row, opset in ((attributes, 6), (attributes, 10), (inputs, 11), (inputs, 13), (slopes, 9), (slopes, 16)):
        yield from listed([row], opset=opset)


def _prelu() -> Body:
    slope = np.array([0.25, 0.5, -1.0], np.float32).reshape(3, 1, 1)
    return [node("PRelu", ["x", "slope"], ["y"])], {"slope": slope}


def _clip(low: float | None = -1.5) -> Body:
    high = {"high": np.array(2.25, np.float32)}
    if low is None:
        return [node("Clip", ["x", "", "high"], ["y"])], high
    return [node("Clip", ["x", "low", "high"], ["y"])], {"low": np.array(low, np.float32), **high}


def _swish() -> Body:
    return [node("Sigmoid", ["x"], ["gate"]), node("Mul", ["x", "gate"], ["y"])], {}


def _gelu_primitives() -> Body:
    """Return x / 2 (1 + erf(x / sqrt(2))), as exporters spell it below opset 20."""
    nodes = [
        node("Div", ["x", "root"], ["scaled"]),
        node("Erf", ["scaled"], ["erf"]),
        node("Add", ["erf", "one"], ["shifted"]),
        node("Mul", ["x", "shifted"], ["product"]),
        node("Mul", ["product", "half"], ["y"]),
    ]
    constants = {"root": np.sqrt(np.float32(2)), "one": np.float32(1), "half": np.float32(0.5)}
    return nodes, {name: np.asarray(value, np.float32) for name, value in constants.items()}
