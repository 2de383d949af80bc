"""Whether an answer depends on an input: ask again with other values of it, and see whether the answer is another.

A network that does not read an input on which ONNX's answer depends cannot be right for all values of that input.
"""

from __future__ import annotations

import numpy as np

from cases.case import Array, Tolerance
from matrix.verdict.comparison import INTEGER_NAMES, TEXT_KINDS
from matrix.verdict.outputs import agree
from matrix.verdict.reference import Outputs

AGAIN, CHANGED = ", again", ", changed"  # behind the name of a point at which the question is put once more


def changed(array: Array) -> Array:
    """Return other values of the same type and shape, which a model that takes ``array`` is likely to take as well.

    Numbers are halved, as half a length, a size or an index mostly is one still; booleans are turned round, and texts
    doubled.
    """
    if array.dtype == np.bool_:
        return ~array
    if array.dtype.kind in TEXT_KINDS:
        return array + array
    if array.dtype.name in INTEGER_NAMES:
        return (array.astype(np.uint64 if array.dtype.name == "uint64" else np.int64) // 2).astype(array.dtype)
    with np.errstate(all="ignore"):
        return (array.astype(np.complex128 if array.dtype.kind == "c" else np.float64) / 2).astype(array.dtype)


def depends(outputs: Outputs, tolerance: Tolerance) -> bool:
    """Say whether at some point what came back for `CHANGED` values is outside tolerance of what came back before.

    The same question asked `AGAIN` must have the same answer: one with random numbers in it shows nothing.
    """
    return any(
        agree(outputs[point], outputs[point + AGAIN], tolerance)
        and not agree(outputs[point], outputs[point + CHANGED], tolerance)
        for point in outputs
        if point + CHANGED in outputs
    )


def repeats(outputs: Outputs, tolerance: Tolerance) -> bool:
    """Say whether the same question asked `AGAIN` had the same answer at every point."""
    return all(
        agree(outputs[point], outputs[point + AGAIN], tolerance) for point in outputs if point + AGAIN in outputs
    )
