"""The batch dimension of a case: static with several rows, or dynamic with a profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cases.case import Profile, Shape, ShapePoint, profile_from_points
from cases.model import Dim

SYMBOL = "batch"
STATIC = 2
POINTS = {"min": 1, "opt": 4, "inside": 3, "max": 8}


def tag(dynamic: bool) -> str:
    """Return the word for it in ids and tags."""
    return "dynamic_batch" if dynamic else "static"


def size(dynamic: bool) -> Dim:
    """Return the batch dimension as a model declares it."""
    return SYMBOL if dynamic else STATIC


def points(dynamic: bool, inputs: Mapping[str, Sequence[int]]) -> tuple[ShapePoint, ...]:
    """Return the shape points of a case with ``inputs``: name -> dimensions behind the batch."""
    batches = POINTS if dynamic else {"static": STATIC}
    return tuple(
        ShapePoint(name=name, shapes={key: (batch, *rest) for key, rest in inputs.items()})
        for name, batch in batches.items()
    )


def profiles(found: tuple[ShapePoint, ...]) -> tuple[Profile, ...]:
    """Return the profile of a dynamic batch, none for a static one."""
    return (profile_from_points(found),) if len(found) > 1 else ()


def static_point(inputs: Mapping[str, Shape]) -> tuple[ShapePoint, ...]:
    """Return the one point of a case whose every dimension is fixed: name -> whole shape."""
    return (ShapePoint(name="static", shapes=dict(inputs)),)
