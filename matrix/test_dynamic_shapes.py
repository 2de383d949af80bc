"""Every dynamic-shape case on every runtime."""

import pytest

from matrix.plan import Cell
from matrix.run import Run

pytestmark = pytest.mark.dynamic_shapes
FAMILY = "dynamic_shapes"


def test_dynamic_shapes(cell: Cell, matrix_run: Run) -> None:
    matrix_run.check(cell)
