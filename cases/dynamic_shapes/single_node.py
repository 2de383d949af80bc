"""A case of one node: each operand is a graph input, a constant or left out, and the summary spells them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from cases.case import EXACT, Array, Case, Tolerance
from cases.dynamic_shapes.symbolic import Body, Fill, Sizes, Values, dynamic_case
from cases.model import Signature, node

Operand = Signature | Array | None  # a graph input, a constant, left out
Operands = Mapping[str, Operand]  # in the order of the operator's inputs
SPELLED = 8  # elements of a constant that a summary spells
# Four dimensions and an axis that is another one at each shape point: what takes it for a constant is wrong at some.
MOVING: Mapping[str, Sizes] = {"A": (1, 4, 2, 8), "B": (2, 6, 3, 9), "C": (3, 7, 5, 11), "D": (4, 8, 6, 12)}
EVERY_AXIS: Values = ((0,), (1,), (2,), (3,))


def node_case(
    axes: str,
    op: str,
    operands: Operands,
    outputs: Signature | Mapping[str, Signature],
    *,
    opset: int = 17,
    attributes: Mapping[str, Any] | None = None,
    sizes: Mapping[str, Sizes] | None = None,
    values: Mapping[str, Values] | None = None,
    fill: Mapping[str, Fill] | None = None,
    tags: Iterable[str] = (),
    tolerance: Tolerance = EXACT,
    source: str = "",
) -> Case:
    """Return a case whose model is one node ``op``; the output is ``y`` unless ``outputs`` names it.

    The id is ``op-axes-opset``; the other arguments are those of `dynamic_case`.
    """
    named = outputs if isinstance(outputs, Mapping) else {"y": outputs}
    set_attributes = dict(attributes or {})
    return dynamic_case(
        f"{op.lower()}-{axes}",
        op,
        partial(_body, op, operands, tuple(named), set_attributes),
        {name: operand for name, operand in operands.items() if isinstance(operand, tuple)},
        named,
        summary=_summary(op, operands, set_attributes),
        opset=opset,
        sizes=sizes,
        values=values,
        fill=fill,
        tags=tags,
        tolerance=tolerance,
        source=source,
    )


def always(*numbers: int) -> Values:
    """Return the content of a shape tensor that is the same at every shape point."""
    return (numbers,) * 4


def vector(length: int, *, dtype: type[np.signedinteger[Any]] = np.int64) -> Signature:
    """Return the signature of a shape tensor of one dimension."""
    return dtype, (length,)


def _body(op: str, operands: Operands, outputs: Sequence[str], attributes: Mapping[str, Any]) -> Body:
    names = [name if operand is not None else "" for name, operand in operands.items()]
    constants = {name: operand for name, operand in operands.items() if isinstance(operand, np.ndarray)}
    return [node(op, names, outputs, **attributes)], constants


def _summary(op: str, operands: Operands, attributes: Mapping[str, Any]) -> str:
    spelled = f"{op} of {', '.join(_spelled(operands))}"
    return f"{spelled}; {', '.join(f'{name} {value}' for name, value in attributes.items())}" if attributes else spelled


def _spelled(operands: Operands) -> Iterator[str]:
    for name, operand in operands.items():
        if isinstance(operand, np.ndarray):
            few = operand.size <= SPELLED
            yield f"{name} {operand.tolist()}" if few else f"{name} {list(operand.shape)} of constants"
        elif operand is not None:
            yield f"{name}[{', '.join(map(str, operand[1] or ()))}]"
