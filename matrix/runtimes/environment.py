"""The environment of a runtime: an interpreter with exactly the packages of its release, made once and verified on use.

Environments live in ``<cache>/environments``, a folder each with a lock beside it. Nothing deletes one that is whole:
remove any of them, or all, with ``rm -r``; the next run makes those that it needs again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from matrix.errors import ProvisionError
from matrix.runtimes.installation import Installation
from matrix.runtimes.interpreter import inspect_interpreter, own_base, own_version
from matrix.runtimes.refusal import folder_problem
from matrix.runtimes.releases import Release
from matrix.runtimes.selection import Runtime

LAYOUT = 1  # part of every key: raised when environments are made in another way
DEADLINE = 1800.0  # seconds for one environment, waiting for another run included
INFO = "environment.json"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A working interpreter, and the exact pins of all that it has installed."""

    python: Path
    packages: tuple[str, ...]


def default_cache() -> Path:
    """Return where the environments are kept: TENSORRT_MATRIX_CACHE, else the user's cache folder."""
    given = os.environ.get("TENSORRT_MATRIX_CACHE", "")
    return Path(given).expanduser().absolute() if given else user_cache_path("tensorrt-matrix", appauthor=False)


def provision(runtime: Runtime, *, cache: Path, notify: Callable[[str], None], stop: threading.Event) -> Environment:
    """Return the environment of ``runtime``; make it if it is not there, or not whole.

    ``notify`` is told, in a few words, of everything that takes long; of nothing if the environment is there. Processes
    that want the same environment at the same time make it once.

    Raises:
        ProvisionError: it could not be made; the message carries the installer's own words and a remedy.
        CancelledError: ``stop`` was set; nothing half-made is left.
    """
    release = runtime.release
    if runtime.python is not None:
        return _given(runtime.python, release)
    wanted = _wanted(release)
    folder = cache / "environments" / _key(release, wanted)
    installation = Installation(
        release=release, folder=folder, deadline=time.monotonic() + DEADLINE, stop=stop, notify=notify
    )
    try:
        found = _verified(folder, release, wanted)
        if found:
            return found
        folder.parent.mkdir(parents=True, exist_ok=True)
        with installation.locked() as lock:
            return _verified(folder, release, wanted) or _made(installation, wanted, lock)
    except OSError as error:
        raise ProvisionError(f"{release.title}: {folder_problem(error)}") from error


def _made(installation: Installation, wanted: Mapping[str, Any], lock: int) -> Environment:
    """Make the environment; the file that says what it is comes last, and so marks it as whole."""
    folder, release = installation.folder, installation.release
    try:
        installation.make(own_base() if wanted["base"] else release.python, lock)
        packages = _packages(folder, release)
        info = folder / INFO
        info.with_suffix(".part").write_text(json.dumps({"wanted": wanted, "packages": packages}), encoding="utf-8")
        os.replace(info.with_suffix(".part"), info)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Environment(python=_python_in(folder), packages=packages)


def _packages(folder: Path, release: Release) -> tuple[str, ...]:
    found = inspect_interpreter(_python_in(folder), _modules(release))
    if found is None or found.missing:
        lacks = f"lacks the module {', '.join(found.missing)}" if found else "has a Python that does not run"
        raise ProvisionError(
            f"{release.title}: it was installed, and yet its environment {lacks}. Give an interpreter that has it: "
            f"--runtime-python {release.name}=PATH"
        )
    return found.packages


def _wanted(release: Release) -> dict[str, Any]:
    """Return all that decides whether an environment that is there is the one that is needed."""
    own = own_version(release.python)
    return {
        "layout": LAYOUT,
        "platform": sysconfig.get_platform(),
        "python": own or release.python,
        "base": sys.base_prefix if own else "",
        "requirements": list(release.requirements),
        "fallback": list(release.fallback_requirements),
    }


def _key(release: Release, wanted: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
    return f"{release.name}-{digest[:16]}"


def _verified(folder: Path, release: Release, wanted: Mapping[str, Any]) -> Environment | None:
    """Return the environment in ``folder`` if it was made for ``wanted``, is unchanged, and its Python runs."""
    try:
        info = json.loads((folder / INFO).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(info, dict) or info.get("wanted") != wanted:
        return None
    found = inspect_interpreter(_python_in(folder), _modules(release))
    if found is None or found.missing or list(found.packages) != info.get("packages"):
        return None
    return Environment(python=_python_in(folder), packages=found.packages)


def _given(python: Path, release: Release) -> Environment:
    found = inspect_interpreter(python, _modules(release))
    option = f"the interpreter given with --runtime-python {release.name}=PATH"
    if found is None:
        raise ProvisionError(f"{release.title}: {option} does not run as Python 3.8 or later. Give another")
    if found.missing:
        lacks = ", ".join(found.missing)
        raise ProvisionError(f"{release.title}: {option} has no module {lacks}. Install it there, or give another")
    return Environment(python=python, packages=found.packages)


def _modules(release: Release) -> tuple[str, ...]:
    return (release.module, "numpy")


def _python_in(folder: Path) -> Path:
    return folder / "bin" / "python"
