"""A case folder of its own, in which the specification is asked something else than a case does."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from matrix.case_folder import CaseFolder
from matrix.execution.job import link_or_copy


def question_in(place: Path, folder: CaseFolder, model: bytes | None = None) -> CaseFolder:
    """Put what ``folder`` holds into ``place`` too, with ``model`` for its model if there is one, and return that.

    The digest is still that of ``folder``: the caller says what makes the question another.

    Raises:
        OSError: ``place`` cannot be written, or ``folder`` cannot be read.
    """
    shutil.copytree(folder.path / "inputs", place / "inputs", copy_function=link_or_copy)
    for file in ("model.onnx", *folder.external):
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        if file == "model.onnx" and model is not None:
            (place / file).write_bytes(model)
        else:
            link_or_copy(folder.path / file, place / file)
    return replace(folder, path=place)
