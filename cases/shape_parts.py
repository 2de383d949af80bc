"""What the dynamic-shape cases use of each operator: every input, output and attribute that a version of it has.

A version that adds an attribute is not covered by a case at its opset that leaves the attribute out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import onnx

from cases.case import Case
from cases.catalogue import INVALID_ON_PURPOSE
from cases.shape_coverage import FAMILY, OPS, shape_needs

# Where the version of an operator that has a part is of no use, or the part of none for a shape.
_NO_TRAINING = "training as versions 7 and 9 had it: they leave open what the running variance is, and 14 withdrew it"
_OF_FLOAT8 = "it decides how a number becomes a float8, and no size is one"


@dataclass(frozen=True, kw_only=True, order=True)
class Part:
    """An input, output or attribute of an operator, as the schemas of onnx call it."""

    op: str
    kind: str
    name: str


PART_EXEMPTIONS: Mapping[Part, str] = {
    **{
        Part(op="BatchNormalization", kind="output", name=name): _NO_TRAINING
        for name in ("mean", "var", "saved_mean", "saved_var")
    },
    **{Part(op="Cast", kind="attribute", name=name): _OF_FLOAT8 for name in ("saturate", "round_mode")},
}


def shape_parts() -> frozenset[Part]:
    """Return all that the operators of OPS have in a version that a model of OLDEST_OPSET or newer can mean."""
    return frozenset(
        part for need in shape_needs() for part in _parts(need.op, onnx.defs.get_schema(need.op, need.since_version))
    )


def parts_used(cases: Iterable[Case]) -> frozenset[Part]:
    """Build every valid dynamic-shape case, and return what its operators are given, give back and have set."""
    return frozenset(
        part
        for case in cases
        if case.family == FAMILY and INVALID_ON_PURPOSE not in case.tags
        for part in _used(case.build().graph, case.opset)
    )


def _parts(op: str, schema: onnx.defs.OpSchema) -> Iterator[Part]:
    yield from (Part(op=op, kind="input", name=each.name) for each in schema.inputs)
    yield from (Part(op=op, kind="output", name=each.name) for each in schema.outputs)
    yield from (Part(op=op, kind="attribute", name=name) for name in schema.attributes)


def _used(graph: onnx.GraphProto, opset: int) -> Iterator[Part]:
    listed = {op for ops in OPS.values() for op in ops}
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _used(attribute.g, opset)
        if node.domain or node.op_type not in listed:
            continue
        schema = onnx.defs.get_schema(node.op_type, opset)
        for kind, names, formal in (("input", node.input, schema.inputs), ("output", node.output, schema.outputs)):
            for place, name in enumerate(names):
                if name:  # what is left out has an empty one
                    yield Part(op=node.op_type, kind=kind, name=_formal(formal, place).name)
        yield from (Part(op=node.op_type, kind="attribute", name=each.name) for each in node.attribute)


def _formal(parameters: Sequence[onnx.defs.OpSchema.FormalParameter], place: int) -> onnx.defs.OpSchema.FormalParameter:
    """Return the parameter at ``place``; the last one may stand for any number."""
    return parameters[min(place, len(parameters) - 1)]
