"""Nodes of If, Loop and Scan, which the modules with their cases put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from cases.case import Case
from cases.dynamic_shapes.symbolic import Body, Fill, Sizes, Values, dynamic_case, extent, f32, i64, scalar
from cases.model import Signature, graph, node

FLAG: Signature = np.bool_, ()
TRUE = {"true": np.array(True)}
ROWS: Mapping[str, Signature] = {"x": f32("N", 4)}
TOKENS: Mapping[str, Signature] = {"x": f32("S", 4)}


def control_flow_case(
    axes: str,
    op: str,
    body: Callable[[], Body],
    inputs: Mapping[str, Signature],
    outputs: Mapping[str, Signature],
    *,
    opset: int = 17,
    tags: Sequence[str] = (),
    fill: Mapping[str, Fill] | None = None,
    values: Mapping[str, Values] | None = None,
    sizes: Mapping[str, Sizes] | None = None,
    source: str = "",
) -> Case:
    """Return a case of this family with the tag ``control_flow``; see `dynamic_case`."""
    return dynamic_case(
        axes,
        op,
        body,
        inputs,
        outputs,
        opset=opset,
        tags=["control_flow", *tags],
        fill=fill,
        values=values,
        sizes=sizes,
        source=source,
    )


def branches(
    then: Sequence[onnx.NodeProto],
    then_types: Mapping[str, Signature],
    otherwise: Sequence[onnx.NodeProto],
    else_types: Mapping[str, Signature],
    *,
    condition: str = "condition",
    outputs: Sequence[str] = ("y",),
) -> onnx.NodeProto:
    """Return an If whose branches give the tensors that ``then_types`` and ``else_types`` name."""
    return node(
        "If",
        [condition],
        outputs,
        then_branch=graph(then, {}, then_types, name=f"then_{outputs[0]}"),
        else_branch=graph(otherwise, {}, else_types, name=f"else_{outputs[0]}"),
    )


def if_large_batch(
    then: Sequence[onnx.NodeProto],
    then_type: Signature,
    otherwise: Sequence[onnx.NodeProto],
    else_type: Signature,
    *,
    output: str = "y",
) -> Body:
    """Return an If on a batch of more than 2, whose branches give ``a`` and ``b``."""
    nodes = [
        *extent("x", 0, "n", rank=0),
        node("Greater", ["n", "two"], ["condition"]),
        branches(then, {"a": then_type}, otherwise, {"b": else_type}, outputs=[output]),
    ]
    return nodes, {"two": scalar(2)}


def loop_over(
    trips: str,
    body: Sequence[onnx.NodeProto],
    states: Mapping[str, tuple[str, Signature]],
    *,
    scanned: Mapping[str, Signature] | None = None,
    outputs: Sequence[str] = ("y",),
    condition: str = "true",
    name: str = "body",
) -> onnx.NodeProto:
    """Return a Loop over ``body``; ``states`` maps a name to its start and type, and it ends as ``<name>_next``.

    It goes on for ever, unless ``body`` says ``go_on`` itself. ``trips`` and ``condition`` may be empty, as in ONNX.
    The step and the condition are called ``step`` and ``go`` inside; ``name`` is put before all of them.
    """
    inner = "" if name == "body" else f"{name}_"
    says = any(f"{inner}go_on" in step.output for step in body)
    steps = list(body) if says else [*body, node("Identity", [f"{inner}go"], [f"{inner}go_on"])]
    takes: dict[str, Signature] = {f"{inner}step": i64(), f"{inner}go": FLAG}
    gives: dict[str, Signature] = {f"{inner}go_on": FLAG}
    for state, (_, signature) in states.items():
        takes[state], gives[f"{state}_next"] = signature, signature
    starts = [start for start, _ in states.values()]
    return node(
        "Loop", [trips, condition, *starts], outputs, body=graph(steps, takes, {**gives, **(scanned or {})}, name=name)
    )


def scan_over(
    body: Sequence[onnx.NodeProto],
    states: Mapping[str, tuple[str, Signature]],
    elements: Mapping[str, tuple[str, Signature]],
    scanned: Mapping[str, Signature],
    *,
    outputs: Sequence[str],
    name: str = "body",
    **attributes: Any,
) -> onnx.NodeProto:
    """Return a Scan over ``body``; ``elements`` maps a name to the tensor that it is taken from and its type.

    A state ends as ``<name>_next``; ``scanned`` are the outputs of the body that are stacked.
    """
    takes = {key: signature for key, (_, signature) in (*states.items(), *elements.items())}
    gives = {f"{key}_next": signature for key, (_, signature) in states.items()}
    starts = [start for start, _ in (*states.values(), *elements.values())]
    inner = graph(body, takes, {**gives, **scanned}, name=name)
    return node("Scan", starts, outputs, body=inner, num_scan_inputs=len(elements), **attributes)
