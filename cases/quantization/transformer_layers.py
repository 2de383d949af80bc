"""Layers of transformers and recurrent networks, written into a network with Q/DQ."""

from __future__ import annotations

import numpy as np

from cases.inputs import floats
from cases.quantization.qdq import Network, activation_scale

FEATURES, UNITS, HEADS = 16, 12, 2
HIDDEN = 6


def gemm(net: Network) -> str:
    """A weight that is stored as its transpose."""
    w = net.weight("w", (UNITS, FEATURES), 0)
    return net.add("Gemm", [net.activation("x"), w, net.bias("bias", UNITS, "w")], "sums", transB=1)


def matmul_add(net: Network) -> str:
    """What a Linear layer of three dimensions becomes: MatMul and a bias that is added."""
    w = net.weight("w", (FEATURES, UNITS), 1)
    product = net.add("MatMul", [net.activation("x"), w], "product")
    return net.add("Add", [product, net.bias("bias", UNITS, "w")], "sums")


def matmul_activations(net: Network) -> str:
    """The scores of an attention."""
    x = net.activation("x")
    other = net.activation("other", activation_scale(net.pattern.dtype) / 2)
    turned = net.add("Transpose", [other], "turned", perm=[0, 2, 1])
    return net.add("MatMul", [x, turned], "product")


def add(net: Network) -> str:
    """Two scales."""
    other = net.activation("other", activation_scale(net.pattern.dtype) / 2)
    return net.add("Add", [net.activation("x"), other], "joined")


def add_broadcast(net: Network) -> str:
    """A vector for each feature."""
    other = net.activation("other", activation_scale(net.pattern.dtype) / 2)
    return net.add("Add", [net.activation("x"), other], "joined")


def mul(net: Network) -> str:
    """Two scales."""
    other = net.activation("other", activation_scale(net.pattern.dtype) / 2)
    return net.add("Mul", [net.activation("x"), other], "product")


def softmax(net: Network) -> str:
    """Over the features."""
    return net.add("Softmax", [net.activation("x")], "probabilities", axis=-1)


def layer_normalization(net: Network) -> str:
    """As one operator, from opset 17 on."""
    operands = [net.activation("x"), *_affine(net)]
    return net.add("LayerNormalization", operands, "normal", axis=-1, epsilon=2.0**-10)


def layer_normalization_parts(net: Network) -> str:
    """As exporters wrote it before opset 17."""
    x = net.activation("x")
    mean = _mean(net, x, "mean")
    centred = net.add("Sub", [x, mean], "centred")
    square = net.add("Mul", [centred, centred], "square")
    variance = _mean(net, square, "variance")
    shifted = net.add("Add", [variance, net.constant("epsilon", 2.0**-10)], "shifted")
    deviation = net.add("Sqrt", [shifted], "deviation")
    normal = net.add("Div", [centred, deviation], "normal")
    gain, shift = _affine(net)
    return net.add("Add", [net.add("Mul", [normal, gain], "scaled"), shift], "shifted_normal")


def _mean(net: Network, name: str, result: str) -> str:
    if net.opset < 18:
        return net.add("ReduceMean", [name], result, axes=[-1])
    return net.add("ReduceMean", [name, net.shape("axes", -1)], result)


def gelu(net: Network) -> str:
    """As one operator, from opset 20 on."""
    return net.add("Gelu", [net.activation("x")], "active")


def gelu_tanh(net: Network) -> str:
    """The approximation by tanh."""
    return net.add("Gelu", [net.activation("x")], "active", approximate="tanh")


def gelu_parts(net: Network) -> str:
    """X / 2 * (1 + erf(x / sqrt 2)), as exporters wrote it before opset 20."""
    x = net.activation("x")
    scaled = net.add("Div", [x, net.constant("root", np.float32(2) ** np.float32(0.5))], "scaled")
    error = net.add("Add", [net.add("Erf", [scaled], "erf"), net.constant("one", 1.0)], "raised")
    return net.add("Mul", [net.add("Mul", [x, error], "product"), net.constant("half", 0.5)], "active")


def lstm(net: Network) -> str:
    """Weights and the input through Q/DQ, the state in float; x is (sequence, batch, features)."""
    w = net.weight("w", (1, 4 * HIDDEN, FEATURES), 1, 2.0**-5)
    r = net.weight("r", (1, 4 * HIDDEN, HIDDEN), 1, 2.0**-3)
    states = net.add("LSTM", [net.activation("x"), w, r], "states", hidden_size=HIDDEN)
    net.constant("axes", np.array([1], np.int64))
    return net.add("Squeeze", [states, "axes"], "squeezed")


def attention(net: Network) -> str:
    """Projections, scores, probabilities and context, and a projection of the context.

    In float8, whose steps grow with the number, only what is exact is quantized again: the projections. In int8
    probabilities and context are as well. A probability on the other side of a tie moves the context by less than one
    of its own steps, so that moves by one at most, and the result by one step of the context times the sum of a
    unit's weights: 16 of 32 steps on average.
    """
    x = net.activation("x")
    whole = net.pattern.dtype != "float8e4m3fn"
    parts = {}
    for name in ("q", "k", "v"):
        w = net.weight(f"w_{name}", (FEATURES, FEATURES), 1, 2.0**-2 if whole else 1.0)
        product = net.add("MatMul", [x, w], f"product_{name}")
        step = context_scale(net.pattern.dtype)
        heads = net.add("Reshape", [net.activation(product, step), _heads(net)], f"heads_{name}")
        perm = [0, 2, 3, 1] if name == "k" else [0, 2, 1, 3]
        parts[name] = net.add("Transpose", [heads], name, perm=perm)
    scores = net.add("MatMul", [parts["q"], parts["k"]], "scores")
    scaled = net.add("Mul", [scores, net.constant("factor", 0.5 if whole else 0.25)], "scaled")
    probabilities = net.add("Softmax", [scaled], "probabilities", axis=-1)
    weights = net.activation(probabilities, 2.0**-7) if whole else probabilities
    context = net.add("MatMul", [weights, parts["v"]], "context")
    turned = net.add("Transpose", [context], "turned", perm=[0, 2, 1, 3])
    joined = net.add("Reshape", [turned, net.shape("joined_shape", 0, -1, FEATURES)], "joined")
    last = net.activation(joined, context_scale(net.pattern.dtype)) if whole else joined
    return net.add("MatMul", [last, net.weight("w_out", (FEATURES, UNITS), 1, 2.0**-4 if whole else 1.0)], "sums")


def _heads(net: Network) -> str:
    return net.shape("heads_shape", 0, -1, HEADS, FEATURES // HEADS)


def context_scale(dtype: str) -> float:
    """Return three times a power of two, for projections of 16 terms."""
    return 3 * 2.0**-6 if dtype == "float8e4m3fn" else 3 * 2.0**-5


def _affine(net: Network) -> list[str]:
    net.constant("gain", np.resize([1.0, 0.5, 2.0], FEATURES))
    shift = floats(f"{net.key}/shift", (FEATURES,), limit=1.0, step=2.0**-4)
    return ["gain", net.constant("shift", shift.astype(np.float64))]
