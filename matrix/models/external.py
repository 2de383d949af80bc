"""External data: weights in files beside the model. Checked, linked and hashed; never read into memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from matrix.models.inside import lies_inside
from matrix.models.interface import ExternalTensor, ModelError

# Names in a job directory: see docs/architecture.md, "Job directory".
RESERVED = frozenset(
    {"model.onnx", "request.json", "inputs", "outputs", "stage", "reply.json", "log.txt", "engine.json", "room"}
)
COPIED = 64 * 2**20  # bytes: a smaller file is copied, so that what is kept as evidence does not change with the model


def external_files(folder: Path, tensors: Sequence[ExternalTensor]) -> tuple[str, ...]:
    """Return the files of ``tensors``, relative to the model's ``folder`` and each once.

    Raises:
        ModelError: one is missing, too short, or not a file inside that folder.
    """
    sizes: dict[str, int] = {}
    for tensor in tensors:
        if tensor.location not in sizes:
            sizes[tensor.location] = _size(folder, tensor)
        end = _number(tensor, "offset", tensor.offset) + _number(tensor, "length", tensor.length)
        if end > sizes[tensor.location]:
            raise ModelError(
                f"external data: tensor {tensor.name!r} ends at byte {end} of {tensor.location}, which has "
                f"{sizes[tensor.location]}; the file is cut off or belongs to another model: fetch it again"
            )
    return tuple(sorted(sizes))


def _size(folder: Path, tensor: ExternalTensor) -> int:
    location = tensor.location
    spelled = PurePosixPath(location)
    inside = location and "\\" not in location and "\0" not in location and not spelled.is_absolute()
    if not inside or ".." in spelled.parts or ":" in spelled.parts[0]:
        raise ModelError(
            f"external data: tensor {tensor.name!r} names the file {location!r}, which is not in the model's own "
            "folder; put it there and save the model with a plain file name (onnx.save_model with location=...)"
        )
    path = folder / location
    if not lies_inside(path, folder):
        raise ModelError(
            f"external data: {location} is a link to a file outside the model's folder; copy the file itself there "
            "(cp -L)"
        )
    if not path.is_file():
        raise ModelError(f"external data: there is no file {location} beside the model; put it there")
    if spelled.parts[0].removesuffix(".tmp") in RESERVED or str(spelled) != location:
        raise ModelError(
            f"external data: the file name {location!r} cannot be used in a job directory; save the model with another "
            "one (onnx.save_model with location=...)"
        )
    return path.stat().st_size


def _number(tensor: ExternalTensor, key: str, text: str) -> int:
    if text and not (text.isdecimal() and text.isascii() and len(text) < 20):
        raise ModelError(f"external data: tensor {tensor.name!r} has {key} {text[:40]!r}, which is no number of bytes")
    return int(text or 0)


def bring(source: Path, target: Path) -> None:
    """Put the file ``source`` at ``target``: a copy where it is small, a hard link where that is possible.

    Raises:
        OSError: it cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    really = source.resolve()
    if really.stat().st_size > COPIED:
        try:
            os.link(really, target)
        except OSError:  # another file system, or one without links
            pass
        else:
            return
    shutil.copyfile(really, target)
