"""What ONNX Runtime's quantizers really emit for a small MLP and CNN: stored models, written by emitted/emit.py.

All their scales are powers of two and all their sums exact (emitted/emit.py says how), so every order of sums gives the
same bits and the tolerance is zero. The inputs fill the calibrated range with half steps, which are ties, and go beyond
it where the range is fixed by calibration. The last input stays small, as its weights are the largest. quantize_dynamic
takes the range from the input: there both ends occur, and the last input is 0 as it was in calibration.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from cases.case import EXACT, Array, Case, ShapePoint
from cases.inputs import integers
from cases.quantization import batch

FOLDER = Path(__file__).parent / "emitted"


def cases() -> Iterator[Case]:
    """Yield a case for each stored model."""
    for name, facts in _provenance().items():
        points = batch.points(facts["dynamic_batch"], {"x": facts["input"]["shape"]})
        words = (facts["network"], facts["quantizer"], *facts["scheme"], *(op.lower() for op in facts["ops"]))
        yield Case(
            id=name,
            family="quantization",
            op=facts["quantizer"],
            opset=facts["opset"],
            ir_version=facts["ir_version"],
            summary=f"{facts['quantizer']} of a small {facts['network']}, {', '.join(facts['scheme'])}",
            build=partial(_load, name),
            inputs=partial(_inputs, name, facts["input"], facts["quantizer"] == "quantize_dynamic"),
            points=points,
            profiles=batch.profiles(points),
            tags=frozenset({*words, f"opset{facts['opset']}", batch.tag(facts["dynamic_batch"])}),
            tolerance=EXACT,
            source=facts["source"],
        )


@cache
def _provenance() -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((FOLDER / "provenance.json").read_text(encoding="utf-8"))
    return facts


def _load(name: str) -> onnx.ModelProto:
    return onnx.load(FOLDER / f"{name}.onnx")


def _inputs(name: str, facts: Mapping[str, Any], range_from_input: bool, point: ShapePoint) -> Mapping[str, Array]:
    low, high, step = facts["low"], facts["high"], facts["step"] / 2
    beyond = 0.0 if range_from_input else (high - low) / 8
    shape = point.shapes["x"]
    key = f"{name}/{point.name}/x"
    x = integers(key, shape, round((low - beyond) / step), round((high + beyond) / step)) * step
    x[:, -1] *= 0.0 if range_from_input else 2.0**-3
    if range_from_input:
        x[0, 0], x[0, 1] = high, low
    return {"x": x.astype(np.float32)}
