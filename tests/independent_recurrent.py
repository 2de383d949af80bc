"""RNN, GRU and LSTM sequence by sequence and step by step in float64, as the equations of the specification read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import NodeProto, helper, numpy_helper

from cases.case import Array
from cases.catalogue import Generated

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
FUNCTIONS = {"RNN": ("Tanh",), "GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh")}
PLACES = ("x", "w", "r", "b", "lengths", "initial_h", "initial_c", "p")
Function = Callable[[Array], Array]
States = dict[str, Array]  # "h" and "c"
Step = Callable[[Array, States], States]


def recurrent_answer(made: Generated) -> dict[str, dict[str, Array]]:
    """Return what the only recurrent node of a model gives: outputs by shape point and name."""
    (found,) = (each for each in made.model.graph.node if each.op_type in GATES)
    constants = {each.name: numpy_helper.to_array(each) for each in made.model.graph.initializer}
    return {point: _outputs(found, {**constants, **inputs}) for point, inputs in made.inputs.items()}


def _outputs(node: NodeProto, known: Mapping[str, Array]) -> dict[str, Array]:
    given = {place: known[name] for place, name in zip(PLACES, node.input, strict=False) if name}
    attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    batch_first = bool(attributes.get("layout"))

    def turned(array: Array) -> Array:
        return array if batch_first else array.swapaxes(0, 1)

    x = turned(given["x"]).astype(np.float64)  # batch, step, feature
    directions, _, hidden = given["r"].shape
    every: Array = np.zeros((len(x), x.shape[1], directions, hidden))
    zero: Array = np.zeros((len(x), directions, hidden))
    last: States = {
        kind: turned(given[f"initial_{kind}"]).astype(np.float64) if f"initial_{kind}" in given else zero.copy()
        for kind in "hc"
    }
    for batch, direction in np.ndindex(len(x), directions):
        length = int(given["lengths"][batch]) if "lengths" in given else x.shape[1]
        backwards = direction == 1 or attributes.get("direction") == b"reverse"
        step = _cell(node.op_type, given, attributes, direction)
        state: States = {kind: array[batch, direction] for kind, array in last.items()}
        for time in reversed(range(length)) if backwards else range(length):
            state = step(x[batch, time], state)
            every[batch, time, direction] = state["h"]
        for kind, array in last.items():
            array[batch, direction] = state[kind]
    steps = every if batch_first else every.transpose(1, 2, 0, 3)
    results = zip(node.output, (steps, turned(last["h"]), turned(last["c"])), strict=False)
    return {name: array.astype(np.float32) for name, array in results if name}


def _cell(op: str, given: Mapping[str, Array], attributes: Mapping[str, Any], direction: int) -> Step:
    """Return the function of one step and one sequence."""
    gates, hidden = GATES[op], given["r"].shape[2]
    w, r = (given[name][direction].astype(np.float64).reshape(gates, hidden, -1) for name in "wr")
    bias = given["b"][direction].astype(np.float64) if "b" in given else np.zeros(2 * gates * hidden)
    wb, rb = bias.reshape(2, gates, hidden)
    p = (given["p"][direction] if "p" in given else np.zeros(3 * hidden)).astype(np.float64).reshape(3, hidden)
    f, *others = _functions(op, attributes, direction)
    early, coupled = not attributes.get("linear_before_reset"), bool(attributes.get("input_forget"))

    def part(gate: int, x: Array, before: Array) -> Array:
        return np.asarray(w[gate] @ x + wb[gate] + r[gate] @ before + rb[gate])

    def rnn(x: Array, state: States) -> States:
        return {**state, "h": f(part(0, x, state["h"]))}

    def gru(x: Array, state: States) -> States:
        before = state["h"]
        z, reset = f(part(0, x, before)), f(part(1, x, before))
        inner = r[2] @ (reset * before) + rb[2] if early else reset * (r[2] @ before + rb[2])
        return {**state, "h": (1 - z) * others[0](w[2] @ x + wb[2] + inner) + z * before}

    def lstm(x: Array, state: States) -> States:
        before, cell = state["h"], state["c"]
        i = f(part(0, x, before) + p[0] * cell)
        forget = 1 - i if coupled else f(part(2, x, before) + p[2] * cell)
        cell = forget * cell + i * others[0](part(3, x, before))
        return {"h": f(part(1, x, before) + p[1] * cell) * others[1](cell), "c": cell}

    return {"RNN": rnn, "GRU": gru, "LSTM": lstm}[op]


def _functions(op: str, attributes: Mapping[str, Any], direction: int) -> list[Function]:
    """Return those of one direction; each is handed what ``clip`` leaves of its input."""
    count, bound = len(FUNCTIONS[op]), attributes.get("clip", np.inf)
    names = [name.decode() for name in attributes.get("activations", ())] or [*FUNCTIONS[op]] * 2
    alphas, betas = (iter(attributes.get(f"activation_{letter}", ())) for letter in ("alpha", "beta"))
    plain: Mapping[str, Function] = {
        "Tanh": np.tanh,
        "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "Relu": lambda x: np.maximum(x, 0),
    }
    scaled: Mapping[str, Callable[[float, float], Function]] = {
        "HardSigmoid": lambda alpha, beta: lambda x: np.clip(alpha * x + beta, 0, 1),
        "Affine": lambda alpha, beta: lambda x: alpha * x + beta,
        "ScaledTanh": lambda alpha, beta: lambda x: alpha * np.tanh(beta * x),
    }
    found = [plain[name] if name in plain else scaled[name](next(alphas), next(betas)) for name in names]
    return [_clipped(function, bound) for function in found[direction * count :][:count]]


def _clipped(function: Function, bound: float) -> Function:
    return lambda x: function(np.clip(x, -bound, bound))
