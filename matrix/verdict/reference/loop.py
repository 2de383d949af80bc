"""Loop of ONNX: the evaluator's, but scan outputs are stacked along a new first axis, whatever their rank.

The evaluator lays matrices one below the other, and makes rows of scalars: https://onnx.ai/onnx/operators/onnx__Loop.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx.reference.ops.op_loop import Loop as EvaluatorLoop

from cases.case import Array


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
            ValueError: there are scan outputs of no iteration, whose shape nothing tells.
        """
        names = self.body.input_names
        state, go, step = list(carried), condition is None or bool(np.asarray(condition).item()), 0
        scans: list[list[Any]] = [[] for _ in self.body.output_names[1 + len(state) :]]
        while go and (limit is None or step < int(np.asarray(limit).item())):
            given = dict(zip(names, [np.array(step, np.int64), np.array(go), *state], strict=False))
            found = self._run_body({**(context or {}), **given}, attributes=attributes, bindings=bindings)
            go, state = bool(np.asarray(found[0]).item()), list(found[1 : 1 + len(state)])
            for scan, value in zip(scans, found[1 + len(state) :], strict=True):
                scan.append(value)
            step += 1
        if scans and not step:
            raise ValueError("scan outputs of no iteration have no reference")
        return (*state, *(np.stack(scan) for scan in scans))
