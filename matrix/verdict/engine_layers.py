"""What an engine really runs, read from its layer table: the type of the case's operator, and what became of Q/DQ.

A builder may run a quantized operator in float, and the answer is then right and slow. The layers of the engine tell.
Source of types and layer names: https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/advanced.html,
"Engine Inspector".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from matrix.record import Layer

# The inspector's words for an element type ("Row major linear FP32", "Half"), widest first, and what we call it.
TYPES = (
    (r"float|fp32|tf32", "float32"), (r"bfloat16|bf16", "bfloat16"), (r"half|float16|fp16", "float16"),
    (r"fp8|float8|e4m3", "fp8"), (r"int8", "int8"), (r"fp4|float4|e2m1", "fp4"), (r"int4", "int4"),
)  # fmt: skip
QUANTIZED = frozenset({"fp8", "int8", "fp4", "int4"})
WIDTH = {name: width for width, (_, name) in enumerate(reversed(TYPES))}

# Layers that move or prepare data; the work of an operator is in the others.
PLUMBING = re.compile(
    r"reformat|constant|shuffle|noop|signal|wait|shape|cast|slice|quantize|scale|trainstation|copy", re.I
)
QDQ = re.compile(r"quantize", re.I)  # QuantizeLinear, DequantizeLinear, Quantize, Dequantize
# The work that quantization is for, by layer type or by the name of the kernel.
HEAVY = re.compile(r"conv|gemm|matrixmultiply|matmul|fullyconnected|mha|einsum|rnn|lstm", re.I)
BETWEEN_QDQ = ("QDQ ", "quantize_static")  # the beginnings of a case's op that promise work in a quantized type
OPAQUE = re.compile(r"myelin|foreignnode", re.I)  # a graph of its own, whose inner types are not told


@dataclass(frozen=True, kw_only=True)
class Ran:
    """``type`` is empty where the table does not tell; several types are joined by ``+``, the widest first.

    ``kept`` counts the Q/DQ nodes that are layers of their own: 0 where all of them were fused away.
    """

    type: str = ""
    kept: int = 0
    work: tuple[str, ...] = ()  # the layers that do the operator's work

    @property
    def in_float(self) -> bool:
        """Say whether none of the work is done in a quantized type."""
        return bool(self.type) and not QUANTIZED & set(self.type.split("+"))


def what_ran(layers: Sequence[Layer]) -> Ran:
    """Return in which type the engine does its work.

    The work is what the convolutions and matrix products do, and where there are none, what all layers do that do not
    merely move data. A layer works in the type of its first input; of two factors, in the wider one.
    """
    heavy = [layer for layer in layers if HEAVY.search(layer.type) or _is_heavy_kernel(layer)]
    work = heavy or [layer for layer in layers if not PLUMBING.search(layer.type)]
    work = work or [layer for layer in layers if _is_qdq(layer)]
    types = {_type_of(layer) for layer in work} - {""}
    return Ran(
        type="+".join(sorted(types, key=lambda name: -WIDTH[name])),
        kept=sum(_is_qdq(layer) for layer in layers),
        work=tuple(layer.name for layer in work),
    )


def describe(ran: Ran, op: str) -> str:
    """Return in a sentence what became of the operator ``op``, empty where the table does not tell."""
    if not ran.type:
        return ""
    kept = "no Q/DQ node is a layer of its own" if not ran.kept else f"{ran.kept} Q/DQ nodes are layers of their own"
    return f"{op} runs in {ran.type}, in {', '.join(ran.work)}; {kept}"


def fell_back(ran: Ran, op: str) -> bool:
    """Say whether an operator between Q/DQ nodes, which name a quantized type, runs in float all the same."""
    return ran.in_float and op.startswith(BETWEEN_QDQ)


def _is_qdq(layer: Layer) -> bool:
    return bool(QDQ.search(layer.type)) or (bool(PLUMBING.search(layer.type)) and bool(QDQ.search(layer.name)))


def _is_heavy_kernel(layer: Layer) -> bool:
    """A fused layer (type "kgen") shows in the name of its kernel alone that there is a matrix product in it."""
    return not PLUMBING.search(layer.type) and bool(HEAVY.search(layer.tactic))


def _type_of(layer: Layer) -> str:
    if OPAQUE.search(layer.type) or OPAQUE.search(layer.name):
        return ""
    factors = 2 if re.search(r"gemm|matri|matmul|mha", layer.type, re.I) else 1
    if _is_qdq(layer):  # the operator is the conversion itself: its quantized side
        sides = [name for name in map(_type_named, (*layer.inputs, *layer.outputs)) if name]
        return min(sides, key=lambda name: WIDTH[name], default="")
    types = [name for name in map(_type_named, layer.inputs) if name][:factors]
    return max(types, key=lambda name: WIDTH[name], default="")


def _type_named(text: str) -> str:
    """Return the type in the inspector's words, empty where it is none that arithmetic is done in."""
    found = [name for pattern, name in TYPES if re.search(rf"\b(?:{pattern})\b", text, re.I)]
    return found[-1] if found else ""
