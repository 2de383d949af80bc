"""The vocabulary of a case: what a model generator must say about the model that it generates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far an output may be from the reference and still count as right.

    Float outputs: ``|got - want| <= absolute + relative * |want| + peak * max|want|``, the maximum over the finite
    elements of the output. Integer outputs: ``|got - want| <= steps``, in quantization steps (one step is one integer).
    Boolean and string outputs are always compared exactly. ``peak`` is for what a cell's precision adds to a case's own
    tolerance: see docs/accuracy.md.
    """

    absolute: float = 0.0
    relative: float = 0.0
    steps: int = 0
    peak: float = 0.0


EXACT = Tolerance()


@dataclass(frozen=True, kw_only=True)
class ShapePoint:
    """One set of concrete input shapes at which a case runs.

    ``shapes`` names every graph input. ``values`` holds the content of those inputs that are shape tensors: their
    values, not only their shapes, decide the shapes inside the network. A point that is not ``allowed`` breaks the
    profiles or the model on purpose: every runtime must refuse it, and it alone.
    """

    name: str
    shapes: Mapping[str, Shape]
    values: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    allowed: bool = True


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One optimization profile: min, opt and max of every graph input's shape, and of every shape tensor's values."""

    shapes: Mapping[str, tuple[Shape, Shape, Shape]]
    values: Mapping[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """INT8 calibration of a float model by TensorRT, the right way or one of the wrong ones that were reported.

    ``batches`` returns what the calibrator hands over, batch by batch: input -> array. ``writer`` says who hands it
    over and how: ``polygraphy``, ``right``, or one of the mistakes in matrix/worker/tensorrt_calibration.py, of which
    ``mistake`` says in words what is wrong. The batches have the shapes of opt in ``profile``, the number of one of the
    case's profiles.
    """

    algorithm: str  # "entropy2", "entropy", "minmax" or "legacy"
    writer: str
    batches: Callable[[], Sequence[Mapping[str, Array]]]
    mistake: str = ""
    profile: int = 0


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a public bug report says; the link is the ``source`` of the case that is its smallest pattern.

    ``shown_by`` holds the ways in which the bug would show itself on a runtime of ``product`` in ``precision``: words
    of matrix.record.Symptom. ``operators`` are those at which a refusal would be the reported one, any if empty.
    ``control`` is the id of a case with a part of the same model: where that is refused too, the symptom tells nothing.
    """

    product: str  # "tensorrt", "tensorrt_rtx" or "onnxruntime"
    versions: str
    symptom: str
    shown_by: tuple[str, ...]
    operators: tuple[str, ...] = ()
    control: str = ""
    precision: str = "explicit"  # a word of matrix.record.Precision
    fixed_in: str = ""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model generator with everything that is needed to run it and to judge what came back.

    ``id`` spells the axes in order, lower case, joined by ``-``. ``opset`` is the version of the default ONNX domain
    and ``ir_version`` the ONNX IR version of the built model, known without building it, so that planning stays cheap.
    ``build`` and ``inputs`` are deterministic: the same bytes in every process, on every machine. ``no_reference`` says
    why there is nothing to hold the outputs against: no specification says what they are, and no other implementation.
    ``not_applicable`` says why no runtime can be handed the case at all.
    """

    id: str
    family: str
    op: str
    opset: int
    ir_version: int
    summary: str
    build: Callable[[], onnx.ModelProto]
    inputs: Callable[[ShapePoint], Mapping[str, Array]]
    points: tuple[ShapePoint, ...]
    profiles: tuple[Profile, ...] = ()
    tags: frozenset[str] = frozenset()
    tolerance: Tolerance = EXACT
    calibration: Calibration | None = None
    no_reference: str = ""
    not_applicable: str = ""
    source: str = ""
    report: Report | None = None


def profile_from_points(points: tuple[ShapePoint, ...]) -> Profile:
    """Return the profile spanned by the points named ``min``, ``opt`` and ``max``.

    Raises:
        KeyError: one of the three points is missing.
    """
    named = {point.name: point for point in points}
    low, best, high = named["min"], named["opt"], named["max"]
    return Profile(
        shapes={name: (low.shapes[name], best.shapes[name], high.shapes[name]) for name in best.shapes},
        values={name: (low.values[name], best.values[name], high.values[name]) for name in best.values},
    )


def as_little_endian(array: Array) -> bytes:
    """Return the elements of ``array`` in C order, little-endian; int4 and the like take one byte an element."""
    data = np.ascontiguousarray(array)
    if data.dtype.byteorder == ">":
        data = data.astype(data.dtype.newbyteorder("<"))
    return data.tobytes()
