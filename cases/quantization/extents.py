"""Dimensions with names: batch, height, width and sequence, each fixed in a static case and free in a dynamic one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cases.case import Profile, Shape, ShapePoint, profile_from_points
from cases.model import Dim

Dims = tuple[int | str, ...]
STATIC = "static"
BATCH = "dynamic_batch"
IMAGE = "dynamic_batch_height_width"
SEQUENCE = "dynamic_batch_sequence"
FREE: Mapping[str, frozenset[str]] = {
    STATIC: frozenset(),
    BATCH: frozenset({"batch"}),
    IMAGE: frozenset({"batch", "height", "width"}),
    SEQUENCE: frozenset({"batch", "sequence"}),
}
# Height and width are never equal, at no point, so that exchanging them shows.
SIZES: Mapping[str, Mapping[str, int]] = {
    "batch": {"static": 2, "min": 1, "opt": 4, "inside": 3, "max": 8},
    "height": {"static": 8, "min": 4, "opt": 8, "inside": 6, "max": 10},
    "width": {"static": 6, "min": 6, "opt": 10, "inside": 8, "max": 12},
    "sequence": {"static": 5, "min": 1, "opt": 5, "inside": 4, "max": 7},
}


def kinds_of(*shapes: Sequence[int | str]) -> tuple[str, ...]:
    """Return the kinds that ``shapes`` have the names for: static, with a dynamic batch, and beyond."""
    names = {dim for shape in shapes for dim in shape}
    return tuple(kind for kind, free in FREE.items() if free <= names)


def dims(kind: str, shape: Sequence[Dim]) -> list[Dim]:
    """Return ``shape`` as a model of ``kind`` declares it: a name that is not free becomes its static size."""
    return [SIZES[dim][STATIC] if isinstance(dim, str) and dim not in FREE[kind] else dim for dim in shape]


def points(kind: str, inputs: Mapping[str, Sequence[int | str]]) -> tuple[ShapePoint, ...]:
    """Return the shape points of a case with ``inputs``: name -> dimensions, some of them names."""
    names = ("min", "opt", "inside", "max") if FREE[kind] else (STATIC,)
    return tuple(
        ShapePoint(name=point, shapes={key: _at(kind, point, shape) for key, shape in inputs.items()})
        for point in names
    )


def profiles(found: tuple[ShapePoint, ...]) -> tuple[Profile, ...]:
    """Return the profile of a dynamic case, none for a static one."""
    return (profile_from_points(found),) if len(found) > 1 else ()


def _at(kind: str, point: str, shape: Sequence[int | str]) -> Shape:
    return tuple(dim if isinstance(dim, int) else SIZES[dim][point if dim in FREE[kind] else STATIC] for dim in shape)
