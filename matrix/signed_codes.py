"""Tensors inside a model that ONNX quantizes to uint8 and a parsed network to int8, and whether that changes an answer.

Nothing is executed for that: the specification is asked for its answer to the model as it is, and with those tensors as
the network has them. Where something was executed, its outputs tell more.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import onnx

from matrix.case_folder import CaseFolder
from matrix.execution.local import Finished
from matrix.question import question_in
from matrix.references import References, allowed
from matrix.verdict.influence import AGAIN, CHANGED, depends, repeats
from matrix.verdict.reference import SignedCodes
from matrix.verdict.signed_codes import unsigned_codes, with_signed_codes
from matrix.verdict.tolerance import tolerance_for


def signed_codes(finished: Finished, references: References) -> SignedCodes | None:
    """Return what the parsed network of ``finished``, which was built, quantizes to int8 and ONNX to uint8.

    Raises:
        OSError: the temporary folder cannot be written, or the case's cannot be read.
    """
    reply, folder = finished.reply, finished.folder
    if reply is None or reply.network is None or reply.failed is not None or folder is None:
        return None
    signed = [name for name, dtype in reply.network.quantized.items() if dtype == "int8"]
    if not signed:
        return None
    model = onnx.load_model(folder.path / "model.onnx", load_external_data=False)
    unsigned = unsigned_codes(model)
    names = tuple(name for name in signed if name in unsigned)
    if not names:
        return None
    if reply.executed or finished.cell.case.no_reference:
        return SignedCodes(names=names)
    return SignedCodes(names=names, matters=_matters(names, model, finished, allowed(folder), references))


def _matters(
    names: Collection[str], model: onnx.ModelProto, finished: Finished, folder: CaseFolder, references: References
) -> bool | None:
    answer = references.specification(folder)
    if answer.outputs is None:
        return None
    with tempfile.TemporaryDirectory(dir=folder.path.parent) as place:
        other = references.specification(_question(folder, with_signed_codes(model, names), Path(place)))
    if other.outputs is None:
        return None
    outputs = {**other.outputs, **{point + CHANGED: answer.outputs[point] for point in answer.outputs}}
    tolerance = tolerance_for(finished.cell.case.tolerance, finished.cell.precision)
    return True if depends(outputs, tolerance) else (False if repeats(outputs, tolerance) else None)


def _question(folder: CaseFolder, model: onnx.ModelProto, place: Path) -> CaseFolder:
    """Return ``folder`` with ``model`` and with every point there twice: as it is, and again."""
    content = model.SerializeToString(deterministic=True)
    points = [{**point, "name": point["name"] + word} for point in folder.points for word in ("", AGAIN)]
    digest = hashlib.sha256(f"{folder.digest} {hashlib.sha256(content).hexdigest()}".encode()).hexdigest()
    return replace(question_in(place, folder, content), points=tuple(points), digest=digest)
