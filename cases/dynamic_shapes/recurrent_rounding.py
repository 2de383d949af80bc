"""How far two float32 LSTMs, GRUs or RNNs may be apart: the errors of one step, carried through all of them.

u is 2**-24. Every gate takes a sum of ``FEATURES + HIDDEN + 2`` terms whose magnitudes add up to REACH at most; the
sum is off by as many u of that (rounding.py). A sigmoid passes on a quarter of the error of its argument, a tanh all of
it, and either is itself off by ACTIVATION, which covers the fast exponential of CUDA (rounding.py) and the polynomials
of ONNX Runtime. An error of the state comes back into the sum times RHO, the sum of magnitudes of a row of R. As inputs
and states are at most 1 and REACH is small, no gate is above GATE, which is what a step can keep of the error before
it. The weights are so small that errors hardly grow from step to step; nothing here assumes that they do not. Of
the other activations in use Relu adds no error of its own, and neither does clip; HardSigmoid, Affine and ScaledTanh
are nowhere steeper than a sigmoid and a tanh, or larger than these may get here.
"""

from __future__ import annotations

from math import exp

from cases.case import Tolerance

FEATURES, HIDDEN = 3, 4
X, W, R, B, P = 1.0, 2.0**-2, 2.0**-5, 2.0**-3, 2.0**-6  # the largest input, weights, bias and peephole
CELL = 4.0  # the largest cell state: GATE / (1 - GATE), as a cell keeps at most GATE and gains at most GATE
RHO = HIDDEN * R
REACH = FEATURES * X * W + RHO + 2 * B + P * CELL
GATE = 1 / (1 + exp(-REACH))
U = 2.0**-24
SUM = (FEATURES + HIDDEN + 2) * U * REACH
ACTIVATION = 16 * U


def recurrent_rounding(op: str, steps: int) -> Tolerance:
    """Return how far two results of ``op`` over ``steps`` steps may be from each other, each off by its own errors."""
    state, cell = 0.0, 0.0
    for _ in range(steps):
        if op == "LSTM":
            state, cell = _lstm(state, cell)
        else:
            state = _gru(state) if op == "GRU" else RHO * state + SUM + ACTIVATION
    return Tolerance(absolute=2 * max(state, cell))


def _gru(state: float) -> float:
    """Return the error after a step: h = (1 - z) n + z h, where n - h is at most 2."""
    gate = (RHO * state + SUM) / 4 + ACTIVATION
    candidate = SUM + RHO * (state + gate) + B * gate + 2 * U + ACTIVATION
    kept = max((1 - z) * candidate + z * state for z in (GATE, 1 - GATE))
    return 2 * gate + kept + 6 * U


def _lstm(state: float, cell: float) -> tuple[float, float]:
    """Return the errors after a step: c = f c + i g and h = o tanh(c), with peepholes."""
    gate = (RHO * state + P * cell + SUM) / 4 + ACTIVATION
    candidate = RHO * state + SUM + ACTIVATION
    cell = GATE * cell + CELL * gate + gate + GATE * candidate + 3 * (CELL + 1) * U
    output = (RHO * state + P * cell + SUM) / 4 + ACTIVATION
    return GATE * (cell + ACTIVATION) + output + U, cell
