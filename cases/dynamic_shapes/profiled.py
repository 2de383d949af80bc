"""Cases whose profiles are the subject: points and profiles are given one by one, with the sizes of their symbols."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cases.case import Case, Profile, Shape, ShapePoint, Tolerance
from cases.dynamic_shapes.symbolic import POINTS, Body, Sizes, dynamic_case
from cases.model import Dim, Signature

Inputs = Mapping[str, Signature]
Values = Mapping[str, tuple[int, ...]]  # shape tensor -> its content
# how the id spells it, op, body, inputs, outputs, tolerance
Layer = tuple[str, str, Callable[[], Body], Inputs, Mapping[str, Signature], Tolerance]
Profiles = Callable[[Inputs], Sequence[Profile]]


@dataclass(frozen=True, kw_only=True)
class At:
    """A shape point to be: the sizes of the symbols, and the content of the shape tensors."""

    sizes: Mapping[str, int]
    values: Values

    def shapes(self, inputs: Inputs) -> dict[str, Shape]:
        """Return the shape of every input.

        Raises:
            KeyError: a symbol has no size here.
        """
        return {name: tuple(self._extent(dim) for dim in dims or ()) for name, (_, dims) in inputs.items()}

    def _extent(self, dim: Dim) -> int:
        return dim if isinstance(dim, int) else self.sizes[str(dim).removeprefix("?")]


def at(values: Values | None = None, **sizes: int) -> At:
    """Return a shape point to be: ``at(N=4, S=7)``, ``at({"ends": (3,)}, N=4)``."""
    return At(sizes=sizes, values=values or {})


def profile(inputs: Inputs, low: At, best: At, high: At) -> Profile:
    """Return the profile from ``low`` over ``best`` to ``high``, whether they ascend or not."""
    spans = low.shapes(inputs), best.shapes(inputs), high.shapes(inputs)
    return Profile(
        shapes={name: (spans[0][name], spans[1][name], spans[2][name]) for name in inputs},
        values={name: (low.values[name], best.values[name], high.values[name]) for name in best.values},
    )


def spanning(*spans: tuple[At, At, At]) -> Profiles:
    """Return a maker of profiles, each from min over opt to max."""
    return lambda inputs: [profile(inputs, *span) for span in spans]


def fixed(*points: At) -> Profiles:
    """Return a maker of profiles with min = opt = max, one for each point."""
    return spanning(*((point, point, point) for point in points))


def batches(*numbers: int) -> tuple[At, ...]:
    """Return shape points to be that differ in the symbol N."""
    return tuple(at(N=number) for number in numbers)


def with_profiles(
    case: Case,
    inputs: Inputs,
    profiles: Sequence[Profile],
    points: Sequence[At],
    further: Mapping[str, At] | None = None,
    *,
    tags: Iterable[str] = (),
) -> Case:
    """Return ``case`` with other profiles, and points called min, opt, inside, max, and then those of ``further``."""
    named = {**dict(zip(POINTS, points, strict=True)), **(further or {})}
    return replace(
        case,
        profiles=tuple(profiles),
        points=tuple(
            ShapePoint(name=name, shapes=point.shapes(inputs), values=point.values) for name, point in named.items()
        ),
        tags=case.tags | {"profile", *tags},
    )


def several_profiles(
    name: str,
    layer: Layer,
    profiles: Profiles,
    points: Sequence[At],
    further: Mapping[str, At] | None = None,
    summary: str = "",
    **changes: Any,
) -> Case:
    """Return a case with the profiles that ``profiles`` makes of the inputs of ``layer``.

    ``points`` are min, opt, inside and max, ``further`` those that follow; every symbol has its size in each of them.
    """
    spelled, op, body, inputs, outputs, tolerance = layer
    spans = dict.fromkeys(points[0].sizes, (1, 1, 1, 1))  # every size is given point by point below
    case = dynamic_case(
        f"profile_{name}-{spelled}", op, body, inputs, outputs,
        sizes=spans, tolerance=tolerance, summary=f"{op}: {summary}", **changes,
    )  # fmt: skip
    return with_profiles(case, inputs, profiles(inputs), points, further, tags=["several_profiles"])


def one_profile(name: str, layer: Layer, *, sizes: Mapping[str, Sizes] | None = None, **changes: Any) -> Case:
    """Return a case of one profile, from min over opt to max."""
    spelled, op, body, inputs, outputs, tolerance = layer
    tags = {"profile", *changes.pop("tags", ())}
    return dynamic_case(
        f"profile_{name}-{spelled}", op, body, inputs, outputs, sizes=sizes, tolerance=tolerance, tags=tags, **changes
    )
