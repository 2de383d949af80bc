"""At which input shapes a model runs: those that were asked for, and sensible ones where nothing was."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from cases.case import Array, Profile, Shape, ShapePoint
from matrix.models.asked import Asked
from matrix.models.interface import GraphValue, ModelError, spell
from matrix.models.recorded import fits

NAMES = ("min", "opt", "inside", "max")
DEFAULT = (1, 2, 3, 4)  # extents of a dynamic dimension of which nothing is known, at each of these
FIXED = "static"  # the only point of a model that has, or was given, one shape for each input
MAX_BYTES = 256 * 2**20  # of the inputs of one point
MAX_SHAPE_VALUES = 64  # a shape tensor holds an extent per dimension, a slice, a count

Shapes = Mapping[str, Shape]


def chosen_shapes(inputs: Sequence[GraphValue], asked: Asked) -> dict[str, dict[str, Shape]]:
    """Return the shapes of ``inputs`` at each point: point -> input -> shape.

    Equal symbols have equal extents: the one that was asked for where the symbol occurs, else the default.

    Raises:
        ModelError: what was asked for does not fit the model, or an input of unknown rank was not asked for.
    """
    ranges = {item.name: found for item in inputs if (found := _asked_for(item, asked))}
    symbols = _bound(inputs, ranges)
    for item in inputs:
        ranges.setdefault(item.name, _by_default(item, symbols))
    points = {name: {key: shapes[at] for key, shapes in ranges.items()} for at, name in enumerate(NAMES)}
    one = all(len(set(shapes)) == 1 for shapes in ranges.values())
    chosen = {FIXED: points["opt"]} if one else points
    for name, shapes in chosen.items():
        check_size(name, inputs, shapes)
    return chosen


def check_size(point: str, inputs: Sequence[GraphValue], shapes: Shapes) -> None:
    """Raise if the inputs at ``point`` take more memory than a job may.

    Raises:
        ModelError: they do.
    """
    total = sum(math.prod(shapes[item.name]) * _width(item.dtype) for item in inputs)
    if total > MAX_BYTES:
        raise ModelError(
            f"the inputs at point {point!r} would take {total / 2**20:,.0f} MiB, and {MAX_BYTES >> 20} is the limit; "
            "give smaller shapes with --input-shapes or --profile"
        )


def shape_values(inputs: Sequence[GraphValue], arrays: Mapping[str, Mapping[str, Array]]) -> tuple[str, ...]:
    """Return the inputs that may be shape tensors, whose values TensorRT has to know: few integers, in a fixed shape.

    ``arrays`` holds the inputs of every point. Whether such an input is a shape tensor in fact, the parser finds out.
    """
    return tuple(
        item.name
        for item in inputs
        if item.dtype in ("int32", "int64")
        and not item.is_dynamic
        and len(item.shape or ()) <= 1
        and all(values[item.name].size <= MAX_SHAPE_VALUES for values in arrays.values())
    )


def point_of(name: str, arrays: Mapping[str, Array], shape_tensors: Sequence[str]) -> ShapePoint:
    """Return the shape point of ``arrays``."""
    values = {key: tuple(int(value) for value in arrays[key].reshape(-1)) for key in shape_tensors}
    return ShapePoint(name=name, shapes={key: tuple(array.shape) for key, array in arrays.items()}, values=values)


def profiles_over(inputs: Sequence[GraphValue], points: Sequence[ShapePoint]) -> tuple[Profile, ...]:
    """Return the profile that spans all ``points``, one for each where their ranks differ, none where none is needed.

    opt is the point of that name, or the first. A dynamic dimension has room for at least 1, as a profile must have.
    """
    if not points or not (any(item.is_dynamic for item in inputs) or points[0].values):
        return ()
    if len({tuple(len(shape) for shape in point.shapes.values()) for point in points}) > 1:
        return tuple(_span(inputs, [point], point) for point in points)
    best = next((point for point in points if point.name == "opt"), points[0])
    return (_span(inputs, points, best),)


def _span(inputs: Sequence[GraphValue], points: Sequence[ShapePoint], best: ShapePoint) -> Profile:
    def over(which: str, name: str) -> tuple[Shape, Shape, Shape]:
        each = [getattr(point, which)[name] for point in points]
        low, high = (tuple(map(pick, *each)) if len(each) > 1 else each[0] for pick in (min, max))
        return low, getattr(best, which)[name], high

    def with_room(item: GraphValue) -> tuple[Shape, Shape, Shape]:
        low, middle, high = over("shapes", item.name)
        declared = item.shape or (None,) * len(high)
        room = (extent if isinstance(dim, int) else max(1, extent) for dim, extent in zip(declared, high, strict=True))
        return low, middle, tuple(room)

    return Profile(
        shapes={item.name: with_room(item) for item in inputs},
        values={name: over("values", name) for name in best.values},
    )


def _asked_for(item: GraphValue, asked: Asked) -> tuple[Shape, ...] | None:
    """Return the asked shape at each point; it lies inside between opt and max."""
    shape = asked.shapes.get(item.name)
    if shape is not None:
        found: tuple[Shape, ...] = (shape,) * len(NAMES)
    elif item.name in asked.spans:
        low, best, high = asked.spans[item.name]
        found = (low, best, tuple((a + b) // 2 for a, b in zip(best, high, strict=True)), high)
    else:
        return None
    for each in found:
        if not fits(each, item):
            raise ModelError(
                f"input {item.name!r} is {spell(item.shape)} in the model; {spell(each)} does not fit that"
            )
    return found


def _bound(inputs: Sequence[GraphValue], ranges: Mapping[str, tuple[Shape, ...]]) -> dict[str, tuple[int, ...]]:
    """Return the extents at each point of the symbols in the inputs that were asked for."""
    bound: dict[str, tuple[int, ...]] = {}
    for item in inputs:
        for axis, symbol in enumerate(item.shape or ()) if item.name in ranges else ():
            if isinstance(symbol, str):
                extents = tuple(shape[axis] for shape in ranges[item.name])
                if bound.setdefault(symbol, extents) != extents:
                    raise ModelError(
                        f"the model has dimension {symbol!r} in several inputs, and what was asked for gives it "
                        f"{_tell(bound[symbol])} in one and {_tell(extents)} in {item.name!r}; give them the same"
                    )
    return bound


def _by_default(item: GraphValue, symbols: Mapping[str, tuple[int, ...]]) -> tuple[Shape, ...]:
    if item.shape is None:
        raise ModelError(
            f"input {item.name!r} is of unknown rank; give its shape with --input-shapes {item.name}:1x3, or its range "
            "with --profile"
        )
    return tuple(
        tuple(extent if isinstance(extent, int) else symbols.get(extent or "", DEFAULT)[at] for extent in item.shape)
        for at in range(len(NAMES))
    )


def _tell(extents: Sequence[int]) -> str:
    return "/".join(str(extent) for extent in dict.fromkeys(extents))


def _width(dtype: str) -> int:
    return 8 if dtype == "string" else np.dtype(dtype).itemsize
