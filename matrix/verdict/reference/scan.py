"""Scan of ONNX, all versions: https://onnx.ai/onnx/operators/onnx__Scan.html.

Ours takes the place of the evaluator's because that one goes along the first axis only, and forwards only, does not
know the batches of version 8, and refuses a scan of nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

from cases.case import Array
from matrix.verdict.reference.stacking import stacked


class Scan(OpRun):
    """The class that takes the place of the evaluator's."""

    op_domain = ""
    body: Any
    num_scan_inputs: int
    _run_body: Any

    def need_context(self) -> bool:
        """Say that the body may name values from outside of it."""
        return True

    def _run(
        self,
        *operands: Array | None,
        context: Mapping[str, Any] | None = None,
        attributes: Any = None,
        bindings: Any = None,
        **flags: Any,
    ) -> tuple[Array, ...]:
        """Return the last states, and behind them the scan outputs.

        Raises:
            ValueError: sequences of version 8 have different lengths, or a scan of nothing has outputs of any shape.
        """
        surroundings = {"context": dict(context or {}), "attributes": attributes, "bindings": bindings}
        if self.run_params["opsets"][""] >= 9:
            return self._scan(operands, surroundings, flags)
        lengths, *given = operands
        if lengths is not None and (np.asarray(lengths) != _there(given[-1]).shape[1]).any():
            raise ValueError('what is behind the end of a shorter sequence has "an undefined value"')
        flags = {"scan_input_directions": flags.get("directions")}
        batches = [self._scan(batch, surroundings, flags) for batch in zip(*map(_there, given), strict=True)]
        return tuple(np.stack(each) for each in zip(*batches, strict=True))

    def _scan(
        self, operands: Sequence[Any], surroundings: Mapping[str, Any], flags: Mapping[str, Any]
    ) -> tuple[Array, ...]:
        """Return what version 9 and later do; ``flags`` are the axes and directions, 0 where left out."""
        states = len(operands) - self.num_scan_inputs
        state, elements = list(operands[:states]), []
        for at, operand in enumerate(operands[states:]):
            along = np.moveaxis(operand, _flag(flags, "scan_input_axes", at), 0)
            elements.append(along[::-1] if _flag(flags, "scan_input_directions", at) else along)
        outer, rest = surroundings["context"], {key: surroundings[key] for key in ("attributes", "bindings")}
        scans: list[list[Array]] = [[] for _ in self.body.output_names[states:]]
        for step in zip(*elements, strict=True):
            given = dict(zip(self.body.input_names, [*state, *map(np.asarray, step)], strict=True))
            found = self._run_body({**outer, **given}, **rest)
            state = list(found[:states])
            for scan, value in zip(scans, found[states:], strict=True):
                scan.append(value)
        types = self.body.output_types[states:]
        ends = (
            stacked(
                scan,
                declared,
                axis=_flag(flags, "scan_output_axes", at),
                backwards=bool(_flag(flags, "scan_output_directions", at)),
            )
            for at, (scan, declared) in enumerate(zip(scans, types, strict=True))
        )
        return (*state, *ends)


def _flag(flags: Mapping[str, Any], name: str, at: int) -> int:
    given = flags.get(name)
    return int(given[at]) if given else 0


def _there(operand: Array | None) -> Array:
    """Return an operand that must be there.

    Raises:
        ValueError: it is not.
    """
    if operand is None:
        raise ValueError("an operand is missing")
    return operand
