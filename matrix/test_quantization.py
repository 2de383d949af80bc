"""Every quantization case on every runtime."""

from collections.abc import Callable

import pytest

from matrix.plan import Cell

pytestmark = pytest.mark.quantization
FAMILY = "quantization"


def test_quantization(cell: Cell, check: Callable[[Cell], None]) -> None:
    check(cell)
