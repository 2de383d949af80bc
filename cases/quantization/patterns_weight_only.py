"""Weights that are stored small and used as floats: no activation is quantized.

Inputs are multiples of 1 / 32 and weights have few bits, so sums are exact in float32; the tolerance is the bound of a
dot product for runtimes that add rounded terms. In float16 the result is rounded to 11 bits, and so is, in a runtime
that multiplies in float16, each term: the bound is that of K roundings of 2**-11, of half the largest terms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from cases.case import Case, Tolerance
from cases.quantization import extents
from cases.quantization.extents import Dims
from cases.quantization.qdq import FLOAT_LIMIT, WEIGHT_SCALES, Network, Pattern

INNER, UNITS, CHANNELS = 128, 12, 6
ROWS: Dims = ("batch", "sequence", INNER)
IMAGE: Dims = ("batch", CHANNELS, "height", "width")
LARGEST = {"int8": 64, "uint8": 64, "float8e4m3fn": 4, "int4": 8, "uint4": 15, "int2": 2, "uint2": 3}
FLOAT16_INNER = 32


def matmul(net: Network) -> str:
    """The weight as the right operand."""
    return net.add("MatMul", ["x", net.weight("w", (INNER, UNITS), 1)], "product")


def matmul_transposed(net: Network) -> str:
    """The weight stored as (out, in), and turned."""
    turned = net.add("Transpose", [net.weight("w", (UNITS, INNER), 0)], "turned", perm=[1, 0])
    return net.add("MatMul", ["x", turned], "product")


def gemm(net: Network) -> str:
    """With a bias, and the weight as (out, in)."""
    w = net.weight("w", (UNITS, INNER), 0)
    return net.add("Gemm", ["x", w, net.bias("bias", UNITS, "w")], "sums", transB=1)


def conv(net: Network) -> str:
    """3 x 3."""
    w = net.weight("w", (4, CHANNELS, 3, 3), 0)
    return net.add("Conv", ["x", w], "sums", kernel_shape=[3, 3], pads=[1, 1, 1, 1])


def small_matmul(net: Network) -> str:
    """Few terms, for float16."""
    return net.add("MatMul", ["x", net.weight("w", (FLOAT16_INNER, UNITS), 1, 2.0**-2)], "product")


def cases() -> Iterator[Case]:
    """Yield each weight-only pattern with each kind of shape."""
    for pattern in _patterns():
        for kind in extents.kinds_of(*pattern.inputs.values()):
            yield replace(pattern, kind=kind).case()


def _patterns() -> Iterator[Pattern]:
    rows: Dims = ("batch", INNER)
    for dtype in ("int8", "int4", "uint4", "float8e4m3fn"):
        for block in (16, 64, 128):
            yield replace(_pattern("matmul_blocks", matmul, dtype, "blocked", block=block), words=(f"block{block}",))
        yield _pattern("matmul_transposed", matmul_transposed, dtype, "per_axis")
        yield _pattern("gemm", gemm, dtype, "per_tensor", x=rows, y=("batch", UNITS))
        for granularity in ("per_tensor", "per_axis"):
            yield _pattern("conv", conv, dtype, granularity, x=IMAGE, y=("batch", 4, "height", "width"), terms=54)
    for dtype in ("int2", "uint2"):
        yield replace(_pattern("matmul_blocks", matmul, dtype, "blocked", block=64), words=("block64",))
        yield _pattern("matmul_transposed", matmul_transposed, dtype, "per_axis")
    for dtype in ("int8", "int4", "float8e4m3fn"):
        pattern = _pattern("matmul_float16", small_matmul, dtype, "per_axis", x=("batch", "sequence", FLOAT16_INNER))
        error = FLOAT16_INNER * 2.0**-12 * FLOAT_LIMIT * LARGEST[dtype] * float(WEIGHT_SCALES.max()) * 2.0**-2
        yield replace(pattern, real="float16", opset=19, tolerance=Tolerance(absolute=error, relative=2.0**-10))


def _pattern(
    name: str,
    write: Callable[[Network], str],
    dtype: str,
    granularity: str,
    *,
    x: Dims = ROWS,
    y: Dims = ("batch", "sequence", UNITS),
    block: int = 0,
    terms: int = INNER,
) -> Pattern:
    weight = LARGEST[dtype] * float(WEIGHT_SCALES.max())
    return Pattern(
        form="weight_only",
        name=name,
        op=name.split("_")[0].capitalize().replace("Matmul", "MatMul"),
        inputs={"x": x},
        output=y,
        write=write,
        dtype=dtype,
        granularity=granularity,
        opset=21 if block else 13,
        block=block,
        tolerance=Tolerance(absolute=terms * 2.0**-24 * terms * FLOAT_LIMIT * weight),
    )
