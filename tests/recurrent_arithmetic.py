"""LSTM, GRU and RNN in float64, as the ONNX specification spells their equations, with sequence_lens and layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from cases.case import Array
from cases.catalogue import Generated

OPTIONAL = ("x", "w", "r", "b", "lengths", "initial_h", "initial_c", "p")


def recurrent_answer(made: Generated, without: str = "") -> dict[str, dict[str, Array]]:
    """Return what the one recurrent node of a model makes of its inputs, rounded to float32 at the end.

    ``without`` names a weight or an input that is taken as zero.
    """
    (step,) = [each for each in made.model.graph.node if each.op_type in ("LSTM", "GRU", "RNN")]
    constants = {each.name: numpy_helper.to_array(each) for each in made.model.graph.initializer}
    for each in made.model.graph.node:
        if each.op_type == "Constant":
            constants[each.output[0]] = numpy_helper.to_array(each.attribute[0].t)
    wanted = [output.name for output in made.model.graph.output]
    found = {}
    for point, inputs in made.inputs.items():
        values = {name: 0 * array if name == without else array for name, array in {**constants, **inputs}.items()}
        results = dict(zip(("y", "y_h", "y_c"), _run(step, values), strict=False))
        if "flows_into_matmul" in made.case.tags:
            states = results["y"][:, 0].transpose(1, 0, 2)
            results = {"y": states @ states.transpose(0, 2, 1)}
        found[point] = {name: results[name].astype(np.float32) for name in wanted}
    return found


def _run(step: onnx.NodeProto, values: Mapping[str, Array]) -> tuple[Array, ...]:
    attributes = {each.name: helper.get_attribute_value(each) for each in step.attribute}
    given = {key: values[name] for key, name in zip(OPTIONAL, step.input, strict=False) if name}
    layout, hidden = attributes.get("layout", 0), attributes["hidden_size"]
    x = np.swapaxes(given["x"], 0, 1) if layout else given["x"]
    steps, batch, _ = x.shape
    directions = given["w"].shape[0]
    lengths = given.get("lengths", np.full(batch, steps))
    y = np.zeros((steps, directions, batch, hidden))
    y_h, y_c = (_start(given.get(name), layout, (directions, batch, hidden)) for name in ("initial_h", "initial_c"))
    for direction in range(directions):
        weights: dict[str, Array] = {
            name: given[name][direction].astype(np.float64) for name in ("w", "r", "b", "p") if name in given
        }
        back = attributes["direction"] == b"reverse" or direction == 1
        for row in range(batch):
            h, c = y_h[direction, row], y_c[direction, row]
            places = range(lengths[row])
            for place in reversed(places) if back else places:
                h, c = _step(step.op_type, x[place, row].astype(np.float64), h, c, weights, attributes)
                y[place, direction, row] = h
            y_h[direction, row], y_c[direction, row] = h, c
    if layout:
        return y.transpose(2, 0, 1, 3), y_h.transpose(1, 0, 2), y_c.transpose(1, 0, 2)
    return y, y_h, y_c


def _start(state: Array | None, layout: int, shape: tuple[int, ...]) -> Array:
    if state is None:
        return np.zeros(shape)
    return (np.swapaxes(state, 0, 1) if layout else state).astype(np.float64)


def _step(
    op: str, x: Array, h: Array, c: Array, weights: Mapping[str, Array], attributes: Mapping[str, Any]
) -> tuple[Array, Array]:
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    limit = attributes.get("clip", np.inf)
    w, r = (np.split(weights[name], gates) for name in ("w", "r"))
    b = np.split(weights.get("b", np.zeros(2 * gates * h.size)), 2 * gates)
    parts = [w[i] @ x + r[i] @ h + b[i] + b[gates + i] for i in range(gates)]

    def sigmoid(value: Array) -> Array:
        return np.asarray(1 / (1 + np.exp(-np.clip(value, -limit, limit))))

    def tanh(value: Array) -> Array:
        return np.asarray(np.tanh(np.clip(value, -limit, limit)))

    if op == "RNN":
        relu = attributes.get("activations") == [b"Relu"]
        return (np.maximum(parts[0], 0) if relu else tanh(parts[0])), c
    if op == "GRU":
        z, reset = sigmoid(parts[0]), sigmoid(parts[1])
        if attributes.get("linear_before_reset"):
            new = tanh(w[2] @ x + reset * (r[2] @ h + b[5]) + b[2])
        else:
            new = tanh(w[2] @ x + r[2] @ (reset * h) + b[5] + b[2])
        return (1 - z) * new + z * h, c
    peep = np.split(weights.get("p", np.zeros(3 * h.size)), 3)
    i, f = sigmoid(parts[0] + peep[0] * c), sigmoid(parts[2] + peep[2] * c)
    cell = f * c + i * tanh(parts[3])
    return sigmoid(parts[1] + peep[1] * cell) * np.tanh(cell), cell
