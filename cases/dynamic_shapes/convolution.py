"""Conv and ConvTranspose with symbolic batch, length, height, width and depth, and every attribute that moves shapes.

A result is a sum of products, K of them and a bias: the tolerance is that of ``rounding``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from math import prod
from typing import Any

from cases.case import Case, Tolerance
from cases.dynamic_shapes.layers import CHANNELS, FILTERS
from cases.dynamic_shapes.rounding import PRODUCT, rounding
from cases.dynamic_shapes.rows import Row, listed
from cases.dynamic_shapes.symbolic import Body, f32
from cases.inputs import floats
from cases.model import Dim, Signature, node

# The axes that are symbolic, by the names that the ids use; D is a depth
DIMENSIONS: dict[str, tuple[Dim, ...]] = {
    "batch": ("N", CHANNELS, 9, 7),
    "height": (2, CHANNELS, "H", 7),
    "width": (2, CHANNELS, 9, "W"),
    "height_width": (2, CHANNELS, "H", "W"),
    "batch_height_width": ("N", CHANNELS, "H", "W"),
}
SMALL = {"H": (5, 9, 7, 12), "W": (4, 11, 6, 14), "D": (3, 6, 4, 7), "S": (5, 12, 7, 16), "C": (2, 8, 4, 12)}
KERNEL = (3, 2)  # not square


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from listed(_conv2d(), sizes=SMALL)
    yield from listed(_conv1d(), sizes=SMALL)
    yield from listed(_conv3d(), sizes=SMALL)
    yield from listed(_fed_weights(), sizes=SMALL)
    yield from listed(_transposed(), sizes=SMALL)
    for opset in (9, 11, 22):
        yield from listed(_every_opset(), opset=opset, sizes=SMALL)


def convolution(
    op: str,
    *,
    kernel: Sequence[int] = KERNEL,
    filters: int = FILTERS,
    channels: int = CHANNELS,
    group: int = 1,
    bias: bool = True,
    **attributes: Any,
) -> Body:
    """Return a Conv or ConvTranspose of ``channels`` channels to ``filters``."""
    shape = (filters, channels // group) if op == "Conv" else (channels, filters // group)
    constants = {"weight": floats(f"{op}/weight", (*shape, *kernel))}
    if bias:
        constants["bias"] = floats(f"{op}/bias", (filters,))
    if group > 1:
        attributes["group"] = group
    return [node(op, ["x", *constants], ["y"], kernel_shape=list(kernel), **attributes)], constants


def _sum(kernel: Sequence[int] = KERNEL, channels: int = CHANNELS) -> Tolerance:
    return rounding(channels * prod(kernel) + 1, PRODUCT)


def _image(filters: int, dims: Sequence[Dim]) -> Signature:
    """Return the output of a convolution; sizes that it changes are not named."""
    return f32(dims[0], filters, *[None] * (len(dims) - 2))


def _conv2d() -> Iterator[Row]:
    body = partial(convolution, "Conv")
    for kind in ("height", "width"):
        dims = DIMENSIONS[kind]
        yield Row(
            f"{kind}-conv2d", "Conv", partial(body, pads=[1, 0, 1, 1]), {"x": f32(*dims)}, _image(4, dims), _sum()
        )
    variants: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("height_width", "same_lower", {"auto_pad": "SAME_LOWER", "strides": [2, 3]}),
        ("batch_height_width", "same_upper", {"auto_pad": "SAME_UPPER", "strides": [3, 2]}),
        ("height_width", "valid", {"auto_pad": "VALID", "strides": [2, 1]}),
        ("batch", "same_lower", {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
        ("height_width", "dilated", {"dilations": [2, 3], "pads": [2, 1, 2, 2]}),
        ("batch_height_width", "dilated_strided", {"dilations": [1, 2], "strides": [2, 1]}),
        ("height_width", "pads_asymmetric", {"pads": [0, 2, 1, 0], "strides": [1, 2]}),
        ("height_width", "no_bias", {"bias": False, "pads": [1, 1, 1, 1]}),
    )
    for kind, name, attributes in variants:
        dims = DIMENSIONS[kind]
        yield Row(
            f"{kind}-conv2d_{name}", "Conv", partial(body, **attributes), {"x": f32(*dims)}, _image(4, dims), _sum()
        )
    for name, channels, filters, group in (("group2", 4, 6, 2), ("depthwise", 4, 8, 4)):
        for batch, kind in ((2, "height_width"), ("N", "batch_height_width")):
            grouped = partial(body, channels=channels, filters=filters, group=group, pads=[1, 0, 1, 1])
            x = batch, channels, "H", "W"
            tolerance = _sum(channels=channels // group)
            yield Row(f"{kind}-conv2d_{name}", "Conv", grouped, {"x": f32(*x)}, _image(filters, x), tolerance)
    dims = DIMENSIONS["batch_height_width"]
    pointwise = partial(body, kernel=(1, 1), strides=[2, 1])
    yield Row("batch_height_width-conv2d_1x1", "Conv", pointwise, {"x": f32(*dims)}, _image(4, dims), _sum((1, 1)))


def _conv1d() -> Iterator[Row]:
    body = partial(convolution, "Conv", kernel=(3,))
    variants: tuple[tuple[str, tuple[Dim, ...], str, dict[str, Any]], ...] = (
        ("batch", ("N", CHANNELS, 9), "conv1d", {"pads": [1, 0]}),
        ("batch_sequence", ("N", CHANNELS, "S"), "conv1d", {"strides": [2]}),
        ("sequence", (2, CHANNELS, "S"), "conv1d_causal_dilated", {"pads": [4, 0], "dilations": [2]}),
        ("batch_sequence", ("N", CHANNELS, "S"), "conv1d_same_upper", {"auto_pad": "SAME_UPPER", "strides": [2]}),
        ("sequence", (2, CHANNELS, "S"), "conv1d_same_lower", {"auto_pad": "SAME_LOWER", "strides": [2]}),
    )
    for kind, dims, name, attributes in variants:
        x, y = {"x": f32(*dims)}, _image(4, dims)
        yield Row(f"{kind}-{name}", "Conv", partial(body, **attributes), x, y, _sum((3,)))


def _conv3d() -> Iterator[Row]:
    kernel = (2, 3, 2)
    body = partial(convolution, "Conv", kernel=kernel, channels=2, filters=3)
    variants: tuple[tuple[str, tuple[Dim, ...], dict[str, Any]], ...] = (
        ("batch-conv3d", ("N", 2, 4, 6, 5), {"pads": [0, 1, 0, 1, 1, 1]}),
        ("depth_height_width-conv3d", (2, 2, "D", "H", "W"), {"strides": [1, 2, 2]}),
        (
            "every_dimension-conv3d_same_upper",
            ("N", 2, "D", "H", "W"),
            {"auto_pad": "SAME_UPPER", "strides": [2, 2, 3]},
        ),
    )
    for name, dims, attributes in variants:
        x, y = {"x": f32(*dims)}, _image(3, dims)
        yield Row(name, "Conv", partial(body, **attributes), x, y, _sum(kernel, 2))


def _fed_weights() -> Iterator[Row]:
    """The weight is an input, so that channels and filters can be symbolic."""
    padded = partial(_fed, pads=[1, 0, 1, 1])
    image, tolerance = f32("N", "C", 9, 7), _sum(channels=SMALL["C"][-1])
    inputs = {"x": image, "weight": f32(FILTERS, "C", *KERNEL)}
    yield Row("batch_channel-conv2d_fed_weight", "Conv", padded, inputs, f32("N", FILTERS, None, None), tolerance)
    filters = f32("N", CHANNELS, *KERNEL)
    x = f32(2, CHANNELS, 9, 7)
    yield Row("filters-conv2d_fed_weight", "Conv", padded, {"x": x, "weight": filters}, f32(2, "N", None, None), _sum())


def _fed(**attributes: Any) -> Body:
    return [node("Conv", ["x", "weight"], ["y"], **attributes)], {}


def _transposed() -> Iterator[Row]:
    body = partial(convolution, "ConvTranspose")
    variants: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("batch", "", {"strides": [2, 2]}),
        ("height", "", {"strides": [2, 3], "pads": [1, 0, 1, 1]}),
        ("width", "", {"strides": [1, 2]}),
        ("height_width", "", {"strides": [2, 2], "pads": [1, 0, 1, 1]}),
        ("batch_height_width", "", {"strides": [2, 3]}),
        ("height_width", "_output_padding", {"strides": [2, 3], "output_padding": [1, 2], "pads": [1, 1, 1, 0]}),
        ("batch_height_width", "_output_padding", {"strides": [3, 2], "output_padding": [2, 1]}),
        ("height_width", "_same_upper", {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
        ("height_width", "_same_lower", {"strides": [2, 2], "auto_pad": "SAME_LOWER"}),
        ("height_width", "_valid", {"strides": [2, 1], "auto_pad": "VALID"}),
        ("height_width", "_dilated", {"dilations": [2, 3], "pads": [1, 2, 1, 0]}),
        ("batch", "_output_shape_same_upper", {"strides": [2, 2], "output_shape": [18, 13], "auto_pad": "SAME_UPPER"}),
        ("height_width", "_pads_asymmetric", {"strides": [2, 2], "pads": [0, 1, 2, 0]}),
        ("height_width", "_no_bias", {"strides": [2, 2], "bias": False}),
    )
    for kind, name, attributes in variants:
        dims = DIMENSIONS[kind]
        x, y = {"x": f32(*dims)}, _image(4, dims)
        yield Row(f"{kind}-convtranspose2d{name}", "ConvTranspose", partial(body, **attributes), x, y, _sum())
    depthwise = partial(body, channels=4, filters=4, group=4, strides=[2, 2], bias=False)
    x, y = {"x": f32(2, 4, "H", "W")}, f32(2, 4, None, None)
    yield Row("height_width-convtranspose2d_depthwise", "ConvTranspose", depthwise, x, y, _sum(channels=1))
    line = partial(body, kernel=(4,), strides=[2], pads=[1, 1])
    x, y = {"x": f32("N", CHANNELS, "S")}, f32("N", FILTERS, "S_twice")
    yield Row("batch_sequence-convtranspose1d", "ConvTranspose", line, x, y, _sum((4,)))
    volume = partial(body, kernel=(2, 3, 2), channels=2, filters=3, strides=[2, 1, 2])
    x, y = {"x": f32(2, 2, "D", "H", "W")}, f32(2, 3, None, None, None)
    yield Row("depth_height_width-convtranspose3d", "ConvTranspose", volume, x, y, _sum((2, 3, 2), 2))
    grouped = partial(body, channels=4, filters=6, group=2, strides=[2, 2], bias=False)
    x, y = {"x": f32(2, 4, "H", "W")}, f32(2, 6, None, None)
    yield Row("height_width-convtranspose2d_group2", "ConvTranspose", grouped, x, y, _sum(channels=2))
    dims = DIMENSIONS["batch"]
    shaped = partial(body, strides=[2, 2], output_shape=[18, 13])
    yield Row("batch-convtranspose2d_output_shape", "ConvTranspose", shaped, {"x": f32(*dims)}, _image(4, dims), _sum())


def _every_opset() -> Iterator[Row]:
    """Conv and ConvTranspose have versions 1, 11 and 22."""
    dims = DIMENSIONS["batch_height_width"]
    x = {"x": f32(*dims)}
    conv = partial(convolution, "Conv", auto_pad="SAME_UPPER", strides=[2, 1])
    yield Row("batch_height_width-conv2d_strided_same_upper", "Conv", conv, x, _image(4, dims), _sum())
    transposed = partial(convolution, "ConvTranspose", strides=[2, 2], output_padding=[1, 0])
    yield Row(
        "batch_height_width-convtranspose2d_padded_output", "ConvTranspose", transposed, x, _image(4, dims), _sum()
    )
