"""Every reported bug on every runtime."""

from collections.abc import Callable

import pytest

from matrix.plan import Cell

pytestmark = pytest.mark.reported_bugs
FAMILY = "reported_bugs"


def test_reported_bugs(cell: Cell, check: Callable[[Cell], None]) -> None:
    check(cell)
