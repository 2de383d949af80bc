"""com.microsoft operators that map quantized elements: Add, Mul, Where, Concat, Sigmoid, LeakyRelu and Softmax.

All scales are powers of two and an output's zero point is even, so sums, products and rescaled values are exact in
float32, ties are ties, and it is the same whether the zero point is added before or after rounding: tolerance zero.
Only where a function is rounded itself (sigmoid, softmax, a slope that is no power of two) may a value that falls next
to a tie go to the other side: one step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from cases.case import EXACT, Array, Case, Shape, Tolerance
from cases.inputs import integers
from cases.model import dtype_named
from cases.quantization import extents
from cases.quantization.codes import every_code
from cases.quantization.parameters import zero_points
from cases.quantization.single import Fed, Single

DOMAIN = "com.microsoft"
TYPES = ("int8", "uint8")
SHAPE: tuple[int | str, ...] = ("batch", 3, "height", 16)
# Operand shapes of a binary operator: same, a scalar, a vector on the right, a vector on the left, both broadcast.
BINARY: Mapping[str, tuple[tuple[int | str, ...], tuple[int | str, ...]]] = {
    "same": (SHAPE, SHAPE),
    "vector_right": (SHAPE, (16,)),
    "vector_left": ((16,), SHAPE),
    "channel": (SHAPE, (3, 1, 1)),
    "both": (("batch", 1, "height", 16), ("batch", 3, 1, 16)),
}
SCALES = {"add": (2.0**-4, 2.0**-3, 2.0**-2), "mul": (2.0**-4, 2.0**-5, 2.0**-3)}
ONE_STEP = Tolerance(steps=1)


def cases() -> Iterator[Case]:
    """Yield the cases of the element-wise operators."""
    for name, dtype, zero in product(("add", "mul"), TYPES, ("zp_absent", "zp_nonzero")):
        yield _binary(name, dtype, zero, "same", extents.STATIC)
    for name, shapes in product(("add", "mul"), tuple(BINARY)[1:]):
        yield _binary(name, "uint8", "zp_nonzero", shapes, extents.STATIC)
    for name in ("add", "mul"):
        yield _binary(name, "int8", "zp_nonzero", "channel", extents.BATCH)
    for dtype, kind in product(TYPES, (extents.STATIC, extents.BATCH)):
        yield _unary("QLinearSigmoid", dtype, "zp_nonzero", {}, kind, 2.0**-5, 2.0**-8, ONE_STEP)
        yield _unary("QLinearLeakyRelu", dtype, "zp_nonzero", {"alpha": 0.25}, kind, 2.0**-4, 2.0**-4, EXACT)
        yield _where(dtype, kind)
        yield _concat(dtype, kind, 1)
    for dtype in TYPES:
        yield _unary("QLinearSigmoid", dtype, "zp_absent", {}, extents.STATIC, 2.0**-5, 2.0**-8, ONE_STEP)
        yield _unary("QLinearLeakyRelu", dtype, "zp_absent", {}, extents.STATIC, 2.0**-4, 2.0**-4, ONE_STEP)
        yield _concat(dtype, extents.STATIC, -1)
    for dtype, (axis, opset) in product(TYPES, ((-1, 13), (1, 13), (1, 12))):
        yield _softmax(dtype, axis, opset, extents.STATIC)
    yield _softmax("uint8", -1, 13, extents.BATCH)


def _binary(name: str, dtype: str, zero: str, shapes: str, kind: str) -> Case:
    left, right = BINARY[shapes]
    absent = zero == "zp_absent"
    kinds = dtype_named(dtype)
    return Single(
        domain=DOMAIN,
        op=f"QLinear{name.capitalize()}",
        words=(f"contrib_qlinear{name}", dtype, shapes, zero),
        summary=f"QLinear{name.capitalize()} of {dtype}, shapes: {shapes.replace('_', ' ')}",
        operands=(
            *("a", "a_scale", "" if absent else "a_zero_point"),
            *("b", "b_scale", "" if absent else "b_zero_point"),
            *("y_scale", *([] if absent else ["y_zero_point"])),
        ),
        fed={
            "a": Fed(dtype=kinds, shape=left, values=every_code(dtype)),
            "b": Fed(dtype=kinds, shape=right, values=every_code(dtype)),
        },
        constants=partial(_parameters, dtype, zero, dict(zip("aby", SCALES[name], strict=True))),
        outputs={"y": (kinds, SHAPE)},
        kind=kind,
        tags=frozenset({"contrib"}),
    ).case()


def _unary(
    op: str,
    dtype: str,
    zero: str,
    attributes: Mapping[str, Any],
    kind: str,
    x_scale: float,
    y_scale: float,
    tolerance: Tolerance,
) -> Case:
    absent = zero == "zp_absent"
    kinds = dtype_named(dtype)
    slope = tuple(f"alpha{value}".replace(".", "_") for value in attributes.values())
    return Single(
        domain=DOMAIN,
        op=op,
        words=(f"contrib_{op.lower()}", dtype, *slope, zero),
        summary=f"{op} of {dtype}",
        operands=(
            *("x", "x_scale", "" if absent else "x_zero_point"),
            *("y_scale", *([] if absent else ["y_zero_point"])),
        ),
        fed={"x": Fed(dtype=kinds, shape=SHAPE, values=every_code(dtype))},
        constants=partial(_parameters, dtype, zero, {"x": x_scale, "y": y_scale}),
        outputs={"y": (kinds, SHAPE)},
        attributes=attributes,
        kind=kind,
        tolerance=tolerance,
        tags=frozenset({"contrib"}),
    ).case()


def _softmax(dtype: str, axis: int, opset: int, kind: str) -> Case:
    """Up to opset 12 everything from ``axis`` on is one distribution; from 13 on, ``axis`` alone."""
    kinds = dtype_named(dtype)
    axis_word = f"axis_{'last' if axis < 0 else axis}"
    return Single(
        domain=DOMAIN,
        op="QLinearSoftmax",
        words=("contrib_qlinearsoftmax", dtype, axis_word, f"softmax{opset}"),
        summary=f"QLinearSoftmax of {dtype}, axis {axis}, as Softmax of opset {opset} has it",
        operands=("x", "x_scale", "x_zero_point", "y_scale", "y_zero_point"),
        fed={"x": Fed(dtype=kinds, shape=("batch", 6, 20), values=_few_codes(dtype))},
        constants=partial(_parameters, dtype, "zp_nonzero", {"x": 2.0**-4, "y": 2.0**-8}),
        outputs={"y": (kinds, ("batch", 6, 20))},
        attributes={"axis": axis, "opset": opset},
        kind=kind,
        tolerance=ONE_STEP,
        tags=frozenset({"contrib"}),
    ).case()


def _where(dtype: str, kind: str) -> Case:
    kinds = dtype_named(dtype)
    return Single(
        domain=DOMAIN,
        op="QLinearWhere",
        words=("contrib_qlinearwhere", dtype),
        summary=f"QLinearWhere of {dtype}",
        operands=(
            *("condition", "x", "x_scale", "x_zero_point"),
            *("y", "y_scale", "y_zero_point", "z_scale", "z_zero_point"),
        ),
        fed={
            "condition": Fed(dtype=np.bool_, shape=("batch", 1, "height", 16), values=_coin),
            "x": Fed(dtype=kinds, shape=SHAPE, values=every_code(dtype)),
            "y": Fed(dtype=kinds, shape=SHAPE, values=every_code(dtype)),
        },
        constants=partial(_parameters, dtype, "zp_nonzero", {"x": 2.0**-4, "y": 2.0**-3, "z": 2.0**-3}),
        outputs={"z": (kinds, SHAPE)},
        kind=kind,
        tags=frozenset({"contrib"}),
    ).case()


def _concat(dtype: str, kind: str, axis: int) -> Case:
    kinds = dtype_named(dtype)
    shapes: dict[str, tuple[int | str, ...]] = {
        name: ("batch", size, 16) if axis == 1 else ("batch", 6, 4 * size)
        for name, size in (("a", 3), ("b", 5), ("c", 2))
    }
    joined: tuple[int | str, ...] = ("batch", 10, 16) if axis == 1 else ("batch", 6, 40)
    return Single(
        domain=DOMAIN,
        op="QLinearConcat",
        words=("contrib_qlinearconcat", dtype, f"axis_{'last' if axis < 0 else axis}"),
        summary=f"QLinearConcat of three tensors of {dtype}, axis {axis}, each with its own scale",
        operands=(
            *("y_scale", "y_zero_point"),
            *(part for name in shapes for part in (name, f"{name}_scale", f"{name}_zero_point")),
        ),
        fed={name: Fed(dtype=kinds, shape=shape, values=every_code(dtype)) for name, shape in shapes.items()},
        constants=partial(_parameters, dtype, "zp_nonzero", {"y": 2.0**-3, "a": 2.0**-3, "b": 2.0**-4, "c": 2.0**-2}),
        outputs={"y": (kinds, joined)},
        attributes={"axis": axis},
        kind=kind,
        tags=frozenset({"contrib"}),
    ).case()


def _parameters(dtype: str, zero: str, scales: Mapping[str, float], key: str) -> Mapping[str, Array]:
    """Return scales and zero points; that of the last name, the result, is even."""
    found: dict[str, Array] = {}
    result = "z" if "z" in scales else "y"
    for name, scale in scales.items():
        found[f"{name}_scale"] = np.array(scale, np.float32)
        if zero != "zp_absent":
            kinds = dtype_named(dtype)
            found[f"{name}_zero_point"] = zero_points(f"{key}/{name}", kinds, zero=False, odd=name != result)
    return found


def _few_codes(dtype: str) -> Any:
    def values(key: str, shape: Shape) -> Array:
        """Return codes within 4 units of each other: probabilities that do not vanish."""
        low = -32 if dtype == "int8" else 96
        return integers(key, shape, low, low + 63, dtype_named(dtype))

    return values


def _coin(key: str, shape: Shape) -> Array:
    return integers(key, shape, 0, 1).astype(np.bool_)
