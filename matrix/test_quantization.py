"""Every quantization case on every runtime."""

import pytest

from matrix.plan import Cell
from matrix.run import Run

pytestmark = pytest.mark.quantization
FAMILY = "quantization"


def test_quantization(cell: Cell, matrix_run: Run) -> None:
    matrix_run.check(cell)
