"""Writes the outputs of a shape point into the job directory, one file each, and describes them for the reply."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

FOLDER = "outputs"


def folder_of(directory: Path, point: int) -> Path:
    """Return the folder for the outputs of the shape point with this number, in a folder that exists."""
    (directory / FOLDER).mkdir(exist_ok=True)
    return directory / FOLDER / str(point)


def write(name: str, dtype: str, shape: List[int], content: bytes, files: Path) -> Dict[str, Any]:
    """Write ``content``, raw little-endian with one sub-byte element a byte, and return its entry in the reply."""
    files.mkdir(exist_ok=True)
    file = files / "{}.bin".format(len(list(files.iterdir())))
    file.write_bytes(content)
    return {"name": name, "dtype": dtype, "shape": shape, "file": "{}/{}/{}".format(FOLDER, files.name, file.name)}
