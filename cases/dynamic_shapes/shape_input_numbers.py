"""Single numbers that arrive at run time as graph inputs: limits, k, depths, diagonals, indices and axes.

Everything here moves data, or adds small integers: every result is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from cases.case import Case
from cases.dynamic_shapes import shape_input_bodies as bodies
from cases.dynamic_shapes.shape_input_bodies import Row, cases_of
from cases.dynamic_shapes.symbolic import SIZES, Values, f32, i64

TABLE = f32("N", "S")
LIMITS: Values = tuple((length,) for length in SIZES["S"])


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from cases_of((*_numbers(), *_axes()))


def _numbers() -> Iterator[Row]:
    """Scalars and vectors of one element: limits, k, depth, diagonals."""
    for name, dtype in (("limit_input", np.int64), ("limit_input_int32", np.int32)):
        up_to = partial(bodies.count_up, dtype)
        yield f"range-{name}", "Range", up_to, f32("N", 1), (dtype, ()), LIMITS, f32("N", "limit"), (11, 13, 17, 21)
    empty: Values = ((0,), (4,), (2,), (9,))
    yield (
        "range-limit_input_empty",
        "Range",
        partial(bodies.count_up, np.int64),
        f32("N", 1),
        i64(),
        empty,
        f32("N", "limit"),
        (17,),
    )
    k: Values = ((1,), (8,), (5,), (20,))
    top = partial(bodies.topk, {"largest": 1, "sorted": 1})
    yield "topk-k_input", "TopK", top, TABLE, i64(1), k, f32("N", "k"), (11, 13, 17, 21)
    yield "topk-k_input", "TopK", partial(bodies.topk, {}), TABLE, i64(1), k, f32("N", "k"), (10,)
    none: Values = ((0,), (8,), (5,), (20,))
    yield "topk-k_input_zero", "TopK", top, TABLE, i64(1), none, f32("N", "k"), (17,)
    diagonals: Values = ((-2,), (1,), (0,), (3,))
    for upper in (0, 1):
        word = "upper" if upper else "lower"
        body = bodies.direct("Trilu", upper=upper)
        yield f"trilu-k_input_{word}", "Trilu", body, TABLE, i64(), diagonals, TABLE, (14, 17)
    for name, dtype in (("depth_input", np.int64), ("depth_input_int32", np.int32)):
        for dims in ((), (1,)):
            word = f"{name}_vector" if dims else name
            yield (
                f"onehot-{word}",
                "OneHot",
                bodies.one_hot,
                i64("N", "S"),
                (dtype, dims),
                k,
                f32("N", "S", "depth"),
                (11, 17),
            )
    rows: Values = ((0,), (2,), (1,), (3,))
    for name, dtype in (("index_input", np.int64), ("index_input_int32", np.int32)):
        pick = bodies.direct("Gather", axis=1)
        yield f"gather-{name}", "Gather", pick, f32("N", 4, "S"), (dtype, ()), rows, f32("N", "S"), (13, 17)


def _axes() -> Iterator[Row]:
    """Axes that are given at run time: the same at every point, and no runtime can know that."""
    fixed: Values = ((1,),) * 4
    middle = f32("N", 1, "S")
    yield (
        "squeeze-axes_input",
        "Squeeze",
        bodies.direct("Squeeze"),
        middle,
        i64(1),
        fixed,
        TABLE,
        (13, 17, 21),
    )
    yield (
        "unsqueeze-axes_input",
        "Unsqueeze",
        bodies.direct("Unsqueeze"),
        TABLE,
        i64(1),
        fixed,
        middle,
        (13, 17, 21),
    )
    for op, opsets in (("ReduceSum", (13, 17, 21)), ("ReduceMax", (18, 21))):
        body = bodies.direct(op, keepdims=0)
        yield f"{op.lower()}-axes_input", op, body, TABLE, i64(1), fixed, f32("N"), opsets
    for name, dtype in (("axis_input", np.int64), ("axis_input_int32", np.int32)):
        yield (
            f"cumsum-{name}",
            "CumSum",
            bodies.direct("CumSum"),
            TABLE,
            (dtype, ()),
            fixed,
            TABLE,
            (11, 14, 17),
        )
