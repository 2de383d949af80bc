"""Optimization profiles themselves: several of them, those that begin at an empty tensor or at 1, and fixed ones.

A profile is given to the builder before anything runs, and each shape point must find one that holds it. The layers
are those of the other modules; what is new is only what is asked of the profile. Min, opt, inside and max are points of
the first profile, unless each profile is fixed; further points are called after their profile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from cases.case import EXACT, Case
from cases.dynamic_shapes.layers import (
    CHANNELS,
    FEATURES,
    FILTERS,
    UNITS,
    VOCABULARY,
    attention,
    binary,
    conv,
    embedding,
    matmul,
    mean_of_rows,
    unary,
)
from cases.dynamic_shapes.profiled import Layer, at, batches, fixed, one_profile, several_profiles, spanning
from cases.dynamic_shapes.rounding import PRODUCT, attention_rounding, mean_rounding, rounding, softmax_rounding
from cases.dynamic_shapes.symbolic import Sizes, f32, i64
from cases.inputs import floats, integers
from cases.model import Signature

ROWS = f32("N", FEATURES)
RELU: Layer = ("relu", "Relu", partial(unary, "Relu"), {"x": ROWS}, {"y": ROWS}, EXACT)
MATMUL: Layer = ("matmul", "MatMul", matmul, {"x": ROWS}, {"y": f32("N", UNITS)}, rounding(FEATURES, PRODUCT))
IMAGES: Mapping[str, Signature] = {"x": f32("N", CHANNELS, "H", "W")}
CONV: Layer = (
    *("conv2d", "Conv", partial(conv, pads=[1, 1, 1, 1]), IMAGES, {"y": f32("N", FILTERS, "H", "W")}),
    rounding(CHANNELS * 9 + 1, PRODUCT),
)
TOKENS = f32("N", "S", FEATURES)
PAST, NEW, ALL = f32("N", "P", FEATURES), f32("N", "S", FEATURES), f32("N", "P_plus_S", FEATURES)
EMPTY: Sizes = (0, 4, 2, 8)  # of a symbol whose minimum is an empty tensor


def cases() -> Iterator[Case]:
    """Yield the cases, grouped by what is asked of the profile."""
    yield from _several_batches()
    yield from _several_dimensions()
    yield from _minimum_of_zero()
    yield from _minimum_of_one()
    yield from _fixed()


def _several_batches() -> Iterator[Case]:
    low, high = (at(N=1), at(N=2), at(N=4)), (at(N=8), at(N=12), at(N=16))
    usual = batches(1, 2, 3, 4)
    second = {"second_min": at(N=8), "second_inside": at(N=10), "second_max": at(N=16)}
    nonzero: Layer = (
        *("nonzero", "NonZero", partial(unary, "NonZero"), {"x": f32("N", 4)}, {"y": i64(2, "found")}), EXACT,
    )  # fmt: skip
    rows = {"x": f32("N", 12)}
    softmax: Layer = (
        *("softmax", "Softmax", partial(unary, "Softmax", axis=-1), rows, {"y": f32("N", 12)}), softmax_rounding(12),
    )  # fmt: skip
    for layer in (RELU, MATMUL, nonzero, softmax):
        yield several_profiles(
            "disjoint", layer, spanning(low, high), usual, second, "a gap of batches between two profiles"
        )
    wide = (at(N=4), at(N=8), at(N=16))
    both = {"overlap": at(N=6), "second_max": at(N=16)}
    for layer in (RELU, MATMUL):
        overlapping = spanning((at(N=1), at(N=4), at(N=8)), wide)
        yield several_profiles(
            "overlapping", layer, overlapping, batches(1, 4, 2, 8), both, "batches 4 to 8 fit two profiles"
        )
    nested = spanning((at(N=1), at(N=8), at(N=32)), (at(N=4), at(N=4), at(N=4)))
    yield several_profiles(
        "nested", MATMUL, nested, batches(1, 8, 3, 32), {"second": at(N=4)}, "one profile inside another"
    )
    twice = spanning(low, low)
    yield several_profiles("equal", RELU, twice, usual, {"again": at(N=2)}, "the same profile twice")
    three = spanning(low, (at(N=1), at(N=1), at(N=1)), high)
    yield several_profiles("three", RELU, three, usual, {"third_opt": at(N=12)}, "three profiles, one of them fixed")


def _several_dimensions() -> Iterator[Case]:
    small = (at(N=1, H=4, W=6), at(N=2, H=8, W=10), at(N=4, H=12, W=14))
    large = (at(N=1, H=12, W=14), at(N=1, H=16, W=20), at(N=2, H=24, W=28))
    points = (*small[:2], at(N=3, H=7, W=9), small[2])
    further = {"second_min": large[0], "second_opt": large[1], "second_max": large[2]}
    yield several_profiles(
        "overlapping", CONV, spanning(small, large), points, further, "small images in batches, large ones not"
    )
    tall = (at(N=2, H=8, W=4), at(N=2, H=16, W=4), at(N=2, H=24, W=4))
    flat = (at(N=2, H=4, W=8), at(N=2, H=4, W=16), at(N=2, H=4, W=24))
    points = (*tall[:2], at(N=2, H=11, W=4), tall[2])
    further = {"second_min": flat[0], "second_inside": at(N=2, H=4, W=11), "second_max": flat[2]}
    yield several_profiles(
        "by_dimension", CONV, spanning(tall, flat), points, further, "each profile has another dynamic dimension"
    )
    prompt = (at(N=1, S=2), at(N=1, S=12), at(N=2, S=24))
    token = (at(N=1, S=1), at(N=4, S=1), at(N=8, S=1))
    points = (*prompt[:2], at(N=1, S=7), prompt[2])
    further = {"second_min": token[0], "second_opt": token[1], "second_max": token[2]}
    layer: Layer = ("attention", "MatMul", attention, {"x": TOKENS}, {"y": TOKENS}, attention_rounding(24))
    smaller = {"x": partial(floats, limit=1.0)}
    yield several_profiles(
        "prompt_and_token", layer, spanning(prompt, token), points, further, "a profile for a prompt, one for a token",
        fill=smaller, tags=["softmax"],
    )  # fmt: skip
    concat: Layer = (
        *("concat", "Concat", partial(binary, "Concat", axis=1), {"a": PAST, "b": NEW}, {"y": ALL}), EXACT,
    )  # fmt: skip
    first = (at(N=1, P=0, S=2), at(N=1, P=0, S=8), at(N=4, P=1, S=16))
    later = (at(N=1, P=1, S=1), at(N=2, P=8, S=1), at(N=4, P=24, S=1))
    points = (*first[:2], at(N=3, P=0, S=5), first[2])
    further = {"second_min": later[0], "second_opt": later[1], "second_max": later[2]}
    yield several_profiles(
        "cache", concat, spanning(first, later), points, further, "an empty cache at first, then a growing one"
    )


def _minimum_of_zero() -> Iterator[Case]:
    def empty(layer: Layer, sizes: Mapping[str, Sizes] | None = None, **changes: Any) -> Case:
        summary = f"{layer[1]}: min is an empty tensor"
        tags = ["empty_tensor"]
        return one_profile(
            "min_zero", layer, sizes={"N": EMPTY, **(sizes or {})}, summary=summary, tags=tags, **changes
        )

    yield empty(RELU)
    yield empty(MATMUL)
    mean: Layer = ("reducemean", "ReduceMean", mean_of_rows, {"x": ROWS}, {"y": f32("N")}, mean_rounding(FEATURES))
    yield empty(mean)
    transpose = partial(unary, "Transpose", perm=[1, 0])
    yield empty(("transpose", "Transpose", transpose, {"x": ROWS}, {"y": f32(FEATURES, "N")}, EXACT))
    past, new = f32("N", FEATURES), f32("S", FEATURES)
    concat = partial(binary, "Concat", axis=0)
    yield empty(("concat", "Concat", concat, {"a": past, "b": new}, {"y": f32("N_plus_S", FEATURES)}, EXACT))
    tokens = partial(integers, low=0, high=VOCABULARY - 1)
    gather: Layer = ("gather", "Gather", embedding, {"x": i64("N")}, {"y": f32("N", UNITS)}, EXACT)
    yield empty(gather, fill={"x": tokens})
    nonzero = partial(unary, "NonZero")
    yield empty(("nonzero", "NonZero", nonzero, {"x": f32("N", 4)}, {"y": i64(2, "found")}, EXACT))
    summed = partial(unary, "ReduceSum", keepdims=0)
    total: Layer = ("reducesum_all", "ReduceSum", summed, {"x": f32("N", 4)}, {"y": f32()}, rounding(32, 4.0))
    yield empty(total)


def _minimum_of_one() -> Iterator[Case]:
    summary = "every extent is 1 at min: nothing may be squeezed or broadcast for good"
    every = f32("N", "C", "H", "W")
    ones: Mapping[str, Sizes] = {"N": (1, 4, 2, 8), "C": (1, 3, 2, 4), "H": (1, 5, 3, 7), "W": (1, 6, 2, 9)}
    relu: Layer = ("relu", "Relu", partial(unary, "Relu"), {"x": every}, {"y": every}, EXACT)
    yield one_profile("min_one", relu, sizes=ones, summary=f"Relu: {summary}")
    added: Layer = ("add", "Add", partial(binary, "Add"), {"a": every, "b": f32("C", 1, "W")}, {"y": every}, EXACT)
    yield one_profile("min_one", added, sizes=ones, summary=f"Add: {summary}")
    image: Mapping[str, Sizes] = {name: ones[name] for name in ("N", "H", "W")}
    yield one_profile("min_one", CONV, sizes=image, summary=f"Conv: {summary}")
    squares = {"a": f32("N", "H", "C"), "b": f32("N", "C", "W")}
    product: Layer = (
        *("matmul", "MatMul", partial(binary, "MatMul"), squares, {"y": f32("N", "H", "W")}), rounding(4, PRODUCT),
    )  # fmt: skip
    yield one_profile("min_one", product, sizes=ones, summary=f"MatMul: {summary}")


def _fixed() -> Iterator[Case]:
    usual = batches(1, 4, 2, 8)
    for layer in (RELU, MATMUL):
        summary = "min = opt = max in each of four profiles"
        yield several_profiles("min_is_max", layer, fixed(*usual), usual, summary=summary)
    sizes = (at(N=1, H=8, W=6), at(N=4, H=8, W=6), at(N=2, H=13, W=11), at(N=8, H=16, W=20))
    yield several_profiles("min_is_max", CONV, fixed(*sizes), sizes, summary="four fixed profiles")
    seven: Mapping[str, Sizes] = {"S": (7, 7, 7, 7)}
    relu: Layer = ("relu", "Relu", partial(unary, "Relu"), {"x": TOKENS}, {"y": TOKENS}, EXACT)
    yield one_profile("min_is_max_of_sequence", relu, sizes=seven, summary="Relu: only the batch varies of two symbols")
    pair = {"a": f32("N", 4), "b": f32("B", 4)}
    joined: Layer = ("concat", "Concat", partial(binary, "Concat", axis=0), pair, {"y": f32("N_plus_B", 4)}, EXACT)
    three: Mapping[str, Sizes] = {"B": (3, 3, 3, 3)}
    yield one_profile(
        "min_is_max_of_input", joined, sizes=three, summary="Concat: one of two symbolic inputs never varies"
    )
