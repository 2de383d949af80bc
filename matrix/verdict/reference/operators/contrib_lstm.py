"""DynamicQuantizeLSTM of com.microsoft: ONNX's LSTM, its products with weights of 8 bits and quantized activations.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.DynamicQuantizeLSTM and
https://onnx.ai/onnx/operators/onnx__LSTM.html. How the activations are quantized is not written there; as in
DynamicQuantizeLinear, all of the input at once and the hidden states of a step together is how it is read here. A
runtime that groups them otherwise is off by the rounding to a step, which the cases' tolerance allows for.
"""

from __future__ import annotations

import numpy as np

from cases.case import Array
from matrix.verdict.reference.operators.contrib_matmul import dynamic_codes
from matrix.verdict.reference.plug import Floats, Node

DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


def lstm(node: Node) -> tuple[Array, ...]:
    """Return Y (steps, directions, batch, hidden), Y_h and Y_c (directions, batch, hidden).

    Raises:
        ValueError: it clips, couples gates, or has activation functions of its own.
    """
    if node.get("clip", 0.0) or node.get("input_forget", 0) or node.get("activations", None):
        raise ValueError("clip, input_forget and activations have no reference")
    found = [
        _direction(node, at, backwards) for at, backwards in enumerate(DIRECTIONS[node.get("direction", "forward")])
    ]
    y, last, cell = (np.stack([each[part] for each in found]).astype(np.float32) for part in range(3))
    return y.transpose(1, 0, 2, 3), last, cell


def _direction(node: Node, at: int, backwards: bool) -> tuple[Floats, Floats, Floats]:
    x = node.number(0)
    steps, batch, _ = x.shape
    recurrent = _weight(node, 2, 10, at)
    size = recurrent.shape[0]
    bias = node.number(3)[at].reshape(2, -1).sum(axis=0) if node.has(3) else np.zeros(4 * size)
    peephole = node.number(7)[at].reshape(3, size) if node.has(7) else np.zeros((3, size))
    lengths = node.array(4).astype(int) if node.has(4) else np.full(batch, steps)
    hidden = node.number(5)[at] if node.has(5) else np.zeros((batch, size))
    cell = node.number(6)[at] if node.has(6) else np.zeros((batch, size))
    projected = _rounded(x) @ _weight(node, 1, 8, at) + bias
    y = np.zeros((steps, batch, size))
    every = np.arange(batch)
    for step in range(steps):
        alive = step < lengths
        places = np.where(alive, lengths - 1 - step if backwards else step, 0)
        gates = projected[places, every] + _rounded(hidden) @ recurrent
        new_hidden, new_cell = _step(gates, cell, peephole)
        hidden = np.where(alive[:, None], new_hidden, hidden)
        cell = np.where(alive[:, None], new_cell, cell)
        y[places[alive], every[alive]] = hidden[alive]
    return y, hidden, cell


def _step(gates: Floats, cell: Floats, peephole: Floats) -> tuple[Floats, Floats]:
    """Return the hidden state and the cell after one step; gates come as input, output, forget, cell."""
    entering, leaving, forgetting, candidate = np.split(gates, 4, axis=1)
    new = _sigmoid(forgetting + peephole[2] * cell) * cell + _sigmoid(entering + peephole[0] * cell) * np.tanh(
        candidate
    )
    return _sigmoid(leaving + peephole[1] * new) * np.tanh(new), new


def _weight(node: Node, weight: int, scale: int, at: int) -> Floats:
    """Return a direction's weight by its scale and the zero point behind it: one each, or one per column."""
    return np.asarray((node.number(weight)[at] - node.number(scale + 1)[at]) * node.number(scale)[at])


def _rounded(x: Floats) -> Floats:
    codes, scale, zero = dynamic_codes(x)
    return (codes - zero) * scale


def _sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


OPERATORS = {"DynamicQuantizeLSTM": lstm}
