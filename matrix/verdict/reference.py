"""What the answer should be: the outputs of the ONNX reference evaluator, computed once per case digest and kept.

The evaluator is ONNX's own executable specification (onnx.reference). It has no DequantizeLinear below opset 19, so a
model that it refuses is converted to a newer opset and tried again; the name of the reference says so.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from cases.case import Array
from cases.external_data import load_model
from matrix.case_folder import CaseFolder, decode, encode

CONVERTED_OPSET = 21
Outputs = Mapping[str, Mapping[str, Array]]  # shape point -> output -> array


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Reference outputs, or ``why`` there are none."""

    name: str = ""
    outputs: Outputs | None = None
    why: str = ""


class References:
    """Reference outputs, kept on disk by case digest and version of onnx, and shared by all runs and runtimes."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache / f"references-onnx-{onnx.__version__}"
        self._latest: tuple[str, Reference] = ("", Reference())

    def get(self, folder: CaseFolder) -> Reference:
        """Return the reference of a case, from the cache where it is there and whole."""
        digest, reference = self._latest
        if digest != folder.digest:
            path = self._cache / folder.digest[:2] / folder.digest
            kept = _read(path)
            reference = kept or compute(folder)
            if kept is None and reference.outputs is not None:
                _write(path, reference)
            self._latest = (folder.digest, reference)
        return reference


def compute(folder: CaseFolder) -> Reference:
    """Run the reference evaluator on every shape point of the case in ``folder``."""
    model = load_model(folder.path / "model.onnx")
    inputs = {
        point["name"]: {
            tensor["name"]: decode(tensor["dtype"], tuple(tensor["shape"]), (folder.path / tensor["file"]).read_bytes())
            for tensor in point["inputs"]
        }
        for point in folder.points
        if point["name"] not in folder.forbidden
    }
    name = f"onnx {onnx.__version__} reference evaluator"
    try:
        return Reference(name=name, outputs=_evaluate(model, inputs))
    except Exception as first:  # noqa: BLE001 - the evaluator raises whatever the operator's Python code raises
        try:
            converted = onnx.version_converter.convert_version(model, CONVERTED_OPSET)
            return Reference(name=f"{name}, opset {CONVERTED_OPSET}", outputs=_evaluate(converted, inputs))
        except Exception:  # noqa: BLE001 - the first error is the one that tells
            return Reference(why=f"the reference evaluator cannot run it: {type(first).__name__}: {first}"[:500])


def _evaluate(model: onnx.ModelProto, inputs: Mapping[str, Mapping[str, Array]]) -> Outputs:
    from onnx.reference import ReferenceEvaluator  # 0.3 s that a run with a full cache need not spend

    evaluator = ReferenceEvaluator(model)
    outputs: dict[str, dict[str, Array]] = {}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what numpy says of the evaluator's code is nothing that we could mend
        for point, arrays in inputs.items():
            values = evaluator.run(None, dict(arrays))
            outputs[point] = dict(_flatten(evaluator.output_names, list(values)))
    return outputs


def _flatten(names: list[str], values: list[object]) -> list[tuple[str, Array]]:
    """Spell a sequence as one entry per element, the way that the worker does."""
    flat: list[tuple[str, Array]] = []
    for name, value in zip(names, values, strict=True):
        if isinstance(value, (list, tuple)):
            flat.extend((f"{name}[{index}]", np.asarray(item)) for index, item in enumerate(value))
        else:
            flat.append((name, np.asarray(value)))
    return flat


def _read(path: Path) -> Reference | None:
    try:
        index = json.loads((path / "index.json").read_bytes())
        outputs = {
            point: {
                name: decode(dtype, tuple(shape), (path / file).read_bytes()) for name, dtype, shape, file in entries
            }
            for point, entries in index["points"].items()
        }
        return Reference(name=index["name"], outputs=outputs)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, reference: Reference) -> None:
    """Keep ``reference``; a cache that cannot be written costs time, never a result."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        temporary.mkdir(parents=True)
        points: dict[str, list[tuple[str, str, list[int], str]]] = {}
        for number, (point, arrays) in enumerate((reference.outputs or {}).items()):
            points[point] = []
            for index, (name, array) in enumerate(arrays.items()):
                dtype, content = encode(array)
                (temporary / f"{number}.{index}.bin").write_bytes(content)
                points[point].append((name, dtype, list(array.shape), f"{number}.{index}.bin"))
        (temporary / "index.json").write_text(json.dumps({"name": reference.name, "points": points}))
        shutil.rmtree(path, ignore_errors=True)
        os.replace(temporary, path)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
