"""Which runtimes a run uses: what the words of --trt-version, --ort-version and --runtime-python select."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path

from matrix.errors import OptionError, UnknownRuntimeError
from matrix.runtimes.installed import installed_release
from matrix.runtimes.releases import Product, Release, load

TRT = "--trt-version"
ORT = "--ort-version"
PYTHON = "--runtime-python"
OPTIMIZATION = "--ort-optimization"
FAMILIES = {"rtx": Product.TENSORRT_RTX, "trt": Product.TENSORRT, "ort": Product.ONNXRUNTIME}
PROVIDERS = ("cuda", "tensorrt")  # of ONNX Runtime, beside its CPU provider
VARIANT = re.compile(r"(.*\d.*)-(off|all|sm\d+)")  # a runtime as folders and files are named after it
ASKED = re.compile(r"(?:(rtx|trt|ort)(?:-|$))?(\d+(?:\.\d+){0,3})?(?:\.post(\d+))?")


@dataclass(frozen=True)
class Runtime:
    """A release as one run uses it; runtimes with different names have different columns in every report."""

    release: Release
    _: KW_ONLY
    sm: str = ""  # the architecture that engines are built for, ``sm89``; empty: whatever the release chooses
    optimization: str = ""  # graph optimizations of ONNX Runtime: off or all
    provider: str = ""  # execution provider of ONNX Runtime: one of PROVIDERS; empty: cpu
    python: Path | None = None  # an interpreter that has the release already
    by_name: bool = False  # asked for by name: that it cannot run fails the run

    @property
    def name(self) -> str:
        """``rtx-1.7``, ``rtx-1.7:sm89``, ``ort-1.31``, ``ort-1.31:all``, ``ort-1.31-cuda``."""
        variant = self.sm or (self.optimization if self.optimization == "all" else "")
        return f"{self.release.name}:{variant}" if variant else self.release.name

    @property
    def file_name(self) -> str:
        """The name as it may stand in a file name."""
        return self.name.replace(":", "-")


def select_tensorrt(text: str | None, pythons: Mapping[str, Path]) -> tuple[Runtime, ...]:
    """Return the runtimes that ``text``, the value of --trt-version, selects; None selects the defaults.

    A name may end with an architecture to build for: ``rtx-1.7:sm89``, or ``rtx-1.7-sm89`` as in the name of a file.

    Raises:
        UnknownRuntimeError: a name fits no release.
        OptionError: it selects nothing, or asks for an architecture that a release cannot be built for, or for the
            installed TensorRT where there is none.
    """
    known = [release for release in load() if release.product is not Product.ONNXRUNTIME]
    if text is None:
        return tuple(_with_python(Runtime(release), pythons) for release in known if release.default)
    chosen: list[Runtime] = []
    for item in _items(TRT, text):
        name, sm = _split_variant(item)
        if item == "all":
            chosen.extend(Runtime(release) for release in known)
        elif item == "installed":
            chosen.append(Runtime(installed_release(known), python=Path(sys.executable), by_name=True))
        else:
            release = _find(TRT, name, known)
            chosen.append(Runtime(release, sm=_target(TRT, item, release, sm), by_name=True))
    return _merged(chosen, pythons)


def select_onnxruntime(text: str | None, optimization: str, pythons: Mapping[str, Path]) -> tuple[Runtime, ...]:
    """Return the runtimes that ``text``, the value of --ort-version, selects; None selects the default.

    ``optimization`` is ``off``, ``all`` or ``off,all``, for every release that does not name its own (``1.31:all``, or
    ``ort-1.31-all`` as in the name of a file). A name may end with an execution provider, as in ``1.31-cuda``.

    Raises:
        UnknownRuntimeError: a name fits no release.
        OptionError: it selects nothing, or ``optimization`` has another value.
    """
    known = [release for release in load() if release.product is Product.ONNXRUNTIME]
    levels = [_optimization(level) for level in _split(OPTIMIZATION, optimization)]
    chosen: list[Runtime] = []
    for item in _items(ORT, text) if text is not None else ["default"]:
        named_release, level = _split_variant(item)
        name, provider = _split_provider(named_release)
        releases = {"all": known, "default": [release for release in known if release.default and text is None]}
        found = releases.get(item) or [_find(ORT, name, known)]
        named = item not in releases
        wanted = levels if level is None else [_optimization(level)]
        if provider:
            found = [release.with_provider(provider) for release in found]
        chosen.extend(
            Runtime(release, optimization=kind, provider=provider, by_name=named)
            for release in found
            for kind in wanted
        )
    return _merged(chosen, pythons)


def parse_runtime_pythons(values: Sequence[str]) -> Mapping[str, Path]:
    """Return the interpreters that ``values``, each a NAME=PATH, give: name of a release -> path.

    All that a run makes of a release has its interpreter, whichever of them a value names. The caller checks that every
    name is that of a release of its run. The path is not resolved: the interpreter of a virtual environment is a link,
    and only by its own name does it see its packages.

    Raises:
        UnknownRuntimeError: a name fits no release.
        OptionError: a value is not NAME=PATH, gives a release a second interpreter, names what a release cannot be, or
            no program.
    """
    pythons: dict[str, Path] = {}
    for value in values:
        name, equals, text = value.partition("=")
        path = Path(text.strip()).expanduser().absolute()
        if not (equals and name.strip() and text.strip()):
            raise OptionError(f"{PYTHON}: {value!r} is not NAME=PATH, for example rtx-1.7=/opt/rtx/bin/python")
        named_release, variant = _split_variant(name.strip().lower())
        asked, provider = _split_provider(named_release)
        release = _find(PYTHON, asked, load())
        if release.product is not Product.ONNXRUNTIME:
            _target(PYTHON, name.strip(), release, variant)
        elif variant is not None:
            _optimization(variant)
        key = release.with_provider(provider).name if provider else release.name
        if not (os.access(path, os.X_OK) and path.is_file()):  # in a folder that is closed to us, is_file() would raise
            raise OptionError(f"{PYTHON} {key}: {text.strip()} is not a program; give the path of a Python")
        if pythons.setdefault(key, path) != path:
            raise OptionError(f"{PYTHON}: {key} is given two interpreters; give one")
    return pythons


def _items(option: str, text: str) -> list[str]:
    """Return the items of a comma list; ``none`` selects nothing, and stands alone."""
    items = _split(option, text)
    if "none" in items and len(items) > 1:
        raise OptionError(f"{option}: 'none' cannot be mixed with others, as in {text!r}")
    return [] if items == ["none"] else items


def _split(option: str, text: str) -> list[str]:
    items = list(dict.fromkeys(item.strip().lower() for item in text.split(",") if item.strip()))
    if not items:
        raise OptionError(f"{option}: {text!r} names nothing; leave the option out, or give a name or a comma list")
    return items


def _split_variant(asked: str) -> tuple[str, str | None]:
    """Return the release that ``asked`` names and what it says of its use, None where it says nothing."""
    name, colon, variant = asked.partition(":")
    if colon:
        return name, variant
    found = VARIANT.fullmatch(asked)
    return (found[1], found[2]) if found else (asked, None)


def _split_provider(asked: str) -> tuple[str, str]:
    """Return the release that ``asked`` names and its execution provider, empty where it names none."""
    name, dash, last = asked.rpartition("-")
    return (name, last) if dash and last in PROVIDERS else (asked, "")


def _find(option: str, asked: str, releases: Iterable[Release]) -> Release:
    """Return the newest release that ``asked`` is the name, a prefix or the exact version of."""
    releases = list(releases)
    parts = ASKED.fullmatch(asked)
    family, version, post = parts.groups() if parts else (None, None, None)
    if not (family or version):
        raise UnknownRuntimeError(option, asked, [release.name for release in releases])
    numbers = tuple(int(number) for number in version.split(".")) if version else ()
    fitting = [
        release
        for release in releases
        if (not family or FAMILIES[family] is release.product)
        # The shorter of the two decides: 8.6.1.6 is what a library reports whose package has the version 8.6.1.
        and all(one == other for one, other in zip(numbers, release.number, strict=False))
        and (not post or release.version.endswith(f".post{post}"))
    ]
    if not fitting:
        raise UnknownRuntimeError(option, asked, [release.name for release in releases])
    if len({release.product for release in fitting}) > 1:
        names = ", ".join(release.name for release in fitting)
        raise OptionError(f"{option}: {asked!r} fits releases of several products ({names}); give the name of one")
    return max(fitting, key=lambda release: release.number)


def _target(option: str, item: str, release: Release, sm: str | None) -> str:
    if sm is None:
        return ""
    if not release.targets:
        raise OptionError(f"{option}: {item!r} asks for an architecture, and only TensorRT-RTX builds for a chosen one")
    if sm not in release.targets:
        raise OptionError(f"{option}: {release.name} cannot build for {sm!r}; it can for {', '.join(release.targets)}")
    return sm


def _optimization(level: str) -> str:
    if level not in ("off", "all"):
        raise OptionError(f"{OPTIMIZATION}: {level!r} is not one of off, all or off,all")
    return level


def _merged(chosen: Iterable[Runtime], pythons: Mapping[str, Path]) -> tuple[Runtime, ...]:
    """Return one runtime per name, in the order of first mention; asked for by name once is asked for by name."""
    merged: dict[str, Runtime] = {}
    for runtime in chosen:
        first = merged.setdefault(runtime.name, runtime)
        merged[runtime.name] = replace(first, by_name=first.by_name or runtime.by_name)
    return tuple(_with_python(runtime, pythons) for runtime in merged.values())


def _with_python(runtime: Runtime, pythons: Mapping[str, Path]) -> Runtime:
    return replace(runtime, python=pythons.get(runtime.release.name, runtime.python))
