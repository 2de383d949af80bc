"""A pytest plugin that puts a few cases in the place of the catalogue: `pytest -p tests.small_catalogue matrix/`.

The environment variable SMALL_CATALOGUE lists their names; each is a Relu, except those with a meaning of their own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import onnx

import cases.catalogue
from cases.case import Case
from tests.models import relu, single_node


def small_cases() -> Iterator[Case]:
    for name in os.environ["SMALL_CATALOGUE"].split():
        yield replace(relu(name), build=raising) if name.startswith("raises") else relu(name)
        if name == "stop":
            raise RuntimeError("the rest cannot be listed")


def raising() -> onnx.ModelProto:
    if os.environ:
        raise ValueError("no <such> axis")
    return single_node("Relu")


module = ModuleType("cases.quantization.small")
module.cases = small_cases  # type: ignore[attr-defined]
sys.modules[module.__name__] = module
cases.catalogue.MODULES = {"quantization": ("small",)}
