"""Loop of ONNX, all versions: https://onnx.ai/onnx/operators/onnx__Loop.html.

Ours takes the place of the evaluator's because of what the latter does beside the specification: it lays scan outputs
one below the other, where they belong along a new first axis, refuses those of no iteration, takes a condition that is
left out for false, and does not ignore the one that the body then gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx.reference.ops.op_loop import Loop as EvaluatorLoop

from cases.case import Array
from matrix.verdict.reference.stacking import stacked


class Loop(EvaluatorLoop):
    """The class that takes the place of the evaluator's."""

    op_domain = ""
    body: Any
    _run_body: Any

    def _run(  # type: ignore[override]  # which takes any operands, named or not
        self,
        limit: Array | None,
        condition: Array | None,
        *carried: Any,
        context: Mapping[str, Any] | None = None,
        attributes: Any = None,
        bindings: Any = None,
        **_: Any,
    ) -> tuple[Any, ...]:
        """Return the carried values, and behind them the scan outputs.

        Raises:
            ValueError: there are scan outputs of no iteration, and the body does not declare their shape.
        """
        names, types = self.body.input_names, self.body.output_types
        state, go, step = list(carried), condition is None or bool(np.asarray(condition).item()), 0
        scans: list[list[Any]] = [[] for _ in self.body.output_names[1 + len(state) :]]
        while go and (limit is None or step < int(np.asarray(limit).item())):
            given = dict(zip(names, [np.array(step, np.int64), np.array(go), *state], strict=False))
            found = self._run_body({**(context or {}), **given}, attributes=attributes, bindings=bindings)
            go = condition is None or bool(np.asarray(found[0]).item())
            state = list(found[1 : 1 + len(state)])
            for scan, value in zip(scans, found[1 + len(state) :], strict=True):
                scan.append(value)
            step += 1
        ends = (stacked(scan, declared) for scan, declared in zip(scans, types[1 + len(state) :], strict=True))
        return (*state, *ends)
