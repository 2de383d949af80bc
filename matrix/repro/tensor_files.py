"""The tensors of a bundle: archives of numpy without pickles, raw files for what numpy cannot name, ONNX test data."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
from onnx import numpy_helper

from cases.case import Array
from matrix.case_folder import ABSENT, DeclaredOutput, encode

DATA = "data"


def store(arrays: Mapping[str, Array], folder: Path, what: str) -> list[dict[str, Any]]:
    """Write ``arrays`` as `data/WHAT.npz` in ``folder`` and return one manifest entry for each, in their order.

    What numpy itself has no type for, and text, is written as a raw file of its own, as a job directory has it: `key`
    is empty then. A tensor that is absent has no file.

    Raises:
        OSError: they cannot be written.
    """
    (folder / DATA).mkdir(exist_ok=True)
    entries, plain = [], {}
    for index, (name, array) in enumerate(arrays.items()):
        dtype, content = encode(array)
        entry = {"name": name, "dtype": dtype, "shape": list(array.shape), "file": "", "key": ""}
        if array.dtype.isbuiltin == 1 and array.dtype.kind in "biufc":
            entry.update(file=f"{DATA}/{what}.npz", key=f"tensor_{index}")
            plain[f"tensor_{index}"] = np.asarray(array, array.dtype.newbyteorder("<"))
        elif dtype != ABSENT:
            entry.update(file=f"{DATA}/{what}.{index}.bin")
            (folder / str(entry["file"])).write_bytes(content)
        entries.append(entry)
    if plain:
        np.savez(folder / DATA / f"{what}.npz", **plain)  # type: ignore[arg-type]
    return entries


def store_test_data(
    number: int, inputs: Mapping[str, Array], outputs: Mapping[str, Array] | None, model: onnx.ModelProto, folder: Path
) -> None:
    """Write `test_data_set_N/input_M.pb` and `output_M.pb`, as ONNX's own tests have them, in the order of the graph.

    Raises:
        OSError: they cannot be written.
    """
    target = folder / f"test_data_set_{number}"
    target.mkdir()
    names = [value.name for value in model.graph.input if value.name in inputs]
    for index, name in enumerate(names):
        _save(numpy_helper.from_array(inputs[name], name), target / f"input_{index}.pb")
    for index, value in enumerate(model.graph.output):
        made = _output(value, outputs or {})
        if made is not None:
            _save(made, target / f"output_{index}.pb")


def _output(value: onnx.ValueInfoProto, outputs: Mapping[str, Array]) -> Any:
    name, kind = value.name, value.type.WhichOneof("value")
    if kind == "sequence_type":
        items = [array for key, array in outputs.items() if key.startswith(f"{name}[")]
        return numpy_helper.from_list(items, name) if items else None
    array = outputs.get(name)
    if array is None or encode(array)[0] == ABSENT:
        return None
    return numpy_helper.from_array(array, name)


def _save(message: Any, path: Path) -> None:
    path.write_bytes(message.SerializeToString(deterministic=True))


def tables(declared: Sequence[DeclaredOutput], expected: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return all values of those output types that numpy lacks and that are told by a table: dtype -> value by bits."""
    names = {output.dtype for output in declared} | {str(entry["dtype"]) for entry in expected}
    return {name: values for name in sorted(names) if (values := _values(name))}


def _values(name: str) -> list[Any]:
    kind = getattr(ml_dtypes, name, None)
    if kind is None or np.dtype(kind).itemsize > 1:
        return []
    bits = int(re.findall(r"\d+", name)[0])  # the first number in the name: int4, float8_e4m3fn, float4_e2m1fn
    codes = np.arange(1 << bits, dtype=np.uint8)
    values = codes.view(kind).astype(np.float64)
    return [float(value) if math.isfinite(value) else repr(float(value)) for value in values]
