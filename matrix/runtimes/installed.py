"""The TensorRT that the running interpreter has already, as in NVIDIA's containers."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

from matrix.errors import OptionError
from matrix.runtimes.releases import Product, Release

PREFIXES = {Product.TENSORRT: "", Product.TENSORRT_RTX: "rtx-"}
DEADLINE = 120.0  # seconds, for libraries of gigabytes that have to be read from a slow disk


def installed_release(known: Sequence[Release]) -> Release:
    """Return the installed release: its own version, and the facts of the nearest known release that is not newer.

    Raises:
        OptionError: neither tensorrt nor tensorrt_rtx is installed, or what is installed cannot be imported.
    """
    for product, prefix in PREFIXES.items():
        version = _version(product.value)
        if version:
            return _described(version, prefix, [release for release in known if release.product is product])
    raise OptionError(
        "--trt-version installed: this Python has neither tensorrt nor tensorrt_rtx; run pytest with an interpreter "
        "that has one, or name a release"
    )


def _described(version: str, prefix: str, known: Sequence[Release]) -> Release:
    minor = tuple(int(number) for number in version.split("."))[:2]
    nearest = next((release for release in reversed(known) if release.number[:2] <= minor), known[0])
    if nearest.number[:2] != minor:  # what is claimed for another release is no claim about this one
        nearest = replace(nearest, name=prefix + ".".join(map(str, minor)), documented_opset=None)
    return replace(nearest, version=version)


def _version(module: str) -> str:
    """Ask the library itself, in a process of its own: an import that crashes must not end the run."""
    if importlib.util.find_spec(module) is None:
        return ""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", f"import {module}; print({module}.__version__)"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=DEADLINE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OptionError(f"--trt-version installed: {module} could not be imported: {error}") from error
    version = re.match(r"\d+(?:\.\d+)+", done.stdout.strip())
    if done.returncode or not version:
        words = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise OptionError(f"--trt-version installed: {module} could not be imported: {words}")
    return version.group()
