"""Models of one node that are wrong on purpose: what every runtime must refuse, and never crash on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import onnx

from cases.case import Array, Case, Shape, ShapePoint
from cases.catalogue import INVALID_ON_PURPOSE
from cases.inputs import floats, integers, is_integer
from cases.model import dtype_named, lowest_ir_version, model, node
from cases.quantization.batch import static_point

Typed = tuple[str, Shape]  # ONNX type name in lower case, shape


@dataclass(frozen=True, kw_only=True)
class Single:
    """A model of one node: its first input is the graph's, all other operands are constants, in the node's order."""

    op: str
    dtype: str  # the quantized type that the model is about
    opset: int
    x: Typed
    y: Typed
    operands: Mapping[str, Array]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    more_inputs: Mapping[str, Typed] = field(default_factory=dict)  # graph inputs behind the constants
    more_outputs: Mapping[str, Typed] = field(default_factory=dict)
    source: str = "x"  # what the node reads first; a name that nothing makes is a fault


def changed(base: Single, *, operands: Mapping[str, Array | None] | None = None, **fields: Any) -> Single:
    """Return ``base`` with other fields; ``operands`` replaces single ones, and removes those that are None."""
    merged = {**base.operands, **(operands or {})}
    return replace(base, operands={name: array for name, array in merged.items() if array is not None}, **fields)


def fault(word: str, why: str, single: Single) -> Case:
    """Return the case of a wrong model; ``why`` completes "refused: "."""
    granularity = _granularity(single)
    case_id = f"{single.op.lower()}-{single.dtype}-{granularity}-opset{single.opset}-invalid_{word}"
    words = (single.op.lower(), single.dtype, granularity, f"opset{single.opset}", INVALID_ON_PURPOSE, "static")
    return Case(
        id=case_id,
        family="quantization",
        op=single.op,
        opset=single.opset,
        ir_version=lowest_ir_version(single.opset),
        summary=f"{single.op} to be refused: {why}",
        build=partial(_build, single),
        inputs=partial(_inputs, case_id, {"x": single.x, **single.more_inputs}),
        points=static_point({"x": single.x[1], **{name: shape for name, (_, shape) in single.more_inputs.items()}}),
        tags=frozenset(words),
    )


def _granularity(single: Single) -> str:
    if "block_size" in single.attributes:
        return "blocked"
    return (
        "per_axis"
        if any(np.ndim(array) == 1 for name, array in single.operands.items() if "scale" in name)
        else ("per_tensor")
    )


def _build(single: Single) -> onnx.ModelProto:
    outputs = {"y": single.y, **single.more_outputs}
    return model(
        [node(single.op, [single.source, *single.operands, *single.more_inputs], list(outputs), **single.attributes)],
        {name: (dtype_named(kind), shape) for name, (kind, shape) in {"x": single.x, **single.more_inputs}.items()},
        {name: (dtype_named(kind), shape) for name, (kind, shape) in outputs.items()},
        single.operands,
        opset=single.opset,
    )


def _inputs(case_id: str, inputs: Mapping[str, Typed], _point: ShapePoint) -> Mapping[str, Array]:
    return {name: _values(f"{case_id}/{name}", *typed) for name, typed in inputs.items()}


def _values(key: str, kind: str, shape: Shape) -> Array:
    dtype = dtype_named(kind)
    return integers(key, shape, 0, 7, dtype) if is_integer(dtype) else floats(key, shape, dtype=dtype)
