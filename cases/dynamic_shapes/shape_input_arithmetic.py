"""Shape tensors as graph inputs that are computed with: arithmetic, casts, several of them, used as data as well.

Everything here moves data, or adds small integers: every result is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np

from cases.case import Case
from cases.dynamic_shapes import shape_input_programs as programs
from cases.dynamic_shapes.symbolic import SIZES, Body, Values, dynamic_case, f32, i64
from cases.model import Signature

# id without opset, op, body, inputs, values of those that are shape tensors, outputs
Row = tuple[
    str,
    str,
    Callable[[], Body],
    Mapping[str, Signature],
    Mapping[str, Values],
    Mapping[str, Signature],
    tuple[int, ...],
]

TABLE = f32("N", "S")
COLUMN = f32("N", 1)
PLANE: Mapping[str, Signature] = {"y": f32("rows", "columns")}
LENGTHS: Values = ((1,), (4,), (2,), (8,))
TWELVES: Values = ((2, 6), (6, 8), (3, 8), (8, 12))
HALVES: Values = ((2, 3), (4, 6), (3, 4), (6, 8))
COUNT = {"count": i64(1)}
NUMBER = {"count": i64()}


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for axes, op, body, inputs, values, outputs, opsets in (*_computed(), *_several(), *_scalars(), *_data()):
        for opset in opsets:
            yield dynamic_case(axes, op, body, inputs, outputs, opset=opset, values=values, tags=["shape_arithmetic"])


def _computed() -> Iterator[Row]:
    """One shape tensor, through arithmetic."""
    wide: Mapping[str, Signature] = {"y": f32("N", "columns")}
    given: Mapping[str, Signature] = {"x": COLUMN, **COUNT}
    values = {"count": LENGTHS}
    for name, op, operand in (
        ("mul", "Mul", 3),
        ("add", "Add", 5),
        ("sub", "Sub", -2),
        ("div", "Div", 2),
        ("mod", "Mod", 3),
        ("max", "Max", 3),
        ("min", "Min", 5),
    ):
        offset = 1 if name in ("div", "mod") else 0  # so that no size becomes 0
        body = partial(programs.expand_by, op, operand, offset)
        opsets = (13, 17, 21) if name in ("mul", "add") else (13,)
        yield f"shape_input-{name}_expand", "Expand", body, given, values, wide, opsets
    for dtype in (np.int32, np.float32, np.float16):
        body = partial(programs.expand_by_cast, dtype)
        name = f"shape_input-cast_{np.dtype(dtype).name}_expand"
        yield name, "Expand", body, given, values, wide, (13,)
    twelve: Mapping[str, Signature] = {"x": f32("N", 12), "shape": i64(2)}
    yield (
        "shape_input-gather_concat_reshape",
        "Reshape",
        programs.swapped,
        twelve,
        {"shape": TWELVES},
        PLANE,
        (13, 17),
    )
    yield (
        "shape_input-slice_concat_reshape",
        "Reshape",
        programs.only_last,
        twelve,
        {"shape": TWELVES},
        PLANE,
        (13,),
    )
    yield (
        "shape_input-halved_reshape",
        "Reshape",
        programs.doubled,
        twelve,
        {"shape": HALVES},
        PLANE,
        (13, 17),
    )
    yield (
        "shape_input-product_reshape",
        "Reshape",
        programs.flat,
        twelve,
        {"shape": TWELVES},
        {"y": f32("all")},
        (13,),
    )
    yield "shape_input-where_expand", "Expand", programs.where, given, values, wide, (13,)
    yield (
        "shape_input-and_shape_of_x",
        "Concat",
        programs.with_shape_of_x,
        given,
        values,
        {"y": f32("rows", "columns")},
        (13, 17),
    )
    yield (
        "shape_input-broadcast_max",
        "Expand",
        programs.broadcast,
        {"x": COLUMN, "shape": i64(2)},
        PAIRS,
        PLANE,
        (13,),
    )
    yield (
        "shape_input-resize_half",
        "Resize",
        programs.resize,
        IMAGE,
        SIZED,
        {"y": f32("N", 2, "h", "w")},
        (13,),
    )


PAIRS = {"shape": tuple((1, length) for length in SIZES["S"])}
IMAGE: Mapping[str, Signature] = {"x": f32("N", 2, "H", "W"), "shape": i64(2)}
SIZED = {"shape": ((4, 6), (16, 20), (12, 10), (40, 30))}


def _several() -> Iterator[Row]:
    """Two and three shape tensors in one model, and one that several ops take."""
    ends: Values = ((2,), (8,), (5,), (20,))
    starts: Values = ((0,), (4,), (1,), (9,))
    cut: Mapping[str, Signature] = {"x": TABLE, "start": i64(1), "end": i64(1)}
    some: Mapping[str, Signature] = {"y": f32("N", "some")}
    for opset in (13, 17, 21):
        values = {"start": starts, "end": ends}
        yield "shape_inputs-slice", "Slice", partial(programs.cut, ()), cut, values, some, (opset,)
    narrow: Mapping[str, Signature] = {"x": TABLE, "start": (np.int32, (1,)), "end": (np.int32, (1,))}
    yield (
        "shape_inputs-slice_int32",
        "Slice",
        partial(programs.cut, (), np.int32),
        narrow,
        {"start": starts, "end": ends},
        some,
        (13,),
    )
    whole = {**cut, "axes": i64(1), "steps": i64(1)}
    every = {"start": starts, "end": ends, "axes": ((1,),) * 4, "steps": ((1,), (3,), (2,), (4,))}
    yield (
        "shape_inputs-slice_all_four",
        "Slice",
        partial(programs.cut, ("axes", "steps")),
        whole,
        every,
        some,
        (13, 17),
    )
    limits: Mapping[str, Signature] = {"x": COLUMN, "start": i64(), "limit": i64(), "delta": i64()}
    steps = {
        "start": ((-3,), (4,), (1,), (5,)),
        "limit": ((0,), (14,), (9,), (30,)),
        "delta": ((1,), (3,), (2,), (4,)),
    }
    long: Mapping[str, Signature] = {"y": f32("N", "steps")}
    yield "shape_inputs-range", "Range", programs.count_up, limits, steps, long, (11, 17)
    small = {name: signature if name == "x" else (np.int32, ()) for name, signature in limits.items()}
    yield (
        "shape_inputs-range_int32",
        "Range",
        programs.count_up,
        small,
        steps,
        long,
        (11, 17),
    )
    two: Mapping[str, Signature] = {"x": f32("N", 12), "shape": i64(2), "repeats": i64(2)}
    often = {"shape": TWELVES, "repeats": ((1, 1), (2, 3), (3, 2), (4, 6))}
    yield "shape_inputs-reshape_tile", "Tile", programs.reshape_tile, two, often, PLANE, (13, 17)
    parts: Mapping[str, Signature] = {"x": COLUMN, "rows": i64(1), "columns": i64(1)}
    wide = {"rows": tuple((n,) for n in SIZES["N"]), "columns": ((3,), (9,), (5,), (12,))}
    yield "shape_inputs-concat_expand", "Expand", programs.concat_expand, parts, wide, PLANE, (13, 17)
    mixed = {**parts, "columns": (np.int32, (1,))}
    yield "shape_inputs-concat_expand_mixed", "Expand", programs.mixed_expand, mixed, wide, PLANE, (13,)
    yield (
        "shape_input-used_twice",
        "Expand",
        programs.used_twice,
        {"x": COLUMN, **COUNT},
        {"count": LENGTHS},
        PLANE,
        (13,),
    )


def _scalars() -> Iterator[Row]:
    """A shape tensor without dimensions."""
    given: Mapping[str, Signature] = {"x": COLUMN, **NUMBER}
    wide: Mapping[str, Signature] = {"y": f32("N", "columns")}
    values = {"count": LENGTHS}
    yield (
        "shape_input_scalar-unsqueeze_expand",
        "Expand",
        programs.unsqueeze,
        given,
        values,
        wide,
        (13, 17, 21),
    )
    yield "shape_input_scalar-reshape_expand", "Expand", programs.reshape_expand, given, values, wide, (13,)
    small: Mapping[str, Signature] = {"x": COLUMN, "count": (np.int32, ())}
    yield "shape_input_scalar-int32_expand", "Expand", programs.narrow_expand, small, values, wide, (13,)
    index: Values = ((-3,), (-1,), (-2,), (0,))
    rows: Mapping[str, Signature] = {"x": f32("N", 4, "S"), **NUMBER}
    yield (
        "shape_input_scalar-add_gather",
        "Gather",
        programs.gather,
        rows,
        {"count": index},
        {"y": TABLE},
        (13,),
    )


def _data() -> Iterator[Row]:
    """A shape tensor whose numbers are data as well."""
    given: Mapping[str, Signature] = {"x": COLUMN, **COUNT}
    values = {"count": LENGTHS}
    wide: Mapping[str, Signature] = {"y": f32("N", "columns")}
    yield "shape_input_data-added_to_x", "Expand", programs.added, given, values, wide, (13, 17)
    both: Mapping[str, Signature] = {**wide, "z": i64(1)}
    yield "shape_input_data-second_output", "Expand", programs.returned, given, values, both, (13, 17)
    yield "shape_input_data-output_unchanged", "Expand", programs.identity, given, values, both, (13,)
    line: Mapping[str, Signature] = {"y": f32("N", "S"), "z": f32("N", "first")}
    table: Mapping[str, Signature] = {"x": TABLE, **COUNT}
    yield (
        "shape_input_data-mask_and_slice",
        "Slice",
        programs.mask_and_slice,
        table,
        {"count": ((2,), (8,), (5,), (20,))},
        line,
        (13,),
    )
