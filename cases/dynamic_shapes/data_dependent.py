"""NonZero, Compress and Unique: outputs whose size depends on the data, alone and flowing into another op.

Everything here selects or counts, or adds multiples of 1/16: every result is exact. In the variants with ``empty`` in
their id nothing is selected at the point ``inside``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import numpy as np

from cases.case import Case
from cases.dynamic_shapes import selections
from cases.dynamic_shapes.fills import blank_at, few, flags, sparse
from cases.dynamic_shapes.symbolic import Body, Fill, Sizes, dynamic_case, f32, i64
from cases.model import Signature

TABLE: Signature = f32("N", "S")
FLAGS: Signature = np.bool_, ("S",)
HALF_FLAGS: Signature = np.bool_, ("S_half",)
SIZES_HALF = {"S_half": (2, 8, 5, 20)}  # shorter than S at every point


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _nonzero()
    yield from _nonzero_into()
    yield from _compress()
    yield from _unique()
    yield from _masks()


def _nonzero() -> Iterator[Case]:
    dtypes = ((np.float32, 9), (np.float32, 13), (np.float32, 17), (np.int32, 9), (np.int64, 17), (np.uint8, 17))
    for dtype, opset in (*dtypes, (np.bool_, 17), (np.bool_, 9)):
        fill = flags if dtype is np.bool_ else few(dtype, 0 if dtype is np.uint8 else -1)
        yield _case(
            f"nonzero-{np.dtype(dtype).name}",
            "NonZero",
            selections.nonzero,
            {"x": (dtype, ("N", "S"))},
            {"y": i64(2, "count")},
            opset=opset,
            fill={"x": fill},
        )
    for rank, dims in ((1, ("S",)), (3, ("N", "S", 4)), (4, ("N", 2, "H", "W"))):
        x, y = {"x": f32(*dims)}, {"y": i64(rank, "count")}
        yield _case(f"nonzero-rank{rank}", "NonZero", selections.nonzero, x, y, fill={"x": sparse}, opset=13)
    empty = {"x": blank_at("inside", sparse)}
    for opset in (9, 13, 17):
        yield _case(
            "nonzero-empty",
            "NonZero",
            selections.nonzero,
            {"x": TABLE},
            {"y": i64(2, "count")},
            opset=opset,
            fill=empty,
        )


def _nonzero_into() -> Iterator[Case]:
    """What the indices are for: other ops take them, also where there are none."""
    rows: Mapping[str, Signature] = {"x": f32("S", 4), "keep": FLAGS}
    for word, fill in (("", flags), ("_empty", blank_at("inside", flags))):
        for name, body, y in (
            ("gather", selections.gather_rows, f32("count", 4)),
            ("gather_matmul", selections.gather_rows_matmul, f32("count", selections.UNITS)),
            ("gather_sum", selections.gather_rows_sum, f32("S", 4)),
            ("gather_concat", selections.gather_rows_concat, f32("S_and_count", 4)),
            ("range", selections.range_over_count, i64("count")),
            ("constantofshape", selections.zeros_of_count, f32("count", 3)),
            ("expand", selections.expand_to_count, f32("count", 4)),
            ("reshape", selections.gather_rows_reshape, f32("count_twice", 2)),
        ):
            yield _case(f"nonzero_{name}{word}-float32", "NonZero", body, rows, {"y": y}, fill={"keep": fill})


def _compress() -> Iterator[Case]:
    """An axis, its negative, none (then the input is flattened), and a condition that is shorter than the axis."""
    empty = blank_at("inside", flags)
    for opset, axes, body, y, fill in (
        (17, "axis_1", partial(selections.compress, axis=1), f32("N", "count"), flags),
        (17, "flattened", selections.compress, f32("count"), flags),
        (9, "axis_1", partial(selections.compress, axis=1), f32("N", "count"), flags),
        (9, "flattened", selections.compress, f32("count"), flags),
        (11, "axis_negative", partial(selections.compress, axis=-1), f32("N", "count"), flags),
        (11, "axis_1_empty", partial(selections.compress, axis=1), f32("N", "count"), empty),
        (9, "flattened_empty", selections.compress, f32("count"), empty),
        (17, "matmul", selections.compress_matmul, f32("N", "N"), flags),
        (17, "matmul_empty", selections.compress_matmul, f32("N", "N"), empty),
        (17, "concat_empty", selections.compress_concat, f32("N", "S_and_count"), empty),
        (17, "sum_empty", selections.compress_sum, f32("N"), empty),
    ):
        inputs = {"x": TABLE, "keep": FLAGS}
        yield _case(f"compress-{axes}", "Compress", body, inputs, {"y": y}, opset=opset, fill={"keep": fill})
    for dtype in (np.int64, np.float16, np.bool_):
        yield _case(
            f"compress-{np.dtype(dtype).name}",
            "Compress",
            partial(selections.compress, axis=0),
            {"x": (dtype, ("S", 4)), "keep": FLAGS},
            {"y": (dtype, ("count", 4))},
            opset=11,
            fill={"x": few(dtype, 0), "keep": flags},
        )
    yield _case(
        "compress-short_condition",
        "Compress",
        partial(selections.compress, axis=1),
        {"x": TABLE, "keep": HALF_FLAGS},
        {"y": f32("N", "count")},
        fill={"keep": flags},
        sizes=SIZES_HALF,
    )


def _unique() -> Iterator[Case]:
    line, pairs, table = f32("S"), f32("S", 2), f32(2, "S")
    for axes, opset, attributes, x, y in (
        ("sorted", 17, {"sorted": 1}, line, f32("count")),
        ("sorted", 11, {"sorted": 1}, line, f32("count")),
        ("unsorted", 17, {"sorted": 0}, line, f32("count")),
        ("unsorted", 11, {"sorted": 0}, line, f32("count")),
        ("axis_0", 17, {"axis": 0}, pairs, f32("count", 2)),
        ("axis_0_unsorted", 17, {"axis": 0, "sorted": 0}, pairs, f32("count", 2)),
        ("axis_1", 11, {"axis": 1}, table, f32(2, "count")),
        ("axis_negative", 17, {"axis": -1}, table, f32(2, "count")),
        ("axis_1_unsorted", 17, {"axis": 1, "sorted": 0}, table, f32(2, "count")),
        ("flattened", 17, {"sorted": 1}, pairs, f32("count")),
        ("flattened_unsorted", 17, {"sorted": 0}, pairs, f32("count")),
    ):
        inverse = "S_twice" if "flattened" in axes else "S"
        yield _case(
            f"unique-{axes}",
            "Unique",
            partial(selections.unique, **attributes),
            {"x": x},
            {"y": y, "indices": i64("count"), "inverse": i64(inverse), "counts": i64("count")},
            opset=opset,
            fill={"x": few(np.float32, 0, 5)},
        )
    values, counts = {"y": (np.int64, ("count",))}, {"counts": i64("count")}
    whole: Mapping[str, Signature] = {"x": (np.int64, ("S",))}
    for axes, body, outputs in (
        ("values_only", selections.unique_values, values),
        ("values_and_counts", selections.unique_values_and_counts, {**values, **counts}),
        ("count_of_values", selections.unique_size, {"y": i64("count")}),
    ):
        yield _case(f"unique-{axes}", "Unique", body, whole, outputs, fill={"x": few(np.int64, -4, 4)})


def _masks() -> Iterator[Case]:
    """The spellings of x[mask] and of x[mask] = 0."""
    image = f32("N", 2, "H", "W")
    mostly = few(np.float32, -1, 4)  # so that some rows have a positive sum, and some elements are not positive
    for word, fill in (("", mostly), ("_empty", blank_at("inside", mostly))):
        for axes, op, body, x, y in (
            (f"nonzero_gathernd{word}-float32", "NonZero", selections.mask_gather, TABLE, f32("count")),
            (f"mask{word}-compress", "Compress", selections.mask_compress, TABLE, f32("count")),
            (f"mask{word}-rows", "NonZero", selections.mask_rows, TABLE, f32("rows", "S")),
            (f"mask{word}-scatternd", "ScatterND", selections.mask_scatter, TABLE, TABLE),
            (f"mask{word}-image", "NonZero", selections.mask_gather, image, f32("count")),
        ):
            # The size of what is scattered into does not depend on the data; that of what is scattered does.
            tags = ("mask",) if op == "ScatterND" else ("mask", "data_dependent")
            yield _case(axes, op, body, {"x": x}, {"y": y}, fill={"x": fill}, tags=tags)


def _case(
    axes: str,
    op: str,
    body: Callable[[], Body],
    inputs: Mapping[str, Signature],
    outputs: Mapping[str, Signature],
    *,
    fill: Mapping[str, Fill],
    opset: int = 17,
    sizes: Mapping[str, Sizes] | None = None,
    tags: Iterable[str] = ("data_dependent",),
) -> Case:
    return dynamic_case(
        axes,
        op,
        body,
        inputs,
        outputs,
        opset=opset,
        fill=fill,
        sizes=sizes,
        tags=tags,
    )
