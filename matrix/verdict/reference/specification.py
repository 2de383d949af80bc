"""The first reference: a model as the specification has it, computed by ONNX's own reference evaluator.

The evaluator (onnx.reference) is ONNX's executable specification. Where it lacks an operator or does not do what the
specification says, an operator of ours takes the place of its own: see `operators.OPERATORS`. Some operators it has
from a later version on only; a model with one of those is converted to a newer opset and tried again, and the name of
the reference says so.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx

from cases.case import Array
from matrix.verdict.reference.answer import Answer, Outputs

CONVERTED_OPSET = 21
NAME = f"onnx {onnx.__version__} reference evaluator"


def evaluate(model: onnx.ModelProto, inputs: Mapping[str, Mapping[str, Array]]) -> Answer:
    """Return the outputs of ``model`` for ``inputs`` (shape point -> input -> array), or why there are none.

    May take any time and any memory, as the model may be a stranger's: call it where it can be stopped.

    Raises:
        MemoryError: this machine has too little.
    """
    try:
        return Answer(name=_named(model), outputs=_evaluate(model, inputs))
    except MemoryError:  # says nothing about the model
        raise
    except Exception as first:  # noqa: BLE001 - the evaluator raises whatever the operator's Python code raises
        try:
            converted = onnx.version_converter.convert_version(model, CONVERTED_OPSET)
            name = f"{_named(model)}, opset {CONVERTED_OPSET}"
            return Answer(name=name, outputs=_evaluate(converted, inputs))
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - the first error is the one that tells
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


def _evaluate(model: onnx.ModelProto, inputs: Mapping[str, Mapping[str, Array]]) -> Outputs:
    from onnx.reference import ReferenceEvaluator

    from matrix.verdict.reference.plug import operator_classes

    evaluator = ReferenceEvaluator(model, new_ops=operator_classes())
    outputs: dict[str, dict[str, Array]] = {}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what numpy says of the evaluator's code is nothing that we could mend
        for point, arrays in inputs.items():
            values = evaluator.run(None, dict(arrays))
            outputs[point] = dict(_flatten(evaluator.output_names, list(values)))
    return outputs


def _named(model: onnx.ModelProto) -> str:
    """Say so where an operator of ours has a part in the answer."""
    from matrix.verdict.reference.operators import OPERATORS

    ours = {node.op_type for node in _nodes(model.graph) if (node.domain, node.op_type) in OPERATORS}
    return f"{NAME} with our {', '.join(sorted(ours))}" if ours else NAME


def _nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    inner = [
        node
        for outer in graph.node
        for attribute in outer.attribute
        for each in (attribute.g, *attribute.graphs)
        for node in (_nodes(each) if each.node else ())
    ]
    return [*graph.node, *inner]


def _flatten(names: list[str], values: list[object]) -> list[tuple[str, Array]]:
    """Spell a sequence as one entry per element, the way that the worker does."""
    flat: list[tuple[str, Array]] = []
    for name, value in zip(names, values, strict=True):
        if isinstance(value, (list, tuple)):
            flat.extend((f"{name}[{index}]", np.asarray(item)) for index, item in enumerate(value))
        else:
            flat.append((name, np.asarray(value)))
    return flat


def _words(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, TypeError) and error.__cause__ else error
    return f"{type(cause).__name__}: {cause}"
