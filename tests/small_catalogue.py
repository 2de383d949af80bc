"""A pytest plugin that puts a few cases in the place of the catalogue: `pytest -p tests.small_catalogue matrix/`.

The environment variable SMALL_CATALOGUE lists their names; each is a Relu, except those with a meaning of their own:
"dynamic" promises a dynamic batch, "static" breaks that promise, and "forbidden" asks for a batch of 9, which its
profile does not allow.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import onnx

import cases.catalogue
from cases.case import Case, ShapePoint
from cases.catalogue import INVALID_ON_PURPOSE, INVALID_REQUEST
from tests.models import DYNAMIC_POINTS, relu, single_node

DYNAMIC = frozenset({"dynamic_batch"})


def small_cases() -> Iterator[Case]:
    for name in os.environ["SMALL_CATALOGUE"].split():
        yield replace(relu(name), **changes(name))
        if name == "stop":
            raise RuntimeError("the rest cannot be listed")


def changes(name: str) -> dict[str, Any]:
    if name.startswith("raises"):
        return {"build": raising}
    if name.startswith("static"):
        return {"build": lambda: single_node("Relu", x_shape=(4, 3), y_shape=(4, 3)), "tags": DYNAMIC}
    if name.startswith("forbidden"):
        beyond = ShapePoint(name="max", shapes={"x": (9, 3)}, allowed=False)
        return {"points": (*DYNAMIC_POINTS[:3], beyond), "tags": DYNAMIC | {INVALID_ON_PURPOSE, INVALID_REQUEST}}
    return {"tags": DYNAMIC} if name.startswith("dynamic") else {}


def raising() -> onnx.ModelProto:
    if os.environ:
        raise ValueError("no <such> axis")
    return single_node("Relu")


module = ModuleType("cases.quantization.small")
module.cases = small_cases  # type: ignore[attr-defined]
sys.modules[module.__name__] = module
cases.catalogue.MODULES = {"quantization": ("small",)}
