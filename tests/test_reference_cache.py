"""Answers on disk: read back as they were, computed anew where damaged, safe for runs side by side, bounded."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from matrix.verdict.reference import Answer
from matrix.verdict.reference.cache import AnswerCache, from_bytes, to_bytes

DIGEST = "ab" * 32
OUTPUTS: dict[str, dict[str, Any]] = {
    "min": {"y": np.array([[1, 2], [3, 4]], np.float32), "s[0]": np.array(["a", "\n{"], object)},
    "max": {
        "y": np.zeros((0, 3), np.int64),
        "f8": np.array([1, -2], ml_dtypes.float8_e4m3fn),
        "i4": np.array([[-8, 7]], ml_dtypes.int4),
        "b": np.array(True),
        "absent": np.array(None, object),
    },
}
ANSWER = Answer(name="onnx", outputs=OUTPUTS)


def the_file(cache: Path) -> Path:
    (path,) = (path for path in cache.rglob("*") if path.is_file())
    return path


def test_an_answer_comes_back_as_it_was(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path)
    cache.put("onnx-1", DIGEST, ANSWER)
    found = AnswerCache(tmp_path).get("onnx-1", DIGEST)
    assert found is not None
    assert found.name == "onnx"
    assert found.outputs is not None
    for point, arrays in OUTPUTS.items():
        assert list(found.outputs[point]) == list(arrays)
        for name, array in arrays.items():
            got = found.outputs[point][name]
            assert (got.dtype, got.shape, got.tolist()) == (array.dtype, array.shape, array.tolist())
    assert cache.get("onnx-2", DIGEST) is None  # another version, or other sources of ours
    assert cache.get("onnx-1", "cd" * 32) is None


def test_a_refusal_is_kept_too(tmp_path: Path) -> None:
    AnswerCache(tmp_path).put("onnx-1", DIGEST, Answer(why="no such operator"))
    assert AnswerCache(tmp_path).get("onnx-1", DIGEST) == Answer(why="no such operator")


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: raw[:-1],
        lambda raw: raw[:40],
        lambda raw: raw + b"x",
        lambda raw: raw[:-3] + bytes([raw[-3] ^ 1]) + raw[-2:],
        lambda raw: b"[1]\n" + raw,
        lambda raw: b"[" * 100_000,
        lambda raw: raw.replace(b"float32", b"float99"),
        lambda raw: raw.replace(b'"y"', b'"z"'),
        lambda raw: raw.replace(DIGEST.encode(), b"cd" * 32),
        lambda raw: os.urandom(200),
    ],
)
def test_a_damaged_entry_counts_as_none_and_can_be_replaced(tmp_path: Path, damage: Any) -> None:
    cache = AnswerCache(tmp_path)
    cache.put("onnx-1", DIGEST, ANSWER)
    path = the_file(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert cache.get("onnx-1", DIGEST) is None
    cache.put("onnx-1", DIGEST, ANSWER)
    assert cache.get("onnx-1", DIGEST) is not None


def test_a_file_that_is_too_large_is_not_even_read(tmp_path: Path) -> None:
    AnswerCache(tmp_path).put("onnx-1", DIGEST, ANSWER)
    assert AnswerCache(tmp_path, max_entry=100).get("onnx-1", DIGEST) is None


def test_bytes_of_another_case_are_refused() -> None:
    with pytest.raises(ValueError, match="another case"):
        from_bytes(to_bytes(ANSWER, DIGEST), "cd" * 32)


def test_runs_side_by_side_see_whole_answers_only(tmp_path: Path) -> None:
    big = Answer(name="onnx", outputs={"opt": {"y": np.arange(50_000)}})
    torn: list[str] = []

    def work() -> None:
        cache = AnswerCache(tmp_path)
        for _ in range(25):
            cache.put("onnx-1", DIGEST, big)
            found = cache.get("onnx-1", DIGEST)
            if found is None or found.outputs is None or found.outputs["opt"]["y"].sum() != np.arange(50_000).sum():
                torn.append("torn")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not torn
    assert the_file(tmp_path).name == DIGEST  # and nothing half-written beside it


def test_a_cache_that_cannot_be_written_costs_no_result(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = AnswerCache(tmp_path / "file")
    cache.put("onnx-1", DIGEST, ANSWER)
    assert cache.get("onnx-1", DIGEST) is None
    cache.prune()


def test_a_large_answer_is_not_kept(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path, max_entry=100)
    cache.put("onnx-1", DIGEST, ANSWER)
    assert cache.get("onnx-1", DIGEST) is None


def test_the_oldest_answers_go_when_there_are_too_many(tmp_path: Path) -> None:
    size = len(to_bytes(ANSWER, DIGEST))
    cache = AnswerCache(tmp_path, max_cache=2 * size + 10)
    digests = [f"{number:064x}" for number in range(4)]
    for number, digest in enumerate(digests):
        cache.put("onnx-1", digest, ANSWER)
        os.utime(tmp_path / "onnx-1" / digest[:2] / digest, (number, number))
    cache.prune()
    assert [cache.get("onnx-1", digest) is not None for digest in digests] == [False, False, True, True]


def test_a_run_that_wrote_nothing_does_not_look_at_the_cache(tmp_path: Path) -> None:
    AnswerCache(tmp_path).put("onnx-1", DIGEST, ANSWER)
    AnswerCache(tmp_path, max_cache=0).prune()
    assert AnswerCache(tmp_path).get("onnx-1", DIGEST) is not None
