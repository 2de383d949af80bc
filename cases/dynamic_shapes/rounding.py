"""Tolerances that follow from the arithmetic of float32; whatever only moves data is compared exactly.

u is the unit roundoff, 2**-24. The inputs are multiples of 1/16 of at most LIMIT, so that a reference that adds or
multiplies in float32 is exact itself (cases/inputs.py); it has a share in the tolerance only where an op rounds anyway.
"""

from __future__ import annotations

from cases.case import Tolerance

LIMIT = 4.0  # the largest magnitude that cases.inputs.floats returns by default
PRODUCT = LIMIT * LIMIT
_U = 2.0**-24


def rounding(terms: int, largest: float) -> Tolerance:
    """Return how far a float32 sum of ``terms`` terms of at most ``largest`` may be from the exact sum.

    Whatever the order, the error is at most K * u times the sum of magnitudes, with u = 2**-24 and K terms (products
    count one rounding each): Higham, Accuracy and Stability of Numerical Algorithms, sections 3.1 and 4.2. The sum of
    magnitudes is at most K * largest. The inputs of this family make the reference exact: it needs no share.
    """
    return Tolerance(absolute=terms * _U * terms * largest)


def mean_rounding(terms: int) -> Tolerance:
    """Return how far a float32 mean of ``terms`` elements of at most LIMIT may be from the reference.

    K - 1 additions and a division on the one side, and the division of the reference on the other.
    """
    return rounding(terms + 1, LIMIT / terms)


def softmax_rounding(terms: int) -> Tolerance:
    """Return how far two float32 softmaxes over ``terms`` arguments at most 8 apart may be from each other.

    Each is a quotient: an exponential, off by at most 11 units in the last place (2u each) where the fast one of CUDA
    is used (2 + floor(1.173 * 8): CUDA C++ Programming Guide, intrinsic functions), over a sum of K of them; K + 46
    roundings with those of the sum and the division, for either side.
    """
    return Tolerance(relative=2 * (terms + 46) * _U)


def normalization_rounding(terms: int) -> Tolerance:
    """Return how far two float32 normalizations over ``terms`` elements may be from each other.

    For elements of at most LIMIT and a deviation of at least 1: the mean is off by K * u * LIMIT and the difference to
    it by 2 * LIMIT * u more; the quotient, at most sqrt(K), carries (K / 2 + 4) * u of the deviation, and two
    roundings more for a scale and a bias of at most 1, for either side.
    """
    return Tolerance(absolute=2 * ((terms + 2) * LIMIT + terms**0.5 * (terms / 2 + 6)) * _U)


def attention_rounding(terms: int) -> Tolerance:
    """Return how far two softmaxes over ``terms`` arguments, times ``terms`` values of at most 1, may be apart."""
    return Tolerance(absolute=softmax_rounding(terms).relative + 2 * rounding(terms, 1 / terms).absolute)


def interpolation_rounding(length: int) -> Tolerance:
    """Return how far two float32 linear interpolations in two directions to ``length`` samples may be apart.

    In each direction a coordinate of at most ``length`` takes three roundings and is so off by 3 * u * length; from
    there a value moves by at most 2 * LIMIT times as much. The sum of two weighted values takes three roundings more.
    For either side.
    """
    return Tolerance(absolute=2 * 2 * (3 * length * 2 * LIMIT + 3 * LIMIT) * _U)


def root_rounding() -> Tolerance:
    """Return how far two float32 square roots of the same number may be apart: 3 units in the last place (2u) each.

    That is the worst that CUDA's square roots do (CUDA C++ Programming Guide, mathematical functions).
    """
    return Tolerance(relative=2 * 3 * 2 * _U)


def log_rounding(relative: float = 0.0) -> Tolerance:
    """Return how far two float32 logarithms of arguments with an error of ``relative`` may be apart.

    The fast logarithm of CUDA is off by 2**-21.41 where the argument is between 1/2 and 2, else by 3 units in the last
    place (CUDA C++ Programming Guide, intrinsic functions). For either side.
    """
    return Tolerance(absolute=2 * (2.0**-21.41 + relative), relative=2 * 3 * 2 * _U)


def log_sum_exp_rounding(terms: int) -> Tolerance:
    """Return how far two logarithms of float32 sums of ``terms`` exponentials may be apart.

    The arguments of the exponentials are at most 8 in magnitude: 11 units in the last place (2u) where the fast
    exponential of CUDA is used, as in `softmax_rounding`, and K * u of the sum.
    """
    return log_rounding((terms + 22) * _U)


def cubic_rounding(length: int) -> Tolerance:
    """Return how far two float32 cubic interpolations in two directions to ``length`` samples may be apart.

    As `interpolation_rounding`, but four weights, of at most 1 and with derivatives of at most 3, take about ten
    roundings each: in each direction a coordinate that is off by 3 * u * length moves the value by 4 * 3 * LIMIT times
    as much, and the weights and the sum add 4 * 12 * u * LIMIT. For either side.
    """
    return Tolerance(absolute=2 * 2 * (3 * length * 12 * LIMIT + 4 * 12 * LIMIT) * _U)


def function_rounding(largest: float) -> Tolerance:
    """Return how far two float32 results of a function or a short chain of them, of at most ``largest``, may be apart.

    CUDA's single-precision functions are off by at most 4 units in the last place, its fast exponential by 11 here
    (see softmax_rounding), and a polynomial that is cut where float32 ends by about as much; with the products and
    sums around them 16 units of ``largest`` (2u each), for either side.
    """
    return Tolerance(absolute=2 * 16 * 2 * _U * largest)


def affine_rounding(largest: float) -> Tolerance:
    """Return how far two float32 results of (x - mean) / sqrt(variance) * scale + bias may be from each other.

    ``largest`` bounds every intermediate. Eight roundings at most, whether the factors are folded into one scale and
    one shift or not, for either side.
    """
    return Tolerance(absolute=2 * 8 * _U * largest)


def half_attention_rounding(terms: int) -> Tolerance:
    """Return how far two float16 attentions over ``terms`` keys may be apart, with exact scores and values up to 1.

    With v = 2**-11 for float16: an exponential, a sum of K and a quotient make (K + 4) * v of a weight, and the sum of
    K weighted values K * v more; for either side.
    """
    return Tolerance(absolute=2 * (2 * terms + 4) * 2.0**-11)
