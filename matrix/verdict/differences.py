"""How far the answers of several runtimes are from each other, while these answers are at hand.

Cells run runtime by runtime, so the outputs of the first wait in memory for those of the last. Equal answers wait once,
and all of them take no more than a limit: beyond it, their digests still tell that two answers differ, but not how far.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import replace

import numpy as np

from cases.case import Array, Tolerance
from matrix.case_folder import encode
from matrix.record import OutputDifference
from matrix.verdict.comparison import INTEGER_NAMES, measure
from matrix.verdict.outputs import dtype_name
from matrix.verdict.reference import Outputs

MAX_BYTES = 256 * 2**20  # of all outputs that wait; one answer to each of 3,318 cases was measured to take 10 MiB


class Answers:
    """The answers of one run. A key is a case on a product in a precision; it occurs in ``keys`` once for each cell."""

    def __init__(self, keys: Iterable[Hashable], limit: int = MAX_BYTES) -> None:
        self._open = Counter(keys)
        self._room = limit
        self._kept: dict[Hashable, dict[str, Outputs]] = {}

    def compare(
        self, key: Hashable, outputs: Outputs | None, tolerance: Tolerance
    ) -> tuple[str, tuple[OutputDifference, ...]]:
        """Return the digest of ``outputs``, and how they differ from each other answer that the key has had so far.

        Call it once for each cell, with None for one that gave no full answer.
        """
        self._open[key] -= 1
        kept = self._kept.setdefault(key, {})
        digest = ""
        differences: tuple[OutputDifference, ...] = ()
        if outputs is not None:
            digest = digest_of(outputs)
            differences = tuple(
                difference(outputs, other, name, tolerance) for name, other in kept.items() if name != digest
            )
            if digest not in kept and self._open[key] > 0:
                self._keep(kept, digest, outputs)
        if self._open[key] <= 0:
            self._room += sum(_bytes(answer) for answer in self._kept.pop(key).values())
        return digest, differences

    def _keep(self, kept: dict[str, Outputs], digest: str, outputs: Outputs) -> None:
        if (size := _bytes(outputs)) <= self._room:
            self._room -= size
            kept[digest] = outputs


def digest_of(outputs: Outputs) -> str:
    """Return the SHA-256 of all outputs by value: -0 is 0, and every NaN is the same."""
    sha = hashlib.sha256()
    for point, arrays in sorted(outputs.items()):
        for name, array in sorted(arrays.items()):
            sha.update(repr((point, name, dtype_name(array), array.shape)).encode())
            sha.update(encode(_canonical(array))[1])
    return sha.hexdigest()


def difference(got: Outputs, other: Outputs, name: str, tolerance: Tolerance) -> OutputDifference:
    """Return how ``got`` differs from ``other``, whose digest is ``name``, with the figures of the worst output."""
    pairs = [
        (point, output, array, other[point][output])
        for point, arrays in got.items()
        for output, array in arrays.items()
        if output in other.get(point, {})
    ]
    unequal = [pair for pair in pairs if not _equal(*pair[2:])]
    found = [_one(name, point, output, one, two, tolerance) for point, output, one, two in unequal]
    nothing = OutputDifference(against=name, differ=0, compared=0, problem="not the same outputs came back")
    return replace(max(found, key=_badness, default=nothing), differ=len(found), compared=len(pairs))


def _one(name: str, point: str, output: str, got: Array, other: Array, tolerance: Tolerance) -> OutputDifference:
    types, shapes = (dtype_name(got), dtype_name(other)), (list(got.shape), list(other.shape))
    problem, drift = "", None
    if types[0] != types[1]:
        problem = f"{types[0]} and {types[1]}"
    elif shapes[0] != shapes[1]:
        problem = f"shapes {shapes[0]} and {shapes[1]}"
    elif got.dtype.kind in "OUS":
        problem = "the strings differ"
    else:
        drift = measure(got, other, tolerance)
    return OutputDifference(
        against=name, differ=1, compared=1, point=point, output=output, drift=drift, problem=problem
    )


def _badness(found: OutputDifference) -> tuple[float, ...]:
    drift = found.drift
    if drift is None:
        return (1.0,)
    return 0.0, float(drift.nonfinite_mismatches > 0), float(drift.share_off > 0), -drift.sqnr_db


def _equal(one: Array, two: Array) -> bool:
    return (
        dtype_name(one) == dtype_name(two)
        and one.shape == two.shape
        and encode(_canonical(one)) == encode(_canonical(two))
    )


def _canonical(array: Array) -> Array:
    """Return floats as float64, which holds all of them, with one zero and one NaN; anything else as it is.

    Of complex numbers, the parts.
    """
    if array.dtype.kind in "OUSb" or array.dtype.name in INTEGER_NAMES:
        return array
    if array.dtype.kind == "c":
        array = np.ascontiguousarray(array).view(array.real.dtype)
    with np.errstate(invalid="ignore"):  # a signaling NaN is data here
        values = np.asarray(array, np.float64)
        return np.where(np.isnan(values), np.nan, values + 0.0)


def _bytes(outputs: Outputs) -> int:
    return sum(array.nbytes for arrays in outputs.values() for array in arrays.values())
