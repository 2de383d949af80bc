"""Writes a bundle: a folder, and a zip of it, with all that somebody else needs to see what happened in one cell."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import onnx

from cases.case import Array
from cases.promise import promises_dynamic_shapes
from matrix.case_folder import CaseFolder, decode
from matrix.conclusion import fault_on_purpose
from matrix.errors import BundleError
from matrix.execution.local import Finished
from matrix.record import Record
from matrix.record_json import to_json
from matrix.repro.commands import commands
from matrix.repro.issue import write_issue
from matrix.repro.manifest import FILE, FORMAT
from matrix.repro.privacy import scrub, scrub_json
from matrix.repro.script import assemble
from matrix.repro.tensor_files import store, store_test_data, tables
from matrix.verdict.reference import Reference
from matrix.verdict.tolerance import tolerance_for

LOG = "log.txt"
NO_LOG = "The runtime said nothing.\n"
BORROWED = ("model.onnx", "inputs")  # of a case folder: what is no file of the model beside model.onnx


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle on disk."""

    folder: Path
    archive: Path


def write_bundle(target: Path, *, finished: Finished, record: Record, reference: Reference, timeout: float) -> Bundle:
    """Write the bundle of ``record`` into the new folder ``target``, and `TARGET.zip` beside it.

    ``finished`` is the cell run once more with every word in its log: its job directory is still there.

    Raises:
        BundleError: a file of the model's external data is called like one of the bundle's own.
        OSError: they cannot be written.
    """
    folder, directory = finished.folder, finished.directory
    assert folder is not None
    assert directory is not None
    target.mkdir(parents=True)
    model = onnx.load(folder.path / "model.onnx", load_external_data=False)
    request = json.loads((directory / "request.json").read_text(encoding="utf-8"))
    # Those of the job, which may have any characters in their names.
    hidden = [target.parent, *(each for path in (directory, folder.path) for each in (path, path.parent))]
    hide = partial(scrub, folders=hidden)
    cell = _describe(finished, record, reference, timeout, request, hide)
    cell = {**cell, "points": _points(finished, reference, request, model, target)}
    if request["calibration"]:
        cell["calibration"] = _calibration(request["calibration"], folder, target)
    cell["tables"] = tables(folder.outputs, [t for point in cell["points"] for t in point["expected"] or ()])
    cell["model_files"] = _model_files(folder)
    told = commands(cell, model)
    texts = {
        FILE: json.dumps(cell, indent=1) + "\n",
        "repro.py": assemble(record, cell),
        "record.json": scrub_json(to_json(record), hidden) + "\n",
        "environment.json": hide(json.dumps(_environment(record), indent=1)) + "\n",
        "requirements.txt": hide(_requirements(record)),
        "commands.txt": told,
        "ISSUE.md": hide(write_issue(record, cell, told)),
        LOG: hide(_log(directory)),
    }
    for name, text in texts.items():
        (target / name).write_text(text, encoding="utf-8")
    _copy_model(folder, cell["model_files"], target)
    return Bundle(folder=target, archive=_zip(target))


def _describe(
    finished: Finished,
    record: Record,
    reference: Reference,
    timeout: float,
    request: Mapping[str, Any],
    hide: Callable[[str], str],
) -> dict[str, Any]:
    cell, folder = finished.cell, finished.folder
    case, release = cell.case, cell.runtime.release
    return {
        "bundle": FORMAT,
        "case": {
            "id": case.id,
            "op": case.op,
            "opset": case.opset,
            "ir_version": case.ir_version,
            "summary": hide(case.summary),
            "tags": sorted(case.tags),
            "source": hide(case.source),
        },
        "runtime": {
            "name": record.runtime.name,
            "product": record.runtime.product,
            "version": record.runtime.version or record.runtime.requested,
        },
        "precision": str(record.precision),
        "status": str(record.status),
        "reason": hide(record.reason),
        "timeout": timeout,
        "options": {name: value for name, value in request["options"].items() if name != "verbose"},
        "profiles": request["profiles"],
        "calibration": None,
        "outputs": [asdict(output) for output in folder.outputs] if folder else [],
        "tolerance": asdict(tolerance_for(case.tolerance, cell.precision)),
        "case_tolerance": asdict(case.tolerance),
        "reference": reference.name,
        "no_reference": hide(reference.why),
        "must_refuse": fault_on_purpose(cell),
        "must_read": list(reference.ignored),
        "must_be_unsigned": list(reference.signed.names) if reference.signed and reference.signed.matters else [],
        "dynamic": promises_dynamic_shapes(case),
        "dtypes_that_need_a_gpu": list(release.dtypes_that_need_a_gpu_to_build),
    }


def _points(
    finished: Finished, reference: Reference, request: Mapping[str, Any], model: onnx.ModelProto, target: Path
) -> list[dict[str, Any]]:
    """Write inputs and expected outputs of every shape point; return what the manifest says of them."""
    assert finished.folder is not None
    points = []
    for number, (point, asked) in enumerate(zip(finished.cell.case.points, request["points"], strict=True)):
        inputs = _arrays(asked["inputs"], finished.folder)
        expected = (reference.outputs or {}).get(point.name)
        store_test_data(number, inputs, expected, model, target)
        points.append(
            {
                "name": point.name,
                "shapes": {name: list(shape) for name, shape in point.shapes.items()},
                "values": {name: list(values) for name, values in point.values.items()},
                "allowed": point.allowed,
                "inputs": store(inputs, target, f"inputs_{number}"),
                "expected": None if expected is None else store(expected, target, f"expected_{number}"),
            }
        )
    return points


def _calibration(asked: Mapping[str, Any], folder: CaseFolder, target: Path) -> dict[str, Any]:
    batches = [
        store(_arrays(list(batch.values()), folder), target, f"calibration_{number}")
        for number, batch in enumerate(asked["batches"])
    ]
    return {**asked, "batches": batches}


def _arrays(entries: list[Mapping[str, Any]], folder: CaseFolder) -> dict[str, Array]:
    return {
        entry["name"]: decode(entry["dtype"], tuple(entry["shape"]), (folder.path / entry["file"]).read_bytes())
        for entry in entries
    }


def _model_files(folder: CaseFolder) -> list[str]:
    """Return the names of the model and of the files that hold its external data, the model's first."""
    others = [path for path in sorted(folder.path.rglob("*")) if path.is_file()]
    names = [path.relative_to(folder.path).as_posix() for path in others]
    return ["model.onnx", *(name for name in names if Path(name).parts[0] not in BORROWED)]


def _copy_model(folder: CaseFolder, names: Sequence[str], target: Path) -> None:
    """Copy the model's files to where all else of the bundle is already: where they lie is part of the model."""
    for name in names:
        place = target / name
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with (folder.path / name).open("rb") as content, place.open("xb") as copy:
                shutil.copyfileobj(content, copy)
        except (FileExistsError, NotADirectoryError) as error:
            why = "the model's external data is called like a file of the bundle; save it under another name"
            raise BundleError(name, why) from error


def _environment(record: Record) -> dict[str, Any]:
    runtime, machine = record.runtime, record.machine
    return {
        "product": runtime.product,
        "loaded_version": runtime.version,
        "requested_version": runtime.requested,
        "python": runtime.python,
        "packages": list(runtime.packages),
        "os": machine.os,
        "cpu": machine.cpu,
        "gpu": machine.gpu,
        "sm": machine.sm,
        "gpu_memory_mib": machine.gpu_memory_mib,
        "driver": machine.driver,
        "cuda": machine.cuda,
    }


def _requirements(record: Record) -> str:
    python = f"# Python {record.runtime.python}\n" if record.runtime.python else ""
    return python + "".join(f"{pin}\n" for pin in record.runtime.packages)


def _log(directory: Path) -> str:
    path = directory / LOG
    return (path.read_text(encoding="utf-8", errors="replace") if path.exists() else "") or NO_LOG


def _zip(folder: Path) -> Path:
    """Zip ``folder`` under its own name, in a fixed order and without the time and the owner of its files."""
    archive = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            info = zipfile.ZipInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}")
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            with packed.open(info, "w", force_zip64=True) as entry, path.open("rb") as content:
                shutil.copyfileobj(content, entry)
    return archive
