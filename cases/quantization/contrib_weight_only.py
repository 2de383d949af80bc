"""com.microsoft operators whose weights alone are quantized, in blocks: MatMulNBits and MatMulBnb4.

MatMulNBits: activations are small integers times a power of two, scales small multiples of another, so every sum is
exact in the type it is formed in, whatever its order, and the tolerance is zero. Each block of 16 activations holds
both 127 and -127 units: where ``accuracy_level`` 4 lets a runtime quantize activations to int8, that is exact too.
float16 has 11 bits; there the numbers are smaller, and with a scale of one significant bit the sums still fit.

MatMulBnb4 has codes with rounded values (quantiles of a normal distribution), so it gets the usual bound of a dot
product of K terms, K * 2**-24 * sum |a||b|.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import numpy.typing as npt

from cases.case import Array, Case, Shape, Tolerance
from cases.inputs import floats, integers
from cases.model import dtype_named
from cases.quantization import extents
from cases.quantization.codes import grid
from cases.quantization.packing import pack
from cases.quantization.parameters import scales
from cases.quantization.single import Fed, Single

DOMAIN = "com.microsoft"
UNITS = 7  # odd, and no multiple of any vector's length
SCALES = np.array([3, 5, 7, 2]) * 2.0**-7
POWERS = np.array([2.0**-4, 2.0**-5])
UNWRITTEN = "ONNX Runtime's CPU kernel of MatMulBnb4 leaves most of its output unwritten where transB is 0"
BNB4_K, BNB4_LIMIT = 32, 4.0


@dataclass(frozen=True, kw_only=True)
class NBits:
    """One combination of axes of MatMulNBits; ``inner`` is K."""

    bits: int = 4
    block: int = 32
    inner: int = 64
    zero_point: str = "zp_absent"  # or "zp_packed", "zp_unpacked"
    real: str = "float"
    accuracy: int = 0
    extra: str = ""  # "bias" or "g_idx"

    @property
    def blocks(self) -> int:
        return -(-self.inner // self.block)

    @property
    def words(self) -> tuple[str, ...]:
        found = (f"{self.bits}bits", f"block{self.block}", f"k{self.inner}", self.zero_point, self.real)
        accuracy = f"accuracy{self.accuracy}" if self.accuracy else ""
        return ("contrib_matmulnbits", *found, *filter(None, (accuracy, self.extra)))


def cases() -> Iterator[Case]:
    """Yield the cases of MatMulNBits and MatMulBnb4."""
    for bits, block in product((2, 4, 8), (16, 32, 64, 128)):
        yield _nbits(NBits(bits=bits, block=block, inner=128))
    for bits, zero in product((2, 4, 8), ("zp_packed", "zp_unpacked")):
        yield _nbits(NBits(bits=bits, zero_point=zero))
        yield _nbits(NBits(bits=bits, zero_point=zero, block=16, inner=40))  # three blocks, the last of them cut
    for bits, accuracy in product((4, 8), (1, 2, 3, 4)):
        yield _nbits(NBits(bits=bits, zero_point="zp_packed", accuracy=accuracy))
    for bits, extra in product((4, 8), ("bias", "g_idx")):
        yield _nbits(NBits(bits=bits, extra=extra))
    for bits, real in product((4, 8), ("float16", "bfloat16")):
        for zero in ("zp_absent", "zp_packed", "zp_unpacked"):
            yield _nbits(NBits(bits=bits, real=real, zero_point=zero, block=16, inner=32))
    for bits, (block, inner) in product((4, 8), ((32, 64), (64, 64), (128, 128))):
        for zero in ("zp_absent", "zp_packed"):
            yield _nbits(NBits(bits=bits, real="float16", zero_point=zero, block=block, inner=inner))
    for bits in (4, 8):
        yield _nbits(NBits(bits=bits, zero_point="zp_packed"), extents.BATCH)
        yield _nbits(NBits(bits=bits, real="float16", zero_point="zp_packed"), extents.BATCH)
    for quant_type, block in product(("fp4", "nf4"), (16, 32, 64, 128)):
        yield _bnb4(quant_type, block, "float", True, extents.STATIC)
    for quant_type in ("fp4", "nf4"):
        yield _bnb4(quant_type, 64, "float", False, extents.STATIC)
        yield _bnb4(quant_type, 64, "float", True, extents.BATCH)
    for real in ("float16", "bfloat16"):
        yield _bnb4("nf4", 64, real, True, extents.STATIC)


def _nbits(axes: NBits, kind: str = extents.STATIC) -> Case:
    constants = ["b", "scales", "" if axes.zero_point == "zp_absent" else "zero_points"]
    constants += ["g_idx" if axes.extra == "g_idx" else "", "bias" if axes.extra == "bias" else ""]
    while not constants[-1]:
        constants.pop()
    real = dtype_named(axes.real)
    return Single(
        domain=DOMAIN,
        op="MatMulNBits",
        words=axes.words,
        summary=f"MatMulNBits, {axes.bits} bits in blocks of {axes.block}, K = {axes.inner}, {axes.real}",
        operands=("x", *constants),
        fed={"x": Fed(dtype=real, shape=("batch", 3, axes.inner), values=partial(_activations, real, axes.inner))},
        constants=partial(_nbits_constants, axes),
        outputs={"y": (real, ("batch", 3, UNITS))},
        attributes={
            "K": axes.inner,
            "N": UNITS,
            "bits": axes.bits,
            "block_size": axes.block,
            **({"accuracy_level": axes.accuracy} if axes.accuracy else {}),
        },
        kind=kind,
        opset=13,
        tags=frozenset({"contrib"}),
    ).case()


def _activations(real: np.dtype[np.floating], inner: int, key: str, shape: Shape) -> Array:
    if real != np.float32:
        return integers(key, shape, -2, 2).astype(real)
    steps = integers(key, shape, -127, 127) if inner <= 64 else integers(key, shape, -60, 60)
    if inner <= 64:
        steps[..., ::16] = 127
        steps[..., 1::16] = -127
    return (steps * 2.0**-5).astype(real)


def _nbits_constants(axes: NBits, key: str) -> Mapping[str, Array]:
    real = dtype_named(axes.real)
    middle = 2 ** (axes.bits - 1)
    low, high = (0, 2**axes.bits - 1) if real == np.float32 else (middle - min(middle, 8), middle + min(middle, 8) - 1)
    codes = integers(f"{key}/codes", (UNITS, axes.blocks, axes.block), low, high)
    zeros = integers(f"{key}/zero_points", (UNITS, axes.blocks), low, high)
    if real != np.float32:
        zeros = np.full_like(zeros, middle - 1)
    pool = SCALES if real == np.float32 else POWERS
    found: dict[str, Array] = {
        "b": pack(codes, axes.bits),
        "scales": scales(key, (UNITS, axes.blocks), pool=pool).astype(real),
    }
    if axes.zero_point == "zp_packed":
        found["zero_points"] = pack(zeros, axes.bits)
    if axes.zero_point == "zp_unpacked":
        found["zero_points"] = zeros.astype(real)
    if axes.extra == "g_idx":
        found["g_idx"] = (np.arange(axes.inner) // axes.block).astype(np.int32)
    if axes.extra == "bias":
        found["bias"] = floats(f"{key}/bias", (UNITS,), dtype=real)
    return found


def _bnb4(quant_type: str, block: int, real: str, transposed: bool, kind: str) -> Case:
    takes, gives = (BNB4_K, UNITS) if transposed else (UNITS, BNB4_K)
    return Single(
        domain=DOMAIN,
        op="MatMulBnb4",
        words=("contrib_matmulbnb4", quant_type, f"block{block}", real, "transb" if transposed else "plain"),
        summary=f"MatMulBnb4, {quant_type} in blocks of {block}, {real}",
        operands=("x", "b", "absmax"),
        fed={
            "x": Fed(
                dtype=dtype_named(real), shape=("batch", 3, takes), values=grid(BNB4_LIMIT, 2.0**-4, dtype_named(real))
            )
        },
        constants=partial(_bnb4_constants, block, real),
        outputs={"y": (dtype_named(real), ("batch", 3, gives))},
        attributes={
            "K": BNB4_K,
            "N": UNITS,
            "block_size": block,
            "quant_type": int(quant_type == "nf4"),
            "transB": int(transposed),
        },
        kind=kind,
        tolerance=_dot_product(takes, real),
        tags=frozenset({"contrib"}),
        no_reference="" if transposed else UNWRITTEN,
    ).case()


def _dot_product(terms: int, real: str) -> Tolerance:
    """Return K * 2**-24 * sum |a||b|, and one rounding of the result where that is narrower than float32.

    No value of either table is above 1, and no ``absmax`` is.
    """
    last = {"float": 0.0, "float16": 2.0**-10, "bfloat16": 2.0**-7}[real]
    return Tolerance(absolute=terms * 2.0**-24 * terms * BNB4_LIMIT, relative=last)


def _bnb4_constants(block: int, real: str, key: str) -> Mapping[str, Array]:
    count = UNITS * BNB4_K
    codes: npt.NDArray[np.integer] = integers(f"{key}/codes", (count,), 0, 15)
    swapped = codes.reshape(-1, 2)[:, ::-1].reshape(-1)  # the first of two codes is in the high bits
    return {
        "b": pack(swapped, 4),
        "absmax": scales(key, (-(-count // block),), pool=np.array([1, 0.5, 0.75, 0.25])).astype(dtype_named(real)),
    }
