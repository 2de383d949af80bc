"""Normalizations with symbolic batch, channels, sequence, height and width, on both sides of each change of version."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from cases.case import Case
from cases.dynamic_shapes import normalization_programs as programs
from cases.dynamic_shapes.layers import FEATURES
from cases.dynamic_shapes.normalization_programs import CHANNELS, GROUPS
from cases.dynamic_shapes.rounding import affine_rounding, function_rounding, normalization_rounding
from cases.dynamic_shapes.rows import Row, listed
from cases.dynamic_shapes.symbolic import dynamic_case, f32
from cases.model import Dim, Signature

IMAGES: dict[str, tuple[Dim, ...]] = {
    "batch": ("N", CHANNELS, 5, 7),
    "height": (2, CHANNELS, "H", 7),
    "width": (2, CHANNELS, 5, "W"),
    "height_width": (2, CHANNELS, "H", "W"),
    "batch_height_width": ("N", CHANNELS, "H", "W"),
}
SIZES = {"H": (4, 9, 6, 12), "W": (5, 8, 7, 14), "D": (2, 4, 3, 5), "S": (8, 12, 9, 16)}
PIXELS = SIZES["H"][-1] * SIZES["W"][-1]
BATCH = affine_rounding(2 * 8.0)  # (|x| + |mean|) / sqrt(1) * scale + bias: 4 + 1, times 1, plus 1; twice folded
TOKENS, WIDE = f32("N", "S", FEATURES), f32("N", "S", 4, FEATURES)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from listed(_batch(), sizes=SIZES)
    for opset in (9, 14):
        yield from listed(_batch_of_every_opset(), opset=opset, sizes=SIZES)
    yield from listed(_instance(), sizes=SIZES)
    for opset in (9, 22):
        yield from listed(_instance_of_every_opset(), opset=opset, sizes=SIZES)
    yield from listed(_layer(), sizes=SIZES)
    yield _layer_statistics()
    yield from listed(_group(), opset=21, sizes=SIZES)
    yield from listed(_group_primitives(), sizes=SIZES)
    yield from listed(_root_mean_square(), opset=23, sizes=SIZES)
    yield from listed(_others(), sizes=SIZES)


def _batch() -> Iterator[Row]:
    body = programs.batch_normalization
    shapes: dict[str, tuple[Dim, ...]] = {
        **{f"{kind}-batchnormalization": dims for kind, dims in IMAGES.items()},
        "batch-batchnormalization_rank2": ("N", CHANNELS),
        "batch_sequence-batchnormalization_rank3": ("N", CHANNELS, "S"),
        "every_dimension-batchnormalization_rank5": ("N", CHANNELS, "D", "H", "W"),
    }
    for axes, dims in shapes.items():
        yield Row(axes, "BatchNormalization", body, {"x": f32(*dims)}, f32(*dims), BATCH)
    x = f32(*IMAGES["batch_height_width"])
    relu = partial(body, relu=True)
    yield Row("batch_height_width-batchnormalization_relu", "BatchNormalization", relu, {"x": x}, x, BATCH)


def _batch_of_every_opset() -> Iterator[Row]:
    dims = IMAGES["batch_height_width"]
    # momentum does not matter here; the reference evaluator averages by it below opset 14, if it is not 1
    body = partial(programs.batch_normalization, momentum=1.0)
    yield Row("batch_height_width-batchnormalization", "BatchNormalization", body, {"x": f32(*dims)}, f32(*dims), BATCH)


def _instance() -> Iterator[Row]:
    shapes: dict[str, tuple[Dim, ...]] = {
        **{f"{kind}-instancenormalization": dims for kind, dims in IMAGES.items()},
        "batch_sequence-instancenormalization_rank3": ("N", CHANNELS, "S"),
        "every_dimension-instancenormalization_rank5": ("N", CHANNELS, "D", "H", "W"),
    }
    for axes, dims in shapes.items():
        tolerance = normalization_rounding(SIZES["D"][-1] * PIXELS if len(dims) == 5 else PIXELS)
        yield Row(
            axes, "InstanceNormalization", programs.instance_normalization, {"x": f32(*dims)}, f32(*dims), tolerance
        )


def _instance_of_every_opset() -> Iterator[Row]:
    dims = IMAGES["batch_height_width"]
    tolerance = normalization_rounding(PIXELS)
    axes = "batch_height_width-instancenormalization"
    yield Row(axes, "InstanceNormalization", programs.instance_normalization, {"x": f32(*dims)}, f32(*dims), tolerance)


def _layer() -> Iterator[Row]:
    few, many = normalization_rounding(FEATURES), normalization_rounding(4 * FEATURES)
    row = partial(_layer_row, "LayerNormalization")
    yield row("sequence-layernormalization", f32(2, "S", FEATURES), few)
    yield row("batch-layernormalization_rank4", f32("N", 3, 4, FEATURES), few)
    yield row("batch_sequence-layernormalization_axis2", WIDE, many, axis=2, shape=(4, FEATURES))
    yield row("batch_sequence-layernormalization_axis_minus2", WIDE, many, axis=-2, shape=(4, FEATURES))
    yield row("batch-layernormalization_axis1", f32("N", 4, FEATURES), many, axis=1, shape=(4, FEATURES))
    yield row("batch_sequence-layernormalization_no_bias", TOKENS, few, bias=False)
    primitives = partial(programs.layer_primitives, "Sqrt")
    yield Row("batch_sequence-layernormalization_pow_sqrt", "ReduceMean", primitives, {"x": TOKENS}, TOKENS, few)
    image = f32("N", FEATURES, "H", "W")
    yield Row(
        "batch_height_width-layernormalization_channels",
        "LayerNormalization",
        programs.channels_last,
        {"x": image},
        image,
        few,
    )


def _layer_row(op: str, axes: str, x: Signature, tolerance: Any, **options: Any) -> Row:
    return Row(axes, op, partial(programs.affine_normalization, op, **options), {"x": x}, x, tolerance)


def _layer_statistics() -> Case:
    return dynamic_case(
        "batch_sequence-layernormalization_statistics",
        "LayerNormalization",
        programs.with_statistics,
        {"x": TOKENS},
        {"y": TOKENS, "mean": f32("N", "S", 1), "inverse": f32("N", "S", 1)},
        sizes=SIZES,
        tolerance=normalization_rounding(FEATURES),
    )


def _group() -> Iterator[Row]:
    """Version 18, with one scale a group, was withdrawn: the checker refuses it at opsets 18 to 20."""
    shapes: dict[str, tuple[Dim, ...]] = {
        **{kind: IMAGES[kind] for kind in ("batch", "height_width", "batch_height_width")},
        "batch_sequence": ("N", CHANNELS, "S"),
    }
    tolerance = normalization_rounding(PIXELS * CHANNELS // GROUPS)
    for kind, dims in shapes.items():
        yield Row(
            f"{kind}-groupnormalization",
            "GroupNormalization",
            programs.group_normalization,
            {"x": f32(*dims)},
            f32(*dims),
            tolerance,
        )


def _group_primitives() -> Iterator[Row]:
    x = f32(*IMAGES["batch_height_width"])
    tolerance = normalization_rounding(PIXELS * CHANNELS // GROUPS)
    yield Row(
        "batch_height_width-groupnormalization_primitives",
        "InstanceNormalization",
        programs.group_as_instance,
        {"x": x},
        x,
        tolerance,
    )


def _root_mean_square() -> Iterator[Row]:
    few, many = normalization_rounding(FEATURES), normalization_rounding(4 * FEATURES)
    row = partial(_layer_row, "RMSNormalization", bias=False)
    yield row("batch-rmsnormalization", f32("N", FEATURES), few)
    yield row("batch_sequence-rmsnormalization", TOKENS, few)
    yield row("batch_sequence-rmsnormalization_axis2", WIDE, many, axis=2, shape=(4, FEATURES))


def _others() -> Iterator[Row]:
    few = normalization_rounding(FEATURES)
    yield Row(
        "batch_sequence-rmsnormalization_primitives", "ReduceMean", programs.rms_primitives, {"x": TOKENS}, TOKENS, few
    )
    for kind, x, axis in (("batch_sequence", TOKENS, -1), ("height_width", f32(*IMAGES["height_width"]), 1)):
        body = partial(programs.attributes_only, "LpNormalization", axis=axis, p=2)
        yield Row(f"{kind}-lpnormalization", "LpNormalization", body, {"x": x}, x, function_rounding(1.0))
    x = f32(*IMAGES["batch_height_width"])
    body = partial(programs.attributes_only, "MeanVarianceNormalization", axes=[0, 2, 3])
    tolerance = normalization_rounding(8 * PIXELS)
    yield Row("batch_height_width-meanvariancenormalization", "MeanVarianceNormalization", body, {"x": x}, x, tolerance)
    body = partial(programs.attributes_only, "LRN", size=3, alpha=0.5, beta=0.75, bias=2.0)
    square = f32(CHANNELS, CHANNELS, "H", "W")  # the reference evaluator takes the batch for the number of channels
    yield Row("height_width-lrn", "LRN", body, {"x": square}, square, function_rounding(4.0))
