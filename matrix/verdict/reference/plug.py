"""How an operator of ours takes its place in ONNX's reference evaluator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx.reference.op_run import OpRun

from cases.case import Array

Floats = npt.NDArray[np.float64]
Compute = Callable[["Node"], "Array | tuple[Array, ...]"]


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node that is being computed: operands by position, None where left out, and the attributes that it sets."""

    operands: tuple[Array | None, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 1  # how many the model names

    def has(self, at: int) -> bool:
        return at < len(self.operands) and self.operands[at] is not None

    def array(self, at: int) -> Array:
        """Return an operand that must be there.

        Raises:
            ValueError: it is not.
        """
        found = self.operands[at] if at < len(self.operands) else None
        if found is None:
            raise ValueError(f"operand {at} is missing")
        return found

    def number(self, at: int, default: float = 0.0) -> Floats:
        """Return an operand in float64, ``default`` where it is left out."""
        return self.array(at).astype(np.float64) if self.has(at) else np.asarray(default, np.float64)

    def get(self, name: str, default: Any) -> Any:
        value = self.attributes.get(name)
        return default if value is None else value


@cache
def operator_classes() -> list[type[OpRun]]:
    """Return the operators of ours as the classes that the evaluator takes for its ``new_ops``."""
    from matrix.verdict.reference.operators import OPERATORS

    return [_plugged(domain, name, compute) for (domain, name), compute in OPERATORS.items()]


def _plugged(domain: str, name: str, compute: Compute) -> type[OpRun]:
    def _run(self: OpRun, *operands: Array | None, **attributes: Any) -> tuple[Array, ...]:
        given = {key: value for key, value in attributes.items() if value is not None}
        node = Node(operands=operands, attributes=given, outputs=len(self.onnx_node.output))
        try:
            found = compute(node)
        except (TypeError, AttributeError) as error:  # whose words the evaluator replaces by types
            raise ValueError(str(error)) from error
        return found if isinstance(found, tuple) else (found,)

    return type(name, (OpRun,), {"op_domain": domain, "op_schema": None, "_run": _run})
