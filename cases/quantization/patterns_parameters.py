"""What can be the matter with the scales, zero points and biases of QDQ patterns, on Conv and on MatMul.

Everything is exact in float32, with the bound of a dot product where a runtime may add rounded terms. A scale of 0 is
what a quantizer leaves behind that met only zeros; ONNX says nothing against it, and x / 0 saturates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from cases.case import EXACT, Case, Tolerance
from cases.inputs import integers
from cases.model import dtype_named, onnx_type
from cases.quantization import extents
from cases.quantization.extents import Dims
from cases.quantization.patterns_cnn import SAME, Y
from cases.quantization.qdq import Network, Pattern, activation_scale, dot_product

CHANNELS, UNITS, FEATURES = 3, 4, 16
IMAGE: Dims = ("batch", CHANNELS, "height", "width")
ROWS: Dims = ("batch", "sequence", FEATURES)
DEAD = 1  # the channel
TINY = 2.0**-140  # denormal in float32
LINE_SCALE = 3 * 2.0**-4


def conv(net: Network, x: str, w: str, *bias: str) -> str:
    """3 x 3."""
    return net.add("Conv", [x, w, *bias], "sums", **SAME)


def matmul(net: Network, x: str, w: str, *bias: str) -> str:
    """16 features; a bias is added."""
    product = net.add("MatMul", [x, w], "product")
    return net.add("Add", [product, *bias], "sums") if bias else product


def weight(net: Network) -> str:
    """Return the weight that fits the pattern."""
    is_conv = net.pattern.name == "conv"
    return net.weight("w", (UNITS, CHANNELS, 3, 3) if is_conv else (FEATURES, UNITS), 0 if is_conv else 1)


def layer(net: Network, x: str, w: str, *bias: str) -> str:
    """Return Conv or MatMul."""
    return (conv if net.pattern.name == "conv" else matmul)(net, x, w, *bias)


def bias_int32(net: Network) -> str:
    """The bias as int32 codes whose scale is that of the input times that of the weight: what quantizers emit."""
    x, w = net.activation("x"), weight(net)
    scale = net.constants["w_scale"].astype(np.float64) * activation_scale(net.pattern.dtype)
    net.constant("bias_codes", integers(f"{net.key}/bias", (UNITS,), -2000, 2000, np.int32))
    net.constant("bias_scale", scale)
    attributes = {"axis": 0} if scale.ndim else {}
    return layer(net, x, w, net.add("DequantizeLinear", ["bias_codes", "bias_scale"], "bias", **attributes))


def zero_point_behind(net: Network, op: str) -> str:
    """The zero point as the output of a node."""
    small = dtype_named(net.pattern.dtype)
    net.constant("x_scale", activation_scale(net.pattern.dtype))
    if op == "Identity":
        net.constant("stored", np.array(0, small))
        net.add("Identity", ["stored"], "x_zero_point")
    else:
        net.constant("stored", np.array(0, np.int32 if net.pattern.dtype != "float8e4m3fn" else np.float32))
        net.add("Cast", ["stored"], "x_zero_point", to=onnx_type(small))
    return layer(net, net.round_trip("x", ["x_scale", "x_zero_point"]), weight(net))


def zero_point_identity(net: Network) -> str:
    """Behind an Identity."""
    return zero_point_behind(net, "Identity")


def zero_point_cast(net: Network) -> str:
    """Behind a Cast."""
    return zero_point_behind(net, "Cast")


def scale_identity(net: Network) -> str:
    """The scale behind an Identity."""
    net.constant("stored", activation_scale(net.pattern.dtype))
    net.add("Identity", ["stored"], "x_scale")
    net.constant("x_zero_point", np.array(0, dtype_named(net.pattern.dtype)))
    return layer(net, net.round_trip("x", ["x_scale", "x_zero_point"]), weight(net))


def zero_point_nonzero(net: Network) -> str:
    """An odd one for a signed type."""
    net.constant("x_scale", activation_scale(net.pattern.dtype))
    net.constant("x_zero_point", np.array(-13 if net.pattern.dtype == "int8" else 131, net.pattern.dtype))
    return layer(net, net.round_trip("x", ["x_scale", "x_zero_point"]), weight(net))


def zero_point_absent(net: Network) -> str:
    """As the specification has it: uint8, and 0."""
    net.constant("x_scale", activation_scale(net.pattern.dtype))
    return layer(net, net.round_trip("x", ["x_scale"]), weight(net))


def scale_zero_activation(net: Network) -> str:
    """Nothing of the input is left; the bias is. The input has no 0, as 0 / 0 is not defined."""
    raised = net.add("Add", [net.add("Abs", ["x"], "size"), net.constant("one", 1.0)], "raised")
    net.constant("raised_scale", 0.0)
    net.constant("raised_zero_point", np.array(0, dtype_named(net.pattern.dtype)))
    x = net.round_trip(raised, ["raised_scale", "raised_zero_point"])
    w = weight(net)
    y = layer(net, x, w, net.bias("bias", UNITS, "w"))
    return net.add("Add", [y, _plain(net)], "joined")


def scale_zero_weight(net: Network) -> str:
    """A weight that is nothing."""
    x, w = net.activation("x"), weight(net)
    bias = net.bias("bias", UNITS, "w")
    net.constant("w_scale", 0 * net.constants["w_scale"])
    return net.add("Add", [layer(net, x, w, bias), _plain(net)], "joined")


def dead_channel(net: Network, scale: float) -> str:
    """One channel of the weight has codes of 0 and a scale that says nothing."""
    x, w = net.activation("x"), weight(net)
    axis = 0 if net.pattern.name == "conv" else 1
    np.moveaxis(net.constants["w_codes"], axis, 0)[DEAD] = 0
    net.constants["w_scale"][DEAD] = scale
    return layer(net, x, w)


def dead_channel_zero(net: Network) -> str:
    """A scale of 0."""
    return dead_channel(net, 0.0)


def dead_channel_tiny(net: Network) -> str:
    """A denormal scale."""
    return dead_channel(net, TINY)


def plain(net: Network) -> str:
    """Nothing is the matter: for the patterns at the graph's borders and for other types of scales."""
    return layer(net, net.activation("x"), weight(net))


def line(net: Network) -> str:
    """Without a weight: Q/DQ and Relu."""
    return net.add("Relu", [net.activation("x")], "active")


def twice(net: Network) -> str:
    """Q/DQ with one scale and then with another, three times as large."""
    return net.activation(net.activation("x"), LINE_SCALE)


WRITERS: dict[str, tuple[Callable[[Network], str], tuple[str, ...], tuple[str, ...]]] = {
    "bias_int32": (bias_int32, ("int8", "uint8"), ("per_tensor", "per_axis")),
    "zero_point_identity": (zero_point_identity, ("int8", "uint8", "float8e4m3fn"), ("per_tensor",)),
    "zero_point_cast": (zero_point_cast, ("int8", "uint8", "float8e4m3fn"), ("per_tensor",)),
    "scale_identity": (scale_identity, ("int8", "float8e4m3fn"), ("per_tensor",)),
    "zero_point_nonzero": (zero_point_nonzero, ("int8", "uint8"), ("per_tensor", "per_axis")),
    "zero_point_absent": (zero_point_absent, ("uint8",), ("per_tensor",)),
    "scale_zero_activation": (scale_zero_activation, ("int8", "uint8"), ("per_tensor",)),
    "scale_zero_weight": (scale_zero_weight, ("int8",), ("per_tensor", "per_axis")),
    "dead_channel_zero": (dead_channel_zero, ("int8",), ("per_axis",)),
    "dead_channel_tiny": (dead_channel_tiny, ("int8",), ("per_axis",)),
}


def cases() -> Iterator[Case]:
    """Yield each variant with static shapes, with a dynamic batch, and with dynamic height and width or sequence."""
    for pattern in (*_variants(), *_borders(), *_reals()):
        for kind in extents.kinds_of(*pattern.inputs.values()):
            yield replace(pattern, kind=kind).case()


def _variants() -> Iterator[Pattern]:
    for word, (write, dtypes, granularities) in WRITERS.items():
        for name in ("conv", "matmul"):
            for dtype in dtypes:
                for granularity in granularities:
                    yield _pattern(name, write, dtype, granularity, word)


def _borders() -> Iterator[Pattern]:
    """DQ without Q where the graph begins, Q without DQ where it ends, and both."""
    for name in ("conv", "matmul", "relu"):
        for dtype in ("int8", "uint8", "float8e4m3fn"):
            write = line if name == "relu" else plain
            scale = 1201 * 2.0**-12 if name != "relu" else LINE_SCALE
            if dtype == "float8e4m3fn":
                scale = 1.0
            pattern = replace(_pattern(name, write, dtype, "per_tensor", ""), output_scale=scale, tolerance=EXACT)
            yield replace(pattern, words=("dq_first",), quantized_input=True)
            yield replace(pattern, words=("q_last",), quantized_output=True)
            yield replace(pattern, words=("dq_first_q_last",), quantized_input=True, quantized_output=True)
    for dtype in ("int8", "uint8", "float8e4m3fn"):
        yield replace(_pattern("twice", twice, dtype, "per_tensor", ""), tolerance=EXACT)


def _reals() -> Iterator[Pattern]:
    """Scales and input of float16: 27 terms of at most 8 times 1/4, rounded to 11 bits each and at the end."""
    for name in ("conv", "matmul", "relu"):
        for dtype in ("int8", "float8e4m3fn"):
            write = line if name == "relu" else plain
            pattern = replace(_pattern(name, write, dtype, "per_tensor", "scale_float16"), real="float16", opset=19)
            rounded = Tolerance(absolute=27 * 2.0**-12 * 8 * 0.25, relative=2.0**-10)
            yield replace(pattern, tolerance=EXACT if name == "relu" else rounded)


def _pattern(name: str, write: Callable[[Network], str], dtype: str, granularity: str, word: str) -> Pattern:
    is_conv = name == "conv"
    matrix: Dims = ("batch", "sequence", UNITS)
    return Pattern(
        name=name,
        op={"conv": "Conv", "matmul": "MatMul", "relu": "Relu", "twice": "Q/DQ"}[name],
        inputs={"x": IMAGE if is_conv else ROWS},
        output=Y if is_conv else matrix if name == "matmul" else ROWS,
        write=write,
        dtype=dtype,
        granularity=granularity,
        words=(word,) if word else (),
        tolerance=dot_product(27 if is_conv else FEATURES, dtype),
    )


def _plain(net: Network) -> str:
    """Return a sum over the float input, so that the result still depends on it."""
    axes = [1, 2] if net.pattern.name == "matmul" else [1, 2, 3]
    if net.opset < 18:
        return net.add("ReduceMax", ["x"], "greatest", axes=axes, keepdims=1)
    return net.add("ReduceMax", ["x", net.shape("axes", *axes)], "greatest", keepdims=1)
