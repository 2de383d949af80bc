"""What QuantizeLinear is given, in steps of its scale, and what DequantizeLinear is given, as codes."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from cases.case import Array
from cases.inputs import between, is_integer, representable, saturating, ties
from cases.model import dtype_named

Steps = npt.NDArray[np.float64]

WIDE = {"int16": (-(2**15), 2**15 - 1), "uint16": (0, 2**16 - 1), "int32": (-(2**20), 2**20)}
WINDOW = 40  # how many codes of a wide type are taken at either end and around its middle
OUTLIER = 1000  # times the rest
INFINITY = np.array([np.inf, -np.inf])


@cache
def codes(dtype_name: str) -> Steps:
    """Return the finite values of a type, ascending: all of them, or of a wide type those where something changes.

    int32 is cut at 2**20: times a scale of three significant bits it is then still exact in float32.
    """
    if dtype_name not in WIDE:
        return representable(dtype_named(dtype_name))
    low, high = WIDE[dtype_name]
    middle = (low + high + 1) // 2
    windows = ((low, low + WINDOW), (middle - WINDOW, middle + WINDOW), (high - WINDOW, high))
    return np.concatenate([np.arange(start, stop + 1, dtype=np.float64) for start, stop in windows])


@cache
def steps(dtype_name: str, values: str) -> Steps:
    """Return what to quantize, in steps: numbers that the type has, and numbers between and beyond them.

    ``values`` names the variant; the empty name has all of the ordinary ones.
    """
    inside = np.concatenate([codes(dtype_name), _between(dtype_name, 0.25), [-0.0]])
    halves = _between(dtype_name, 0.5)
    beyond = saturating(dtype_named(dtype_name))
    positive = halves[halves > 0]
    near = inside[np.abs(inside) <= np.abs(inside).max() / 16] if inside.size > 64 else inside / 16
    pools: dict[str, Steps] = {
        "": np.concatenate([inside, halves, beyond]),
        "uniform": inside,
        "ties": halves,
        "ties_odd_scale": halves,
        "saturation": np.concatenate(
            [beyond, _between(dtype_name, 0.75)[:1], _between(dtype_name, 0.25)[-1:]],
        ),
        "zeros": np.array([0.0, -0.0]),
        "constant": positive[positive.size // 4 :][:1],
        "denormals": np.concatenate([inside, halves]),
        "infinities": np.concatenate([inside, INFINITY]),
        "minus_infinity": np.concatenate([inside, INFINITY[1:]]),
        "nan": np.concatenate([inside, [np.nan]]),
        "outliers": np.concatenate([near, near, OUTLIER * near[-1:]]),
        "empty": inside,
    }
    return pools[values]


def special_codes(dtype_name: str, values: str) -> Array:
    """Return the codes to dequantize in the variant ``values``, in the type itself."""
    dtype = dtype_named(dtype_name)
    finite = codes(dtype_name)
    pools: dict[str, Steps] = {
        "zeros": np.array([0.0, -0.0]),
        "constant": finite[-2:-1],
        "infinities": np.concatenate([finite, INFINITY]),
        "nan": np.concatenate([finite, [np.nan]]),
    }
    return pools.get(values, finite).astype(dtype)


def _between(dtype_name: str, fraction: float) -> Steps:
    if dtype_name in WIDE:
        found = codes(dtype_name)[:-1] + fraction
        return found[found <= WIDE[dtype_name][1]]
    return ties(dtype_named(dtype_name)) if fraction == 0.5 else between(dtype_named(dtype_name), fraction)


def has_infinity(dtype_name: str) -> bool:
    """Tell whether the type has a code for infinity: of the quantized types only float8e5m2 has one."""
    return dtype_name == "float8e5m2"


def has_nan(dtype_name: str) -> bool:
    """Tell whether the type has a code that is no number: the float8 types have one, float4 and float6 do not."""
    return not is_integer(dtype_named(dtype_name)) and dtype_name.startswith("float8")
