"""What an interpreter is and has: those of the environments, those of --runtime-python, and our own."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet

DEADLINE = 60.0  # seconds, for an interpreter on a slow disk of a busy machine

# Runs on Python 3.8 to 3.14. It reads the names of folders, <package>-<version>.dist-info, as importlib.metadata takes
# 50 ms to import, and it looks for the modules without importing them: that is the worker's part.
PROBE = """
import json, os, sys
from importlib.machinery import PathFinder
assert sys.version_info >= (3, 8)
entries = [entry for folder in sys.path if os.path.isdir(folder) for entry in os.listdir(folder)]
stems = [os.path.splitext(entry)[0] for entry in entries if entry.endswith((".dist-info", ".egg-info"))]
print(json.dumps({
    "packages": sorted({"==".join(stem.split("-")[:2]) for stem in stems}),
    "missing": [name for name in sys.argv[1:] if PathFinder.find_spec(name) is None],
}))
"""


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """The installed packages as exact pins, and which of the modules that were asked for it lacks."""

    packages: tuple[str, ...]
    missing: tuple[str, ...]


def inspect_interpreter(python: Path, modules: Sequence[str]) -> Interpreter | None:
    """Ask ``python`` what it has, without its user's own packages; None if it does not run as Python 3.8 or later."""
    try:
        done = subprocess.run(
            [python, "-I", "-c", PROBE, *modules],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DEADLINE,
            check=True,
        )
        found = json.loads(done.stdout.decode(errors="replace").splitlines()[-1])
        return Interpreter(packages=tuple(found["packages"]), missing=tuple(found["missing"]))
    except (OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError):
        return None


def own_version(specifier: str) -> str:
    """Return the minor version of the running interpreter if ``specifier`` takes it, empty if it does not.

    Releases have packages for the usual CPython alone: not for another implementation, nor for the build without GIL.
    """
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return ""
    major, minor, patch = sys.version_info[:3]
    return f"{major}.{minor}" if SpecifierSet(specifier).contains(f"{major}.{minor}.{patch}") else ""


def own_base() -> str:
    """Return the path of the running interpreter itself, of which a virtual environment is only a view."""
    return getattr(sys, "_base_executable", "") or sys.executable
