"""Every dynamic-shape case on every runtime."""

from collections.abc import Callable

import pytest

from matrix.plan import Cell

pytestmark = pytest.mark.dynamic_shapes
FAMILY = "dynamic_shapes"


def test_dynamic_shapes(cell: Cell, check: Callable[[Cell], None]) -> None:
    check(cell)
