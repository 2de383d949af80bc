"""`manifest.json`: all that a bundle says of its cell to a program, written from what came back and read with doubt."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cattrs

from matrix.errors import BundleError
from matrix.record import Precision, Status

FILE = "manifest.json"
MODEL = "model.onnx"
FORMAT = 1
MAX_BYTES = 16 * 2**20
NAME = re.compile(r"[A-Za-z0-9][\w.+-]{0,199}")
Shapes = Mapping[str, tuple[int, ...]]
Span = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A tensor in ``file``, a path inside the bundle: under ``key`` in an archive of numpy, raw where that is empty."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Point:
    """A shape point; ``expected`` is None where no reference could run."""

    name: str
    shapes: Shapes
    values: Shapes
    allowed: bool
    inputs: tuple[Tensor, ...]
    expected: tuple[Tensor, ...] | None


@dataclass(frozen=True, kw_only=True)
class Profile:
    """min, opt and max of every input's shape, and of the values of every shape tensor."""

    shapes: Mapping[str, Span]
    values: Mapping[str, Span] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """INT8 calibration: the batches, and which calibrator hands them over."""

    algorithm: str
    writer: str
    batches: tuple[tuple[Tensor, ...], ...]
    profile: int | None
    cache: str | None = None


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """As cases.case.Tolerance."""

    absolute: float
    relative: float
    steps: int
    peak: float

    def __post_init__(self) -> None:
        """Refuse what would let any answer pass: infinity, and NaN, which is outside no bound."""
        if not all(0 <= value < math.inf for value in (self.absolute, self.relative, self.steps, self.peak)):
            raise ValueError("a tolerance is a finite number that is not negative")


@dataclass(frozen=True, kw_only=True)
class Output:
    """An output as the model declares it: matrix.case_folder.DeclaredOutput."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, kw_only=True)
class Case:
    """Which case."""

    id: str
    op: str
    opset: int
    ir_version: int
    summary: str
    tags: tuple[str, ...]
    source: str


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """On which runtime it was recorded."""

    name: str
    product: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One cell."""

    bundle: int
    case: Case
    runtime: Runtime
    precision: Precision
    status: Status
    reason: str
    timeout: float  # seconds
    options: Mapping[str, str]
    points: tuple[Point, ...]
    profiles: tuple[Profile, ...]
    calibration: Calibration | None
    outputs: tuple[Output, ...]  # none of a model that onnx's checker refuses
    tolerance: Tolerance  # of the cell
    case_tolerance: Tolerance  # without what the precision adds
    reference: str
    no_reference: str
    must_refuse: str
    dynamic: bool
    model_files: tuple[str, ...]  # model.onnx first

    def __post_init__(self) -> None:
        """Refuse what could do harm: a name that is used as a path, a format of another time."""
        if self.bundle != FORMAT:
            raise ValueError(f"it has format {self.bundle}, and this version reads format {FORMAT}")
        if not NAME.fullmatch(self.case.id):
            raise ValueError("its case id is not one")
        if not self.model_files or self.model_files[0] != MODEL:
            raise ValueError(f"it names no {MODEL}")


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of the bundle in ``folder``.

    Raises:
        BundleError: there is none, or it is not one.
    """
    path = folder / FILE
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES} bytes")
        return _converter().structure(json.loads(path.read_bytes()), Manifest)
    except OSError as error:
        raise BundleError(FILE, f"cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, ArithmeticError) as error:
        raise BundleError(FILE, f"is not the manifest of a bundle: {type(error).__name__}: {error}"[:300]) from error


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=False)
    converter.register_structure_hook(str, _strict(str))
    converter.register_structure_hook(int, _strict(int))
    converter.register_structure_hook(bool, _strict(bool))
    for words in (Status, Precision):
        converter.register_structure_hook(words, lambda value, kind: kind(value))
    return converter


def _strict(kind: type) -> Any:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"{value!r} is not of type {kind.__name__}"[:200])
        return value

    return structure
