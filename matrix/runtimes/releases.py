"""The releases that can be tested, and what is known about each: the typed form of releases.toml."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from packaging.version import Version

from matrix.errors import ReleasesError

if sys.version_info >= (3, 11):
    from enum import StrEnum

    import tomllib
else:
    import tomli as tomllib
    from backports.strenum import StrEnum

FILE = Path(__file__).with_name("releases.toml")
LINE_KEYS = frozenset({"name", "version", "default", "fallback_version", "gpu_version"})


class Product(StrEnum):
    """What a release is a release of."""

    TENSORRT_RTX = "tensorrt_rtx"
    TENSORRT = "tensorrt"
    ONNXRUNTIME = "onnxruntime"


TITLES: Mapping[Product, str] = {
    Product.TENSORRT_RTX: "TensorRT-RTX",
    Product.TENSORRT: "TensorRT",
    Product.ONNXRUNTIME: "ONNX Runtime",
}


@dataclass(frozen=True, kw_only=True)
class Release:
    """One release. GPU architectures read ``sm89``; element types have the names that numpy and ml_dtypes give them."""

    name: str  # how it is selected and recorded: rtx-1.7, 10.0, ort-1.31
    product: Product
    version: str  # of the package; what the loaded library reports may be longer
    default: bool = False  # runs when nothing is asked for
    fallback_version: str = ""  # installed where ``version`` cannot be
    gpu_version: str = ""  # of ``gpu_packages``, whose patches differ
    module: str
    packages: tuple[str, ...]
    gpu_packages: tuple[str, ...] = ()  # instead of ``packages``, to execute on a GPU
    build_needs_pip: bool = False  # its build calls pip, and expects to change the environment that it is built for
    companions: tuple[str, ...] = ()  # exact requirements that its own metadata leaves too open
    python: str  # version specifier
    numpy: tuple[str, ...]  # exact requirements, with markers for the version of Python
    polygraphy: str = ""  # version
    needs_gpu: bool = False  # even to parse
    dtypes_that_need_a_gpu_to_build: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()  # architectures that an engine can be built for by name
    platforms: tuple[str, ...] = ()  # those that it has packages for, empty where that is not known
    executes_on: tuple[str, ...] = ()  # architectures that it executes on, empty where that is not known
    precision_flags: tuple[str, ...] = ()  # builder flags for a reduced precision
    calibrators: bool = False  # INT8 calibration
    documented_opset: int | None = None  # maximum, as a claim of the documentation: nothing is decided by it
    max_opset: int | None = None
    max_ir_version: int | None = None
    sources: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)  # fact -> how it is known

    @property
    def title(self) -> str:
        """The name for messages: ``TensorRT-RTX 1.7``."""
        return f"{TITLES[self.product]} {self.name.removeprefix('rtx-').removeprefix('ort-')}"

    def with_provider(self, provider: str) -> Release:
        """Return the same release from its packages for a GPU, as its execution provider ``provider`` needs them."""
        return replace(
            self, name=f"{self.name}-{provider}", version=self.gpu_version, packages=self.gpu_packages, needs_gpu=True
        )

    @property
    def number(self) -> tuple[int, ...]:
        """The version as numbers, without ``.postN``."""
        return Version(self.version).release

    @property
    def requirements(self) -> tuple[str, ...]:
        """What to install: exact pins."""
        return self._requirements(self.version)

    @property
    def other_requirements(self) -> tuple[str, ...]:
        """Those of :attr:`requirements` that are not the release itself."""
        tools = (f"polygraphy=={self.polygraphy}",) if self.polygraphy else ()
        return (*self.companions, *self.numpy, *tools)

    @property
    def fallback_requirements(self) -> tuple[str, ...]:
        """What to install where :attr:`requirements` cannot be; empty where there is no second choice."""
        return self._requirements(self.fallback_version) if self.fallback_version else ()

    def _requirements(self, version: str) -> tuple[str, ...]:
        return (*(f"{package}=={version}" for package in self.packages), *self.other_requirements)


@lru_cache(maxsize=1)
def load() -> tuple[Release, ...]:
    """Return every release of releases.toml, product by product, oldest first.

    Raises:
        ReleasesError: releases.toml is not what :func:`parse` takes.
    """
    return parse(FILE.read_text(encoding="utf-8"))


def parse(text: str) -> tuple[Release, ...]:
    """Return the releases that ``text``, the content of a releases.toml, describes.

    Raises:
        ReleasesError: it is not TOML, has an unknown key, a value of another type, a fact without a source or with two
            of them, or a release lacks a fact that every release needs.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ReleasesError(str(error)) from error
    unknown = sorted(tables.keys() - set(Product))
    if unknown:
        raise ReleasesError(f"unknown product {unknown[0]!r}; known are {', '.join(Product)}")
    return tuple(release for product, table in tables.items() for release in _of_product(Product(product), table))


def _of_product(product: Product, table: Mapping[str, Any]) -> Iterator[Release]:
    lines, groups = table.get("releases", []), table.get("facts", [])
    _reject_unknown(table, {"source", "releases", "facts"}, str(product))
    for line in lines:
        _reject_unknown(line, LINE_KEYS, f"a line of {product}")
        if "name" not in line:
            raise ReleasesError(f"a line of {product} lacks name")
    names = [line["name"] for line in lines]
    known: dict[str, dict[str, Any]] = {name: {} for name in names}
    sources: dict[str, dict[str, str]] = {name: dict.fromkeys(LINE_KEYS, _source(table, product)) for name in names}
    for group in groups:
        where = f"facts of {product}, {group.get('from', '')} .. {group.get('to', '')}"
        facts = {key: value for key, value in group.items() if key not in ("from", "to", "source")}
        _reject_unknown(facts, {item.name for item in fields(Release)} - LINE_KEYS - {"product", "sources"}, where)
        for name in _span(names, group, where):
            for fact, value in facts.items():
                if fact in known[name]:
                    raise ReleasesError(f"{where}: {name} has {fact} twice")
                known[name][fact] = value
                sources[name][fact] = _source(group, where)
    for line in lines:
        yield _release(product, {**line, **known[line["name"]]}, sources[line["name"]])


def _release(product: Product, facts: Mapping[str, Any], sources: Mapping[str, str]) -> Release:
    typed: dict[str, Any] = {}
    for item in fields(Release):
        if item.name in facts:
            typed[item.name] = _typed(str(item.type), facts[item.name], f"{facts['name']}, {item.name}")
        elif item.name != "product" and item.default is MISSING and item.default_factory is MISSING:
            raise ReleasesError(f"{facts['name']} lacks {item.name}")
    return Release(product=product, sources=sources, **typed)


def _span(names: list[str], group: Mapping[str, Any], where: str) -> list[str]:
    try:
        first = names.index(group["from"]) if "from" in group else 0
        last = names.index(group["to"]) if "to" in group else len(names) - 1
    except ValueError as error:
        raise ReleasesError(f"{where}: no release is called so; known are {', '.join(names)}") from error
    return names[first : last + 1]


def _source(table: Mapping[str, Any], where: str) -> str:
    source = table.get("source")
    if not isinstance(source, str) or not source.strip():
        raise ReleasesError(f"{where}: no source; say in `source` how these facts are known")
    return source


def _reject_unknown(table: Mapping[str, Any], allowed: set[str] | frozenset[str], where: str) -> None:
    unknown = sorted(table.keys() - allowed)
    if unknown:
        raise ReleasesError(f"{where}: unknown key {unknown[0]!r}; known are {', '.join(sorted(allowed))}")


def _typed(wanted: str, value: Any, where: str) -> Any:
    """Return ``value`` as the type that the annotation ``wanted`` names; TOML has lists where we have tuples."""
    if wanted.startswith("tuple") and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if type(value).__name__ != wanted.removesuffix(" | None"):
        raise ReleasesError(f"{where}: {value!r} is not of type {wanted}")
    return value
