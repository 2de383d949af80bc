"""The matrix as pandas tables, for notebooks."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from matrix.record import Record
from reports.cells import arrange
from reports.csv_table import COLUMNS, values


def wide(records: Iterable[Record]) -> pd.DataFrame:
    """Return one row per case and one column per runtime, ``runtime/precision`` where that is not explicit.

    Rows and columns stand in order of first appearance. Cells are statuses; without a record, the empty string.
    """
    matrix = arrange(records)
    rows = [[record.status.value if record else "" for record in matrix.row(case)] for case in matrix.cases]
    return pd.DataFrame(rows, index=pd.Index(matrix.cases, name="case"), columns=list(matrix.columns), dtype=object)


def long(records: Iterable[Record]) -> pd.DataFrame:
    """Return one row per record, in their order, with the columns of matrix.csv and the text as it was recorded."""
    return pd.DataFrame([values(record) for record in records], columns=list(COLUMNS), dtype=object)
