"""Operators of com.microsoft whose weights alone are quantized: MatMulNBits, MatMulBnb4, GatherBlockQuantized.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md, under the operators' names. Products are
summed in float64 and rounded once; ``accuracy_level`` allows a runtime to be less exact and changes nothing here.
"""

from __future__ import annotations

import numpy as np

from cases.case import Array
from cases.inputs import is_integer
from matrix.verdict.reference.arithmetic import unpacked
from matrix.verdict.reference.plug import Floats, Node

# Table of the four-bit normal floats, in the order of their codes: https://arxiv.org/abs/2305.14314, appendix E.
NF4 = np.array(
    [
        *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453),
        *(-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0),
        *(0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224),
        *(0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0),
    ]
)
# Its four-bit floats, the sign in the highest bit: https://github.com/bitsandbytes-foundation/bitsandbytes, "fp4".
_FP4 = np.array([0, 0.0625, 8, 12, 4, 6, 2, 3]) / 12
FP4 = np.concatenate([_FP4, -_FP4])


def nbits(node: Node) -> Array:
    """Return A times the weight's transpose, plus the bias; the weight has N rows of K codes in blocks.

    Raises:
        ValueError: codes of a number of bits that does not fill a byte.
    """
    bits, inner, units = int(node.get("bits", 4)), int(node.attributes["K"]), int(node.attributes["N"])
    block = int(node.attributes["block_size"])
    codes = unpacked(node.array(1).reshape(units, -1, block * bits // 8), bits).reshape(units, -1)[:, :inner]
    groups = node.array(4).astype(np.int64) if node.has(4) else np.arange(inner) // block
    scales = node.number(2).reshape(units, -1)
    weight = (codes - _zeros(node, bits, scales)[:, groups]) * scales[:, groups]
    return np.asarray((node.number(0) @ weight.T + node.number(5)).astype(node.array(0).dtype))


def _zeros(node: Node, bits: int, scales: Floats) -> Floats:
    if not node.has(3):
        return np.full(scales.shape, 2.0 ** (bits - 1))
    given = node.array(3)
    if given.dtype != np.uint8:
        return node.number(3).reshape(scales.shape)
    return unpacked(given.reshape(len(scales), -1), bits)[:, : scales.shape[1]]


def bnb4(node: Node) -> Array:
    """Return A times B or its transpose; B has N rows of K codes, the first one of a byte in the high bits."""
    inner, units = int(node.attributes["K"]), int(node.attributes["N"])
    block = int(node.attributes["block_size"])
    table = NF4 if int(node.attributes["quant_type"]) else FP4
    packed = node.array(1).reshape(-1).astype(np.int64)
    codes = np.stack([packed >> 4, packed & 15], axis=1).reshape(-1)[: units * inner]
    scales = np.repeat(node.number(2).reshape(-1), block)[: units * inner]
    weight = (table[codes] * scales).reshape(units, inner)
    product = node.number(0) @ (weight.T if node.get("transB", 1) else weight)
    return np.asarray(product.astype(node.array(0).dtype))


def gathered(node: Node) -> Array:
    """Return the chosen rows of the table that (data - zero point) * scale is; what is out of range gives zeros."""
    data, scales = node.array(0), node.number(2)
    packed = data.dtype == np.uint8
    bits = int(node.get("bits", 4))
    codes = unpacked(data, bits) if packed else node.number(0)
    zeros = np.full(scales.shape, 2.0 ** (bits - 1) if packed else 0.0)
    if node.has(3):
        zeros = unpacked(node.array(3), bits)[..., : scales.shape[-1]] if packed else node.number(3)
    axis = int(node.get("quantize_axis", 1)) % codes.ndim
    block = int(node.get("block_size", 128)) or codes.shape[axis]
    if block and is_integer(data.dtype) and (block < 16 or block & (block - 1)):
        raise ValueError(f"blocks of {block} are not a power of 2 from 16 on")

    def spread(parameter: Floats) -> Floats:
        return np.repeat(parameter, block, axis=axis).take(np.arange(codes.shape[axis]), axis=axis)

    table = (codes - spread(zeros)) * spread(scales)
    along = int(node.get("gather_axis", 0)) % table.ndim
    indices, size = node.array(1).astype(np.int64), table.shape[along]
    inside = (indices >= -size) & (indices < size)
    found = np.take(table, np.where(inside, indices, 0), axis=along)
    shape = (1,) * along + indices.shape + (1,) * (table.ndim - 1 - along)
    return np.asarray(np.where(inside.reshape(shape), found, 0.0).astype(node.array(2).dtype))


OPERATORS = {"MatMulNBits": nbits, "MatMulBnb4": bnb4, "GatherBlockQuantized": gathered}
