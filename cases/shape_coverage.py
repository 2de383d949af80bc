"""What the dynamic-shape cases cover: each operator of the lists, and each version of it that changed its signature.

The versions are those of onnx's own schemas (onnx.defs), so a new release of onnx shows what is missing by itself.
Consecutive versions with the same inputs, outputs and attributes (they differ in types) count as one, called by its
first version, unless TURNS names the later one: there the meaning changed and the signature did not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import onnx

from cases.case import Case
from cases.catalogue import INVALID_ON_PURPOSE
from cases.coverage import Exemption, Need

FAMILY = "dynamic_shapes"
# ONNX Runtime promises to run models from opset 7 on (docs/Versioning.md in its repository), and refuses opset 5; what
# was in force before has no reference but the evaluator, which follows the newest version of most operators.
OLDEST_OPSET = 7

OPS: Mapping[str, tuple[str, ...]] = {
    "shape arithmetic": (
        *("Shape", "Size", "Add", "Sub", "Mul", "Div", "Mod", "Cast", "Min", "Max", "Floor", "Where"),
    ),
    "moves": (
        *(
            "Reshape",
            "Squeeze",
            "Unsqueeze",
            "Transpose",
            "Flatten",
            "Slice",
            "Split",
            "Concat",
            "Expand",
            "Tile",
            "Pad",
        ),
        *("Gather", "GatherElements", "GatherND", "Scatter", "ScatterElements", "ScatterND", "Resize", "Upsample"),
        *("Range", "ConstantOfShape", "OneHot", "TopK", "CumSum", "Trilu", "ArgMax", "ArgMin", "ReverseSequence"),
        *("DepthToSpace", "SpaceToDepth"),
    ),
    "reductions": (
        *("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2"),
        *("ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"),
    ),
    "layers": (
        *("Einsum", "MatMul", "Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"),
        *("GlobalAveragePool", "GlobalMaxPool", "BatchNormalization", "InstanceNormalization", "LayerNormalization"),
        *("GroupNormalization", "LSTM", "GRU", "RNN", "RotaryEmbedding", "Attention"),
        *("Softmax", "LogSoftmax", "Hardmax", "Clip", "Dropout"),
    ),
    "depends on data": (
        *("NonZero", "Compress", "Unique", "NonMaxSuppression"),
        *("SequenceConstruct", "SequenceAt", "SplitToSequence", "ConcatFromSequence"),
    ),
    "control flow": ("If", "Loop", "Scan"),
}
# Versions whose meaning changed while inputs, outputs and attributes stayed the same.
TURNS: Mapping[tuple[str, int], str] = {
    ("Squeeze", 11): "negative axes",
    ("Unsqueeze", 11): "negative axes",
    ("Gather", 11): "negative indices",
    ("Pad", 19): "mode wrap",
    ("Resize", 19): "half_pixel_symmetric",
    ("ScatterElements", 18): "reductions max and min",
    ("ScatterND", 18): "reductions max and min",
    ("ReduceMax", 20): "booleans",
    ("ReduceMin", 20): "booleans",
    ("BatchNormalization", 15): "running statistics of another type",
}
EXEMPTIONS: tuple[Exemption, ...] = (
    Exemption(
        need=Need(op="GroupNormalization", since_version=18),
        reason="onnx marks it as deprecated (its scale was per group), and the checker refuses every model that has it",
    ),
)


@dataclass(frozen=True, kw_only=True, order=True)
class Use:
    """An operator's version, and the opset of a model that has it."""

    need: Need
    opset: int


def shape_needs() -> frozenset[Need]:
    """Return every operator of OPS with every version that a model of OLDEST_OPSET or newer can mean."""
    found: set[Need] = set()
    for ops in OPS.values():
        for op in ops:
            turns = _turns(op)
            in_force = max((version for version in turns if version <= OLDEST_OPSET), default=0)
            found.update(Need(op=op, since_version=version) for version in turns if version >= in_force)
    return frozenset(found)


def shape_uses(cases: Iterable[Case]) -> Counter[Use]:
    """Build every valid dynamic-shape case, and return how many there are of each version of each operator.

    A case counts once for each operator that its model has, in the bodies of If, Loop and Scan as well.
    """
    wanted = {op for ops in OPS.values() for op in ops}
    uses: Counter[Use] = Counter()
    for case in cases:
        if case.family == FAMILY and INVALID_ON_PURPOSE not in case.tags:
            uses.update(
                Use(need=Need(op=op, since_version=_turn(op, case.opset)), opset=case.opset)
                for op in _operators(case.build().graph) & wanted
            )
    return uses


def met(uses: Iterable[Use]) -> frozenset[Need]:
    """Return the needs that ``uses`` meet."""
    return frozenset(use.need for use in uses)


def _operators(graph: onnx.GraphProto) -> set[str]:
    found = {node.op_type for node in graph.node if not node.domain}
    bodies = (attribute.g for node in graph.node for attribute in node.attribute if attribute.HasField("g"))
    return found.union(*map(_operators, bodies))


def _turn(op: str, opset: int) -> int:
    return max(version for version in _turns(op) if version <= opset)


@cache
def _turns(op: str) -> tuple[int, ...]:
    """Return the versions of ``op`` that differ in signature or, by TURNS, in meaning from the one before."""
    found: list[int] = []
    before: Any = None
    for schema in _history()[op]:
        if (signature := _signature(schema)) != before or (op, schema.since_version) in TURNS:
            found.append(schema.since_version)
        before = signature
    return tuple(found)


@cache
def _history() -> Mapping[str, list[onnx.defs.OpSchema]]:
    history: dict[str, list[onnx.defs.OpSchema]] = {}
    for schema in sorted(onnx.defs.get_all_schemas_with_history(), key=lambda schema: schema.since_version):
        if not schema.domain:
            history.setdefault(schema.name, []).append(schema)
    return history


def _signature(schema: onnx.defs.OpSchema) -> tuple[Any, ...]:
    """Return inputs, outputs and attributes, with what may be left out and what it then is; no types of tensors."""
    return (
        [(each.name, each.option) for each in schema.inputs],
        [(each.name, each.option) for each in schema.outputs],
        {name: (each.type, each.required, _default(each)) for name, each in schema.attributes.items()},
    )


def _default(attribute: onnx.defs.OpSchema.Attribute) -> bytes:
    return bytes(attribute.default_value.SerializeToString(deterministic=True))


def stale_turns() -> Iterator[tuple[str, int]]:
    """Yield the entries of TURNS that say nothing: no such version, or its signature changed anyway."""
    for op, version in TURNS:
        history = {schema.since_version: _signature(schema) for schema in _history().get(op, [])}
        before = max((other for other in history if other < version), default=0)
        if version not in history or history[version] != history.get(before):
            yield op, version
