"""Reports about scales, zero points, axes and types of Q/DQ, and about what holds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ml_dtypes
import numpy as np

from cases.case import Array, Case, Shape, Tolerance
from cases.catalogue import INVALID_ON_PURPOSE
from cases.dynamic_shapes.symbolic import f32
from cases.inputs import floats
from cases.model import onnx_type
from cases.quantization.tensorrt_chain import DOMAIN, NO_REFERENCE
from cases.reported_bugs.bug import REFUSED, bug
from cases.reported_bugs.sketch import X_SCALE, Sketch

FEATURES, UNITS, CHANNELS = 16, 8, 3
Q, DQ = ("QuantizeLinear",), ("DequantizeLinear",)
EITHER = (*Q, *DQ)
IMAGE, MAPS = f32("N", CHANNELS, 8, 6), f32("N", UNITS, 6, 4)
ROWS, SUMS = f32("N", FEATURES), f32("N", UNITS)


def cases() -> Iterator[Case]:
    """Yield the cases: zero points, scales, axes, types."""
    yield from _zero_points()
    yield from _scales()
    yield from _axes()
    yield from _types()


def _zero_points() -> Iterator[Case]:
    yield bug("Q035", "Conv", _asymmetric_conv, {"x": IMAGE}, MAPS, REFUSED, operators=EITHER, opset=13)
    yield bug(
        "Q038", "QuantizeLinear", lambda g: g.qdq("x", "y", zero=np.int8(3)), {"x": ROWS}, ROWS, REFUSED,
        operators=EITHER, opset=13,
    )  # fmt: skip
    behind = (*EITHER, "Identity")
    yield bug("Q043", "QuantizeLinear", _zero_behind_identity, {"x": ROWS}, ROWS, REFUSED, operators=behind, opset=13)
    yield bug(
        "Q044", "Conv", _both_zeros_behind_identity, {"x": IMAGE}, MAPS, REFUSED,
        operators=(*behind, "Conv"), opset=13,
    )  # fmt: skip
    yield bug(
        "Q050", "Softmax", _softmax, {"x": f32("N", "S", FEATURES)}, f32("N", "S", UNITS), REFUSED,
        operators=EITHER, opset=13, tolerance=Tolerance(absolute=2.0**-8 * FEATURES / 4),
    )  # fmt: skip


def _scales() -> Iterator[Case]:
    yield bug("Q039", "Conv", _dead_channel, {"x": IMAGE}, MAPS, REFUSED, operators=EITHER, opset=13)
    yield bug(
        "Q041", "QuantizeLinear", lambda g: g.qdq("x", "y", scale=0.0), {"x": ROWS}, ROWS, REFUSED,
        operators=EITHER, opset=13, fill={"x": _never_zero},
    )  # fmt: skip
    yield bug("Q037", "Conv", _many_scales, {"x": IMAGE}, f32("N", 64, 6, 4), REFUSED, operators=EITHER, opset=13)


def _axes() -> Iterator[Case]:
    other_axis = bug("Q051", "DequantizeLinear", _scales_of_another_axis, {"x": ROWS}, SUMS, REFUSED, opset=13)
    yield replace(other_axis, tags=other_axis.tags | {INVALID_ON_PURPOSE})
    yield bug("Q072", "DequantizeLinear", _last_axis, {"x": ROWS}, SUMS, REFUSED, operators=EITHER, opset=13)


def _types() -> Iterator[Case]:
    yield bug("Q046", "Conv", _conv_bias, {"x": IMAGE}, MAPS, REFUSED, operators=EITHER, opset=13)
    yield bug("Q047", "Conv", _conv_bias_per_channel, {"x": IMAGE}, MAPS, REFUSED, operators=EITHER, opset=13)
    images = f32("N", CHANNELS, "H", "W")
    yield bug(
        "Q048", "Conv", _padded_conv_bias, {"x": images}, f32("N", UNITS, "H", "W"), REFUSED,
        operators=EITHER, opset=13,
    )  # fmt: skip
    tokens = {"x": f32("N", "S", FEATURES)}
    yield bug("Q049", "MatMul", _matmul_bias, tokens, f32("N", "S", UNITS), REFUSED, operators=EITHER, opset=13)
    yield bug(
        "Q054", "QuantizeLinear", _blocked_int4, {"x": f32(4, 64)}, f32(4, 64), REFUSED, operators=EITHER, opset=21
    )
    yield bug("Q077", "Conv", _float8_conv, {"x": IMAGE}, MAPS, REFUSED, operators=EITHER, opset=19)
    yield bug(
        "Q080", "TRT_FP4DynamicQuantize", _half_float4, {"x": (np.float16, (2, 64))}, (np.float16, (2, 64)), REFUSED,
        opset=23, domains={DOMAIN: 1}, no_reference=NO_REFERENCE,
    )  # fmt: skip


def _asymmetric_conv(g: Sketch) -> None:
    g.add("Conv", [g.qdq("x", zero=np.uint8(131)), g.weight("w", (UNITS, CHANNELS, 3, 3), 0)])


def _zero_behind_identity(g: Sketch) -> None:
    scale = g.constant("scale", X_SCALE)
    zero = g.add("Identity", [g.constant("given", np.int8(0))], "zero")
    g.add("DequantizeLinear", [g.add("QuantizeLinear", ["x", scale, zero], "q"), scale, zero])


def _both_zeros_behind_identity(g: Sketch) -> None:
    """Add a Conv of which input and weight take their zero point from one Identity."""
    zero = g.add("Identity", [g.constant("given", np.int8(0))], "zero")
    scale = g.constant("scale", X_SCALE)
    g.add("DequantizeLinear", [g.add("QuantizeLinear", ["x", scale, zero], "q"), scale, zero], "dq")
    w_scale = g.constant("w_scale", 2.0**-4)
    w = g.kernel("kernel", (UNITS, CHANNELS, 3, 3))
    g.add("DequantizeLinear", [g.add("QuantizeLinear", [w, w_scale, zero], "w_q"), w_scale, zero], "w")
    g.add("Conv", ["dq", "w"])


def _softmax(g: Sketch) -> None:
    g.add("Softmax", ["x"], "s", axis=-1)
    g.add("MatMul", [g.qdq("s", scale=2.0**-8, zero=np.int8(-128)), g.weight("w", (FEATURES, UNITS))])


def _dead_channel(g: Sketch) -> None:
    scales = np.full(UNITS, 2.0**-7)
    scales[3] = 0.0
    g.add("Conv", [g.qdq("x"), g.weight("w", (UNITS, CHANNELS, 3, 3), 0, scale=scales)])


def _many_scales(g: Sketch) -> None:
    """Add a Conv of 64 filters, weight only: only their DequantizeLinear has a parameter for each channel."""
    g.add("Conv", ["x", g.weight("w", (64, CHANNELS, 3, 3), 0)])


def _scales_of_another_axis(g: Sketch) -> None:
    g.add("MatMul", [g.qdq("x"), g.weight("w", (FEATURES, UNITS), 1)])
    next(node for node in g.nodes if node.output[0] == "w").attribute[0].i = 0


def _last_axis(g: Sketch) -> None:
    g.add("MatMul", [g.qdq("x"), g.weight("w", (FEATURES, UNITS), -1)])


def _conv_bias(g: Sketch) -> None:
    _conv(g, None)


def _conv_bias_per_channel(g: Sketch) -> None:
    _conv(g, 0)


def _padded_conv_bias(g: Sketch) -> None:
    _conv(g, 0, pads=[1, 1, 1, 1])


def _conv(g: Sketch, axis: int | None, **attributes: Any) -> None:
    x, w = g.qdq("x"), g.weight("w", (UNITS, CHANNELS, 3, 3), axis)
    g.add("Conv", [x, w, _bias(g, w)], **attributes)


def _matmul_bias(g: Sketch) -> None:
    g.add("MatMul", [g.qdq("x"), g.weight("w", (FEATURES, UNITS), 1)], "sums")
    g.add("Add", ["sums", _bias(g, "w")])


def _bias(g: Sketch, weight: str) -> str:
    """Add an int32 bias with its DequantizeLinear; its scales are those of input and weight, multiplied."""
    scale = np.asarray(g.constants[f"{weight}_scale"] * np.float32(X_SCALE))
    codes = g.constant("b_codes", np.arange(-4, 4, dtype=np.int32) * 251)
    attributes: dict[str, Any] = {"axis": 0} if scale.shape else {}
    return g.add("DequantizeLinear", [codes, g.constant("b_scale", scale)], "b", **attributes)


def _blocked_int4(g: Sketch) -> None:
    scale = np.full((4, 2), X_SCALE, np.float32)
    g.qdq("x", "y", scale=scale, zero=np.zeros((4, 2), ml_dtypes.int4), axis=1, block_size=32)


def _float8_conv(g: Sketch) -> None:
    kind = np.dtype(ml_dtypes.float8_e4m3fn)
    zero = np.array(0, kind)
    kernel = g.kernel("w", (UNITS, CHANNELS, 3, 3))
    g.add("Conv", [g.qdq("x", scale=1.0, zero=zero), g.qdq(kernel, scale=2.0**-4, zero=zero)])


def _half_float4(g: Sketch) -> None:
    """Add quantizing in blocks of 16 with a second scale of float16, and dequantizing twice."""
    g.constant("g", np.float16(0.5))
    blocked: dict[str, Any] = {"axis": -1, "block_size": 16}
    kind = onnx_type(ml_dtypes.float8_e4m3fn)
    g.add("TRT_FP4DynamicQuantize", ["x", "g"], "q", domain=DOMAIN, scale_type=kind, **blocked)
    g.nodes[-1].output.append("s")
    g.add("DequantizeLinear", ["s", "g"], "sd")
    g.add("DequantizeLinear", ["q", "sd"], **blocked)


def _never_zero(key: str, shape: Shape) -> Array:
    """Return values in [1, 8]: 0 divided by a scale of 0 is no number."""
    return floats(key, shape, limit=3.5) + np.float32(4.5)
