"""A case of one node from a domain that ONNX does not define, with its operands fed or constant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from cases.case import EXACT, Array, Case, Shape, ShapePoint, Tolerance
from cases.model import lowest_ir_version, model, node
from cases.quantization import extents

Values = Callable[[str, Shape], Array]  # key, shape -> array


@dataclass(frozen=True, kw_only=True)
class Fed:
    """A graph input: its type, its dimensions (some of them names), and what is fed."""

    dtype: npt.DTypeLike
    shape: tuple[int | str, ...]
    values: Values


@dataclass(frozen=True, kw_only=True)
class Single:
    """One combination of axes, ``words`` in the order of the id.

    ``fed`` and ``constants`` together are the node's inputs, in the order of ``operands``, where an empty name stands
    for an optional input that is absent. ``constants`` makes them from the case's id, when the model is built.
    """

    domain: str
    op: str
    words: tuple[str, ...]
    summary: str
    operands: tuple[str, ...]
    fed: Mapping[str, Fed]
    constants: Callable[[str], Mapping[str, Array]]
    outputs: Mapping[str, tuple[npt.DTypeLike, Sequence[int | str]]]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    kind: str = extents.STATIC
    opset: int = 13
    tolerance: Tolerance = EXACT
    tags: frozenset[str] = frozenset()
    no_reference: str = ""
    source: str = ""

    @property
    def id(self) -> str:
        return "-".join((*self.words, self.kind))

    def case(self) -> Case:
        """Return the case."""
        points = extents.points(self.kind, {name: each.shape for name, each in self.fed.items()})
        words = {part for word in self.words for part in (word, *word.split("_")) if part.isidentifier()}
        return Case(
            id=self.id,
            family="quantization",
            op=self.op,
            opset=self.opset,
            ir_version=lowest_ir_version(self.opset),
            summary=self.summary,
            build=partial(_build, self),
            inputs=partial(_inputs, self),
            points=points,
            profiles=extents.profiles(points),
            tags=frozenset({*words, f"opset{self.opset}", self.kind, *self.tags}) - KEYWORDS,
            tolerance=self.tolerance,
            no_reference=self.no_reference,
            source=self.source,
        )


KEYWORDS = frozenset({"and", "as", "in", "is", "not", "or", "with", "if"})


def constant(array: Array) -> Array:
    """Return ``array`` with float64 turned into float32, which is what scales and float operands are by default."""
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _build(axes: Single) -> onnx.ModelProto:
    constants = {name: constant(np.asarray(array)) for name, array in axes.constants(axes.id).items()}
    return model(
        [node(axes.op, axes.operands, list(axes.outputs), domain=axes.domain, **axes.attributes)],
        {name: (each.dtype, extents.dims(axes.kind, each.shape)) for name, each in axes.fed.items()},
        {name: (dtype, extents.dims(axes.kind, shape)) for name, (dtype, shape) in axes.outputs.items()},
        constants,
        opset=axes.opset,
        domains={axes.domain: 1},
    )


def _inputs(axes: Single, point: ShapePoint) -> Mapping[str, Array]:
    return {name: each.values(f"{axes.id}/{point.name}/{name}", point.shapes[name]) for name, each in axes.fed.items()}
