"""One case made visible: as text, and as the files that other tools read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from cases.case import Array, Case, ShapePoint
from cases.catalogue import Generated, generate

FIRST_VALUES = 6


def describe(case: Case) -> Iterator[str]:
    """Yield the lines that say all about ``case``.

    Raises:
        Exception: whatever the case's own functions raise.

    """
    made = generate(case)
    tolerance = case.tolerance
    yield case.id
    yield f"  {case.summary}"
    yield f"  family      {case.family}, op {case.op}"
    yield f"  opset       {case.opset}, IR version {case.ir_version}"
    yield f"  tags        {' '.join(sorted(case.tags))}"
    yield f"  tolerance   absolute {tolerance.absolute:g}, relative {tolerance.relative:g}, {tolerance.steps} steps"
    yield f"  digest      {made.digest}"
    yield f"  provenance  {case.source or 'generated'}"
    if case.no_reference:
        yield f"  no reference: {case.no_reference}"
    for point in case.points:
        yield f"shape point {point.name}"
        for name, array in made.inputs[point.name].items():
            yield f"  {name}: {_describe(array)}" + _values(point, name)
    for number, profile in enumerate(case.profiles):
        yield f"profile {number}"
        for name, (low, best, high) in profile.shapes.items():
            yield f"  {name}: min {list(low)}, opt {list(best)}, max {list(high)}"
        for name, spans in profile.values.items():
            yield f"  values of {name}: min {list(spans[0])}, opt {list(spans[1])}, max {list(spans[2])}"
    yield "model"
    yield onnx.printer.to_text(made.model)


def export(case: Case, folder: Path) -> Iterator[str]:
    """Write the model and the inputs of ``case`` into ``folder``, and yield what was written.

    ``test_data_set_N/input_M.pb`` are the inputs of shape point N, in the layout of ONNX's own tests; ``inputs_N.npz``
    has those of them that numpy has a type for, by name.

    Raises:
        OSError: the folder cannot be written.
        Exception: whatever the case's own functions raise.

    """
    made = generate(case)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(made.model_bytes)
    yield "model.onnx"
    for number, point in enumerate(case.points):
        yield from _export_point(made, number, point, folder)


def _export_point(made: Generated, number: int, point: ShapePoint, folder: Path) -> Iterator[str]:
    order = [value.name for value in made.model.graph.input]
    arrays = {name: made.inputs[point.name][name] for name in order if name in made.inputs[point.name]}
    data_set = folder / f"test_data_set_{number}"
    data_set.mkdir(exist_ok=True)
    for index, (name, array) in enumerate(arrays.items()):
        tensor = numpy_helper.from_array(array, name)
        (data_set / f"input_{index}.pb").write_bytes(tensor.SerializeToString(deterministic=True))
        yield f"{data_set.name}/input_{index}.pb: {name} at shape point {point.name}"
    plain: dict[str, Any] = {
        name: array for name, array in arrays.items() if array.dtype.isbuiltin == 1 and array.dtype != object
    }
    if plain:
        np.savez(folder / f"inputs_{number}.npz", **plain)
        missing = [name for name in arrays if name not in plain]
        without = f" (without {', '.join(missing)}, for whose type numpy has none)" if missing else ""
        yield f"inputs_{number}.npz: shape point {point.name}{without}"


def _describe(array: Array) -> str:
    text = f"{array.dtype.name} {list(array.shape)}"
    if not array.size or array.dtype == object or array.dtype.kind in "US":
        return text
    numbers = array.astype(np.float64).reshape(-1)
    known = numbers[~np.isnan(numbers)]
    span = f"{known.min():g} to {known.max():g}" if known.size else "no number"
    first = ", ".join(f"{number:g}" for number in numbers[:FIRST_VALUES])
    return f"{text}, {span}: {first}{', ...' if array.size > FIRST_VALUES else ''}"


def _values(point: ShapePoint, name: str) -> str:
    return f" (a shape tensor: {list(point.values[name])})" if name in point.values else ""
