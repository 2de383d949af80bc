"""Finds models below a path: an .onnx file, a folder in ONNX's test-data layout, or a tree of either."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from matrix.errors import OptionError

PREFIX = "model-"  # of every id: no id of the catalogue begins like that
USUAL = "model.onnx"  # its name in the test-data layout, where the folder's name says which model it is
DATA_SET = re.compile(r"test_data_set_(\d+)")
PLAIN = re.compile(r"[A-Za-z0-9_.\-]+")
LONGEST = 100  # characters of an id, so that it can be part of a file name


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """One model: its file, its folders of recorded tensors, and the folder that nothing of it may lie outside of."""

    id: str
    name: str  # the path relative to what was given, with "/"
    model: Path
    data_sets: tuple[Path, ...]
    root: Path


def find_models(given: Path) -> tuple[ModelFiles, ...]:
    """Return the models of ``given``, sorted by path.

    Raises:
        OptionError: it is not there, cannot be read, or holds no model.
    """
    try:
        path = Path(os.path.realpath(given))
        if path.is_file():
            return (
                _single(Path(os.path.realpath(given.parent)) / given.name),
            )  # where its external data lies, if it is a link
        if not path.is_dir():
            raise OptionError(f"--model: there is no {given}; give an .onnx file or a folder that holds some")
        found = _told_apart(list(_in_tree(path)))
    except OSError as error:
        raise OptionError(f"--model: {given} cannot be read: {error.strerror}") from error
    if not found:
        raise OptionError(f"--model: no file in {given} ends in .onnx; give the folder of a model, or a tree of them")
    return found


def _single(path: Path) -> ModelFiles:
    name = path.name
    alone = _data_sets(path.parent) if _owns_data_sets(path.name, [each.name for each in path.parent.iterdir()]) else ()
    return ModelFiles(
        id=model_id([name.removesuffix(".onnx")]), name=_readable(name), model=path, data_sets=alone, root=path.parent
    )


def _told_apart(found: Sequence[ModelFiles]) -> tuple[ModelFiles, ...]:
    """Return ``found`` with a longer id where two would have the same: a model in the tree's own folder can do that."""
    often = Counter(files.id for files in found)
    return tuple(
        files if often[files.id] == 1 else replace(files, id=model_id([f"{files.id}\n", files.name])) for files in found
    )


def _in_tree(root: Path) -> Iterator[ModelFiles]:
    for folder, folders, names in os.walk(root):
        folders.sort()
        place = Path(folder)
        for name in sorted(name for name in names if name.endswith(".onnx")):
            parts = place.relative_to(root).parts
            spelled = [*parts, *([] if name == USUAL else [name])] or [root.name]
            yield ModelFiles(
                id=model_id(spelled),
                name=_readable("/".join((*parts, name))),
                model=place / name,
                data_sets=_data_sets(place) if _owns_data_sets(name, names) else (),
                root=root,
            )


def _readable(name: str) -> str:
    """Return ``name`` as text that every report can write: a file's name may be any bytes."""
    return os.fsencode(name).decode("utf-8", "replace")


def _owns_data_sets(name: str, beside: Sequence[str]) -> bool:
    """Say whether the recorded tensors in a folder are those of the model ``name``: the usual one, or the only one."""
    return name == USUAL or sum(other.endswith(".onnx") for other in beside) == 1


def _data_sets(folder: Path) -> tuple[Path, ...]:
    found = [(int(match[1]), path) for path in folder.iterdir() if (match := DATA_SET.fullmatch(path.name))]
    return tuple(path for _, path in sorted(found) if path.is_dir())


def model_id(parts: Sequence[str]) -> str:
    """Return an id that depends on ``parts`` alone, that differs for other parts, and that may be a file's name.

    What cannot stand in it becomes ``_``, and a digest of the parts then keeps it apart from what else reads like that.
    """
    plain = all(PLAIN.fullmatch(part) for part in parts)
    spelled = PREFIX + "+".join(re.sub(r"[^A-Za-z0-9_.\-]", "_", part) for part in parts)
    if plain and len(spelled) <= LONGEST:
        return spelled
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{spelled[: LONGEST - 9]}-{digest}"
