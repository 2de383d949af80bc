"""QDQ around what transformers and recurrent networks are made of; with dynamic batch and sequence as well.

Where a function is rounded (exp, sqrt, erf, tanh), float32 leaves a relative error of about 2**-21 after a handful of
operations, times the size of the result: that is the tolerance of a float result, and one step of the scale that of a
result that is quantized again. What a step in the middle does to the end, the pattern concerned says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from cases.case import EXACT, Case, Tolerance
from cases.inputs import floats
from cases.quantization import extents
from cases.quantization.qdq import (
    WEIGHT_SCALES,
    X_SCALE,
    Dims,
    Network,
    Pattern,
    activation_scale,
    dot_product,
    largest,
)

TYPES = ("int8", "uint8", "float8e4m3fn")
KINDS = (extents.STATIC, extents.BATCH, extents.SEQUENCE)
FEATURES, UNITS, HEADS = 16, 12, 2
X: Dims = ("batch", "sequence", FEATURES)
HIDDEN = 6


@dataclass(frozen=True, kw_only=True)
class Layer:
    """What is written, the shapes that come with it, and how far off it may be, for each type."""

    name: str
    op: str
    write: Callable[[Network], str]
    y: Dims = X
    x: Dims = X
    others: dict[str, Dims] = field(default_factory=dict)
    opset: int = 13
    tolerance: Callable[[str], Tolerance] = lambda _dtype: EXACT
    weights: bool = False
    output_scale: float = 0.0
    output_steps: int = 0  # by which a result that is quantized again may be off
    types: tuple[str, ...] = TYPES


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
        step = _context_scale(net.pattern.dtype)
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
    last = net.activation(joined, _context_scale(net.pattern.dtype)) if whole else joined
    return net.add("MatMul", [last, net.weight("w_out", (FEATURES, UNITS), 1, 2.0**-4 if whole else 1.0)], "sums")


def _heads(net: Network) -> str:
    return net.shape("heads_shape", 0, -1, HEADS, FEATURES // HEADS)


def _context_scale(dtype: str) -> float:
    """Return three times a power of two, for projections of 16 terms."""
    return 3 * 2.0**-6 if dtype == "float8e4m3fn" else 3 * 2.0**-5


def _attention_tolerance(dtype: str) -> Tolerance:
    """Return what the pattern's docstring says."""
    if dtype == "float8e4m3fn":
        return Tolerance(absolute=2.0**-20 * FEATURES * 4.0 * float(WEIGHT_SCALES.max()) * 8)  # context below 8
    weights = FEATURES * 32 * float(WEIGHT_SCALES.max()) * 2.0**-4
    return Tolerance(absolute=_context_scale(dtype) * weights)


def _affine(net: Network) -> list[str]:
    net.constant("gain", np.resize([1.0, 0.5, 2.0], FEATURES))
    shift = floats(f"{net.key}/shift", (FEATURES,), limit=1.0, step=2.0**-4)
    return ["gain", net.constant("shift", shift.astype(np.float64))]


def _rounded(size: Callable[[str], float]) -> Callable[[str], Tolerance]:
    return lambda dtype: Tolerance(absolute=2.0**-20 * size(dtype))


def _dot(terms: int) -> Callable[[str], Tolerance]:
    return lambda dtype: dot_product(terms, dtype)


NORMAL = _rounded(lambda _dtype: 4.0 * 2)  # no normalized number of 16 is above sqrt(16), and no gain above 2
ACTIVATED = _rounded(largest)
PROBABLE = _rounded(lambda _dtype: 1.0)
THREE = 3 * X_SCALE
LAYERS = (
    Layer(
        name="gemm_rows",
        op="Gemm",
        write=gemm,
        x=("batch", FEATURES),
        y=("batch", UNITS),
        tolerance=_dot(16),
        weights=True,
    ),
    Layer(
        name="matmul_add",
        op="MatMul Add",
        write=matmul_add,
        y=("batch", "sequence", UNITS),
        tolerance=_dot(16),
        weights=True,
    ),
    Layer(
        name="matmul_activations",
        op="MatMul",
        write=matmul_activations,
        others={"other": ("batch", "sequence", FEATURES)},
        y=("batch", "sequence", "sequence"),
        tolerance=lambda dtype: Tolerance(absolute=FEATURES**2 * 2.0**-24 * largest(dtype) ** 2),
    ),
    Layer(name="add", op="Add", write=add, others={"other": X}, output_scale=THREE / 2),
    Layer(name="add_broadcast", op="Add", write=add_broadcast, others={"other": (FEATURES,)}, output_scale=THREE / 2),
    Layer(name="mul", op="Mul", write=mul, others={"other": X}, output_scale=151 * X_SCALE**2 / 2),
    Layer(name="softmax", op="Softmax", write=softmax, tolerance=PROBABLE, output_scale=2.0**-7, output_steps=1),
    Layer(
        name="layer_normalization",
        op="LayerNormalization",
        write=layer_normalization,
        opset=17,
        tolerance=NORMAL,
        output_scale=X_SCALE,
        output_steps=1,
    ),
    Layer(
        name="layer_normalization_parts",
        op="LayerNormalization",
        write=layer_normalization_parts,
        tolerance=NORMAL,
        output_scale=X_SCALE,
        output_steps=1,
    ),
    Layer(name="gelu", op="Gelu", write=gelu, opset=20, tolerance=ACTIVATED, output_scale=X_SCALE, output_steps=1),
    Layer(
        name="gelu_tanh",
        op="Gelu",
        write=gelu_tanh,
        opset=20,
        tolerance=ACTIVATED,
        output_scale=X_SCALE,
        output_steps=1,
    ),
    Layer(name="gelu_parts", op="Gelu", write=gelu_parts, tolerance=ACTIVATED, output_scale=X_SCALE, output_steps=1),
    Layer(
        name="lstm",
        op="LSTM",
        write=lstm,
        x=("sequence", "batch", FEATURES),
        y=("sequence", "batch", HIDDEN),
        tolerance=_rounded(lambda _dtype: 32.0),  # seven steps, each with four gates of some 2**-20
        weights=True,
    ),
    Layer(
        name="attention",
        op="attention block",
        write=attention,
        y=("batch", "sequence", UNITS),
        tolerance=_attention_tolerance,
        weights=True,
        types=("int8", "float8e4m3fn"),
    ),
)


def cases() -> Iterator[Case]:
    """Yield each pattern for each type and each kind of shape."""
    for layer in LAYERS:
        names = {dim for shape in (layer.x, *layer.others.values()) for dim in shape}
        for dtype in layer.types:
            for pattern in _variants(layer, dtype):
                for kind in KINDS:
                    if extents.FREE[kind] <= names:
                        yield replace(pattern, kind=kind).case()


def _variants(layer: Layer, dtype: str) -> Iterator[Pattern]:
    pattern = Pattern(
        name=layer.name,
        op=layer.op,
        inputs={"x": layer.x, **layer.others},
        output=layer.y,
        write=layer.write,
        dtype=dtype,
        opset=layer.opset,
        tolerance=layer.tolerance(dtype),
    )
    yield pattern
    if layer.weights:
        yield replace(pattern, granularity="per_axis")
    if layer.output_scale and dtype != "float8e4m3fn":
        step = Tolerance(absolute=layer.output_steps * layer.output_scale)
        yield replace(pattern, output_scale=layer.output_scale, tolerance=step)
