"""The answers that outputs are held against, and which of two answers judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cases.case import Array

Outputs = Mapping[str, Mapping[str, Array]]  # shape point -> output -> array


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one reference says: its outputs, or ``why`` it has none."""

    name: str = ""
    outputs: Outputs | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class SignedCodes:
    """Tensors inside a model that ONNX quantizes to uint8, and the runtime's parsed network to int8.

    ``matters``: ONNX's answer is another with these codes; None where that is not known.
    """

    names: tuple[str, ...]
    matters: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Reference(Answer):
    """The answer that judges, and the ``second`` one, whose difference from it is only told.

    ``ignored`` are the inputs that the runtime's parsed network does not read, and on whose values the answer depends.
    """

    second: Answer = field(default_factory=Answer)
    ignored: tuple[str, ...] = ()
    signed: SignedCodes | None = None


def choose(first: Answer, second: Answer, *, itself: bool = False) -> Reference:
    """Return the reference that judges: the specification where it has an answer, else the second reference.

    ``itself``: the runtime that is judged is the one that gave the second answer. A thing is not evidence for itself,
    so without the specification there is then nothing to judge by.
    """
    if first.outputs is not None:
        return Reference(name=first.name, outputs=first.outputs, second=second)
    if second.outputs is None:
        return Reference(why=first.why, second=second)
    if itself:
        return Reference(why=f"{first.why}; the only other reference is this very release", second=second)
    return Reference(name=second.name, outputs=second.outputs, second=second)
