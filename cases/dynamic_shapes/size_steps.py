"""One step of arithmetic on a size: what it computes, the nodes that compute it, and sizes that tell mistakes apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import onnx

from cases.case import Array
from cases.dynamic_shapes.symbolic import Sizes
from cases.model import node

USUAL: Sizes = (3, 12, 7, 24)
Nodes = tuple[list[onnx.NodeProto], Mapping[str, Array]]
Operand = str | int | float  # the name of a tensor, or a constant


class Step(NamedTuple):
    """A function of a size ``s``, in words, as numbers and as nodes.

    ``body`` takes the name of its input and of its output, the type of both and their rank, 0 or 1.
    """

    name: str
    formula: str
    result: Callable[[int], int]
    body: Callable[[str, str, np.dtype[Any], int], Nodes]
    sizes: Sizes = USUAL
    is_float: bool = False


def _chain(*steps: tuple[str, tuple[Operand, ...]]) -> Callable[[str, str, np.dtype[Any], int], Nodes]:
    """Return a body of several ops, one after the other; "s" is its input and "" what the op before it gave."""

    def body(source: str, result: str, dtype: np.dtype[Any], rank: int) -> Nodes:
        nodes: list[onnx.NodeProto] = []
        constants: dict[str, Array] = {}
        previous = source
        for number, (op, operands) in enumerate(steps):
            names = []
            for position, operand in enumerate(operands):
                if isinstance(operand, str):
                    names.append(source if operand == "s" else previous)
                    continue
                names.append(f"{result}_{number}_{position}")
                scalar = np.array(operand, dtype)
                constants[names[-1]] = scalar.reshape([1] * _rank(op, position, rank))
            previous = result if number == len(steps) - 1 else f"{result}_{number}"
            nodes.append(node(op, names, [previous]))
        return nodes, constants

    return body


def _rank(op: str, position: int, rank: int) -> int:
    return 0 if op == "Clip" and position else rank  # the limits of Clip are scalars


def _product(source: str, result: str, dtype: np.dtype[Any], rank: int) -> Nodes:
    """Return ReduceProd of [s, 2]."""
    constants: dict[str, Array] = {f"{result}_two": np.array([2], dtype)}
    nodes = [
        node("Concat", [f"{result}_row", f"{result}_two"], [f"{result}_pair"], axis=0),
        node("ReduceProd", [f"{result}_pair"], [result], axes=[0], keepdims=rank),
    ]
    constants[f"{result}_line"] = np.array([1], np.int64)
    return [node("Reshape", [source, f"{result}_line"], [f"{result}_row"]), *nodes], constants


def _where(source: str, result: str, dtype: np.dtype[Any], rank: int) -> Nodes:
    """Return Where(s < 5, 5, s)."""
    five = f"{result}_five"
    nodes = [node("Less", [source, five], [f"{result}_small"])]
    nodes.append(node("Where", [f"{result}_small", five, source], [result]))
    return nodes, {five: np.array(5, dtype).reshape([1] * rank)}


STEPS = (
    Step("add", "s + 3", lambda s: s + 3, _chain(("Add", ("s", 3)))),
    Step("sub", "s - 1", lambda s: s - 1, _chain(("Sub", ("s", 1)))),
    Step("mul", "2 s", lambda s: 2 * s, _chain(("Mul", (2, "s")))),
    Step("div", "s / 2", lambda s: s // 2, _chain(("Div", ("s", 2)))),
    # ONNX truncates: rounding down would give a larger result for an even s
    Step(
        "div_negative",
        "-((1 - s) / 2)",
        lambda s: (s - 1) // 2,
        _chain(("Sub", (1, "s")), ("Div", ("", 2)), ("Neg", ("",))),
    ),
    Step("ceil_div", "(s + 3) / 4", lambda s: (s + 3) // 4, _chain(("Add", ("s", 3)), ("Div", ("", 4)))),
    Step("mod", "s mod 17", lambda s: s % 17, _chain(("Mod", ("s", 17))), (18, 28, 22, 32)),
    # the result has the sign of the divisor
    Step("mod_negative", "-s mod 17", lambda s: -s % 17, _chain(("Neg", ("s",)), ("Mod", ("", 17))), (16, 29, 24, 35)),
    Step("min", "min(s, 20)", lambda s: min(s, 20), _chain(("Min", ("s", 20)))),
    Step("max", "max(5, s)", lambda s: max(5, s), _chain(("Max", (5, "s")))),
    Step("where", "5 where s < 5, else s", lambda s: max(5, s), _where),
    Step("clip", "s from 5 to 20", lambda s: min(max(s, 5), 20), _chain(("Clip", ("s", 5, 20)))),
    Step("pow", "s squared", lambda s: s * s, _chain(("Pow", ("s", 2))), (2, 5, 3, 6)),
    Step("reduceprod", "the product of s and 2", lambda s: 2 * s, _product),
    Step("floor", "floor(s / 2)", lambda s: s // 2, _chain(("Mul", ("s", 0.5)), ("Floor", ("",))), is_float=True),
    Step("ceil", "ceil(s / 2)", lambda s: (s + 1) // 2, _chain(("Mul", ("s", 0.5)), ("Ceil", ("",))), is_float=True),
    # 5 / 2 is rounded to 2 and 7 / 2 to 4
    Step(
        "round",
        "round(s / 2)",
        lambda s: round(s / 2),
        _chain(("Mul", ("s", 0.5)), ("Round", ("",))),
        (5, 12, 7, 24),
        is_float=True,
    ),
)
