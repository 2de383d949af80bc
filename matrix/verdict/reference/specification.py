"""The first reference: a model as the specification has it, computed by ONNX's own reference evaluator.

The evaluator (onnx.reference) is ONNX's executable specification. Where it lacks an operator or does not do what the
specification says, an operator of ours takes the place of its own: see `operators.OPERATORS`. Some operators it has
from a later version on only, or for some models only; what it refuses is tried again with `corrections.LACKING`, and
then converted to a newer opset, and the name of the reference says so.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import ml_dtypes
import numpy as np
import onnx

from cases.case import Array
from matrix.verdict.reference.answer import Answer, Outputs

if TYPE_CHECKING:  # 0.3 s that a run with a full cache need not spend
    from onnx.reference.op_run import OpRun

    from matrix.verdict.reference.corrections import Correction

CONVERTED_OPSET = 21
CHANGED_BY_CONVERSION = frozenset({"Resize", "Upsample"})  # to other coordinates: those of opset 11 on
CONTROL_FLOW = frozenset({("", "Loop"), ("", "Scan")})  # of ours, with a body
NAME = f"onnx {onnx.__version__} reference evaluator"


def evaluate(model: onnx.ModelProto, inputs: Mapping[str, Mapping[str, Array]]) -> Answer:
    """Return the outputs of ``model`` for ``inputs`` (shape point -> input -> array), or why there are none.

    May take any time and any memory, as the model may be a stranger's: call it where it can be stopped.

    Raises:
        MemoryError: this machine has too little.
    """
    from matrix.verdict.reference.corrections import LACKING, WRONG

    first = None
    for corrections, opset in ((WRONG, 0), ((*WRONG, *LACKING), 0), (WRONG, CONVERTED_OPSET)):
        try:
            asked = _converted(model, opset) if opset else model
            outputs = _evaluate(asked, inputs, corrections)
            return Answer(name=_named(model, corrections) + (f", opset {opset}" if opset else ""), outputs=outputs)
        except MemoryError:  # says nothing about the model
            raise
        except Exception as error:  # noqa: BLE001 - the evaluator raises whatever the operator's Python code raises
            first = first or error  # the one that tells
    assert first is not None
    return Answer(why=f"the reference evaluator cannot run it: {_words(first)}"[:500])


@cache
def fingerprint() -> str:
    """Return what the first reference's answers depend on besides the case, fit for the name of a folder.

    That is the evaluator and the libraries that it computes with, and the source of this package.
    """
    sources = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        sources.update(path.name.encode() + b"\0" + path.read_bytes())
    return (
        f"onnx-{onnx.__version__}-numpy-{np.__version__}-ml_dtypes-{ml_dtypes.__version__}-{sources.hexdigest()[:16]}"
    )


def _converted(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """Return ``model`` at a newer opset.

    Raises:
        ValueError: the conversion would change what the model means.
    """
    changed = {node.op_type for node in all_nodes(model.graph)} & CHANGED_BY_CONVERSION
    if changed:
        raise ValueError(f"a newer opset changes what {', '.join(sorted(changed))} means")
    return onnx.version_converter.convert_version(model, opset)


def _opset(model: onnx.ModelProto) -> int:
    return next((each.version for each in model.opset_import if not each.domain), 1)


def _evaluate(
    model: onnx.ModelProto, inputs: Mapping[str, Mapping[str, Array]], corrections: Sequence[Correction]
) -> Outputs:
    from onnx.reference import ReferenceEvaluator

    from matrix.verdict.reference.corrections import replacements
    from matrix.verdict.reference.loop import Loop
    from matrix.verdict.reference.plug import operator_classes
    from matrix.verdict.reference.scan import Scan

    ours: list[type[OpRun]] = [
        *replacements(corrections, _opset(model)),
        *operator_classes(),
        Loop,
        Scan,
    ]  # of two, the first counts
    evaluator = ReferenceEvaluator(model, new_ops=ours)
    outputs: dict[str, dict[str, Array]] = {}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what numpy says of the evaluator's code is nothing that we could mend
        for point, arrays in inputs.items():
            values = evaluator.run(None, dict(arrays))
            pairs = zip(model.graph.output, values, strict=True)
            outputs[point] = {
                name: array for output, value in pairs for name, array in _flatten(output.name, _held(output, value))
            }
    return outputs


def _named(model: onnx.ModelProto, corrections: Sequence[Correction]) -> str:
    """Say so where an operator of ours has a part in the answer."""
    from matrix.verdict.reference.operators import OPERATORS

    opset = _opset(model)
    corrected = {("", each.op) for each in corrections if each.first <= opset <= each.last}
    plugged = corrected | OPERATORS.keys() | CONTROL_FLOW
    ours = {node.op_type for node in all_nodes(model.graph) if (node.domain, node.op_type) in plugged}
    return f"{NAME} with our {', '.join(sorted(ours))}" if ours else NAME


def all_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Return the nodes of ``graph`` and of all graphs inside it."""
    inner = [
        node
        for outer in graph.node
        for attribute in outer.attribute
        for each in (attribute.g, *attribute.graphs)
        for node in (all_nodes(each) if each.node else ())
    ]
    return [*graph.node, *inner]


def _held(output: onnx.ValueInfoProto, value: object) -> object:
    """Return what an optional output holds: the evaluator's operator Optional puts it into a list."""
    if not output.type.HasField("optional_type") or not isinstance(value, list) or len(value) > 1:
        return value
    return value[0] if value else None


def _flatten(name: str, value: object) -> list[tuple[str, Array]]:
    """Spell a sequence as one entry per element, the way that the worker does."""
    if isinstance(value, (list, tuple)):
        return [(f"{name}[{index}]", np.asarray(item)) for index, item in enumerate(value)]
    return [(name, np.asarray(value))]


def _words(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, TypeError) and error.__cause__ else error
    return f"{type(cause).__name__}: {cause}"
