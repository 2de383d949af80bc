"""Contents of inputs that decide sizes: few different values, and nothing to select at one shape point."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from cases.case import Array, Shape
from cases.dynamic_shapes.symbolic import Fill
from cases.inputs import integers

sparse: Fill = partial(integers, low=-1, high=1, dtype=np.float32)


def flags(key: str, shape: Shape) -> Array:
    """Return flags of which the first is set and the last is not: neither all nor none are chosen."""
    made = integers(key, shape, 0, 1, np.bool_)
    made.reshape(-1)[[0, -1]] = True, False
    return made


def few(dtype: npt.DTypeLike, low: int = -1, high: int = 1) -> Fill:
    """Return a fill with whole numbers from ``low`` to ``high``."""
    return partial(integers, low=low, high=high, dtype=dtype)


def blank_at(point: str, fill: Fill) -> Fill:
    """Return ``fill``, but zeros at one shape point: whatever is selected there is empty."""

    def filled(key: str, shape: Shape) -> Array:
        made = fill(key, shape)
        return np.zeros_like(made) if point_of(key) == point else made

    return filled


def at_points(content: Mapping[str, Any], dtype: npt.DTypeLike) -> Fill:
    """Return a fill with one value for every element, which only the name of the shape point decides."""
    return lambda key, shape: np.full(shape, content[point_of(key)], dtype)


def point_of(key: str) -> str:
    """Return the name of the shape point in a key, ``"<case id>/<point>/<input>"``."""
    return key.split("/")[1]
