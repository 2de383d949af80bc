"""com.microsoft operators on images: QLinearConv, QLinearAveragePool, QLinearGlobalAveragePool, QLinearReduceMean.

Scales are powers of two. A mean over a power of two of elements is exact, its ties are ties and the tolerance is zero;
over another number the mean is rounded before it is rounded to a step, and one next to a tie may go either way: one
step. Sums of QLinearConv are integers, scaled by an odd multiple of a power of two, exact in float32: zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from cases.case import EXACT, Array, Case, Tolerance
from cases.inputs import integers
from cases.model import dtype_named
from cases.quantization import extents
from cases.quantization.codes import every_code
from cases.quantization.parameters import small_weights, zero_points
from cases.quantization.single import Fed, Single

DOMAIN = "com.microsoft"
TYPES = ("int8", "uint8")
ONE_STEP = Tolerance(steps=1)
Dims = tuple[int | str, ...]
# name -> input behind batch and channels, output, attributes, whether each mean is over a power of two
POOLS: Mapping[str, tuple[tuple[int, ...], tuple[int, ...], Mapping[str, Any], bool]] = {
    "pool1d": ((12,), (5,), {"kernel_shape": [4], "strides": [2]}, True),
    "pool2d": ((8, 6), (4, 3), {"kernel_shape": [2, 4], "strides": [2, 1]}, True),
    "pool2d_pads": ((8, 6), (8, 5), {"kernel_shape": [3, 2], "pads": [1, 0, 1, 0]}, False),
    "pool2d_count_pads": ((8, 6), (9, 6), {"kernel_shape": [2, 2], "pads": [1, 1, 1, 0], "count_include_pad": 1}, True),
    "pool2d_ceil": ((8, 7), (3, 3), {"kernel_shape": [4, 3], "strides": [2, 2], "ceil_mode": 1}, False),
    "pool2d_same_upper": ((7, 6), (4, 3), {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}, False),
    "pool3d": ((4, 6, 5), (3, 3, 4), {"kernel_shape": [2, 4, 2]}, True),
}
CONV_SCALES = np.array([3, 5, 7, 2, 3, 5], np.float32) * np.float32(2.0**-8)


def cases() -> Iterator[Case]:
    """Yield the cases of the operators on images."""
    for dtype, pool in product(TYPES, POOLS):
        yield _average(dtype, pool, False, extents.STATIC)
    for dtype, kind in product(TYPES, (extents.STATIC, extents.BATCH)):
        yield _average(dtype, "pool2d", True, kind)
        yield _mean("QLinearGlobalAveragePool", dtype, "nchw", {"channels_last": 0}, ("batch", 6, 1, 1), kind)
        yield _mean("QLinearGlobalAveragePool", dtype, "nhwc", {"channels_last": 1}, ("batch", 1, 1, 6), kind)
    yield _average("uint8", "pool2d", False, extents.BATCH)
    for dtype in TYPES:
        yield _mean("QLinearReduceMean", dtype, "keepdims", {"axes": [2, 3], "keepdims": 1}, ("batch", 6, 1, 1))
        yield _mean("QLinearReduceMean", dtype, "axis_last", {"axes": [-1], "keepdims": 0}, ("batch", 6, 8))
    for types in (("uint8", "uint8"), ("uint8", "int8"), ("int8", "int8")):
        for group, last in ((1, True), (2, True), (6, True), (1, False)):
            yield _conv(types, group, last, extents.STATIC)
        yield _conv(types, 1, True, extents.BATCH)
    yield _conv(("int8", "uint8"), 1, False, extents.STATIC)


def _average(dtype: str, name: str, last: bool, kind: str) -> Case:
    x, y, attributes, exact = POOLS[name]
    layout = "nhwc" if last else "nchw"
    return _quantized(
        op="QLinearAveragePool",
        dtype=dtype,
        words=("contrib_qlinearaveragepool", dtype, name, layout),
        x=("batch", *x, 6) if last else ("batch", 6, *x),
        y=("batch", *y, 6) if last else ("batch", 6, *y),
        attributes={**attributes, **({"channels_last": 1} if last else {})},
        kind=kind,
        tolerance=EXACT if exact else ONE_STEP,
        y_scale=2.0**-5,
    )


def _mean(op: str, dtype: str, name: str, attributes: Mapping[str, Any], y: Dims, kind: str = extents.STATIC) -> Case:
    return _quantized(
        op=op,
        dtype=dtype,
        words=(f"contrib_{op.lower()}", dtype, name),
        x=("batch", 8, 4, 6) if attributes.get("channels_last") else ("batch", 6, 8, 4),
        y=y,
        attributes=attributes,
        kind=kind,
        tolerance=EXACT,
        y_scale=2.0**-6,
    )


def _quantized(
    *,
    op: str,
    dtype: str,
    words: tuple[str, ...],
    x: Dims,
    y: Dims,
    attributes: Mapping[str, Any],
    kind: str,
    tolerance: Tolerance,
    y_scale: float,
) -> Case:
    return Single(
        domain=DOMAIN,
        op=op,
        words=words,
        summary=f"{op} of {dtype}, {words[2].replace('_', ' ')}",
        operands=("x", "x_scale", "x_zero_point", "y_scale", "y_zero_point"),
        fed={"x": Fed(dtype=dtype_named(dtype), shape=x, values=every_code(dtype))},
        constants=partial(_parameters, dtype, y_scale),
        outputs={"y": (dtype_named(dtype), y)},
        attributes=attributes,
        kind=kind,
        tolerance=tolerance,
        tags=frozenset({"contrib"}),
    ).case()


def _parameters(dtype: str, y_scale: float, _key: str) -> Mapping[str, Array]:
    """Return zero points near the middle of the range, where the means of all codes are, an odd and an even one."""
    middle = 128 if dtype == "uint8" else 0
    return {
        "x_scale": np.array(2.0**-4, np.float32),
        "x_zero_point": np.array(middle + 3, dtype),
        "y_scale": np.array(y_scale, np.float32),
        "y_zero_point": np.array(middle - 6, dtype),
    }


def _conv(types: tuple[str, str], group: int, last: bool, kind: str) -> Case:
    """6 channels to 6, by a kernel of 3 x 2 with uneven pads; the weight is laid out as in ONNX, also for NHWC."""
    x: Dims = ("batch", 9, 8, 6) if last else ("batch", 6, 9, 8)
    y: Dims = ("batch", 5, 8, 6) if last else ("batch", 6, 5, 8)
    return Single(
        domain=DOMAIN,
        op="QLinearConv",
        words=("contrib_qlinearconv", "_".join(types), f"group{group}", "nhwc" if last else "nchw"),
        summary=f"QLinearConv of {types[0]} with {types[1]} weights, {group} groups, {'NHWC' if last else 'NCHW'}",
        operands=(
            *("x", "x_scale", "x_zero_point", "weight", "weight_scale", "weight_zero_point"),
            *("y_scale", "y_zero_point", "bias"),
        ),
        fed={"x": Fed(dtype=dtype_named(types[0]), shape=x, values=every_code(types[0]))},
        constants=partial(_conv_parameters, types, group),
        outputs={"y": (dtype_named(types[0]), y)},
        attributes={
            "kernel_shape": [3, 2],
            "pads": [1, 1, 1, 0],
            "strides": [2, 1],
            "group": group,
            "channels_last": int(last),
        },
        kind=kind,
        tags=frozenset({"contrib"}),
    ).case()


def _conv_parameters(types: tuple[str, str], group: int, key: str) -> Mapping[str, Array]:
    return {
        "x_scale": np.array(2.0**-4, np.float32),
        "x_zero_point": zero_points(f"{key}/x", types[0], zero=False),
        "weight": small_weights(key, types[1], (6, 6 // group, 3, 2)),
        "weight_scale": CONV_SCALES,
        "weight_zero_point": np.full(6, 127 if types[1] == "uint8" else 0, types[1]),
        "y_scale": np.array(2.0**-3, np.float32),
        "y_zero_point": zero_points(f"{key}/y", types[0], zero=False, odd=False),
        "bias": integers(f"{key}/bias", (6,), -3000, 3000, np.int32),
    }
