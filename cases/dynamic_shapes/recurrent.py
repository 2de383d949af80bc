"""LSTM, GRU and RNN with a dynamic batch and a dynamic sequence: directions, lengths, states, layouts, variants.

The tolerance is the bound of recurrent_rounding.py. Weights are so small that it stays far below what a part changes
that is left out: a weight, a bias, a state or a length. The first sequence of a batch is as long as the tensor, the
others are as long or shorter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from cases.case import Array, Case, Shape
from cases.dynamic_shapes.fills import point_of
from cases.dynamic_shapes.recurrent_rounding import FEATURES, HIDDEN, B, P, R, W, recurrent_rounding
from cases.dynamic_shapes.symbolic import POINTS, Body, Fill, Sizes, dynamic_case, f32
from cases.inputs import floats, integers
from cases.model import Dim, Signature, node

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
STEPS: Sizes = (2, 7, 4, 10)  # few, as the bound grows with each
DIRECTIONS = ("forward", "reverse", "bidirectional")


@dataclass(frozen=True, kw_only=True)
class Recurrent:
    """One combination of axes."""

    op: str
    opset: int
    direction: str = "forward"
    lengths: bool = False
    states: bool = False
    layout: int = 0
    variant: str = ""  # one of VARIANTS
    dynamic: str = ""  # "batch" or "sequence", where only that is

    @property
    def name(self) -> str:
        words = (
            "sequence_lens" if self.lengths else "",
            "initial_states" if self.states else "",
            f"layout{self.layout}" if self.layout else "",
            self.variant,
            f"{self.dynamic}_only" if self.dynamic else "",
        )
        return "-".join((self.op.lower(), self.direction, *filter(None, words)))

    @property
    def sizes(self) -> tuple[Dim, Dim]:
        """Return the length of the sequence and of the batch."""
        return (5 if self.dynamic == "batch" else "S", 3 if self.dynamic == "sequence" else "N")

    @property
    def directions(self) -> int:
        return 2 if self.direction == "bidirectional" else 1


VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "": {},
    "no_bias": {},
    "linear_before_reset": {"linear_before_reset": 1},
    "peepholes": {},
    "relu": {"activations": ["Relu"]},
    "clip": {"clip": 0.25},
    "coupled": {"input_forget": 1},
    "functions": {},
    "last_state": {},
    "flows_into_matmul": {},
}
# Gates of HardSigmoid(x) = x / 8 + 1/2, steeper and larger nowhere than a sigmoid; candidates of at most 1.
_FUNCTIONS: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "LSTM": {
        "activations": ("HardSigmoid", "Affine", "ScaledTanh"),
        "activation_alpha": (0.125, 0.5, 0.5),
        "activation_beta": (0.5, 0.25, 1.0),
    },
    "GRU": {
        "activations": ("HardSigmoid", "Affine"),
        "activation_alpha": (0.125, 0.5),
        "activation_beta": (0.5, 0.25),
    },
    "RNN": {"activations": ("Affine",), "activation_alpha": (0.5,), "activation_beta": (0.25,)},
}


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for axes in _combinations():
        yield _case(axes)


def _combinations() -> Iterator[Recurrent]:
    for op in GATES:
        for direction in DIRECTIONS:
            yield Recurrent(op=op, opset=7, direction=direction)
            yield Recurrent(op=op, opset=14, direction=direction, lengths=True, states=True)
            yield Recurrent(op=op, opset=22, direction=direction, states=True)
            yield Recurrent(op=op, opset=14, direction=direction, layout=1)
        yield Recurrent(op=op, opset=7, lengths=True)
        yield Recurrent(op=op, opset=7, direction="bidirectional", lengths=True)
        yield Recurrent(op=op, opset=7, direction="reverse", states=True)
        yield Recurrent(op=op, opset=14)
        yield Recurrent(op=op, opset=22, direction="bidirectional", lengths=True)
        yield Recurrent(op=op, opset=22, layout=1, direction="bidirectional", states=True)
        yield Recurrent(op=op, opset=14, layout=1, lengths=True, states=True)
        for dynamic in ("batch", "sequence"):
            yield Recurrent(op=op, opset=14, dynamic=dynamic)
        for variant in ("no_bias", "last_state", "flows_into_matmul", "clip"):
            yield Recurrent(op=op, opset=14, variant=variant)
    for direction in DIRECTIONS:
        yield Recurrent(op="GRU", opset=14, direction=direction, variant="linear_before_reset")
    yield Recurrent(op="GRU", opset=7, variant="linear_before_reset", lengths=True)
    yield Recurrent(op="LSTM", opset=7, variant="peepholes")
    yield Recurrent(op="LSTM", opset=14, variant="peepholes", direction="bidirectional")
    yield Recurrent(op="RNN", opset=14, variant="relu")
    for opset, direction in ((7, "forward"), (14, "reverse"), (22, "bidirectional")):
        yield Recurrent(op="LSTM", opset=opset, direction=direction, variant="coupled")
        for op in GATES:
            yield Recurrent(op=op, opset=opset, direction=direction, variant="functions")


def _case(axes: Recurrent) -> Case:
    sequence, batch = axes.sizes
    inputs: dict[str, Signature] = {"x": f32(*((batch, sequence) if axes.layout else (sequence, batch)), FEATURES)}
    if axes.lengths:
        inputs["lengths"] = (np.int32, (batch,))
    state = (batch, axes.directions, HIDDEN) if axes.layout else (axes.directions, batch, HIDDEN)
    if axes.states:
        inputs |= {name: f32(*state) for name in _states(axes.op)}
    fill: dict[str, Fill] = dict.fromkeys(inputs, _small)
    fill["lengths"] = _lengths
    return dynamic_case(
        axes.name,
        axes.op,
        partial(_body, axes),
        inputs,
        _outputs(axes, state),
        summary=f"{axes.name.replace('-', ', ').replace('_', ' ')}",
        opset=axes.opset,
        fill=fill,
        sizes={"S": STEPS},
        tags=["recurrent", axes.direction, *filter(None, (axes.variant, "sequence_lens" if axes.lengths else ""))],
        tolerance=recurrent_rounding(axes.op, max(STEPS)),
    )


def _states(op: str) -> tuple[str, ...]:
    return ("initial_h", "initial_c") if op == "LSTM" else ("initial_h",)


def _outputs(axes: Recurrent, state: tuple[Dim, ...]) -> Mapping[str, Signature]:
    sequence, batch = axes.sizes
    last: dict[str, Signature] = {"y_h": f32(*state)}
    if axes.variant == "last_state":
        return last
    if axes.variant == "flows_into_matmul":
        return {"y": f32(batch, sequence, sequence)}
    if axes.op == "LSTM":
        last["y_c"] = f32(*state)
    steps = (batch, sequence, axes.directions) if axes.layout else (sequence, axes.directions, batch)
    return {"y": f32(*steps, HIDDEN), **last}


def _body(axes: Recurrent) -> Body:
    """Return the node with its weights, which are constants."""
    rows = GATES[axes.op] * HIDDEN
    count = axes.directions
    constants: dict[str, Array] = {
        "w": floats(f"{axes.op}/w", (count, rows, FEATURES), limit=W, step=2.0**-6),
        "r": floats(f"{axes.op}/r", (count, rows, HIDDEN), limit=R, step=2.0**-9),
    }
    operands = ["x", "w", "r", ""]
    if axes.variant != "no_bias":
        constants["b"] = floats(f"{axes.op}/b", (count, 2 * rows), limit=B, step=2.0**-6)
        operands[3] = "b"
    operands.append("lengths" if axes.lengths else "")
    operands += [name if axes.states else "" for name in _states(axes.op)]
    if axes.variant == "peepholes":
        constants["p"] = floats(f"{axes.op}/p", (count, 3 * HIDDEN), limit=P, step=2.0**-10)
        operands.append("p")
    while not operands[-1]:
        operands.pop()
    attributes: dict[str, Any] = {"hidden_size": HIDDEN, "direction": axes.direction, **VARIANTS[axes.variant]}
    if axes.variant == "functions":
        attributes |= {name: [*values] * count for name, values in _FUNCTIONS[axes.op].items()}
    if axes.layout:
        attributes["layout"] = axes.layout
    results = list(_outputs(axes, ()))
    if axes.variant == "last_state":
        results = ["", "y_h"]
    if axes.variant != "flows_into_matmul":
        return [node(axes.op, operands, results, name=axes.op.lower(), **attributes)], constants
    constants["direction"] = np.array([1], np.int64)
    nodes = [
        node(axes.op, operands, ["steps"], name=axes.op.lower(), **attributes),
        node("Squeeze", ["steps", "direction"], ["states"]),
        node("Transpose", ["states"], ["queries"], perm=[1, 0, 2]),
        node("Transpose", ["states"], ["keys"], perm=[1, 2, 0]),
        node("MatMul", ["queries", "keys"], ["y"]),
    ]
    return nodes, constants


def _small(key: str, shape: Shape) -> Array:
    return floats(key, shape, limit=1.0)


def _lengths(key: str, shape: Shape) -> Array:
    """Return lengths from 1 to that of the tensor, which the first sequence has."""
    longest = STEPS[POINTS.index(point_of(key))]
    lengths = integers(key, shape, 1, longest, np.int32)
    lengths[0] = longest
    return lengths
