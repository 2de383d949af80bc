"""A table of cases: one row each for an op or a small body, its symbolic inputs and what they make of the output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from cases.case import EXACT, Case, Tolerance
from cases.dynamic_shapes.symbolic import Body, Fill, Sizes, dynamic_case
from cases.model import Signature


class Row(NamedTuple):
    """One case without its opset; ``axes`` is its id up to there."""

    axes: str
    op: str
    body: Callable[[], Body]
    inputs: Mapping[str, Signature]
    y: Signature
    tolerance: Tolerance = EXACT


def listed(
    rows: Iterable[Row],
    *,
    opset: int = 17,
    sizes: Mapping[str, Sizes] | None = None,
    fill: Mapping[str, Fill] | None = None,
    tags: Iterable[str] = (),
) -> Iterator[Case]:
    """Yield a case of each row, with the other arguments of ``dynamic_case`` in common."""
    for axes, op, body, inputs, y, tolerance in rows:
        yield dynamic_case(
            axes,
            op,
            body,
            inputs,
            {"y": y},
            opset=opset,
            summary=f"{op} of {', '.join(spelled(name, signature) for name, signature in inputs.items())}",
            sizes=sizes,
            fill=fill,
            tags=tags,
            tolerance=tolerance,
        )


def spelled(name: str, signature: Signature) -> str:
    """Return ``x[N, 4]`` for an input called x of two dimensions."""
    return f"{name}[{', '.join(str(dim) for dim in signature[1] or ())}]"
