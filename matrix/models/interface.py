"""What a model says of itself, as far as a case needs it: its inputs and outputs, and the files beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Dim = int | str | None  # fixed, a symbol, or anonymous

STRING = "string"


class ModelError(ValueError):
    """A model, or what was recorded or asked for it, cannot be used; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class GraphValue:
    """An input or output: ``kind`` is "tensor", "sequence", "optional", "map" or "sparse_tensor".

    It is empty where the model says nothing of it.
    ``dtype`` is the name that numpy or ml_dtypes uses, "string", or empty where there is none. A ``shape`` that is None
    is of unknown rank.
    """

    name: str
    kind: str
    dtype: str = ""
    shape: tuple[Dim, ...] | None = None

    @property
    def is_dynamic(self) -> bool:
        return self.shape is None or not all(isinstance(extent, int) for extent in self.shape)


@dataclass(frozen=True, kw_only=True)
class ExternalTensor:
    """Where a tensor that is not in the model's own file lies: bytes from ``offset`` on, as its author wrote it."""

    name: str
    location: str
    offset: str = ""
    length: str = ""


@dataclass(frozen=True, kw_only=True)
class Interface:
    """A model without its weights; ``inputs`` are those that have no initializer as their default."""

    opset: int
    ir_version: int
    ops: tuple[str, ...]  # of the main graph, each once, sorted
    nodes: int
    inputs: tuple[GraphValue, ...]
    outputs: tuple[GraphValue, ...]
    dtypes: tuple[str, ...] = ()  # of inputs, outputs and initializers
    external: tuple[ExternalTensor, ...] = ()

    @property
    def op(self) -> str:
        return self.ops[0] if self.nodes == 1 else f"{self.nodes} nodes"


def spell(shape: Sequence[Dim] | None) -> str:
    """Return a shape as the options take it: 1x3x?x?."""
    if shape is None:
        return "of unknown rank"
    return "x".join("?" if extent is None else str(extent) for extent in shape) or "a scalar"
