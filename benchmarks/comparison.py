"""What comparing one output costs: seconds per dtype, where nearly every element is a little off, and where none is.

`python -m benchmarks.comparison [ELEMENTS] [ROUNDS]`, by default 10,000,000 and 3; prints the median processor time of
the rounds, and the most memory that a comparison took beside the two arrays.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Iterator
from statistics import median

import ml_dtypes
import numpy as np

from cases.case import Array, Tolerance
from matrix.verdict.comparison import measure
from matrix.verdict.quantization_step import QuantizationStep

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "int4", "uint4", "int2", "uint2")
FLOATS = ("float16", "bfloat16", "float32", "float64")
SMALL_FLOATS = (
    "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu", "float6_e2m3fn",
    "float6_e3m2fn", "float4_e2m1fn",
)  # fmt: skip
TOLERANCE = Tolerance(absolute=1e-3, relative=1e-3, peak=1e-3, steps=1)


def main() -> None:
    elements = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    print(
        f"{elements:,} elements, median of {rounds} rounds: processor seconds if off, if equal, MiB beside the arrays"
    )
    for name, got, want, step in _pairs(elements):
        off = median(_seconds(got, want, step) for _ in range(rounds))
        equal = median(_seconds(want.copy(), want, step) for _ in range(rounds))
        print(f"{name:28} {off:6.3f} {equal:6.3f} {_mebibytes(got, want, step):6.1f}", flush=True)


def _pairs(elements: int) -> Iterator[tuple[str, Array, Array, QuantizationStep | None]]:
    random = np.random.default_rng(0)
    real = random.standard_normal(elements).astype(np.float32)
    for name in (*FLOATS, *SMALL_FLOATS):
        want = np.abs(real).astype(name)
        yield name, (np.abs(real) * np.float32(1.07)).astype(name), want, None
    want = np.where(real > 2, np.float32(np.nan), real)
    yield "float32 with NaN", want * np.float32(1.07), want, None
    for name in ("complex64", "complex128"):
        pairs = (real + 1j * real[::-1]).astype(name)
        yield name, pairs * 1.07, pairs, None
    for name in INTEGERS:
        whole = random.integers(0, 4 if "2" in name and "32" not in name else 8, elements).astype(np.int8)
        yield name, np.where(whole > 0, whole - 1, whole).astype(name), whole.astype(name), None
    yield "bool", real > 0.1, real > 0, None
    text = np.array(["a", "b", "c"], dtype=object)
    places = random.integers(0, 3, elements)
    yield "string", text[places], text[(places + 1) % 3], None
    rows = real[: elements // 100 * 100].reshape(-1, 100)
    axis = QuantizationStep(scale=random.uniform(0.1, 1, 100), axis=1)
    yield "float32, LSB per axis", rows * np.float32(1.07), rows, axis
    blocked = QuantizationStep(scale=random.uniform(0.1, 1, (rows.shape[0], 4)), axis=1, block=25)
    yield "float32, LSB blocked", rows * np.float32(1.07), rows, blocked


def _seconds(got: Array, want: Array, step: QuantizationStep | None) -> float:
    begun = time.process_time()
    measure(got, want, TOLERANCE, step)
    return time.process_time() - begun


def _mebibytes(got: Array, want: Array, step: QuantizationStep | None) -> float:
    tracemalloc.start()
    measure(got, want, TOLERANCE, step)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 2**20


if __name__ == "__main__":
    assert ml_dtypes, "numpy knows its names once it is imported"
    main()
