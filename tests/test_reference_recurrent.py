"""LSTM, GRU and RNN of the first reference against values worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cases.case import Array
from matrix.verdict.reference.operators import OPERATORS
from matrix.verdict.reference.operators.activations import FUNCTIONS, activations
from matrix.verdict.reference.plug import Node

F32 = np.float32
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def run(op: str, *operands: Any, outputs: int = 3, **attributes: Any) -> tuple[Array, ...]:
    arrays = tuple(None if each is None else np.asarray(each) for each in operands)
    found = OPERATORS["", op](Node(operands=arrays, attributes=attributes, outputs=outputs))
    assert isinstance(found, tuple)
    return found


def weights(op: str, w: tuple[float, ...], r: tuple[float, ...], b: tuple[float, ...] = ()) -> tuple[Array, ...]:
    """Return W, R and B of one direction with one feature and one hidden unit; ``b`` are Wb and then Rb."""
    gates = GATES[op]
    bias = np.array([b or (0.0,) * 2 * gates], F32)
    return np.array([w], F32).reshape(1, gates, 1), np.array([r], F32).reshape(1, gates, 1), bias


def column(*values: float) -> Array:
    """Return x of some steps, one batch and one feature."""
    return np.array(values, F32).reshape(-1, 1, 1)


def test_rnn() -> None:
    y, last = run("RNN", column(1, 2), *weights("RNN", (0.5,), (0.25,), (0.1, 0.2)))
    first = math.tanh(0.5 + 0.3)
    second = math.tanh(1 + 0.25 * first + 0.3)
    assert y.reshape(-1).tolist() == [pytest.approx(first), pytest.approx(second)]
    assert (y.shape, last.shape) == ((2, 1, 1, 1), (1, 1, 1))
    assert y.dtype == F32
    assert last.item() == pytest.approx(second)


def test_rnn_backwards_begins_at_the_end_of_each_sequence() -> None:
    x = np.array([[1, 4], [2, 8], [3, 16]], F32)[..., None]  # two sequences, of 3 and 2 steps
    parts = weights("RNN", (1,), (1,))
    y, last = run(
        "RNN", x, *parts, np.array([3, 2], np.int32), direction="reverse", activations=["Affine"],
        activation_alpha=[1.0], activation_beta=[0.0],
    )  # fmt: skip
    assert y[:, 0, :, 0].tolist() == [[6, 12], [5, 8], [3, 0]]
    assert last[0, :, 0].tolist() == [6, 12]


def test_rnn_forwards_stops_where_a_sequence_ends_and_starts_where_it_is_told() -> None:
    x = np.array([[1, 4], [2, 8], [3, 16]], F32)[..., None]
    start = np.array([[[100], [200]]], F32)
    y, last = run(
        "RNN", x, *weights("RNN", (1,), (1,)), np.array([3, 0], np.int32), start, activations=["Relu"], outputs=2
    )
    assert y[:, 0, :, 0].tolist() == [[101, 0], [103, 0], [106, 0]]
    assert last[0, :, 0].tolist() == [106, 200]


def test_both_directions_have_their_own_weights_and_functions() -> None:
    pairs = zip(weights("RNN", (1,), (1,)), weights("RNN", (2,), (0,)), strict=True)
    both = tuple(np.concatenate(pair) for pair in pairs)
    y, last = run("RNN", column(-1, 3), *both, direction="bidirectional", activations=["Relu", "Softsign"])
    assert y[:, 0].reshape(-1).tolist() == [0, 3]
    assert y[:, 1].reshape(-1).tolist() == [pytest.approx(-2 / 3), pytest.approx(6 / 7)]
    assert last.reshape(-1).tolist() == [3, pytest.approx(-2 / 3)]


def test_layout_1_has_the_batch_first() -> None:
    x = np.arange(6, dtype=F32).reshape(3, 2, 1)
    start = np.array([[[1], [2]]], F32)
    parts = weights("RNN", (0.5,), (0.25,))
    y, last = run("RNN", x, *parts, None, start)
    y1, last1 = run("RNN", x.swapaxes(0, 1), *parts, None, start.swapaxes(0, 1), layout=1)
    assert np.array_equal(y1, y.transpose(2, 0, 1, 3))
    assert np.array_equal(last1, last.swapaxes(0, 1))
    assert last1.shape == (2, 1, 1)


@pytest.mark.parametrize("early", [0, 1])
def test_gru(early: int) -> None:
    """z, r and h are in this order, and the bias of the recurrence is inside of what is reset, or outside."""
    w, r, b = (0.5, -1.0, 0.25), (1.5, 0.75, -0.5), (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    start = 0.8
    z, reset = sigmoid(1.0 + 1.5 * start + 0.5), sigmoid(-2.0 + 0.75 * start + 0.7)
    remembered = reset * (-0.5 * start + 0.6) if early else -0.5 * reset * start + 0.6
    want = (1 - z) * math.tanh(0.5 + remembered + 0.3) + z * start
    y, last = run("GRU", column(2), *weights("GRU", w, r, b), None, column(start), linear_before_reset=early)
    assert y.item() == last.item() == pytest.approx(want)


@pytest.mark.parametrize("coupled", [0, 1])
def test_lstm(coupled: int) -> None:
    """Gates are in the order i, o, f, c, peepholes in the order i, o, f, and o looks at the new cell."""
    w, r, b = (0.5, -1.0, 0.25, 2.0), (1.5, 0.75, -0.5, 1.0), (0.1, 0.2, 0.3, 0.4, 0.0, 0.0, 0.0, 0.0)
    h, c, peephole = 0.8, -0.6, np.array([[0.3, 0.6, 0.9]], F32)
    i = sigmoid(0.5 + 1.5 * h + 0.1 + 0.3 * c)
    f = 1 - i if coupled else sigmoid(0.25 - 0.5 * h + 0.3 + 0.9 * c)
    cell = f * c + i * math.tanh(2 + h + 0.4)
    o = sigmoid(-1 + 0.75 * h + 0.2 + 0.6 * cell)
    parts = weights("LSTM", w, r, b)
    y, last, last_cell = run("LSTM", column(1), *parts, None, column(h), column(c), peephole, input_forget=coupled)
    assert last_cell.item() == pytest.approx(cell)
    assert y.item() == last.item() == pytest.approx(o * math.tanh(cell))


def test_clip_bounds_the_input_of_every_function() -> None:
    """Gates that are bounded give i = f = o = sigmoid(0.5) and candidates of tanh(0.5); in step 2 the cell is 0.466."""
    parts = weights("LSTM", (9, 9, 9, 9), (0, 0, 0, 0))
    y, _, cell = run("LSTM", column(1, 1), *parts, clip=0.5)
    gate, candidate = sigmoid(0.5), math.tanh(0.5)
    cells = [gate * candidate, (gate + gate**2) * candidate]
    assert cell.item() == pytest.approx(cells[1])
    assert y.reshape(-1).tolist() == [pytest.approx(gate * math.tanh(each)) for each in cells]
    with pytest.raises(ValueError, match="a cell beyond clip"):
        run("LSTM", column(1, 1, 1), *parts, clip=0.5)
    y, _ = run("RNN", column(-9), *weights("RNN", (1,), (0,)), clip=0.25)
    assert y.item() == pytest.approx(math.tanh(-0.25))


@pytest.mark.parametrize(
    ("name", "parameters", "x", "want"),
    [
        ("Relu", {}, -2, 0),
        ("Affine", {"activation_alpha": [2.0], "activation_beta": [3.0]}, -2, -1),
        ("LeakyRelu", {}, -2, -0.02),
        ("LeakyRelu", {"activation_alpha": [0.5]}, -2, -1),
        ("ThresholdedRelu", {}, 0.5, 0),
        ("ThresholdedRelu", {"activation_alpha": [0.5]}, 0.5, 0.5),
        ("ScaledTanh", {"activation_alpha": [2.0], "activation_beta": [0.5]}, 1, 2 * math.tanh(0.5)),
        ("HardSigmoid", {}, 1, 0.7),
        ("HardSigmoid", {"activation_beta": [0.9]}, 1, 1),
        ("Elu", {}, -1, math.exp(-1) - 1),
        ("Softsign", {}, -3, -0.75),
        ("Softplus", {}, 1, math.log(1 + math.e)),
        ("Sigmoid", {}, 1, sigmoid(1)),
        ("Tanh", {}, 1, math.tanh(1)),
    ],
)
def test_activations(name: str, parameters: Any, x: float, want: float) -> None:
    y, _ = run("RNN", column(x), *weights("RNN", (1,), (0,)), activations=[name], **parameters)
    assert y.item() == pytest.approx(want)


def test_parameters_go_to_the_functions_that_take_one() -> None:
    named = {"activations": ["Tanh", "LeakyRelu", "Elu"], "activation_alpha": [0.5, 2.0]}
    _, leaky, elu = activations(Node(operands=(), attributes=named), ["Tanh"] * 3)
    assert leaky(np.array(-1.0)) == -0.5
    assert elu(np.array(-1.0)) == pytest.approx(2 * (math.exp(-1) - 1))
    assert len(FUNCTIONS) == 11


@pytest.mark.parametrize("names", [["Swish"], ["Affine"], ["Relu", "Relu"]])
def test_functions_that_nothing_explains_have_no_reference(names: list[str]) -> None:
    with pytest.raises(ValueError, match=r"unknown|no default|2 activations"):
        run("RNN", column(1), *weights("RNN", (1,), (0,)), activations=names)
