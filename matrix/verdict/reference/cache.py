"""Answers on disk, by reference and case digest: one file each, written once and read by every run and runtime.

A file is a line with the checksum of what follows, a line of JSON, and the raw little-endian bytes of all outputs. It
appears by write-then-rename, so that runs side by side see a whole file or none; one with a wrong checksum is none.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matrix.case_folder import decode, encode
from matrix.verdict.reference.answer import Answer

MAX_ENTRY = 256 * 2**20  # bytes; a larger answer is computed anew in each run
MAX_CACHE = 4 * 2**30  # bytes; beyond that the oldest answers go


class AnswerCache:
    """The answers of all references in one folder."""

    def __init__(self, root: Path, *, max_entry: int = MAX_ENTRY, max_cache: int = MAX_CACHE) -> None:
        self._root = root
        self._max_entry = max_entry
        self._max_cache = max_cache
        self._written = False

    def get(self, reference: str, digest: str) -> Answer | None:
        """Return the answer of ``reference``, a name fit for a folder; None where there is no whole one."""
        path = self._path(reference, digest)
        try:
            return from_bytes(path.read_bytes(), digest) if path.stat().st_size <= self._max_entry else None
        except (OSError, ValueError):
            return None

    def put(self, reference: str, digest: str, answer: Answer) -> None:
        """Keep ``answer``; a cache that cannot be written costs time, never a result."""
        content = to_bytes(answer, digest)
        if len(content) > self._max_entry:
            return
        path = self._path(reference, digest)
        temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
            os.replace(temporary, path)
            self._written = True
        except OSError:
            _remove(temporary)

    def prune(self) -> None:
        """After a `put`: remove the oldest files, whole or left half-written, until the rest fits."""
        if not self._written:
            return
        found = []
        for folder, _, names in os.walk(self._root):
            for path in (Path(folder, name) for name in names):
                try:
                    status = path.stat()
                except OSError:  # another run pruned it
                    continue
                found.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self._max_cache:
                return
            _remove(path)
            total -= size

    def _path(self, reference: str, digest: str) -> Path:
        return self._root / reference / digest[:2] / digest


def to_bytes(answer: Answer, digest: str) -> bytes:
    """Return ``answer`` to the case ``digest`` as a file holds it."""
    points, content = _pack(answer)
    index = {"digest": digest, "name": answer.name, "why": answer.why, "points": points}
    body = json.dumps(index).encode() + b"\n" + content
    return _checksum(body) + b"\n" + body


def from_bytes(raw: bytes, digest: str) -> Answer:
    """Return the answer that `to_bytes` wrote.

    Raises:
        ValueError: it is damaged, or one to another case.
    """
    checksum, _, body = raw.partition(b"\n")
    if checksum != _checksum(body):
        raise ValueError("a damaged answer")
    head, _, content = body.partition(b"\n")
    try:
        index = json.loads(head)
        if index["digest"] != digest:
            raise ValueError("an answer to another case")
        return Answer(name=str(index["name"]), why=str(index["why"]), outputs=_unpack(index["points"], content))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not an answer: {error}") from error


def _checksum(body: bytes) -> bytes:
    return b"%08x" % zlib.crc32(body)


def _pack(answer: Answer) -> tuple[dict[str, Any] | None, bytes]:
    if answer.outputs is None:
        return None, b""
    points: dict[str, list[tuple[str, str, list[int], int]]] = {}
    content = []
    for point, arrays in answer.outputs.items():
        points[point] = []
        for name, array in arrays.items():
            dtype, raw = encode(array)
            points[point].append((name, dtype, list(array.shape), len(raw)))
            content.append(raw)
    return points, b"".join(content)


def _unpack(points: Mapping[str, Any] | None, content: bytes) -> Mapping[str, Mapping[str, Any]] | None:
    if points is None:
        return None
    outputs: dict[str, dict[str, Any]] = {}
    at = 0
    for point, entries in points.items():
        outputs[point] = {}
        for name, dtype, shape, size in entries:
            outputs[point][name] = decode(dtype, tuple(shape), content[at : at + size])
            at += size
    return outputs


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
