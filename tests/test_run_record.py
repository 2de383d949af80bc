"""A run whose disk is full, or that is stopped: what happened in a cell stays what happened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from matrix.errors import ReportFolderError
from matrix.plan import Cell
from matrix.record import Record, Status
from matrix.run import Run
from tests.models import relu
from tests.repro_bundles import ORT
from tests.test_record import sample


class Folder:
    path = Path("run")
    run = "run"

    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, record: Record) -> None:
        self.records.append(record)


@pytest.mark.parametrize(
    ("error", "raised"),
    [(OSError(28, "No space left on device"), ReportFolderError), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_a_bundle_that_cannot_be_written_leaves_the_record_as_it_is(
    error: BaseException, raised: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def conclude_once(finished: Any) -> tuple[Record, None]:
        concluded.append(finished)
        return replace(sample(), status=Status.MATCH), None

    def fail(*_: object) -> dict[str, str]:
        raise error

    concluded: list[Any] = []
    folder = Folder()
    executor = SimpleNamespace(take=lambda cell: cell, is_done=lambda cell: True, forget=lambda cell: None)
    run = Run(
        options=cast("Any", SimpleNamespace(repro="all", case_timeout=1.0, rerun=False)),
        executor=cast("Any", executor),
        folder=cast("Any", folder),
        references=cast("Any", None),
        hardware=cast("Any", None),
        baselines=cast("Any", None),
        issues=(),
        answers=cast("Any", SimpleNamespace(compare=lambda *_: ("", ()))),
    )
    monkeypatch.setattr(run, "_conclude", conclude_once)
    monkeypatch.setattr(run.bundles, "add", fail)
    cell = Cell(case=relu(), runtime=ORT)
    with pytest.raises(raised):
        run.record(cell)
    run.record_what_is_done([cell])  # at the end of every run: the job is gone by then
    assert [record.status for record in folder.records] == [Status.MATCH]
    assert len(concluded) == 1
