"""Element types by the names that numpy and ml_dtypes give them, their widths, and the packing of sub-byte elements."""

from __future__ import annotations

from typing import Any, List

import numpy as np

# Everything wider than a byte that numpy itself knows goes under its own name.
BITS = {
    "bool": 8, "int8": 8, "uint8": 8, "int16": 16, "uint16": 16, "int32": 32, "uint32": 32, "int64": 64, "uint64": 64,
    "float16": 16, "bfloat16": 16, "float32": 32, "float64": 64, "complex64": 64, "complex128": 128,
    "float8_e4m3fn": 8, "float8_e4m3fnuz": 8, "float8_e5m2": 8, "float8_e5m2fnuz": 8, "float8_e8m0fnu": 8,
    "int4": 4, "uint4": 4, "float4_e2m1fn": 4, "int2": 2, "uint2": 2,
}  # fmt: skip

NARROWED = {("int64", "int32"), ("float64", "float32")}  # TensorRT 8 has no INT64, and none has a double


def carrier(dtype: str) -> "np.dtype[np.generic]":
    """Return the numpy dtype whose bytes carry ``dtype``: itself where numpy knows it, else an unsigned integer."""
    try:
        return np.dtype(dtype)
    except TypeError:
        return np.dtype("uint16" if BITS[dtype] == 16 else "uint8")


def elements(shape: List[int]) -> int:
    count = 1
    for extent in shape:
        count *= extent
    return count


def pack(unpacked: bytes, dtype: str) -> bytes:
    """Return one-element-a-byte ``unpacked`` as ONNX packs sub-byte elements: the first one in the lowest bits.

    Source: onnx/docs/IR.md, "4-bit and 2-bit element types".
    """
    bits = BITS[dtype]
    per_byte = 8 // bits
    if per_byte <= 1:
        return unpacked
    values = np.frombuffer(unpacked, np.uint8) & ((1 << bits) - 1)
    padded = np.zeros(-(-values.size // per_byte) * per_byte, np.uint8)
    padded[: values.size] = values
    shifts = np.arange(per_byte, dtype=np.uint8) * bits
    return _as_bytes(np.bitwise_or.reduce(padded.reshape(-1, per_byte) << shifts, axis=1))


def unpack(packed: bytes, dtype: str, count: int) -> bytes:
    """Return ``count`` elements of ``packed``, one a byte, in the lowest bits."""
    bits = BITS[dtype]
    per_byte = 8 // bits
    if per_byte <= 1:
        return packed
    shifts = np.arange(per_byte, dtype=np.uint8) * bits
    spread = np.frombuffer(packed, np.uint8).reshape(-1, 1) >> shifts
    return _as_bytes((spread & ((1 << bits) - 1)).reshape(-1)[:count])


def convert(raw: bytes, have: str, want: str) -> bytes:
    """Return the elements of ``raw`` as ``want``: the same, or the narrower type that a runtime takes in its place.

    Raises:
        ValueError: a value does not fit, or the types have nothing to do with each other.
    """
    if have == want:
        return raw
    if (have, want) not in NARROWED:
        raise ValueError("{} is no {}".format(have, want))
    values = np.frombuffer(raw, np.dtype(have))
    narrow = values.astype(np.dtype(want))
    if want == "int32" and not np.array_equal(narrow.astype(np.dtype(have)), values):
        raise ValueError("a value does not fit into int32")
    return bytes(narrow.tobytes())


def packed_size(dtype: str, shape: List[int]) -> int:
    """Return the bytes that a packed tensor takes."""
    return -(-elements(shape) * BITS[dtype] // 8)


def _as_bytes(values: Any) -> bytes:
    return bytes(values.astype(np.uint8).tobytes())
