"""The activation functions of ONNX's LSTM, GRU and RNN, in float64, and how a node names them.

The functions and their formulas: https://onnx.ai/onnx/operators/onnx__LSTM.html, "Activation functions". The defaults
of alpha and beta are those of the operators of the same names, and Affine and ScaledTanh are none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from matrix.verdict.reference.plug import Floats, Node

Activation = Callable[[Floats], Floats]


@dataclass(frozen=True, kw_only=True)
class Function:
    """A formula of x and as many parameters as there are ``defaults``; one that is None must be given."""

    formula: Callable[..., Floats]
    defaults: tuple[float | None, ...] = ()


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)); exp may overflow to infinity, and the result is then 0."""
    return 1 / (1 + np.exp(-x))


def activations(node: Node, defaults: Sequence[str]) -> list[Activation]:
    """Return the functions of all directions, one direction after the other; ``defaults`` are those of one.

    Raises:
        ValueError: a function is unknown, there are not enough, or one lacks a parameter that has no default.
    """
    directions = 2 if node.get("direction", "forward") == "bidirectional" else 1
    names = list(node.get("activations", None) or [*defaults] * directions)
    if len(names) != len(defaults) * directions:
        raise ValueError(f"{len(names)} activations, not {len(defaults) * directions}")
    given = [iter(node.get(name, None) or ()) for name in ("activation_alpha", "activation_beta")]
    return [_function(name, given) for name in names]


def _function(name: str, given: Sequence[Iterator[float]]) -> Activation:
    """Take the next alpha, and the next beta, where the function has one: "consumed in the order of" the functions."""
    if name not in FUNCTIONS:
        raise ValueError(f"an activation {name!r} is unknown")
    function = FUNCTIONS[name]
    parameters = [next(values, default) for values, default in zip(given, function.defaults, strict=False)]
    if None in parameters:
        raise ValueError(f"{name} has no default for alpha and beta")
    return partial(_apply, function.formula, [float(each) for each in parameters if each is not None])


def _apply(formula: Callable[..., Floats], parameters: Sequence[float], x: Floats) -> Floats:
    return formula(x, *parameters)


FUNCTIONS: Mapping[str, Function] = {
    "Relu": Function(formula=lambda x: np.maximum(x, 0)),
    "Tanh": Function(formula=np.tanh),
    "Sigmoid": Function(formula=sigmoid),
    "Affine": Function(formula=lambda x, alpha, beta: alpha * x + beta, defaults=(None, None)),
    "LeakyRelu": Function(formula=lambda x, alpha: np.where(x >= 0, x, alpha * x), defaults=(0.01,)),
    "ThresholdedRelu": Function(formula=lambda x, alpha: np.where(x >= alpha, x, 0), defaults=(1.0,)),
    "ScaledTanh": Function(formula=lambda x, alpha, beta: alpha * np.tanh(beta * x), defaults=(None, None)),
    "HardSigmoid": Function(formula=lambda x, alpha, beta: np.clip(alpha * x + beta, 0, 1), defaults=(0.2, 0.5)),
    "Elu": Function(formula=lambda x, alpha: np.where(x >= 0, x, alpha * np.expm1(x)), defaults=(1.0,)),
    "Softsign": Function(formula=lambda x: x / (1 + np.abs(x))),
    "Softplus": Function(formula=lambda x: np.logaddexp(x, 0)),
}
