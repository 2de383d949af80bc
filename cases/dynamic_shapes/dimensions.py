"""Which dimension is symbolic: one layer each, so that a failure names the dimension and the op."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from cases.case import EXACT, Case, Tolerance
from cases.dynamic_shapes.layers import (
    CHANNELS,
    FEATURES,
    FILTERS,
    KERNEL,
    UNITS,
    VOCABULARY,
    attention,
    attention_op,
    binary,
    conv,
    embedding,
    gemm,
    layer_normalization,
    layer_normalization_primitives,
    matmul,
    mean_of_rows,
    mean_of_rows_axes_input,
    two_branches,
    unary,
)
from cases.dynamic_shapes.rounding import (
    PRODUCT,
    attention_rounding,
    mean_rounding,
    normalization_rounding,
    rounding,
    softmax_rounding,
)
from cases.dynamic_shapes.rows import Row, listed
from cases.dynamic_shapes.symbolic import SIZES, Body, dynamic_case, f32, i64
from cases.inputs import floats, integers
from cases.model import Signature

# id without opset, op, body, signatures of x and y, tolerance
Layer = tuple[str, str, Callable[[], Body], Signature, Signature, Tolerance]
# id without opset, op, its attributes, signatures of a, b and y, tolerance
Pair = tuple[str, str, Mapping[str, Any], Signature, Signature, Signature, Tolerance]

CALIBRATION_ISSUE = "https://github.com/NVIDIA/TensorRT/issues/3926"
PADS = [1, 1, 1, 1]
CONV = rounding(CHANNELS * KERNEL**2 + 1, PRODUCT)
ROWS = f32("N", FEATURES)
IMAGE = f32(2, CHANNELS, "H", "W")
HALVES = f32(2, CHANNELS, "H_half", "W_half")
TOKENS = f32("N", "S", FEATURES)
VOLUME = f32(2, "C", 6, 5)
EVERY = f32("N", "C", "H", "W")


def cases() -> Iterator[Case]:
    """Yield the cases, grouped by the dimensions that are symbolic."""
    yield from _single_input(_batch())
    yield from _single_input(_batch_of_old_opsets(), opset=13)
    for opset in (21, 24):
        yield from _single_input(_batch_of_new_opsets(), opset=opset)
    yield from _single_input(_height_width())
    yield from _single_input(_sequence())
    yield from _single_input(_channel())
    yield from _single_input(_every_dimension())
    yield from _single_input(_anonymous())
    yield from _other_contents()
    yield from _calibration_story()
    yield from _two_inputs(_pairs())
    yield from _two_inputs(_broadcast_pairs())


def _single_input(rows: Iterable[Layer], *, opset: int = 17) -> Iterator[Case]:
    return listed((Row(axes, op, body, {"x": x}, y, error) for axes, op, body, x, y, error in rows), opset=opset)


def _batch() -> Iterator[Layer]:
    units, images = f32("N", UNITS), f32("N", CHANNELS, 8, 8)
    yield "batch-relu", "Relu", partial(unary, "Relu"), ROWS, ROWS, EXACT
    yield "batch-conv2d", "Conv", partial(conv, pads=PADS), images, f32("N", FILTERS, 8, 8), CONV
    yield "batch-matmul", "MatMul", matmul, ROWS, units, rounding(FEATURES, PRODUCT)
    yield "batch-gemm", "Gemm", gemm, ROWS, units, rounding(FEATURES + 1, PRODUCT)
    yield "batch-softmax", "Softmax", partial(unary, "Softmax", axis=-1), ROWS, ROWS, softmax_rounding(FEATURES)
    yield "batch-reducemean", "ReduceMean", mean_of_rows, ROWS, f32("N"), mean_rounding(FEATURES)
    tolerance = normalization_rounding(FEATURES)
    yield "batch-layernormalization", "LayerNormalization", layer_normalization, ROWS, ROWS, tolerance


def _batch_of_old_opsets() -> Iterator[Layer]:
    tolerance = normalization_rounding(FEATURES)
    yield "batch-relu", "Relu", partial(unary, "Relu"), ROWS, ROWS, EXACT
    yield "batch-gemm", "Gemm", gemm, ROWS, f32("N", UNITS), rounding(FEATURES + 1, PRODUCT)
    yield "batch-layernormalization_primitives", "ReduceMean", layer_normalization_primitives, ROWS, ROWS, tolerance


def _batch_of_new_opsets() -> Iterator[Layer]:
    tolerance = mean_rounding(FEATURES)
    yield "batch-relu", "Relu", partial(unary, "Relu"), ROWS, ROWS, EXACT
    yield "batch-reducemean", "ReduceMean", mean_of_rows_axes_input, ROWS, f32("N"), tolerance


def _height_width() -> Iterator[Layer]:
    halves = f32(2, FILTERS, "H_half", "W_half")
    yield "height_width-conv2d", "Conv", partial(conv, pads=PADS, strides=[2, 2]), IMAGE, halves, CONV
    automatic = partial(conv, auto_pad="SAME_UPPER", strides=[2, 2])
    yield "height_width-conv2d_same_upper", "Conv", automatic, IMAGE, halves, CONV
    pool = partial(unary, "MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    yield "height_width-maxpool", "MaxPool", pool, IMAGE, HALVES, EXACT
    pool = partial(unary, "MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    yield "height_width-maxpool_ceil", "MaxPool", pool, IMAGE, HALVES, EXACT
    pool = partial(unary, "AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=PADS)
    yield "height_width-averagepool", "AveragePool", pool, IMAGE, HALVES, mean_rounding(KERNEL**2)
    images, filtered = f32("N", CHANNELS, "H", "W"), f32("N", FILTERS, "H", "W")
    yield "batch_height_width-conv2d", "Conv", partial(conv, pads=PADS), images, filtered, CONV
    pool, averages = partial(unary, "GlobalAveragePool"), f32("N", CHANNELS, 1, 1)
    tolerance = mean_rounding(SIZES["H"][-1] * SIZES["W"][-1])
    yield "batch_height_width-globalaveragepool", "GlobalAveragePool", pool, images, averages, tolerance


def _sequence() -> Iterator[Layer]:
    tolerance = rounding(FEATURES, PRODUCT)
    yield "sequence-matmul", "MatMul", matmul, f32(2, "S", FEATURES), f32(2, "S", UNITS), tolerance
    conv1d, tolerance = partial(conv, spatial=1, pads=[1, 1]), rounding(CHANNELS * KERNEL + 1, PRODUCT)
    yield "sequence-conv1d", "Conv", conv1d, f32(2, CHANNELS, "S"), f32(2, FILTERS, "S"), tolerance
    tolerance = normalization_rounding(FEATURES)
    yield "batch_sequence-layernormalization", "LayerNormalization", layer_normalization, TOKENS, TOKENS, tolerance


def _channel() -> Iterator[Layer]:
    pool = partial(unary, "MaxPool", kernel_shape=[2, 2])
    yield "channel-maxpool", "MaxPool", pool, VOLUME, f32(2, "C", 5, 4), EXACT
    softmax = partial(unary, "Softmax", axis=1)
    yield "channel-softmax", "Softmax", softmax, VOLUME, VOLUME, softmax_rounding(SIZES["C"][-1])


def _every_dimension() -> Iterator[Layer]:
    transpose = partial(unary, "Transpose", perm=[0, 2, 3, 1])
    yield "every_dimension-relu", "Relu", partial(unary, "Relu"), EVERY, EVERY, EXACT
    yield "every_dimension-transpose", "Transpose", transpose, EVERY, f32("N", "H", "W", "C"), EXACT


def _anonymous() -> Iterator[Layer]:
    images, filtered = f32("?N", CHANNELS, "?H", "?W"), f32(None, FILTERS, None, None)
    yield "anonymous-relu", "Relu", partial(unary, "Relu"), f32("?N", FEATURES), f32(None, FEATURES), EXACT
    yield "anonymous-conv2d", "Conv", partial(conv, pads=PADS), images, filtered, CONV


def _other_contents() -> Iterator[Case]:
    yield dynamic_case(
        "batch_sequence-embedding",
        "Gather",
        embedding,
        {"x": i64("N", "S")},
        {"y": f32("N", "S", UNITS)},
        summary="Gather: rows of a table by token ids",
        fill={"x": partial(integers, low=0, high=VOCABULARY - 1)},
    )
    yield _attention("batch_sequence-attention", "MatMul", attention, ["x"], opset=17)
    for axes, names in (("attention", ["x", "x", "x"]), ("attention_separate_inputs", ["query", "key", "value"])):
        yield _attention(f"batch_sequence-{axes}", "Attention", partial(attention_op, *names), names, opset=23)


def _attention(axes: str, op: str, body: Callable[[], Body], inputs: Sequence[str], *, opset: int) -> Case:
    return dynamic_case(
        axes,
        op,
        body,
        dict.fromkeys(inputs, TOKENS),
        {"y": TOKENS},
        opset=opset,
        summary="softmax(q transposed(k) / 4) v: the sequence length is also a summed dimension",
        fill=dict.fromkeys(inputs, partial(floats, limit=1.0)),
        tolerance=attention_rounding(SIZES["S"][-1]),
        tags=["softmax"],
    )


def _calibration_story() -> Iterator[Case]:
    for spelling, unused in (("same_symbol", "N"), ("different_symbols", "U")):
        yield dynamic_case(
            f"three_inputs-one_unused-{spelling}",
            "MatMul",
            two_branches,
            {"a": ROWS, "b": f32("N", UNITS), "unused": f32(unused, 4)},
            {"y": f32("N", UNITS)},
            summary="three dynamic inputs, one unused: INT8 calibration with several inputs failed in TensorRT 10.0",
            sizes={"U": (2, 6, 3, 10)},
            tolerance=rounding(FEATURES + UNITS, PRODUCT),
            tags=["unused_input"],
            source=CALIBRATION_ISSUE,
        )


def _two_inputs(pairs: Iterable[Pair]) -> Iterator[Case]:
    rows = (
        Row(axes, op, partial(binary, op, **attributes), {"a": a, "b": b}, y, tolerance)
        for axes, op, attributes, a, b, y, tolerance in pairs
    )
    return listed(rows, sizes={"A": (2, 4, 3, 8), "B": (1, 4, 3, 8)})


def _pairs() -> Iterator[Pair]:
    yield "two_inputs-same_symbol-add", "Add", {}, ROWS, ROWS, ROWS, EXACT
    yield "two_inputs-anonymous-add", "Add", {}, f32("?N", 4), f32("?N", 4), f32(None, 4), EXACT
    lengths = f32("N", 4), f32("S", 4), f32("N_plus_S", 4)
    yield "two_inputs-different_symbols-concat", "Concat", {"axis": 0}, *lengths, EXACT
    yield "channel-concat", "Concat", {"axis": 1}, VOLUME, VOLUME, f32(2, "C_twice", 6, 5), EXACT
    matrices = f32("N", "H", "C"), f32("N", "C", "W"), f32("N", "H", "W")
    yield "every_dimension-matmul", "MatMul", {}, *matrices, rounding(SIZES["C"][-1], PRODUCT)


def _broadcast_pairs() -> Iterator[Pair]:
    volume = f32("N", "C", "S")
    yield "broadcast-left-add", "Add", {}, f32(1, FEATURES), ROWS, ROWS, EXACT
    yield "broadcast-right-add", "Add", {}, volume, f32("C", 1), volume, EXACT
    yield "broadcast-both-add", "Add", {}, f32("N", 1), f32(1, "S"), f32("N", "S"), EXACT
    yield "broadcast-rank-add", "Add", {}, f32("S"), volume, volume, EXACT
    # A and B are equal but for min, where B is 1 and only there stretched
    yield "broadcast-decided_at_run_time-add", "Add", {}, f32("A", 4), f32("B", 4), f32("A_or_B", 4), EXACT
