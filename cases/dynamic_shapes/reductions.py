"""Every Reduce* on both sides of its changes: axes as an attribute, a constant and a graph input, empty and absent.

Axes are never those that an implementation would take that ignores them: another choice gives another shape, or with
keepdims other numbers. Sums, sums of squares and sums of magnitudes of multiples of 1/16 are exact in float32 in any
order, as are products of powers of two; what divides, takes a root or a logarithm has the tolerance of rounding.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from cases.case import EXACT, Array, Case, Shape, Tolerance
from cases.dynamic_shapes.rounding import log_rounding, log_sum_exp_rounding, mean_rounding, root_rounding
from cases.dynamic_shapes.single_node import EVERY_AXIS, MOVING, Operand, always, node_case, vector
from cases.dynamic_shapes.symbolic import SIZES, Fill, f32, ints
from cases.inputs import integers
from cases.model import Dim, Signature

MIDDLE = 3  # the one fixed dimension of x
VOLUME = f32("N", MIDDLE, "S")
MOST = SIZES["N"][-1] * MIDDLE * SIZES["S"][-1]  # elements of x: terms of the longest sum
AXES_INPUT = 18  # the first opset in which axes are an input, but for ReduceSum
AXES_INPUT_OF_SUM = 13


def powers(key: str, shape: Shape) -> Array:
    """Return values of which -1, 1 and few others are: products of all of them are exact and finite in float32."""
    pool = np.array([1, -1, 1, 2, -0.5, 1, -1, 1], np.float32)
    return pool[integers(key, shape, 0, pool.size - 1)]


def positive(key: str, shape: Shape) -> Array:
    """Return multiples of 1/16 from 1/16 to 4."""
    return (integers(key, shape, 1, 64) / 16).astype(np.float32)


OPS: Mapping[str, Tolerance] = {
    "ReduceSum": EXACT,
    "ReduceMean": mean_rounding(MOST),
    "ReduceMax": EXACT,
    "ReduceMin": EXACT,
    "ReduceProd": EXACT,
    "ReduceL1": EXACT,
    "ReduceL2": root_rounding(),
    "ReduceLogSum": log_rounding(),
    "ReduceLogSumExp": log_sum_exp_rounding(MOST),
    "ReduceSumSquare": EXACT,
}
FILL: Mapping[str, Fill] = {"ReduceProd": powers, "ReduceLogSum": positive}


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for op in OPS:
        yield from _attribute(op)
        yield from _input(op)
        yield from _empty(op)
        yield from _moving(op)
    yield from _sum_of_13()
    yield from _other_types()


def _attribute(op: str) -> Iterator[Case]:
    last = AXES_INPUT_OF_SUM if op == "ReduceSum" else AXES_INPUT
    for name, axes, keepdims, opset in (
        ("axes_1-keepdims_0", [1], 0, 7),
        ("axes_0_2-keepdims_1", [0, 2], 1, 7),
        ("axes_minus_1-keepdims_0", [-1], 0, 11),
        ("axes_0_minus_1-keepdims_0", [0, -1], 0, 12),
        ("axes_minus_3_1-keepdims_1", [-3, 1], 1, 13),
        ("axes_1-keepdims_0", [1], 0, 17),
    ):
        if opset < last:
            yield _case(op, f"attribute-{name}", {}, _reduced(axes, keepdims), opset, axes=axes, keepdims=keepdims)
    yield _case(op, "attribute-absent-keepdims_1", {}, f32(1, 1, 1), min(last - 1, 17), keepdims=1)


def _input(op: str) -> Iterator[Case]:
    for opset in (AXES_INPUT, 24):
        yield _case(op, "axes_1-keepdims_0", {"axes": ints(1)}, f32("N", "S"), opset, keepdims=0)
    kept = {"axes": ints(-1, 0)}
    yield _case(op, "axes_minus_1_0-keepdims_1", kept, f32(1, MIDDLE, 1), AXES_INPUT, keepdims=1)
    nothing: dict[str, Operand] = {"axes": ints()}
    yield _case(op, "axes_empty-noop_1", nothing, VOLUME, AXES_INPUT, noop_with_empty_axes=1)
    given: dict[str, Operand] = {"axes": vector(1)}
    yield _case(op, "axes_given-keepdims_0", given, f32(None, None), AXES_INPUT, keepdims=0)


def _empty(op: str) -> Iterator[Case]:
    everything = f32(1, 1, 1)
    for name, operands in (("axes_absent", {}), ("axes_empty", {"axes": ints()})):
        yield _case(op, f"{name}-noop_0", operands, everything, AXES_INPUT, noop_with_empty_axes=0)
        yield _case(op, f"{name}-noop_default", operands, everything, 21)
    yield _case(op, "axes_absent-noop_1", {}, VOLUME, AXES_INPUT, noop_with_empty_axes=1)
    pair: dict[str, Operand] = {"axes": ints(0, 2)}
    yield _case(op, "axes_0_2-noop_1-keepdims_0", pair, f32(MIDDLE), 21, noop_with_empty_axes=1, keepdims=0)


def _moving(op: str) -> Iterator[Case]:
    yield node_case(
        "axes_given_moving-keepdims_1",
        op,
        {"x": f32(*MOVING), "axes": vector(1)},
        f32(None, None, None, None),
        opset=AXES_INPUT,
        attributes={"keepdims": 1},
        sizes=MOVING,
        values={"axes": EVERY_AXIS},
        fill={"x": FILL[op]} if op in FILL else None,
        tolerance=OPS[op] if op != "ReduceMean" else mean_rounding(12),
        tags=["reduction"],
    )


def _sum_of_13() -> Iterator[Case]:
    """Yield ReduceSum where it already has axes as an input and the others do not."""
    op = "ReduceSum"
    for opset in (AXES_INPUT_OF_SUM, 17):
        yield _case(op, "axes_1-keepdims_0", {"axes": ints(1)}, f32("N", "S"), opset, keepdims=0)
    yield _case(op, "axes_minus_1_0-keepdims_1", {"axes": ints(-1, 0)}, f32(1, MIDDLE, 1), AXES_INPUT_OF_SUM)
    yield _case(op, "axes_empty-noop_1", {"axes": ints()}, VOLUME, AXES_INPUT_OF_SUM, noop_with_empty_axes=1)
    yield _case(op, "axes_absent-keepdims_0", {}, f32(), AXES_INPUT_OF_SUM, keepdims=0)
    yield _case(op, "axes_given-keepdims_0", {"axes": vector(1)}, f32(None, None), AXES_INPUT_OF_SUM, keepdims=0)


def _other_types() -> Iterator[Case]:
    """Yield reductions of integers and, from opset 20 on, of booleans."""
    for op, dtype, opset in (
        ("ReduceSum", np.int64, 13),
        ("ReduceMax", np.int32, 13),
        ("ReduceMin", np.int64, 18),
        ("ReduceMax", np.int8, 18),
        ("ReduceProd", np.int32, 18),
        ("ReduceMean", np.int32, 18),
        ("ReduceMax", np.bool_, 20),
        ("ReduceMin", np.bool_, 20),
    ):
        attribute = opset < AXES_INPUT and op != "ReduceSum"
        low, high = (0, 1) if dtype is np.bool_ else (-1, 1) if op == "ReduceProd" else (-9, 9)
        yield node_case(
            f"{np.dtype(dtype).name}-axes_1",
            op,
            {"x": (dtype, ("N", MIDDLE, "S")), **({} if attribute else {"axes": ints(1)})},
            (dtype, ("N", 1, "S")),
            opset=opset,
            attributes={"axes": [1]} if attribute else None,
            fill={"x": partial(integers, low=low, high=high, dtype=dtype)},
            tags=["reduction"],
        )


def _case(
    op: str, name: str, operands: Mapping[str, Operand], y: Signature, opset: int, **attributes: int | list[int]
) -> Case:
    return node_case(
        name,
        op,
        {"x": VOLUME, **operands},
        y,
        opset=opset,
        attributes=attributes,
        values={"axes": always(1)} if isinstance(operands.get("axes"), tuple) else None,
        fill={"x": FILL[op]} if op in FILL else None,
        tolerance=OPS[op],
        tags=["reduction"],
    )


def _reduced(axes: list[int], keepdims: int) -> Signature:
    dims: tuple[Dim, ...] = ("N", MIDDLE, "S")
    gone = {axis % len(dims) for axis in axes}
    return f32(*(1 if at in gone else dim for at, dim in enumerate(dims) if keepdims or at not in gone))
