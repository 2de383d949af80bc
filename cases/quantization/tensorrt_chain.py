"""A case of a few nodes around an operator of TensorRT's own domain, trt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import onnx

from cases.case import Array, Case, Shape, ShapePoint, Tolerance
from cases.inputs import floats
from cases.model import Dim, dtype_named, lowest_ir_version, model, node
from cases.quantization import extents
from cases.quantization.parameters import POWERS_OF_TWO, scales, small_weights

DOMAIN = "trt"
SOURCE = "https://github.com/onnx/onnx-tensorrt/blob/release/10.16-GA/onnxOpImporters.cpp"
NO_REFERENCE = "NVIDIA's documentation does not say how this operator rounds the scale of a block to its type"
DYNAMIC = ("TRT_DynamicQuantize", "TRT_FP4DynamicQuantize", "TRT_MXFP8DynamicQuantize")
# Products of small weights and steps of 2^-4 are exact, and so are their sums in float32: one rounding of the result.
ROUNDING = {"float": 0.0, "float16": 2.0**-11, "bfloat16": 2.0**-8}
INNER, UNITS = 64, 6
FLOATS = ("float", "float16", "bfloat16")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One node: its operator (with the domain in front, if it is not ONNX's), operands, results and attributes."""

    op: str
    operands: tuple[str, ...]
    results: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def node(self) -> onnx.NodeProto:
        domain = {"domain": DOMAIN} if self.op.startswith("TRT_") else {}
        return node(self.op, self.operands, self.results, **domain, **self.attributes)


@dataclass(frozen=True, kw_only=True)
class Chain:
    """One case: a few nodes behind the input ``x``; constants are named with their type and shape."""

    words: tuple[str, ...]
    steps: tuple[Step, ...]
    outputs: Mapping[str, tuple[str, tuple[int | str, ...]]]
    constants: Mapping[str, tuple[str, Shape]] = field(default_factory=dict)
    fed: Mapping[str, tuple[str, tuple[int | str, ...]]] = field(default_factory=dict)
    real: str = "float"
    kind: str = extents.STATIC
    opset: int = 21
    documented: bool = True

    @property
    def id(self) -> str:
        return "-".join((*self.words, self.kind))


def chain_case(axes: Chain) -> Case:
    x: tuple[int | str, ...] = ("batch", INNER)
    points = extents.points(axes.kind, {"x": x, **{name: shape for name, (_, shape) in axes.fed.items()}})
    op = next(step.op for step in axes.steps if step.op.startswith("TRT_"))
    words = {part for word in axes.words for part in (word, *word.split("_")) if part.isidentifier()}
    return Case(
        id=axes.id,
        family="quantization",
        op=op,
        opset=axes.opset,
        ir_version=lowest_ir_version(axes.opset),
        summary=f"{op}: {', '.join(word.replace('_', ' ') for word in axes.words[1:])}",
        build=partial(_build, axes),
        inputs=partial(_inputs, axes),
        points=points,
        profiles=extents.profiles(points),
        tags=frozenset(
            {*words, "trt", f"opset{axes.opset}", axes.kind, "documented" if axes.documented else "undocumented"}
        ),
        tolerance=Tolerance(relative=ROUNDING[axes.real]),
        no_reference=NO_REFERENCE if op in DYNAMIC else "",
        source=SOURCE,
    )


def _build(axes: Chain) -> onnx.ModelProto:
    def declared(signature: tuple[str, tuple[int | str, ...]]) -> tuple[np.dtype[Any], list[Dim]]:
        return dtype_named(signature[0]), extents.dims(axes.kind, signature[1])

    return model(
        [step.node() for step in axes.steps],
        {name: declared(each) for name, each in {"x": (axes.real, ("batch", INNER)), **axes.fed}.items()},
        {name: declared(each) for name, each in axes.outputs.items()},
        {name: _constant(f"{axes.id}/{name}", *each) for name, each in axes.constants.items()},
        opset=axes.opset,
        domains={DOMAIN: 1},
    )


def _constant(key: str, dtype: str, shape: Shape) -> Array:
    """Return what the name's last letter asks for: a weight, a zero point, or scales (as E8M0: exponent + 127)."""
    kind = dtype_named(dtype)
    if key.endswith("/w"):
        return floats(key, shape, dtype=kind) if dtype in FLOATS else small_weights(key, kind, shape)
    if key.endswith("/z"):
        return np.zeros(shape, kind)
    found = scales(key, shape, pool=POWERS_OF_TWO)
    return (np.log2(found) + 127).astype(np.uint8) if dtype == "uint8" else found.astype(kind)


def _inputs(axes: Chain, point: ShapePoint) -> Mapping[str, Array]:
    fed = {name: dtype for name, (dtype, _) in axes.fed.items()}
    return {
        name: scales(axes.id, shape).astype(dtype_named(fed[name]))
        if name in fed
        else floats(f"{axes.id}/{point.name}/x", shape, step=2.0**-4, dtype=dtype_named(axes.real))
        for name, shape in point.shapes.items()
    }
