"""Puts a user's model on disk as a case folder: linked or copied, checked in another process, hashed in pieces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matrix.case_folder import CaseFolder, store_points, store_profiles
from matrix.models.case import ModelCase
from matrix.models.examiner import Examiner
from matrix.models.external import bring
from matrix.models.interface import ModelError

PIECE = 2**20  # bytes that are hashed at a time


def make_model_folder(case: ModelCase, path: Path, examiner: Examiner) -> CaseFolder:
    """Make the folder of ``case`` at ``path``; what is wrong with the model is in its ``invalid``.

    Raises:
        OSError: the folder cannot be written.
    """
    if case.interface is None:
        try:
            case.build()
        except ModelError as error:
            return CaseFolder(path=path, invalid=str(error))
    assert case.interface is not None
    (path / "inputs").mkdir(parents=True)
    files = {"model.onnx": case.files.model, **_external(case)}
    for name, source in files.items():
        bring(source, path / name)
    try:
        checked = examiner.check(case.files.model)
        if not checked.checker:
            for recorded in (case.data_sets or {}).values():
                recorded.check_outputs(case.interface.outputs)
        points = store_points(path, case.points, case.inputs)
    except ModelError as error:  # what was recorded contradicts a valid model, or changed since it was found
        return CaseFolder(path=path, invalid=str(error))
    profiles = store_profiles(case.profiles)
    return CaseFolder(
        path=path,
        digest=digest_of(path, files, points, profiles),
        points=points,
        profiles=profiles,
        outputs=checked.outputs,
        external=case.external,
        checker=checked.checker,
        notes=case.notes,
    )


def digest_of(
    path: Path, files: Iterable[str], points: Sequence[Mapping[str, Any]], profiles: Iterable[Mapping[str, Any]]
) -> str:
    """Return the SHA-256 of the model's ``files`` in the case folder ``path``, its inputs and its profiles.

    Raises:
        OSError: a file cannot be read.
    """
    sha = hashlib.sha256()
    for name in files:
        _hash(sha, name, path / name)
    for point in points:
        for tensor in point["inputs"]:
            _hash(sha, repr((point["name"], tensor["name"], tensor["dtype"], tensor["shape"])), path / tensor["file"])
    sha.update(repr(_plain(profiles)).encode())
    return sha.hexdigest()


def _external(case: ModelCase) -> dict[str, Path]:
    return {name: case.files.model.parent / name for name in case.external}


def _hash(sha: Any, name: str, path: Path) -> None:
    sha.update(f"\n{name}\0{path.stat().st_size}\n".encode())
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            sha.update(piece)


def _plain(profiles: Iterable[Mapping[str, Any]]) -> list[Any]:
    return [sorted((kind, sorted(ranges.items())) for kind, ranges in profile.items()) for profile in profiles]
