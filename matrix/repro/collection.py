"""The bundles that a run writes by itself: of which cells, and how many at most."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from matrix.case_folder import CaseFolder
from matrix.errors import BundleError
from matrix.execution.local import Finished, LocalExecutor
from matrix.models.case import FAMILY
from matrix.plan import Cell
from matrix.record import SILENT, Record, Status, Verdict
from matrix.repro.bundle import write_bundle
from matrix.verdict.reference import Reference
from reports.text import one_line

FOLDER = "repro"  # in the folder of a run
ARTIFACT = "repro"
CHOICES = ("failing", "all", "none")
NOTHING_RAN = SILENT | {Status.INVALID_CASE}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much `failing` may write, as a run may have hundreds of cells that alarm as they always did.

    Each of them runs once more for its log, and one that hangs takes all of its deadline for that.
    """

    bundles: int = 100
    as_before: int = 25  # of cells that are as in the baseline
    hanging: int = 2
    model_bytes: int = 64 * 2**20  # of the model and the inputs of one cell


class Bundles:
    """Writes the bundles of one run; ``failing`` says of which cells by default, one for each case and runtime."""

    def __init__(
        self,
        which: str,
        *,
        root: Path,
        executor: LocalExecutor,
        reference: Callable[[Finished], Reference],
        failing: Callable[[Record], bool],
        timeout: float,
        limits: Limits | None = None,
    ) -> None:
        self.written = 0
        self.left_out = 0
        self.not_written: list[str] = []  # why, of bundles that cannot be written at all
        self._which = which
        self._root = root
        self._executor = executor
        self._reference = reference
        self._failing = failing
        self._timeout = timeout
        self._limits = limits or Limits()
        self._as_before = self._hanging = 0
        self._own_models = False
        self._seen: set[tuple[str, str]] = set()

    def add(self, cell: Cell, record: Record) -> dict[str, str]:
        """Write the bundle of a cell if it is to have one; return its artifacts, none where it has not.

        Raises:
            OSError: the bundle cannot be written.
        """
        if self._which == "none" or record.status in NOTHING_RAN:
            return {}
        if self._which == "failing" and not self._failing(record):
            return {}
        if self._which == "failing" and not self._has_room(record):
            self._leave_out(cell)
            return {}
        finished = self._executor.run_verbose(cell)
        try:
            return self._write(cell, record, finished)
        finally:
            if finished.directory is not None:
                shutil.rmtree(finished.directory, ignore_errors=True)

    def told(self) -> Iterator[str]:
        """Yield the lines that a summary says of the bundles."""
        if self.written:
            yield f"reproduction bundles: {self.written} in {FOLDER}/ of the run"
        if self.left_out:
            one = "" if self._own_models else "python -m matrix.repro ID --runtime NAME writes one, "
            yield f"reproduction bundles left out: {self.left_out}; {one}--repro all writes all"
        for why in self.not_written:
            yield f"reproduction bundle not written: {one_line(why)}"

    def _write(self, cell: Cell, record: Record, finished: Finished) -> dict[str, str]:
        if finished.folder is None or finished.directory is None or not (finished.directory / "request.json").exists():
            return {}
        if self._which == "failing" and _size(finished.folder) > self._limits.model_bytes:
            self._leave_out(cell)
            return {}
        target = self._root / FOLDER / cell.id
        try:
            bundle = write_bundle(
                target,
                finished=finished,
                record=record,
                reference=self._reference(finished),
                timeout=self._timeout,
            )
        except BundleError as error:
            shutil.rmtree(target, ignore_errors=True)
            self.not_written.append(f"{cell.id}: {error}")
            return {}
        self.written += 1
        return {
            ARTIFACT: f"{FOLDER}/{bundle.folder.name}",
            f"{ARTIFACT} (zip)": f"{FOLDER}/{bundle.archive.name}",
        }

    def _leave_out(self, cell: Cell) -> None:
        self.left_out += 1
        self._own_models = cell.case.family == FAMILY

    def _has_room(self, record: Record) -> bool:
        """Say whether one more bundle may be written, and count it."""
        key, limits = (record.case.id, record.runtime.name), self._limits
        as_before = record.verdict is Verdict.SAME
        hanging = record.status is Status.TIMEOUT
        if (
            key in self._seen
            or len(self._seen) >= limits.bundles
            or (as_before and self._as_before >= limits.as_before)
            or (hanging and self._hanging >= limits.hanging)
        ):
            return False
        self._seen.add(key)
        self._as_before += as_before
        self._hanging += hanging
        return True


def _size(folder: CaseFolder) -> int:
    return sum(path.stat().st_size for path in folder.path.rglob("*") if path.is_file())
