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


def run_of(folder: Folder, executor: Any = None) -> Run:
    executor = executor or SimpleNamespace(
        take=lambda cell: cell, is_done=lambda _: True, forget=lambda _: None, stop=lambda: None
    )
    return Run(
        options=cast("Any", SimpleNamespace(repro="all", case_timeout=1.0, rerun=False)),
        executor=cast("Any", executor),
        folder=cast("Any", folder),
        references=cast("Any", None),
        hardware=cast("Any", None),
        baselines=cast("Any", None),
        issues=(),
        answers=cast("Any", SimpleNamespace(compare=lambda *_: ("", ()))),
    )


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
    run = run_of(folder)
    monkeypatch.setattr(run, "_conclude", conclude_once)
    monkeypatch.setattr(run, "_keep", lambda *_: {})
    monkeypatch.setattr(run.bundles, "add", fail)
    cell = Cell(case=relu(), runtime=ORT)
    with pytest.raises(raised):
        run.record(cell)
    run.record_what_is_done([cell])  # at the end of every run: the job is gone by then
    assert [record.status for record in folder.records] == [Status.MATCH]
    assert len(concluded) == 1


def test_a_job_that_was_being_put_away_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its outputs may be gone by the time that the run records what is done: that would look like a crash."""
    folder, cell = Folder(), Cell(case=relu(), runtime=ORT)
    run = run_of(folder)
    statuses = iter((Status.MATCH, Status.CRASH))
    interrupts: list[BaseException] = [KeyboardInterrupt()]

    def stopped_once(*_: object) -> tuple[str, tuple[()]]:
        if interrupts:
            raise interrupts.pop()
        return "", ()

    monkeypatch.setattr(run, "_conclude", lambda _: (replace(sample(), status=next(statuses)), None))
    monkeypatch.setattr(run, "_keep", stopped_here)
    monkeypatch.setattr(run, "_answers", SimpleNamespace(compare=stopped_once))
    with pytest.raises(KeyboardInterrupt):
        run.record(cell)
    run.record_what_is_done([cell])
    assert [record.status for record in folder.records] == [Status.MATCH]


def stopped_here(*_: object) -> dict[str, str]:
    raise KeyboardInterrupt


class Busy:
    """Has the next cell done as soon as one is taken, until it is stopped."""

    def __init__(self) -> None:
        self.stopped = False
        self.done = 1

    def stop(self) -> None:
        self.stopped = True

    def is_done(self, cell: Cell) -> bool:
        return int(cell.case.id) < self.done

    def take(self, cell: Cell) -> Cell:
        self.done += not self.stopped
        return cell

    def forget(self, cell: Cell) -> None:
        pass


def test_recording_what_is_done_does_not_let_the_run_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder()
    run = run_of(folder, Busy())
    monkeypatch.setattr(run, "_conclude", lambda _: (sample(), None))
    monkeypatch.setattr(run, "_keep", lambda *_: {})
    run.record_what_is_done([Cell(case=relu(str(number)), runtime=ORT) for number in range(100)])
    assert len(folder.records) == 1
