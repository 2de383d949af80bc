"""QDQ around what convolutional networks are made of; with dynamic batch, height and width as well.

A mean over height and width is rounded once, and where it is quantized again it may fall to the other side of a tie:
one step. Everything else is exact, or within the bound of a dot product where a runtime convolves by rounded terms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cases.case import EXACT, Case, Tolerance
from cases.inputs import floats
from cases.quantization import extents
from cases.quantization.extents import Dims
from cases.quantization.qdq import X_SCALE, Network, Pattern, activation_scale, dot_product, largest

TYPES = ("int8", "uint8", "float8e4m3fn")
CHANNELS, UNITS = 3, 4
X: Dims = ("batch", CHANNELS, "height", "width")
Y: Dims = ("batch", UNITS, "height", "width")
SAME: dict[str, Any] = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}


@dataclass(frozen=True, kw_only=True)
class Shape2D:
    """What is written, and the shapes that come with it."""

    name: str
    op: str
    write: Callable[[Network], str]
    y: Dims = Y
    x: Dims = X
    terms: int = 0  # of a dot product; 0: exact
    weights: bool = True  # has a weight, so a granularity
    output_scale: float = 0.0
    inexact: bool = False  # rounded, so one step off where it is quantized again


def conv(net: Network) -> str:
    """3 x 3, with strides and uneven pads."""
    x, w = net.activation("x"), net.weight("w", (UNITS, CHANNELS, 3, 3), 0)
    return net.add("Conv", [x, w, net.bias("bias", UNITS, "w")], "sums", **SAME)


def conv_transpose(net: Network) -> str:
    """Doubles height and width; the output channels are the weight's axis 1."""
    x, w = net.activation("x"), net.weight("w", (CHANNELS, UNITS, 2, 2), 1)
    return net.add("ConvTranspose", [x, w], "sums", kernel_shape=[2, 2], strides=[2, 2])


def depthwise(net: Network) -> str:
    """One group for each channel."""
    x, w = net.activation("x"), net.weight("w", (CHANNELS, 1, 3, 3), 0)
    return net.add("Conv", [x, w], "sums", group=CHANNELS, **SAME)


def pointwise(net: Network) -> str:
    """Mix channels by a kernel of 1 x 1."""
    x, w = net.activation("x"), net.weight("w", (UNITS, CHANNELS, 1, 1), 0)
    return net.add("Conv", [x, w], "sums", kernel_shape=[1, 1])


def conv_bn_relu(net: Network) -> str:
    """A BatchNormalization that was not folded: its factor is a power of two, its mean 0 and its variance 1."""
    sums = conv(net)
    ones, key = np.ones(UNITS), f"{net.key}/bn"
    net.constant("bn_scale", np.resize([2.0, 0.5, 1.0], UNITS))
    net.constant("bn_bias", floats(key, (UNITS,), limit=4.0, step=2.0**-4).astype(np.float64))
    net.constant("bn_mean", 0 * ones)
    net.constant("bn_variance", ones)
    operands = [sums, *(f"bn_{name}" for name in ("scale", "bias", "mean", "variance"))]
    normal = net.add("BatchNormalization", operands, "normal", epsilon=0.0)
    return net.add("Relu", [normal], "active")


def conv_relu_conv(net: Network) -> str:
    """Two layers, the first one's result quantized again, with no tie."""
    first = net.add("Relu", [conv(net)], "active")
    middle = net.activation(first, _tripled(net, "w"))
    w = net.weight("w2", (UNITS, UNITS, 1, 1), 0)
    return net.add("Conv", [middle, w], "sums2", kernel_shape=[1, 1])


def residual(net: Network) -> str:
    """X -> Conv -> Relu -> Q/DQ -> Conv -> Q/DQ, and x added to it."""
    x = net.activation("x")
    w = net.weight("w", (UNITS, CHANNELS, 3, 3), 0)
    first = net.add("Relu", [net.add("Conv", [x, w], "sums", **SAME)], "active")
    middle = net.activation(first, _tripled(net, "w"))
    w2 = net.weight("w2", (CHANNELS, UNITS, 1, 1), 0, 2.0**-4)
    second = net.add("Conv", [middle, w2], "sums2", kernel_shape=[1, 1])
    scale = 3 * float(net.constants["sums_scale" if "sums_scale" in net.constants else "active_scale"])
    branch = net.activation(second, scale * float(net.constants["w2_scale"].min()))
    return net.add("Add", [branch, x], "joined")


def max_pool(net: Network) -> str:
    """2 x 2."""
    return net.add("MaxPool", [net.activation("x")], "pooled", kernel_shape=[3, 3], pads=[1, 1, 1, 1])


def average_pool(net: Network) -> str:
    """A mean of four, padded on two sides, the pads counted."""
    kernel: dict[str, Any] = {"kernel_shape": [2, 2], "pads": [1, 1, 0, 0], "count_include_pad": 1}
    return net.add("AveragePool", [net.activation("x")], "pooled", **kernel)


def global_average_pool(net: Network) -> str:
    """A mean of as many as there are."""
    return net.add("GlobalAveragePool", [net.activation("x")], "pooled")


def resize_nearest(net: Network) -> str:
    """Each element twice, in both directions."""
    net.constant("factors", np.array([1, 1, 2, 2], np.float32))
    modes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return net.add("Resize", [net.activation("x"), "", "factors"], "resized", **modes)


def resize_linear(net: Network) -> str:
    """Weights of a quarter and three quarters."""
    net.constant("factors", np.array([1, 1, 2, 2], np.float32))
    return net.add("Resize", [net.activation("x"), "", "factors"], "resized", mode="linear")


def concat(net: Network) -> str:
    """Two branches with scales of their own."""
    left = net.activation("x")
    right = net.activation(net.add("Relu", ["x"], "positive"), activation_scale(net.pattern.dtype) / 2)
    return net.add("Concat", [left, right], "joined", axis=1)


THIRDS = 3 * X_SCALE
DOUBLED: Dims = ("batch", CHANNELS, "2*height", "2*width")
SHAPES = (
    Shape2D(
        name="conv_transpose",
        op="ConvTranspose",
        write=conv_transpose,
        y=("batch", UNITS, "2*height", "2*width"),
        terms=4 * CHANNELS,
    ),
    Shape2D(name="depthwise_conv", op="Conv", write=depthwise, y=X, terms=9),
    Shape2D(name="pointwise_conv", op="Conv", write=pointwise, terms=CHANNELS),
    Shape2D(name="conv_bn_relu", op="Conv BatchNormalization Relu", write=conv_bn_relu, terms=9 * CHANNELS),
    Shape2D(name="conv_relu_conv", op="Conv Relu Conv", write=conv_relu_conv, terms=9 * CHANNELS),
    Shape2D(name="residual", op="residual block", write=residual, y=X, terms=9 * CHANNELS),
    Shape2D(name="max_pool", op="MaxPool", write=max_pool, y=X, weights=False, output_scale=X_SCALE),
    Shape2D(
        name="average_pool", op="AveragePool", write=average_pool, y=X, weights=False, output_scale=3 * X_SCALE / 4
    ),
    Shape2D(
        name="global_average_pool",
        op="GlobalAveragePool",
        write=global_average_pool,
        y=("batch", CHANNELS, 1, 1),
        weights=False,
        output_scale=X_SCALE / 4,
        inexact=True,
    ),
    Shape2D(name="resize_nearest", op="Resize", write=resize_nearest, y=DOUBLED, weights=False, output_scale=X_SCALE),
    Shape2D(name="resize_linear", op="Resize", write=resize_linear, y=DOUBLED, weights=False, output_scale=THIRDS / 16),
    Shape2D(
        name="concat",
        op="Concat",
        write=concat,
        y=("batch", 2 * CHANNELS, "height", "width"),
        weights=False,
        output_scale=X_SCALE,
    ),
)


def cases() -> Iterator[Case]:
    """Yield each pattern for each type and each kind of shape."""
    for shape in SHAPES:
        for dtype in TYPES:
            for pattern in _variants(shape, dtype):
                for kind in extents.kinds_of(*pattern.inputs.values()):
                    yield replace(pattern, kind=kind).case()


def _variants(shape: Shape2D, dtype: str) -> Iterator[Pattern]:
    pattern = Pattern(
        name=shape.name,
        op=shape.op,
        inputs={"x": shape.x},
        output=shape.y,
        write=shape.write,
        dtype=dtype,
        tolerance=_tolerance(shape, dtype),
    )
    if shape.weights:
        yield replace(pattern, granularity="per_axis")
    if shape.weights and dtype != "uint8":
        yield pattern
    if shape.output_scale and dtype != "float8e4m3fn":
        step = Tolerance(absolute=shape.output_scale) if shape.inexact else EXACT
        yield replace(pattern, output_scale=shape.output_scale, tolerance=step)
    elif shape.output_scale:
        yield pattern


def _tolerance(shape: Shape2D, dtype: str) -> Tolerance:
    if shape.terms:
        # The second of two layers has inputs of at most 255 steps of three times the unit; the bound covers both.
        layers = 4 if "conv_relu" in shape.name or shape.name == "residual" else 1
        return dot_product(shape.terms, dtype, layers * 2.0)
    return Tolerance(absolute=2.0**-22 * largest(dtype)) if shape.inexact else EXACT


def _tripled(net: Network, weight: str) -> float:
    """Return a scale for sums of the input and ``weight``: an odd multiple of their unit that most of them fit in."""
    unit = activation_scale(net.pattern.dtype) * float(net.constants[f"{weight}_scale"].min())
    return 301 * unit if net.pattern.dtype != "float8e4m3fn" else unit * 2.0**2
