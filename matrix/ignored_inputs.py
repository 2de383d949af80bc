"""Inputs that a parsed network does not read although ONNX's answer depends on them.

That nothing reads an input is no fault by itself: a model may not use it, or its shape alone. So the specification is
asked for its answer to other values of it.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx

from matrix.case_folder import CaseFolder, decode, store_tensor
from matrix.execution.local import Finished
from matrix.question import question_in
from matrix.references import References, allowed
from matrix.verdict.influence import AGAIN, CHANGED, changed, depends
from matrix.verdict.reference.specification import all_nodes


def ignored_inputs(finished: Finished, references: References) -> tuple[str, ...]:
    """Return the inputs that the parsed network of ``finished`` ignores, and ONNX does not; left out where not known.

    Raises:
        OSError: the temporary folder cannot be written, or the case's cannot be read.
    """
    network = finished.reply.network if finished.reply else None
    if network is None or not network.unread or finished.folder is None or finished.cell.case.no_reference:
        return ()
    folder = allowed(finished.folder)
    graph = onnx.load_model(folder.path / "model.onnx", load_external_data=False).graph
    used = {name for node in all_nodes(graph) for name in node.input}
    return tuple(name for name in network.unread if name in used and _matters(name, finished, folder, references))


def _matters(name: str, finished: Finished, folder: CaseFolder, references: References) -> bool:
    with tempfile.TemporaryDirectory(dir=folder.path.parent) as place:
        answer = references.specification(_question(folder, name, Path(place)))
    return answer.outputs is not None and depends(answer.outputs, finished.cell.case.tolerance)


def _question(folder: CaseFolder, name: str, place: Path) -> CaseFolder:
    """Return ``folder`` with every point there three times in ``place``: as it is, again, and with ``name`` changed."""
    copy = question_in(place, folder)
    digest = hashlib.sha256(f"{folder.digest} {name}".encode("utf-8", "surrogatepass"))
    points: list[Mapping[str, Any]] = []
    for number, point in enumerate(folder.points):
        inputs = [_changed(place, number, entry) if entry["name"] == name else entry for entry in point["inputs"]]
        for entry in inputs:
            digest.update((place / entry["file"]).read_bytes())
        points += [
            point,
            {**point, "name": point["name"] + AGAIN},
            {**point, "name": point["name"] + CHANGED, "inputs": inputs},
        ]
    return replace(copy, points=tuple(points), digest=digest.hexdigest())


def _changed(place: Path, number: int, entry: Mapping[str, Any]) -> dict[str, Any]:
    array = decode(entry["dtype"], tuple(entry["shape"]), (place / entry["file"]).read_bytes())
    return store_tensor(place, f"changed{number}", 0, (entry["name"], changed(array)))
