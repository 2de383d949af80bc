"""QDQ around what transformers and recurrent networks are made of; with dynamic batch and sequence as well.

Where a function is rounded (exp, sqrt, erf, tanh), float32 leaves a relative error of about 2**-21 after a handful of
operations, times the size of the result: that is the tolerance of a float result, and one step of the scale that of a
result that is quantized again. What a step in the middle does to the end, the pattern concerned says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from cases.case import EXACT, Case, Tolerance
from cases.quantization import extents
from cases.quantization import transformer_layers as layers
from cases.quantization.extents import Dims
from cases.quantization.qdq import WEIGHT_SCALES, X_SCALE, Network, Pattern, dot_product, largest
from cases.quantization.transformer_layers import FEATURES, HIDDEN, UNITS, context_scale

TYPES = ("int8", "uint8", "float8e4m3fn")
X: Dims = ("batch", "sequence", FEATURES)


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


def _attention_tolerance(dtype: str) -> Tolerance:
    """Return what the pattern's docstring says."""
    if dtype == "float8e4m3fn":
        return Tolerance(absolute=2.0**-20 * FEATURES * 4.0 * float(WEIGHT_SCALES.max()) * 8)  # context below 8
    weights = FEATURES * 32 * float(WEIGHT_SCALES.max()) * 2.0**-4
    return Tolerance(absolute=context_scale(dtype) * weights)


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
        write=layers.gemm,
        x=("batch", FEATURES),
        y=("batch", UNITS),
        tolerance=_dot(16),
        weights=True,
    ),
    Layer(
        name="matmul_add",
        op="MatMul Add",
        write=layers.matmul_add,
        y=("batch", "sequence", UNITS),
        tolerance=_dot(16),
        weights=True,
    ),
    Layer(
        name="matmul_activations",
        op="MatMul",
        write=layers.matmul_activations,
        others={"other": ("batch", "sequence", FEATURES)},
        y=("batch", "sequence", "sequence"),
        tolerance=lambda dtype: Tolerance(absolute=FEATURES**2 * 2.0**-24 * largest(dtype) ** 2),
    ),
    Layer(name="add", op="Add", write=layers.add, others={"other": X}, output_scale=THREE / 2),
    Layer(
        name="add_broadcast",
        op="Add",
        write=layers.add_broadcast,
        others={"other": (FEATURES,)},
        output_scale=THREE / 2,
    ),
    Layer(name="mul", op="Mul", write=layers.mul, others={"other": X}, output_scale=151 * X_SCALE**2 / 2),
    Layer(name="softmax", op="Softmax", write=layers.softmax, tolerance=PROBABLE, output_scale=2.0**-7, output_steps=1),
    Layer(
        name="layer_normalization",
        op="LayerNormalization",
        write=layers.layer_normalization,
        opset=17,
        tolerance=NORMAL,
        output_scale=X_SCALE,
        output_steps=1,
    ),
    Layer(
        name="layer_normalization_parts",
        op="LayerNormalization",
        write=layers.layer_normalization_parts,
        tolerance=NORMAL,
        output_scale=X_SCALE,
        output_steps=1,
    ),
    Layer(
        name="gelu",
        op="Gelu",
        write=layers.gelu,
        opset=20,
        tolerance=ACTIVATED,
        output_scale=X_SCALE,
        output_steps=1,
    ),
    Layer(
        name="gelu_tanh",
        op="Gelu",
        write=layers.gelu_tanh,
        opset=20,
        tolerance=ACTIVATED,
        output_scale=X_SCALE,
        output_steps=1,
    ),
    Layer(
        name="gelu_parts",
        op="Gelu",
        write=layers.gelu_parts,
        tolerance=ACTIVATED,
        output_scale=X_SCALE,
        output_steps=1,
    ),
    Layer(
        name="lstm",
        op="LSTM",
        write=layers.lstm,
        x=("sequence", "batch", FEATURES),
        y=("sequence", "batch", HIDDEN),
        tolerance=_rounded(lambda _dtype: 32.0),  # seven steps, each with four gates of some 2**-20
        weights=True,
    ),
    Layer(
        name="attention",
        op="attention block",
        write=layers.attention,
        y=("batch", "sequence", UNITS),
        tolerance=_attention_tolerance,
        weights=True,
        types=("int8", "float8e4m3fn"),
    ),
)


def cases() -> Iterator[Case]:
    """Yield each pattern for each type and each kind of shape."""
    for layer in LAYERS:
        for dtype in layer.types:
            for pattern in _variants(layer, dtype):
                for kind in extents.kinds_of(*pattern.inputs.values()):
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
