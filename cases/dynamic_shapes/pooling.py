"""Pools with symbolic batch, length, height, width and depth, and every attribute that moves shapes.

A maximum is exact. A mean of K elements is within ``mean_rounding``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from cases.case import EXACT, Case, Tolerance
from cases.dynamic_shapes.layers import unary
from cases.dynamic_shapes.rounding import function_rounding, mean_rounding
from cases.dynamic_shapes.rows import Row, listed
from cases.dynamic_shapes.symbolic import Body, dynamic_case, f32, i64
from cases.inputs import distinct_floats, integers
from cases.model import Dim, Signature, node

DIMENSIONS: dict[str, tuple[Dim, ...]] = {
    "batch": ("N", 2, 9, 7),
    "channel": (2, "C", 9, 7),
    "height": (2, 2, "H", 7),
    "width": (2, 2, 9, "W"),
    "height_width": (2, 2, "H", "W"),
    "batch_height_width": ("N", 2, "H", "W"),
}
SMALL = {"H": (5, 9, 7, 12), "W": (4, 11, 6, 14), "D": (3, 6, 4, 7), "S": (5, 12, 7, 16), "C": (2, 4, 3, 6)}
WINDOW = (3, 2)  # not square
# Ceiling with a stride of 2 gives one output more than flooring at some of the sizes and none at others.
Variant = tuple[str, str, dict[str, Any]]


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from listed(_max(), sizes=SMALL)
    yield from listed(_mean(), sizes=SMALL)
    for opset in (8, 10, 11, 12, 22):
        yield from listed(_max_of_every_opset(), opset=opset, sizes=SMALL)
    for opset in (7, 10, 11, 19, 22):
        yield from listed(_mean_of_every_opset(), opset=opset, sizes=SMALL)
    for opset in (19, 22):
        yield from listed(_dilated_mean(), opset=opset, sizes=SMALL)
    for opset in (18, 22):
        yield from listed(_norms(), opset=opset, sizes=SMALL)
    for opset in (17, 22):
        yield from listed(_global_max(), opset=opset, sizes=SMALL, fill={"x": distinct_floats})
        yield from listed(_global_mean(), opset=opset, sizes=SMALL)
    yield _integers()
    yield _indices()


def pool(op: str, *, kernel: Sequence[int] = WINDOW, **attributes: Any) -> Body:
    """Return a pool with windows of ``kernel``."""
    return unary(op, kernel_shape=list(kernel), **attributes)


def _pooled(dims: Sequence[Dim]) -> Signature:
    return f32(dims[0], dims[1], *[None] * (len(dims) - 2))


def _row(op: str, kind: str, name: str, attributes: dict[str, Any], tolerance: Tolerance) -> Row:
    dims = DIMENSIONS[kind]
    axes = f"{kind}-{op.lower()}2d{name}"
    return Row(axes, op, partial(pool, op, **attributes), {"x": f32(*dims)}, _pooled(dims), tolerance)


def _max() -> Iterator[Row]:
    variants: tuple[Variant, ...] = (
        ("batch", "", {"strides": [2, 2]}),
        ("channel", "", {"strides": [2, 1]}),
        ("height", "", {"strides": [2, 2]}),
        ("width", "", {"strides": [1, 2]}),
        ("batch_height_width", "_pads", {"strides": [2, 2], "pads": [1, 0, 1, 1]}),
        ("height_width", "_same_upper", {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
        ("height_width", "_same_lower", {"strides": [2, 2], "auto_pad": "SAME_LOWER"}),
        ("height_width", "_valid", {"strides": [2, 3], "auto_pad": "VALID"}),
        ("batch_height_width", "_ceil", {"strides": [2, 2], "ceil_mode": 1}),
        ("height_width", "_ceil_pads", {"strides": [2, 2], "ceil_mode": 1, "pads": [1, 1, 0, 0]}),
        ("height_width", "_dilated", {"dilations": [2, 3]}),
        ("height_width", "_stride1", {"pads": [1, 1, 1, 0]}),
    )
    for kind, name, attributes in variants:
        yield _row("MaxPool", kind, name, attributes, EXACT)
    line, volume = ("N", 2, "S"), (2, 2, "D", "H", "W")
    body = partial(pool, "MaxPool", kernel=(3,), strides=[2], pads=[1, 1])
    yield Row("batch_sequence-maxpool1d", "MaxPool", body, {"x": f32(*line)}, _pooled(line))
    body = partial(pool, "MaxPool", kernel=(2, 3, 2), strides=[1, 2, 2])
    yield Row("depth_height_width-maxpool3d", "MaxPool", body, {"x": f32(*volume)}, _pooled(volume))


def _mean() -> Iterator[Row]:
    tolerance = mean_rounding(prod(WINDOW))
    variants: tuple[Variant, ...] = (
        ("batch", "", {"strides": [2, 2]}),
        ("channel", "", {"strides": [2, 1]}),
        ("height", "", {"strides": [2, 2]}),
        ("width", "", {"strides": [1, 2]}),
        ("height_width", "_exclude_pad", {"strides": [2, 2], "pads": [1, 1, 1, 0], "count_include_pad": 0}),
        ("height_width", "_include_pad", {"strides": [2, 2], "pads": [1, 1, 1, 0], "count_include_pad": 1}),
        ("height_width", "_same_upper", {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
        ("height_width", "_same_lower", {"strides": [2, 2], "auto_pad": "SAME_LOWER"}),
        ("height_width", "_valid", {"strides": [2, 3], "auto_pad": "VALID"}),
        ("batch_height_width", "_ceil", {"strides": [2, 2], "ceil_mode": 1}),
        ("batch_height_width", "_include_pad", {"strides": [1, 2], "pads": [1, 0, 1, 1], "count_include_pad": 1}),
    )
    for kind, name, attributes in variants:
        yield _row("AveragePool", kind, name, attributes, tolerance)
    line, volume = ("N", 2, "S"), (2, 2, "D", "H", "W")
    body = partial(pool, "AveragePool", kernel=(3,), strides=[2], pads=[1, 1])
    yield Row("batch_sequence-averagepool1d", "AveragePool", body, {"x": f32(*line)}, _pooled(line), mean_rounding(3))
    body = partial(pool, "AveragePool", kernel=(2, 3, 2), strides=[1, 2, 2])
    three = {"x": f32(*volume)}
    yield Row("depth_height_width-averagepool3d", "AveragePool", body, three, _pooled(volume), mean_rounding(12))


def _global_max() -> Iterator[Row]:
    x, y = {"x": f32(*DIMENSIONS["batch_height_width"])}, f32("N", 2, 1, 1)
    yield Row("batch_height_width-globalmaxpool2d", "GlobalMaxPool", partial(unary, "GlobalMaxPool"), x, y)


def _global_mean() -> Iterator[Row]:
    body = partial(unary, "GlobalAveragePool")
    x, y, pixels = {"x": f32(*DIMENSIONS["batch_height_width"])}, f32("N", 2, 1, 1), SMALL["H"][-1] * SMALL["W"][-1]
    yield Row("batch_height_width-globalaveragepool2d", "GlobalAveragePool", body, x, y, mean_rounding(pixels))
    x, y = {"x": f32("N", 2, "S")}, f32("N", 2, 1)
    yield Row("batch_sequence-globalaveragepool1d", "GlobalAveragePool", body, x, y, mean_rounding(SMALL["S"][-1]))


def _max_of_every_opset() -> Iterator[Row]:
    yield _row("MaxPool", "batch_height_width", "_strided_pads", {"strides": [2, 2], "pads": [1, 1, 1, 0]}, EXACT)


def _mean_of_every_opset() -> Iterator[Row]:
    attributes = {"strides": [2, 2], "pads": [1, 1, 1, 0], "count_include_pad": 1}
    yield _row("AveragePool", "batch_height_width", "_strided_pads", attributes, mean_rounding(prod(WINDOW)))


def _dilated_mean() -> Iterator[Row]:
    attributes = {"dilations": [2, 3], "strides": [1, 2]}
    yield _row("AveragePool", "height_width", "_dilated", attributes, mean_rounding(prod(WINDOW)))


def _norms() -> Iterator[Row]:
    tolerance = function_rounding(10.0)  # sqrt(6) * LIMIT
    yield _row("LpPool", "batch_height_width", "", {"strides": [2, 2], "p": 2}, tolerance)


def _integers() -> Case:
    """Return MaxPool of int8, which it takes from opset 12 on."""
    dims = DIMENSIONS["batch_height_width"]
    return dynamic_case(
        "batch_height_width-maxpool2d_int8",
        "MaxPool",
        partial(pool, "MaxPool", strides=[2, 2]),
        {"x": (np.int8, dims)},
        {"y": (np.int8, _pooled(dims)[1])},
        summary="MaxPool of int8, which it takes from opset 12 on",
        sizes=SMALL,
        fill={"x": partial(integers, low=-128, high=127, dtype=np.int8)},
    )


def _indices() -> Case:
    dims = DIMENSIONS["batch_height_width"]
    return dynamic_case(
        "batch_height_width-maxpool2d_indices",
        "MaxPool",
        _max_with_indices,
        {"x": f32(*dims)},
        {"y": _pooled(dims), "indices": i64(*(_pooled(dims)[1] or ()))},
        sizes=SMALL,
        fill={"x": distinct_floats},
    )


def _max_with_indices() -> Body:
    """MaxPool with the places of the maxima: offsets into the whole input, so that every dimension counts."""
    return [node("MaxPool", ["x"], ["y", "indices"], kernel_shape=list(WINDOW), strides=[2, 2])], {}
