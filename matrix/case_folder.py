"""A case on disk: its model and inputs, written once per run and linked into the job directory of every runtime."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from cases.case import Array, Calibration, Case, Profile, ShapePoint, as_little_endian
from cases.catalogue import INVALID_ON_PURPOSE, INVALID_REQUEST, Generated, generate
from cases.operator_types import OperatorTypes, element_name, operator_types
from cases.promise import why_not_as_declared, why_not_dynamic

ABSENT = "none"  # the dtype of an optional output that holds nothing
NUMBERS = frozenset(onnx.TensorProto.DataType.values()) - {onnx.TensorProto.UNDEFINED, onnx.TensorProto.STRING}
DTYPES = frozenset(str(onnx.helper.tensor_dtype_to_np_dtype(number).name) for number in NUMBERS)


@dataclass(frozen=True, kw_only=True)
class DeclaredOutput:
    """An output as ONNX declares it after shape inference; a dynamic dimension is None, so is an unknown rank.

    The dtype of an optional output is empty: what comes back is its element, or nothing.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, kw_only=True)
class CaseFolder:
    """A generated case: ``path`` holds ``model.onnx`` and the files of ``points``; ``invalid`` says what is our bug."""

    path: Path
    digest: str = ""
    points: tuple[Mapping[str, Any], ...] = ()
    forbidden: frozenset[str] = frozenset()  # the points that must be refused: there is no reference for them
    profiles: tuple[Mapping[str, Any], ...] = ()
    outputs: tuple[DeclaredOutput, ...] = ()
    types: OperatorTypes = field(
        default_factory=OperatorTypes
    )  # of a user's model nobody knows which operator it is about
    calibration: Mapping[str, Any] | None = None  # as a request has it
    invalid: str = ""
    external: tuple[str, ...] = ()  # files of a user's model that a job needs beside it, relative to ``path``
    checker: str = ""  # what onnx's checker objects to in a user's model, which is tried all the same
    notes: tuple[str, ...] = ()  # for the record: what was chosen for the user


@dataclass(frozen=True)
class CaseFolders:
    """The case folders of one run; thread-safe, and each case is made once, by ``make``."""

    root: Path
    make: Callable[[Case, Path], CaseFolder] = field(default_factory=lambda: make_case_folder)
    _made: dict[str, CaseFolder] = field(default_factory=dict)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def get(self, case: Case) -> CaseFolder:
        """Return the folder of ``case``, made on the first call.

        Raises:
            OSError: the folder cannot be written.
        """
        with self._guard:
            lock = self._locks.setdefault(case.id, threading.Lock())
        with lock:
            if case.id not in self._made:
                self._made[case.id] = self.make(case, self.root / case.id)
            return self._made[case.id]


def make_case_folder(case: Case, path: Path) -> CaseFolder:
    """Generate and check ``case``, and write it to ``path``.

    Raises:
        OSError: the folder cannot be written.
    """
    try:
        generated = generate(case)
        inferred = _inferred(generated)
        broken = ("" if _is_forbidden(case) else why_not_as_declared(generated)) or why_not_dynamic(generated)
    except Exception as error:  # noqa: BLE001 - a case may raise anything; it costs only itself
        return CaseFolder(path=path, invalid=f"{type(error).__name__}: {error}")
    if broken:
        return CaseFolder(path=path, invalid=broken)
    (path / "inputs").mkdir(parents=True)
    (path / "model.onnx").write_bytes(generated.model_bytes)
    return CaseFolder(
        path=path,
        digest=generated.digest,
        points=store_points(path, case.points, lambda point: generated.inputs[point.name]),
        forbidden=frozenset(point.name for point in case.points if not point.allowed),
        profiles=store_profiles(case.profiles),
        outputs=tuple(map(declared_output, inferred.graph.output)),
        types=operator_types(inferred, case.op),
        calibration=store_calibration(path, case.calibration) if case.calibration else None,
    )


def store_points(
    path: Path, points: Sequence[ShapePoint], inputs: Callable[[ShapePoint], Mapping[str, Array]]
) -> tuple[Mapping[str, Any], ...]:
    """Write the inputs of every shape point into a case folder, and return the entries in a request."""
    return tuple(
        {
            "name": point.name,
            "inputs": [store_tensor(path, number, *item) for item in enumerate(inputs(point).items())],
            "shape_tensors": list(point.values),
        }
        for number, point in enumerate(points)
    )


def store_profiles(profiles: Sequence[Profile]) -> tuple[Mapping[str, Any], ...]:
    """Return the entries of ``profiles`` in a request."""
    return tuple({"shapes": dict(profile.shapes), "values": dict(profile.values)} for profile in profiles)


def store_calibration(path: Path, calibration: Calibration) -> dict[str, Any]:
    """Write the batches of ``calibration`` into a case folder, and return its entry in a request."""
    batches = [
        {
            item["name"]: item
            for item in (store_tensor(path, f"batch{number}", *named) for named in enumerate(batch.items()))
        }
        for number, batch in enumerate(calibration.batches())
    ]
    return {
        "algorithm": calibration.algorithm,
        "writer": calibration.writer,
        "batches": batches,
        "cache": None,
        "profile": calibration.profile,
    }


def _inferred(generated: Generated) -> onnx.ModelProto:
    """Check the model as strictly as onnx can, and return it with the types and shapes that onnx infers.

    Raises:
        onnx.checker.ValidationError, onnx.shape_inference.InferenceError: the model is not valid ONNX.
    """
    if _is_forbidden(generated.case):
        return generated.model
    onnx.checker.check_model(generated.model, full_check=True)
    return onnx.shape_inference.infer_shapes(generated.model, check_type=True, strict_mode=True, data_prop=True)


def _is_forbidden(case: Case) -> bool:
    """Say whether ONNX forbids the model itself, on purpose."""
    return case.tags & {INVALID_ON_PURPOSE, INVALID_REQUEST} == {INVALID_ON_PURPOSE}


def declared_output(value: onnx.ValueInfoProto) -> DeclaredOutput:
    """Return an output as ``value`` declares it."""
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return DeclaredOutput(name=value.name, dtype="" if kind == "optional_type" else str(kind), shape=None)
    tensor = value.type.tensor_type
    dtype = element_name(tensor.elem_type)
    if not tensor.HasField("shape"):
        return DeclaredOutput(name=value.name, dtype=dtype, shape=None)
    shape = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim)
    return DeclaredOutput(name=value.name, dtype=dtype, shape=shape)


def store_tensor(path: Path, point: int | str, index: int, named: tuple[str, Array]) -> dict[str, Any]:
    """Write one named tensor into a case folder, and return its entry in a request."""
    name, array = named
    file = f"inputs/{point}.{index}.bin"
    dtype, content = encode(array)
    (path / file).write_bytes(content)
    return {"name": name, "dtype": dtype, "shape": list(array.shape), "file": file}


def is_absent(array: Array) -> bool:
    """Say whether ``array`` stands for an optional output that holds nothing."""
    return array.dtype == object and array.shape == () and array.item() is None


def encode(array: Array) -> tuple[str, bytes]:
    """Return the dtype's name and the bytes of ``array``: little-endian, a JSON list for strings, nothing for None."""
    if is_absent(array):
        return ABSENT, b""
    if array.dtype.kind in "OUS":
        return "string", json.dumps([str(item) for item in array.reshape(-1)]).encode()
    return array.dtype.name, as_little_endian(array)


def decode(dtype: str, shape: tuple[int, ...], content: bytes) -> Array:
    """Return the array that `encode` (or a worker) wrote.

    Raises:
        ValueError: the bytes are not an array of that dtype and shape.
    """
    if dtype == ABSENT:
        return np.array(None, dtype=object)
    if dtype == "string":
        texts = json.loads(content)
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError("not a list of texts")
        return np.array(texts, dtype=object).reshape(shape)
    if dtype not in DTYPES:
        raise ValueError(f"unknown dtype {dtype!r}")
    return np.frombuffer(content, np.dtype(dtype)).reshape(shape)
