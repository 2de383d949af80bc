"""Every model of `--model PATH` on every runtime; collected with that option alone."""

from collections.abc import Callable

import pytest

from matrix.plan import Cell

pytestmark = pytest.mark.model
FAMILY = "model"


def test_model(cell: Cell, check: Callable[[Cell], None]) -> None:
    check(cell)
