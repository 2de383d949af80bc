"""The folder of one run: `records.jsonl`, flushed cell by cell, beside the job directories that are kept."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import TextIO

from matrix.errors import ReportFolderError
from matrix.record import Record
from matrix.record_json import to_json


class RunFolder:
    """A new folder ``root/<run>``; ``root/latest`` points to it once the run is over.

    Use as a context manager.

    Raises:
        ReportFolderError: the folder cannot be made or written.
    """

    def __init__(self, root: Path) -> None:
        started = datetime.now(timezone.utc)
        self.run = f"{started:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"
        self.path = root / self.run
        self.work = self.path / "work"  # job directories while they run
        self._root = root
        try:
            self.work.mkdir(parents=True)
            self._records: TextIO = (self.path / "records.jsonl").open("a", encoding="utf-8")
        except OSError as error:
            raise ReportFolderError(str(root), error.strerror or str(error)) from error

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # what did not fit on the disk has been said by `append`
            self._records.close()
        shutil.rmtree(self.work, ignore_errors=True)

    def append(self, record: Record) -> None:
        """Write ``record`` and flush it: a kill after this call does not lose it.

        Raises:
            ReportFolderError: the disk is full, or the folder went away.
        """
        try:
            self._records.write(to_json(record) + "\n")
            self._records.flush()
        except OSError as error:
            raise ReportFolderError(str(self._root), error.strerror or str(error)) from error

    def keep(self, directory: Path, name: str) -> str:
        """Keep a job directory as evidence; return its path relative to the run folder.

        Raises:
            ReportFolderError: the folder cannot be moved.
        """
        try:
            (self.path / "jobs").mkdir(exist_ok=True)
            os.replace(directory, self.path / "jobs" / name)
        except OSError as error:
            raise ReportFolderError(str(self._root), error.strerror or str(error)) from error
        return f"jobs/{name}"

    def finish(self) -> None:
        """Write the reports of this run, and let ``root/latest`` point to it.

        Raises:
            ReportFolderError: the disk is full, or the folder went away.
        """
        from reports.write import write_reports  # pandas: 0.5 s that the first cell need not wait for

        try:
            write_reports(self.path)
            self._point_latest_here()
        except OSError as error:
            raise ReportFolderError(str(self._root), error.strerror or str(error)) from error

    def _point_latest_here(self) -> None:
        """Let ``root/latest`` name this run: a symbolic link, or a text file where links cannot be made."""
        link = self._root / "latest"
        temporary = self._root / f"latest.{self.run}"
        try:
            temporary.symlink_to(self.run, target_is_directory=True)
        except OSError:
            temporary.write_text(self.run, encoding="utf-8")
        os.replace(temporary, link)
