"""A user's model as a case: its shape points, its inputs, and what is judged how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from cases.case import Array, Case, ShapePoint, Tolerance
from cases.external_data import load_model
from matrix.models.asked import Asked
from matrix.models.external import external_files
from matrix.models.files import ModelFiles
from matrix.models.interface import GraphValue, Interface, ModelError, spell
from matrix.models.recorded import DataSet
from matrix.models.seeded import seeded
from matrix.models.shapes import FIXED, check_size, chosen_shapes, point_of, profiles_over, shape_values
from matrix.record import Precision
from matrix.verdict.tolerance import tolerance_for

FAMILY = "model"
NARROW = frozenset({"int8", "uint8", "int4", "uint4", "int2", "uint2"})
FLOAT32 = Tolerance(relative=1e-3, absolute=1e-5, peak=1e-5)  # docs/own-models.md says why


@dataclass(frozen=True, kw_only=True)
class ModelCase(Case):
    """A model of the user: a case that is put on disk from its files, without being read into memory."""

    files: ModelFiles
    interface: Interface | None = None  # None: the model cannot be used, and `build` says why
    external: tuple[str, ...] = ()  # relative to the model's folder
    data_sets: Mapping[str, DataSet] | None = None  # shape point -> where its tensors are recorded
    notes: tuple[str, ...] = ()  # what was chosen for the user, for the record


def model_case(files: ModelFiles, interface: Interface, asked: Asked) -> ModelCase:
    """Return the case of a model; recorded inputs become points, and asked or default shapes where there are none.

    Raises:
        ModelError: what was recorded or asked for does not fit it, or its external data cannot be used.
    """
    external = external_files(files.model.parent, interface.external)
    why = _cannot_be_carried(interface)
    data_sets = {folder.name: DataSet(folder=folder, root=files.root) for folder in files.data_sets}
    data_sets = {} if why else {name: each for name, each in data_sets.items() if each.is_usable(interface.inputs)}
    wanted = [item.name for item in interface.inputs if item.name in asked.names]
    arrays = {name: each.inputs(interface.inputs) for name, each in data_sets.items()}
    for each in data_sets.values():
        each.outputs(interface.outputs)  # so that what cannot be read is said before anything runs
    for name, found in arrays.items():
        check_size(name, interface.inputs, {key: array.shape for key, array in found.items()})
    if not why and (wanted or not data_sets):
        for name, shapes in chosen_shapes(interface.inputs, asked).items():
            arrays[name] = {
                item.name: seeded(f"model/{name}/{item.name}", item.dtype, shapes[item.name])
                for item in interface.inputs
            }
    shape_tensors = shape_values(interface.inputs, arrays)
    points = tuple(point_of(name, found, shape_tensors) for name, found in arrays.items())
    return ModelCase(
        id=files.id,
        family=FAMILY,
        op=interface.op,
        opset=interface.opset,
        ir_version=interface.ir_version,
        summary=f"{files.name}: {interface.nodes} nodes, {_tell_inputs(interface.inputs)}",
        build=partial(load_model, files.model),
        inputs=partial(_inputs, interface.inputs, data_sets),
        points=points,
        profiles=profiles_over(interface.inputs, points),
        tags=frozenset(_tags(interface, data_sets)),
        tolerance=_tolerance(interface),
        not_applicable=why,
        files=files,
        interface=interface,
        external=external,
        data_sets=data_sets,
        notes=tuple(_notes(interface, points, data_sets, wanted)),
    )


def unusable(files: ModelFiles, why: ModelError) -> ModelCase:
    """Return the case of a model that cannot be used: it costs one record, which says why."""

    def refuse(*_: object) -> NoReturn:
        raise why

    return ModelCase(
        id=files.id,
        family=FAMILY,
        op="",
        opset=0,
        ir_version=0,
        summary=files.name,
        build=refuse,
        inputs=refuse,
        points=(),
        files=files,
    )


def _inputs(declared: Sequence[GraphValue], data_sets: Mapping[str, DataSet], point: ShapePoint) -> Mapping[str, Array]:
    if point.name in data_sets:
        return data_sets[point.name].inputs(declared)
    return {
        item.name: seeded(f"model/{point.name}/{item.name}", item.dtype, point.shapes[item.name]) for item in declared
    }


def _cannot_be_carried(interface: Interface) -> str:
    """Return which input or output a job has no form for: it holds tensors, and of outputs sequences of them."""
    for item in interface.inputs:
        if not item.kind:
            return f"input {item.name!r} has no type, so that nobody knows what to give it"
        if item.kind != "tensor":
            return f"input {item.name!r} is of kind {item.kind}, and a job carries tensors alone to a runtime"
        if not item.dtype:
            return f"input {item.name!r} is of an element type that this version of onnx does not know"
    for item in interface.outputs:
        if item.kind not in ("", "tensor", "sequence", "optional"):  # without a type the runtime has to know it
            return f"output {item.name!r} is of kind {item.kind}, which a job does not bring back"
    return ""


def _tags(interface: Interface, data_sets: Mapping[str, DataSet]) -> list[str]:
    found = {
        "dynamic": any(item.is_dynamic for item in interface.inputs),
        "recorded": bool(data_sets),
        "external_data": bool(interface.external),
    }
    return [tag for tag, holds in found.items() if holds]


def _tolerance(interface: Interface) -> Tolerance:
    """Return the tolerance for a model of unknown arithmetic: wider where it computes in 16 bits itself."""
    tolerance = FLOAT32
    for dtype, precision in (("bfloat16", Precision.BF16), ("float16", Precision.FP16)):
        if dtype in interface.dtypes:
            tolerance = tolerance_for(FLOAT32, precision)
            break
    integers = {item.dtype for item in interface.outputs if item.dtype.lstrip("u").startswith("int")}
    quantizes = any("Quantize" in op or op.startswith("QLinear") for op in interface.ops)
    steps = 1 if quantizes and integers and integers <= NARROW else 0
    return Tolerance(relative=tolerance.relative, absolute=tolerance.absolute, peak=tolerance.peak, steps=steps)


def _tell_inputs(inputs: Sequence[GraphValue]) -> str:
    return ", ".join(f"{item.name} {item.dtype or item.kind} {spell(item.shape)}" for item in inputs) or "no inputs"


def _notes(
    interface: Interface, points: Sequence[ShapePoint], data_sets: Mapping[str, DataSet], wanted: Sequence[str]
) -> list[str]:
    notes = []
    drawn = [point for point in points if point.name not in data_sets]
    if data_sets:
        judged = [name for name, each in data_sets.items() if each.has_outputs]
        told = f"the recorded outputs judge at {', '.join(judged)}" if judged else "no recorded outputs"
        notes.append(f"recorded inputs at {', '.join(data_sets)}; {told}")
    if drawn and interface.inputs:
        notes.append("seeded random inputs at " + ", ".join(point.name for point in drawn))
    open_ones = [item for item in interface.inputs if item.is_dynamic and item.name not in wanted]
    if drawn and drawn[0].name != FIXED and open_ones:
        told = "; ".join(
            f"{item.name} ({spell(item.shape)}) is " + ", ".join(spell(point.shapes[item.name]) for point in drawn)
            for item in open_ones
        )
        notes.append(
            f"shapes chosen for lack of --input-shapes and --profile, at {', '.join(p.name for p in drawn)}: {told}"
        )
    return notes
