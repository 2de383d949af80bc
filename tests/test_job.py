"""The job directory: what is written for a worker, and the suspicion with which its answer is read."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from matrix.case_folder import CaseFolders
from matrix.execution import job
from matrix.execution.job import (
    ReplyError,
    StoredOutput,
    make_self_contained,
    read_log,
    read_output,
    read_reply,
    read_stage,
    write_job,
)
from tests.models import relu

GOOD: dict[str, Any] = {
    "protocol": 1, "stage": "run:min", "failed": None, "machine": "", "poisoned": False,
    "diagnostics": [{"source": "log", "message": "hm", "severity": "warning"}],
    "network": {"outputs": [{"name": "y", "dtype": "int8", "shape": [-1, 3]}], "inputs": [], "dtypes": ["int8"]},
    "points": [{"point": "min", "error": "", "outputs": [{"name": "y", "dtype": "int8", "shape": [2], "file": "o"}]}],
    "executed": True, "seconds": {"run": 0.5},
}  # fmt: skip


def test_a_job_has_all_that_the_worker_needs(tmp_path: Path) -> None:
    folder = CaseFolders(tmp_path / "cases").get(relu())
    directory = tmp_path / "jobs" / "relu"
    write_job(directory, folder, {"optimization": "off"})
    request = json.loads((directory / "request.json").read_text())
    assert request["options"] == {"optimization": "off"}
    assert len(request["points"]) == 4
    for point in request["points"]:
        for tensor in point["inputs"]:
            assert (directory / tensor["file"]).stat().st_size == 4 * 3 * tensor["shape"][0]
    assert (directory / "model.onnx").samefile(folder.path / "model.onnx")


@pytest.mark.parametrize("links", [True, False])
def test_a_job_that_is_kept_needs_its_case_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("cross-device link")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    folder = CaseFolders(tmp_path / "cases").get(relu())
    directory = tmp_path / "jobs" / "relu"
    write_job(directory, folder, {})
    before = {path.name: path.read_bytes() for path in (directory / "inputs").iterdir()}
    model = (directory / "model.onnx").read_bytes()
    make_self_contained(directory)
    make_self_contained(directory)  # as after an attempt that a full disk ended
    shutil.rmtree(tmp_path / "cases")
    assert {path.name: path.read_bytes() for path in (directory / "inputs").iterdir()} == before
    assert len(before) == 4
    assert (directory / "model.onnx").read_bytes() == model


def test_a_reply_is_read_with_its_types(tmp_path: Path) -> None:
    (tmp_path / "reply.json").write_text(json.dumps(GOOD))
    reply = read_reply(tmp_path)
    assert reply.network is not None
    assert reply.network.outputs[0].shape == (-1, 3)
    assert reply.points[0].outputs[0] == StoredOutput(name="y", dtype="int8", shape=(2,), file="o")
    assert reply.diagnostics[0].severity == "warning"


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        '{"protocol": 1, "sta',
        "[]",
        "null",
        json.dumps({**GOOD, "protocol": 2}),
        json.dumps({**GOOD, "points": 7}),
        json.dumps({**GOOD, "diagnostics": [{"severity": "error"}]}),
        json.dumps({key: value for key, value in GOOD.items() if key != "executed"}),
        "[" * 100_000,
    ],
)
def test_a_reply_that_is_none_is_an_error(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "reply.json").write_text(content)
    with pytest.raises(ReplyError):
        read_reply(tmp_path)


def test_a_reply_of_excessive_size_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "MAX_REPLY", 10)
    (tmp_path / "reply.json").write_text(json.dumps(GOOD))
    with pytest.raises(ReplyError, match="larger than"):
        read_reply(tmp_path)


@pytest.mark.parametrize(
    ("file", "dtype", "shape", "words"),
    [
        ("../secret", "uint8", (4,), "outside the job directory"),
        ("link", "uint8", (4,), "outside the job directory"),
        ("/etc/hostname", "uint8", (4,), "outside the job directory"),
        ("missing", "uint8", (4,), "cannot be read"),
        ("short", "uint8", (4,), "cannot be read"),
        ("short", "complicated", (2,), "cannot be read"),
        ("large", "uint8", (101,), "larger than"),
    ],
)
def test_an_output_that_is_not_what_the_reply_says_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, dtype: str, shape: tuple[int, ...], words: str
) -> None:
    monkeypatch.setattr(job, "MAX_OUTPUT", 100)
    directory = tmp_path / "job"
    directory.mkdir()
    (tmp_path / "secret").write_bytes(b"1234")
    (directory / "link").symlink_to(tmp_path / "secret")
    (directory / "short").write_bytes(b"12")
    (directory / "large").write_bytes(b"1" * 101)
    with pytest.raises(ReplyError, match=words):
        read_output(directory, StoredOutput(name="y", dtype=dtype, shape=shape, file=file))


def test_what_a_worker_left_behind_is_read_leniently(tmp_path: Path) -> None:
    assert (read_stage(tmp_path), read_log(tmp_path)) == ("", "")
    (tmp_path / "stage").write_bytes(b"build\xff")
    (tmp_path / "log.txt").write_bytes(b"x" * 5000 + b"the end\n")
    assert read_stage(tmp_path).startswith("build")
    assert read_log(tmp_path).endswith("the end")
    assert len(read_log(tmp_path)) <= 4000
