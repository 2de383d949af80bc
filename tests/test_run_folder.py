"""The folder of a run, and the messages when it cannot be written."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from matrix.errors import ReportFolderError
from matrix.record_json import from_json
from matrix.run_folder import RunFolder
from tests.test_record import sample

FULL = Path("/dev/full")


def test_a_run_is_flushed_record_by_record_and_latest_points_to_it(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "out") as folder:
        folder.append(sample())
        assert from_json((folder.path / "records.jsonl").read_text()) == sample()
        folder.finish()
    assert (tmp_path / "out" / "latest").resolve() == folder.path
    assert not folder.work.exists()
    with RunFolder(tmp_path / "out") as second:
        second.finish()
    assert (tmp_path / "out" / "latest").resolve() == second.path != folder.path


def test_latest_is_a_file_where_links_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    with RunFolder(tmp_path) as folder:
        folder.finish()
    assert (tmp_path / "latest").read_text() == folder.run


def test_a_job_directory_is_kept_as_evidence(tmp_path: Path) -> None:
    with RunFolder(tmp_path) as folder:
        job = folder.work / "jobs" / "cell"
        job.mkdir(parents=True)
        assert folder.keep(job, "cell") == "jobs/cell"
        assert not job.exists()
        with pytest.raises(ReportFolderError):
            folder.keep(job, "cell")
    assert (folder.path / "jobs" / "cell").is_dir()


def test_a_full_disk_is_one_clear_error_and_keeps_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RunFolder(tmp_path) as folder:
        folder.append(sample())

        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("reports.write.write_reports", full)
        with pytest.raises(ReportFolderError, match=r"No space left on device.*--report-dir PATH"):
            folder.finish()
        monkeypatch.setattr(folder._records, "write", full, raising=False)
        with pytest.raises(ReportFolderError, match="No space left"):
            folder.append(sample())
    assert from_json((folder.path / "records.jsonl").read_text()) == sample()


@pytest.mark.skipif(not FULL.exists(), reason="a disk that is full, on Linux")
def test_a_disk_that_stays_full_is_told_once(tmp_path: Path) -> None:
    with RunFolder(tmp_path) as folder:
        folder._records.close()
        folder._records = FULL.open("w", encoding="utf-8")
        with pytest.raises(ReportFolderError, match="No space left"):
            folder.append(sample())
    assert folder._records.closed


def test_a_root_that_is_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(ReportFolderError, match="cannot write to the report folder"):
        RunFolder(tmp_path / "out")
