"""What a profile may bound: unused inputs, nameless dimensions, shared symbols, the values of shape tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import onnx

from cases.case import EXACT, Case
from cases.dynamic_shapes.layers import FEATURES, binary, unary
from cases.dynamic_shapes.profiled import At, Layer, at, batches, one_profile, several_profiles, spanning
from cases.dynamic_shapes.profiles import RELU, ROWS
from cases.dynamic_shapes.rounding import PRODUCT, rounding
from cases.dynamic_shapes.symbolic import Body, Sizes, Values, f32
from cases.model import Signature, node


def cases() -> Iterator[Case]:
    """Yield the cases, grouped by what is bounded."""
    yield from _unused()
    yield from _anonymous()
    yield from _shared()
    yield from _shape_tensors()
    yield from _shape_tensors_in_several_profiles()


def _unused() -> Iterator[Case]:
    unused: Mapping[str, tuple[Signature, Mapping[str, Sizes]]] = {
        "own_symbol": (f32("U", 4), {"U": (2, 6, 3, 10)}),
        "fixed_range": (f32("U", 4), {"U": (5, 5, 5, 5)}),
        "static": (f32(3, 4), {}),
        "anonymous": (f32("?U", "?V"), {"U": (2, 6, 3, 10), "V": (1, 2, 3, 4)}),
        "empty": (f32("U"), {"U": (0, 4, 2, 8)}),
    }
    for name, (signature, sizes) in unused.items():
        layer: Layer = (f"{name}-relu", *RELU[1:3], {"x": ROWS, "unused": signature}, *RELU[4:])
        yield one_profile(
            "unused", layer, sizes=sizes, tags=["unused_input"], summary="Relu: the profile has an unused input"
        )
    for dtype in (np.int32, np.int64):
        inputs: Mapping[str, Signature] = {"x": ROWS, "unused": (dtype, (2,))}
        spelled = f"values_{np.dtype(dtype).name}-relu"
        spans: Values = ((1, 1), (4, 4), (2, 3), (8, 8))
        yield one_profile(
            "unused", (spelled, *RELU[1:3], inputs, *RELU[4:]), values={"unused": spans}, tags=["unused_input"],
            summary="Relu: the profile has values of a tensor that nobody uses",
        )  # fmt: skip


def _anonymous() -> Iterator[Case]:
    low, high = (at(N=1), at(N=2), at(N=4)), (at(N=8), at(N=12), at(N=16))
    rows = {"x": f32("?N", FEATURES)}
    relu: Layer = ("relu", "Relu", partial(unary, "Relu"), rows, {"y": f32(None, FEATURES)}, EXACT)
    second = {"second_opt": at(N=12), "second_max": at(N=16)}
    summary = "two profiles for a dimension without a name"
    yield several_profiles("anonymous_disjoint", relu, spanning(low, high), batches(1, 2, 3, 4), second, summary)
    every, other = f32("?N", "?C", "?H"), f32(None, None, None)
    relu = ("relu", "Relu", partial(unary, "Relu"), {"x": every}, {"y": other}, EXACT)
    yield one_profile("anonymous_every_dimension", relu, summary="Relu: no dimension has a name")
    pair = {"a": f32("?N", "?C"), "b": f32("?C", "?W")}
    product: Layer = (
        *("matmul", "MatMul", partial(binary, "MatMul"), pair, {"y": f32(None, None)}), rounding(16, PRODUCT),
    )  # fmt: skip
    yield one_profile("anonymous_that_agree", product, summary="MatMul: two nameless dimensions must be equal")


def _shared() -> Iterator[Case]:
    add: Layer = ("add", "Add", partial(binary, "Add"), {"a": ROWS, "b": ROWS}, {"y": ROWS}, EXACT)
    low, high = (at(N=1), at(N=2), at(N=4)), (at(N=8), at(N=12), at(N=16))
    second = {"second_min": at(N=8), "second_max": at(N=16)}
    summary = "two inputs share a symbol and each profile bounds both"
    yield several_profiles("shared_symbol_disjoint", add, spanning(low, high), batches(1, 2, 3, 4), second, summary)
    pair = {"a": f32("N", "C"), "b": f32("C", "N")}
    product: Layer = (
        *("matmul", "MatMul", partial(binary, "MatMul"), pair, {"y": f32("N", "N")}), rounding(16, PRODUCT),
    )  # fmt: skip
    yield one_profile(
        "shared_symbols_crossed", product, summary="MatMul: two inputs share both symbols, the other way round"
    )
    square: Layer = (
        *("matmul", "MatMul", partial(binary, "MatMul"), {"a": f32("N", "N"), "b": f32("N", 4)}, {"y": f32("N", 4)}),
        rounding(8, PRODUCT),
    )
    yield one_profile("shared_symbol_square", square, summary="MatMul: one symbol twice in one input")


def _from_values(op: str) -> Body:
    """Take a target of either integer type; the op itself takes int64 alone."""
    return [node("Cast", ["target"], ["long"], to=onnx.TensorProto.INT64), node(op, ["x", "long"], ["y"])], {}


def _slice(dtype: type[np.signedinteger]) -> Body:
    """Cut axis 1 from ``begin`` to ``end``, both given at run time."""
    return [node("Slice", ["x", "begin", "end", "axis"], ["y"])], {"axis": np.array([1], dtype)}


def _range(dtype: type[np.signedinteger]) -> Body:
    """Add 0, 1, ... up to a limit that is a tensor without dimensions."""
    nodes = [
        node("Range", ["zero", "limit", "one"], ["steps"]),
        node("Cast", ["steps"], ["long"], to=onnx.TensorProto.FLOAT),
        node("Add", ["x", "long"], ["y"]),
    ]
    return nodes, {"zero": np.array(0, dtype), "one": np.array(1, dtype)}


def _shape_tensors() -> Iterator[Case]:
    for dtype in (np.int32, np.int64):
        name = np.dtype(dtype).name
        x, two, one = f32("N", 12), (dtype, (2,)), (dtype, (1,))

        def bounded(
            spelled: str, op: str, body: Callable[[], Body], tensors: Mapping[str, tuple[Signature, Values]],
            x: Signature, y: Signature, summary: str, name: str = name,
        ) -> Case:  # fmt: skip
            inputs = {"x": x, **{tensor: signature for tensor, (signature, _) in tensors.items()}}
            values = {tensor: spans for tensor, (_, spans) in tensors.items()}
            layer: Layer = (f"{spelled}_{name}", op, body, inputs, {"y": y}, EXACT)
            return one_profile("values", layer, values=values, summary=f"{op}: {summary}")

        reshape, expand = partial(_from_values, "Reshape"), partial(_from_values, "Expand")
        rows: Values = ((2, 6), (6, 8), (3, 8), (8, 12))
        yield bounded(
            "reshape", "Reshape", reshape, {"target": (two, rows)}, x, f32("A", "B"), "both values have a range"
        )
        rest: Values = ((-1, 3), (-1, 6), (-1, 4), (-1, 12))
        yield bounded(
            "reshape_rest", "Reshape", reshape, {"target": (two, rest)}, x, f32("A", "B"), "one value is always -1"
        )
        row, wide = f32("N", 1), f32("N", "B")
        from_zero: Values = ((1, 0), (4, 12), (2, 7), (8, 24))
        yield bounded("expand_zero", "Expand", expand, {"target": (two, from_zero)}, row, wide, "the least value is 0")
        same: Values = ((1, 6), (1, 6), (1, 6), (1, 6))
        yield bounded(
            "expand_fixed", "Expand", expand, {"target": (two, same)}, row, f32("N", "B"), "values that never vary"
        )
        begins: Values = ((0,), (2,), (1,), (4,))
        ends: Values = ((5,), (8,), (7,), (12,))
        both = {"begin": (one, begins), "end": (one, ends)}
        yield bounded("slice", "Slice", partial(_slice, dtype), both, x, f32("N", "B"), "two tensors of values")
        behind: Values = ((-8,), (-6,), (-7,), (-3,))
        last: Values = ((-2,), (-2,), (-2,), (-1,))
        both = {"begin": (one, behind), "end": (one, last)}
        yield bounded(
            "slice_negative", "Slice", partial(_slice, dtype), both, x, f32("N", "B"), "all values are negative"
        )
        limits: Values = ((3,), (12,), (7,), (24,))
        limit = {"limit": ((dtype, ()), limits)}
        yield bounded("range_scalar", "Range", partial(_range, dtype), limit, row, wide, "a value without dimensions")


def _shape_tensors_in_several_profiles() -> Iterator[Case]:
    for dtype in (np.int32, np.int64):
        inputs: Mapping[str, Signature] = {"x": f32("N", 1), "target": (dtype, (2,))}
        layer: Layer = (
            *(f"expand_{np.dtype(dtype).name}", "Expand", partial(_from_values, "Expand"), inputs),
            *({"y": f32("N", "B")}, EXACT),
        )

        def to(*target: int) -> At:
            return at({"target": target}, N=target[0])

        low, high = (to(1, 2), to(2, 4), to(4, 8)), (to(1, 16), to(2, 20), to(4, 24))
        points = (*low[:2], to(3, 5), low[2])
        further = {"second_min": high[0], "second_inside": to(3, 17), "second_max": high[2]}
        start: Values = ((1, 1),) * 4
        summary = "the shapes fit two profiles, and the values decide"
        yield several_profiles(
            "values_disjoint", layer, spanning(low, high), points, further, summary, values={"target": start}
        )
