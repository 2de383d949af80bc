"""What ONNX Runtime's quantizers really emit for small networks: stored models, written by emitted/emit.py.

All their scales are powers of two and all their sums exact (emitted/emit.py says how), so every order of sums gives the
same bits and the tolerance is zero. The inputs fill the calibrated range with half steps, which are ties, and go beyond
it where the range is fixed by calibration. The last input stays small, as its weights are the largest. quantize_dynamic
takes the range from the input: there both ends occur, and the last input is 0 as it was in calibration.

The attention has a softmax, which is rounded. In float that makes 2**-20 of values up to 16, times output weights that
add up to less than 4: 2**-14. Where the probabilities are quantized again, one on the other side of a tie (2**-7 of a
value of at most 127 / 8) moves the context by less than its step of 1 / 8, hence by at most one; the output weights add
up to at most 1, and what is rounded twice after that, to steps of 1 / 32 and 1 / 8, adds half a step and a whole one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from cases.case import EXACT, Array, Case, ShapePoint, Tolerance
from cases.inputs import integers
from cases.quantization import extents

ATTENTION = {
    "quantize_dynamic": Tolerance(absolute=2.0**-14),
    "quantize_static": Tolerance(absolute=2.0**-3 + 2.0**-6 + 2.0**-3),
}
FOLDER = Path(__file__).parent / "emitted"


def cases() -> Iterator[Case]:
    """Yield a case for each stored model."""
    for name, facts in _provenance().items():
        points = extents.points(facts["kind"], {"x": ("batch", *facts["input"]["shape"])})
        words = (facts["network"], facts["quantizer"], *facts["scheme"], *(op.lower() for op in facts["ops"]))
        yield Case(
            id=name,
            family="quantization",
            op=facts["quantizer"],
            opset=facts["opset"],
            ir_version=facts["ir_version"],
            summary=f"{facts['quantizer']} of a small {facts['network']}, {', '.join(facts['scheme'])}",
            build=partial(_load, name),
            inputs=partial(_inputs, name, facts),
            points=points,
            profiles=extents.profiles(points),
            tags=frozenset({*words, *_contrib(facts["ops"]), f"opset{facts['opset']}", facts["kind"]}),
            tolerance=ATTENTION[facts["quantizer"]] if facts["network"] == "attention" else EXACT,
            source=facts["source"],
        )


def _contrib(ops: Sequence[str]) -> tuple[str, ...]:
    """Return the tag of what needs ONNX Runtime's own operators."""
    return ("contrib",) if {"QGemm", "MatMulNBits"} & set(ops) else ()


@cache
def _provenance() -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((FOLDER / "provenance.json").read_text(encoding="utf-8"))
    return facts


def _load(name: str) -> onnx.ModelProto:
    return onnx.load(FOLDER / f"{name}.onnx")


def _inputs(name: str, facts: Mapping[str, Any], point: ShapePoint) -> Mapping[str, Array]:
    """Return half steps; beyond the range where calibration has fixed it, both its ends where the input makes it."""
    given = facts["input"]
    low, high, step = given["low"], given["high"], given["step"] / 2
    dynamic, calibrated = facts["quantizer"] == "quantize_dynamic", facts["quantizer"] == "quantize_static"
    beyond = 0.0 if dynamic else (high - low) / 8
    shape = point.shapes["x"]
    key = f"{name}/{point.name}/x"
    x = integers(key, shape, round((low - beyond) / step), round((high + beyond) / step)) * step
    if dynamic or calibrated:
        last = np.moveaxis(x, given["feature_axis"], 0)[-1]
        last *= 0.0 if dynamic else 2.0**-3
    if dynamic:
        x.reshape(-1, shape[-1])[0, :2] = high, low
    return {"x": x.astype(np.float32)}
