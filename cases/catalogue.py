"""The registry of all cases: unique ids, selection by glob and tag, and a case made concrete, with its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, partial
from importlib import import_module
from typing import NoReturn

import onnx

from cases.case import Array, Case, Shape, ShapePoint, as_little_endian

# Every module here has a function `cases() -> Iterator[Case]`; to add a module, add its name.
MODULES: Mapping[str, tuple[str, ...]] = {
    "quantization": (
        *("linear", "linear_blocked", "linear_floats", "linear_values", "invalid_linear"),
        *("dynamic", "integer", "qlinear", "invalid_operators", "contrib", "tensorrt_ops"),
        *("patterns", "patterns_cnn", "patterns_transformer", "patterns_weight_only", "patterns_parameters"),
        *("invalid_patterns", "quantizers", "calibration"),
    ),
    "dynamic_shapes": (
        *("dimensions", "elementwise", "broadcasting", "products", "convolution", "pooling", "normalization"),
        *("attention", "attention_op", "rotary", "recurrent"),
        *("shape_arithmetic", "shape_values", "reshaping", "windows"),
        *("reductions", "gathers", "scatters", "rearranging", "slicing", "padding", "growing", "resizing", "choosing"),
        *("opset_changes", "rare_parts", "data_dependent", "boxes", "computed_sizes"),
        *("conditionals", "loops", "scans", "nested", "sequences"),
        *("shape_inputs", "shape_input_numbers", "shape_input_arithmetic"),
        *("profiles", "profile_inputs", "invalid_profiles"),
    ),
    "reported_bugs": (
        *("integer", "calibration", "qdq_parameters", "qdq_layers"),
        *("profiles", "shapes", "layers"),
    ),
}


INVALID_ON_PURPOSE = "invalid_on_purpose"  # the tag of cases that every runtime must refuse
INVALID_REQUEST = "invalid_request"  # beside it: the model is valid, and a profile or a shape point is what to refuse
WRONG_CALIBRATION = (
    "wrong_calibration"  # the model and its float stages are valid, and INT8 calibration must be refused
)


@dataclass(frozen=True, kw_only=True)
class Generated:
    """A case made concrete: its model, the inputs of every shape point, and the digest of both."""

    case: Case
    model: onnx.ModelProto
    model_bytes: bytes
    inputs: Mapping[str, Mapping[str, Array]]  # shape point -> input -> array
    digest: str


class DuplicateCaseError(ValueError):
    """Two cases have the same id."""


@cache
def catalogue() -> tuple[Case, ...]:
    """Return every case, without building any model.

    A module whose enumeration raises costs only its own cases: it is represented by one case that raises the same
    error when it is generated.

    Raises:
        DuplicateCaseError: two cases have the same id.
    """
    found: dict[str, Case] = {}
    for family, modules in MODULES.items():
        for module in modules:
            for case in _enumerate(family, module):
                if case.id in found:
                    raise DuplicateCaseError(f"two cases are called {case.id!r}; an id spells every axis that differs")
                found[case.id] = case
    return tuple(found.values())


def select(cases: Iterable[Case], *, glob: str = "*", tags: Iterable[str] = ()) -> tuple[Case, ...]:
    """Return the cases whose id matches ``glob`` and that carry every one of ``tags``."""
    wanted = frozenset(tags)
    return tuple(case for case in cases if fnmatchcase(case.id, glob) and wanted <= case.tags)


def generate(case: Case) -> Generated:
    """Build the model and the inputs of ``case``.

    Raises:
        Exception: whatever the case's own functions raise; a case that raises is our bug.
        ValueError: an input does not have the shape that its shape point declares.
    """
    model = case.build()
    model_bytes = model.SerializeToString(deterministic=True)
    inputs = {point.name: dict(case.inputs(point)) for point in case.points}
    for point in case.points:
        _check_shapes(case, point, inputs[point.name])
    return Generated(
        case=case, model=model, model_bytes=model_bytes, inputs=inputs, digest=_digest(case, model_bytes, inputs)
    )


def _enumerate(family: str, module: str) -> Iterator[Case]:
    try:
        yield from import_module(f"cases.{family}.{module}").cases()
    except Exception as error:  # noqa: BLE001 - the author of a case may raise anything
        yield _unenumerable(family, module, error)


def _unenumerable(family: str, module: str, error: Exception) -> Case:
    return Case(
        id=f"{family}-{module}-enumeration",
        family=family,
        op="",
        opset=0,
        ir_version=0,
        summary=f"cases/{family}/{module}.py could not list its cases",
        build=partial(_reraise, error),
        inputs=lambda _point: {},
        points=(),
    )


def _reraise(error: Exception) -> NoReturn:
    raise error


def _check_shapes(case: Case, point: ShapePoint, arrays: Mapping[str, Array]) -> None:
    made: dict[str, Shape] = {name: tuple(array.shape) for name, array in arrays.items()}
    declared = {name: tuple(shape) for name, shape in point.shapes.items()}
    if made != declared:
        raise ValueError(f"{case.id}: at point {point.name!r} the inputs have shapes {made}, declared are {declared}")


def _digest(case: Case, model_bytes: bytes, inputs: Mapping[str, Mapping[str, Array]]) -> str:
    """Hash everything that a runtime is given; the tolerance is left out, as it changes nothing of what runs."""
    sha = hashlib.sha256(model_bytes)
    for at, arrays in inputs.items():
        if not arrays:
            sha.update(f"\n{at}".encode())
        for name, array in arrays.items():
            sha.update(f"\n{at}\0{name}\0{array.dtype.name}\0{array.shape}\n".encode())
            sha.update(as_little_endian(array))
    for point in case.points:
        if not point.allowed:
            sha.update(f"\nforbidden\0{point.name}".encode())
    if case.calibration:
        sha.update(f"\n{case.calibration.algorithm}\0{case.calibration.writer}\0{case.calibration.profile}".encode())
    for profile in case.profiles:
        for kind, ranges in (("shapes", profile.shapes), ("values", profile.values)):
            sha.update(f"\n{kind}\0{sorted((name, tuple(map(tuple, span))) for name, span in ranges.items())}".encode())
    return sha.hexdigest()
