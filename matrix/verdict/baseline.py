"""What is known of a runtime: one status per cell, in one CSV file per runtime, reviewed in git."""

from __future__ import annotations

import csv
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from matrix.errors import BaselineError
from matrix.record import Precision, Status, Verdict

HEADER = ("case", "precision", "status")
FOLDER = Path(__file__).resolve().parents[1] / "baselines"

# From best to worst. An answer that is silently wrong is worse than a crash, and a refusal is the better the earlier
# it comes.
ORDER = (
    Status.MATCH,
    Status.BUILDS,
    Status.UNVERIFIED,
    Status.DRIFT,
    Status.NOT_APPLICABLE,
    Status.UNSUPPORTED,
    Status.BUILD_FAILED,
    Status.RUN_FAILED,
    Status.TIMEOUT,
    Status.CRASH,
    Status.WRONG,
)

POSSIBLE = (*ORDER, Status.NOT_RUN)

Key = tuple[str, str]  # case id, precision


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The statuses of one runtime; ``exists`` is False where no file was ever written."""

    statuses: Mapping[Key, Status]
    exists: bool


def judge(status: Status, expected: Status | None) -> Verdict | None:
    """Return the verdict on ``status`` against the baseline's; None where nothing was observed.

    A cell that did not run says nothing about its release: neither now nor in the baseline.
    """
    if status is expected:
        return Verdict.SAME
    if status in (Status.NOT_RUN, Status.INVALID_CASE):
        return None
    if expected is None or expected is Status.NOT_RUN:
        return Verdict.NEW
    return Verdict.REGRESSION if ORDER.index(status) > ORDER.index(expected) else Verdict.PROGRESSION


def read_baseline(path: Path) -> Baseline:
    """Return the baseline in ``path``, an empty one if there is no such file.

    Raises:
        BaselineError: the file is not what `write_baseline` writes.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, strict=True))
        statuses = _statuses(rows)
    except (FileNotFoundError, NotADirectoryError):
        return Baseline(statuses={}, exists=False)
    except (OSError, ValueError, csv.Error) as error:
        raise BaselineError(
            f"{path.name}: {error}; restore it from git, or remove it and write it anew with --update-baseline"
        ) from error
    return Baseline(statuses=statuses, exists=True)


def _statuses(rows: list[list[str]]) -> dict[Key, Status]:
    """Return what the lines say.

    Raises:
        ValueError: there is no header, a line is not one of a baseline, or two lines are about the same cell.
    """
    if not rows or tuple(rows[0]) != HEADER:
        raise ValueError(f"the first line is not {','.join(HEADER)}")
    statuses: dict[Key, Status] = {}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(HEADER):
            raise ValueError(f"line {number} is not {','.join(HEADER)}")
        case, precision, status = row
        if status not in POSSIBLE:
            raise ValueError(f"line {number}: {status!r} is not one of {', '.join(POSSIBLE)}")
        if precision not in tuple(Precision):
            raise ValueError(f"line {number}: {precision!r} is not one of {', '.join(Precision)}")
        if (case, precision) in statuses:
            raise ValueError(f"line {number}: {case} in {precision} stands there twice")
        statuses[case, precision] = Status(status)
    return statuses


def write_baseline(path: Path, old: Baseline, observed: Mapping[Key, Status]) -> None:
    """Write ``old`` updated by ``observed``, sorted, by write-then-rename.

    A cell that did not run keeps its old line; without one, the line says ``not_run``.

    Raises:
        OSError: the file cannot be written.
    """
    kept: dict[Key, Status] = dict(old.statuses)
    for key, status in observed.items():
        if status is Status.NOT_RUN:
            kept.setdefault(key, status)
        elif status is not Status.INVALID_CASE:
            kept[key] = status
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}")  # two runs may end at the same time
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEADER)
            writer.writerows([*key, status.value] for key, status in sorted(kept.items()))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
