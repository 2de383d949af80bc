"""What a cell's precision adds to its case's tolerance, and why: docs/accuracy.md, "Tolerance per precision".

A case's tolerance is for the arithmetic that its model spells out. A precision puts something coarser in its place:
every tensor is rounded to it, each rounding is off by at most the unit roundoff u times the value, and where a sum of
products cancels, by u times its terms and not its result. The largest value of the output stands for the terms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from cases.case import Tolerance
from matrix.record import Precision

ROUNDINGS = 4  # of the inputs, the weights, one intermediate tensor and the output
CALIBRATED_ROUNDINGS = 8  # twice as many: an 8-bit rounding is off by a share of its tensor's peak, not of each value
STEPS = 254  # from -127 to 127: the quantization steps of a signed symmetric 8-bit tensor; a rounding is off by half

# Largest error of the roundings, as a share. Of one it is 2^-p for p significant bits (IEEE 754-2019, table 3.5:
# binary16 has 11, and so has TF32; bfloat16 has 8).
ERROR: Mapping[Precision, float] = {
    Precision.TF32: ROUNDINGS * 2.0**-11,
    Precision.FP16: ROUNDINGS * 2.0**-11,
    Precision.BF16: ROUNDINGS * 2.0**-8,
    Precision.INT8_CALIBRATED: CALIBRATED_ROUNDINGS / STEPS,
}


def tolerance_for(tolerance: Tolerance, precision: Precision) -> Tolerance:
    """Return a case's tolerance widened by what ``precision`` may cost.

    ``explicit`` and ``fp32`` cost nothing: they compute what the model says. Integers widen only where the case allows
    them a step at all: a shape, an index or a count is right or wrong in any precision.
    """
    error = ERROR.get(precision, 0.0)
    return replace(
        tolerance,
        relative=tolerance.relative + (0.0 if precision is Precision.INT8_CALIBRATED else error),
        peak=tolerance.peak + error,
        steps=tolerance.steps + (math.ceil(error * STEPS) if tolerance.steps else 0),
    )
