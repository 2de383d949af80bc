"""LSTM, GRU and RNN of ONNX, all versions, in float64.

https://onnx.ai/onnx/operators/onnx__LSTM.html, onnx__GRU.html and onnx__RNN.html in the same place. Ours take the place
of the evaluator's because that one does not look at sequence_lens, clip, input_forget and most of the activations.

Of steps behind the end of a sequence the text says nothing: they are zeros in Y, as the equations give no value for
them, and Y_h and Y_c are the states after the last step of each sequence. Coupled gates are f = 1 - i. Clip "is applied
to the input of activations", which would be the cell of an LSTM as well, in h(Ct); ONNX Runtime does not bound it, and
there is no reference where that matters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cases.case import Array
from matrix.verdict.reference.operators.activations import Activation, activations
from matrix.verdict.reference.plug import Floats, Node

DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
Step = Callable[..., tuple[Floats, ...]]  # products with the input (batch, gates * hidden), states -> the new states


@dataclass(frozen=True, kw_only=True)
class Recurrent:
    """One operator: ``prepare`` returns, for a direction, the products of its weights with X, and its `Step`."""

    prepare: Callable[[Node, int, list[Activation]], tuple[Floats, Step]]
    functions: tuple[str, ...]  # the activations of a direction where the node names none
    states: int = 1

    def __call__(self, node: Node) -> tuple[Array, ...]:
        """Return Y (steps, directions, batch, hidden) and the last states (directions, batch, hidden), in X's type.

        With ``layout`` 1, the batch comes first in all of them. Operands are X, W, R, B, sequence_lens and the initial
        states.

        Raises:
            ValueError: an activation is unknown or lacks a parameter that has no default, or a cell outgrows ``clip``.
        """
        first = bool(node.get("layout", 0))
        x, hidden = node.array(0), node.array(2).shape[-1]
        batch, steps = x.shape[:2] if first else x.shape[1::-1]
        lengths = node.array(4).astype(int) if node.has(4) else np.full(batch, steps)
        functions = [_clipped(each, float(node.get("clip", np.inf))) for each in activations(node, self.functions)]
        results = []
        for at, backwards in enumerate(DIRECTIONS[node.get("direction", "forward")]):
            count = len(self.functions)
            inputs, step = self.prepare(node, at, functions[at * count : (at + 1) * count])
            start = _start(node, at, self.states, (batch, hidden))
            results.append(unrolled(step, inputs, lengths, start, backwards=backwards))
        y, *last = (np.stack(each) for each in zip(*results, strict=True))
        y = y.transpose(2, 1, 0, 3) if first else y.transpose(1, 0, 2, 3)
        last = [np.swapaxes(each, 0, 1) if first else each for each in last]
        return tuple(np.asarray(each.astype(x.dtype)) for each in (y, *last))[: node.outputs]


def unrolled(
    step: Step, inputs: Floats, lengths: Array, states: tuple[Floats, ...], *, backwards: bool
) -> tuple[Floats, ...]:
    """Return the first state of every step (steps, batch, hidden), and all states after the last one (batch, hidden).

    ``inputs`` (steps, batch, gates * hidden) are taken from the beginning of each sequence to its end in ``lengths``
    (batch), or the other way round.
    """
    y = np.zeros((*inputs.shape[:2], states[0].shape[1]))
    every = np.arange(len(lengths))
    for at in range(len(inputs)):
        alive = at < lengths
        places = np.where(alive, lengths - 1 - at if backwards else at, 0)
        found = step(inputs[places, every], *states)
        states = tuple(np.where(alive[:, None], new, old) for new, old in zip(found, states, strict=True))
        y[places[alive], every[alive]] = states[0][alive]
    return y, *states


def lstm_gates(
    gates: Floats, cell: Floats, peephole: Floats, functions: list[Activation], *, coupled: bool = False
) -> tuple[Floats, Floats]:
    """Return the hidden state and the cell after a step; ``gates`` come as input, output, forget, cell.

    ``peephole`` has a row (hidden) each for input, output and forget.
    """
    f, g, h = functions
    entering, leaving, forgetting, candidate = np.split(gates, 4, axis=-1)
    kept = f(entering + peephole[0] * cell)
    forgotten = 1 - kept if coupled else f(forgetting + peephole[2] * cell)
    new = forgotten * cell + kept * g(candidate)
    return f(leaving + peephole[1] * new) * h(new), new


def _rnn_step(node: Node, at: int, functions: list[Activation]) -> tuple[Floats, Step]:
    products, recurrent, given, returned = _parameters(node, at, 1)

    def step(inputs: Floats, hidden: Floats) -> tuple[Floats, ...]:
        return (functions[0](inputs + hidden @ recurrent + returned),)

    return products + given, step


def _gru_step(node: Node, at: int, functions: list[Activation]) -> tuple[Floats, Step]:
    products, recurrent, given, returned = _parameters(node, at, 3)
    size = recurrent.shape[0]
    (f, g), early = functions, bool(node.get("linear_before_reset", 0))

    def step(inputs: Floats, hidden: Floats) -> tuple[Floats, ...]:
        gates = f(inputs[:, : 2 * size] + hidden @ recurrent[:, : 2 * size] + returned[: 2 * size])
        update, reset = np.split(gates, 2, axis=-1)
        matrix, bias = recurrent[:, 2 * size :], returned[2 * size :]
        remembered = reset * (hidden @ matrix + bias) if early else (reset * hidden) @ matrix + bias
        return ((1 - update) * g(inputs[:, 2 * size :] + remembered) + update * hidden,)

    return products + given, step


def _lstm_step(node: Node, at: int, functions: list[Activation]) -> tuple[Floats, Step]:
    products, recurrent, given, returned = _parameters(node, at, 4)
    peephole = node.number(7)[at].reshape(3, -1) if node.has(7) else np.zeros((3, 1))
    coupled, limit = bool(node.get("input_forget", 0)), float(node.get("clip", np.inf))

    def step(inputs: Floats, hidden: Floats, cell: Floats) -> tuple[Floats, ...]:
        found = lstm_gates(inputs + hidden @ recurrent + returned, cell, peephole, functions, coupled=coupled)
        if (np.abs(found[1]) > limit).any():
            raise ValueError("a cell beyond clip has no reference: is it the input of an activation that is bounded?")
        return found

    return products + given, step


def _parameters(node: Node, at: int, gates: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return X W^T (steps, batch, gates * hidden), R^T, and the biases Wb and Rb of a direction."""
    x = np.swapaxes(node.number(0), 0, 1) if node.get("layout", 0) else node.number(0)
    recurrent = node.number(2)[at].T
    bias = node.number(3)[at] if node.has(3) else np.zeros(2 * gates * recurrent.shape[0])
    given, returned = np.split(bias, 2)
    return x @ node.number(1)[at].T, recurrent, given, returned


def _start(node: Node, at: int, states: int, shape: tuple[int, int]) -> tuple[Floats, ...]:
    """Return the initial states (batch, hidden) of a direction."""
    axis = 1 if node.get("layout", 0) else 0
    operands = range(5, 5 + states)
    given = (np.moveaxis(node.number(each), axis, 0) if node.has(each) else None for each in operands)
    return tuple(np.zeros(shape) if each is None else each[at] for each in given)


def _clipped(function: Activation, limit: float) -> Activation:
    """Return ``function`` of its argument in [-limit, limit]: "applied to the input of activations"."""
    return lambda x: function(np.clip(x, -limit, limit))


OPERATORS = {
    "LSTM": Recurrent(prepare=_lstm_step, functions=("Sigmoid", "Tanh", "Tanh"), states=2),
    "GRU": Recurrent(prepare=_gru_step, functions=("Sigmoid", "Tanh")),
    "RNN": Recurrent(prepare=_rnn_step, functions=("Tanh",)),
}
