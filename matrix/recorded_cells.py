"""What earlier runs have recorded: the pieces that one long run was done in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from matrix.errors import RecordedRunError
from matrix.plan import Cell
from matrix.record import Record, Status

RECORDS = "records.jsonl"
Key = tuple[str, str, str]  # runtime, case id, precision


def read_runs(places: Iterable[Path]) -> tuple[list[Record], list[str]]:
    """Return the records of all runs, oldest first, and a sentence for each file with lines that cannot be read.

    Each of ``places`` is a run folder, its records.jsonl, a folder of run folders such as reports/out, or empty.

    Raises:
        RecordedRunError: there are no records at a place, or they cannot be read.
    """
    from reports.write import read_run  # pandas: 0.5 s that a run which resumes none need not wait for

    files = {file.resolve(): file for place in places for file in _readable_files(place)}
    records: list[Record] = []
    problems: list[str] = []
    for path, file in files.items():
        try:
            found, broken = read_run(path)
        except OSError as error:
            raise RecordedRunError(str(file), error.strerror or str(error)) from error
        records += found
        problems += [f"{path.parent.name}/{problem}" for problem in broken]
    return sorted(records, key=lambda record: record.time), problems


def cells_that_ran(records: Iterable[Record]) -> frozenset[Key]:
    """Return the cells of which something was observed: all but those that did not run."""
    return frozenset(
        (record.runtime.name, record.case.id, str(record.precision))
        for record in records
        if record.status is not Status.NOT_RUN
    )


def key_of(cell: Cell) -> Key:
    """Return what names ``cell`` among those of `cells_that_ran`."""
    return cell.runtime.name, cell.case.id, str(cell.precision)


def _readable_files(place: Path) -> list[Path]:
    try:
        return _files(place)
    except OSError as error:
        raise RecordedRunError(str(place), error.strerror or str(error)) from error


def _files(place: Path) -> list[Path]:
    if place.name == RECORDS and place.is_file():
        return [place]
    files = [place / RECORDS] if (place / RECORDS).is_file() else sorted(place.glob(f"*/{RECORDS}"))
    if not files and not (place.is_dir() and not any(place.iterdir())):  # one that is empty is about to be filled
        raise RecordedRunError(str(place), f"no {RECORDS} here or one folder below")
    return files
