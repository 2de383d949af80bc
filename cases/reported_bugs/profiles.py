"""Reports about optimization profiles: what they lack, what breaks them, and several of them in one engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from cases.case import Case, Profile, Shape, ShapePoint, Tolerance
from cases.catalogue import INVALID_ON_PURPOSE, INVALID_REQUEST
from cases.dynamic_shapes.symbolic import Values, f32
from cases.reported_bugs.blocks import FEATURES, attention
from cases.reported_bugs.bug import (
    DIES,
    INEXACT,
    NOT_BUILT,
    NOT_BUILT_OR_EXECUTED,
    NOT_EXECUTED,
    REFUSED,
    WRONG,
    at,
    bug,
    with_points,
)
from cases.reported_bugs.sketch import Sketch

CHANNELS, UNITS = 3, 8
ROWS, SUMS = f32("N", FEATURES), f32("N", UNITS)
IMAGE = f32("N", CHANNELS, "H", "W")
Span = tuple[Shape, Shape, Shape]
# Two profiles of a batch, and points that go from one to the other and back.
TWO_BATCHES: tuple[tuple[int, int, int], ...] = ((1, 2, 4), (8, 12, 16))
BACK_AND_FORTH = {"min": 1, "second_min": 8, "opt": 2, "second_opt": 12, "inside": 3, "second_max": 16, "max": 4}


def cases() -> Iterator[Case]:
    """Yield the cases: faults of profiles and requests, several profiles, wide profiles."""
    yield from _faults()
    yield from _several()
    yield from _wide()


def _faults() -> Iterator[Case]:
    relu = bug("D007", "Relu", lambda g: g.add("Relu", ["x"]), {"x": ROWS}, ROWS, REFUSED)
    yield _at_fault(replace(relu, profiles=()))
    pair = {"a": ROWS, "b": f32("M", FEATURES)}
    left_out = bug("D009", "Concat", _below_each_other, pair, f32(None, FEATURES), REFUSED, sizes={"M": (1, 3, 2, 6)})
    yield _at_fault(replace(left_out, profiles=(Profile(shapes={"a": left_out.profiles[0].shapes["a"]}),)))
    targets: Values = ((1, 16), (4, 16), (2, 16), (8, 16))
    reshape = bug(
        "D010", "Reshape", lambda g: g.add("Reshape", ["x", "target"]),
        {"x": f32("N", 4, 4), "target": (np.int64, (2,))}, f32(None, None), REFUSED, values={"target": targets},
    )  # fmt: skip
    yield _at_fault(replace(reshape, profiles=(Profile(shapes=reshape.profiles[0].shapes),)))
    unlike = bug(
        "D006", "Add", lambda g: g.add("Add", ["a", "b"]), pair, f32(None, FEATURES), NOT_BUILT,
        sizes={"M": (1, 4, 2, 8)},
    )  # fmt: skip
    profile = Profile(shapes={"a": _rows(1, 4, 8), "b": _rows(1, 8, 8)})
    low, _, inside, high = unlike.points
    bad = at("at_fault", a=(4, FEATURES), b=(8, FEATURES), allowed=False)
    yield _at_fault(with_points(unlike, low, inside, bad, high, profiles=(profile,)))
    product = bug("D016", "MatMul", _matmul, {"x": ROWS}, SUMS, NOT_EXECUTED, sizes={"N": (1, 2, 3, 4)})
    yield _at_fault(with_points(product, *product.points, at("at_fault", x=(5, FEATURES), allowed=False)))
    yield _at_fault(_another_volume())


def _another_volume() -> Case:
    """Return a Reshape to rows of 48 pixels, and a profile whose opt has images of 49."""
    case = bug(
        "D003", "Reshape", lambda g: g.add("Reshape", ["x", g.ints("target", -1, CHANNELS * 48)]), {"x": IMAGE},
        f32(None, CHANNELS * 48), NOT_BUILT_OR_EXECUTED,
    )  # fmt: skip
    sizes = {"min": (1, 6, 8), "inside": (2, 12, 4), "max": (8, 16, 12)}
    points = [at(name, x=(batch, CHANNELS, *image)) for name, (batch, *image) in sizes.items()]
    best = (1, CHANNELS, 7, 7)
    span = (1, CHANNELS, 6, 4), best, (8, CHANNELS, 16, 12)
    return with_points(case, *points, at("at_fault", x=best, allowed=False), profiles=(Profile(shapes={"x": span}),))


def _several() -> Iterator[Case]:
    branches = bug("D018", "MatMul", _two_products, {"x": ROWS}, SUMS, DIES)
    yield _between_two(branches, {"x": (FEATURES,)})
    residual = bug("D019", "Add", _matmul_and_residual, {"x": f32("N", UNITS)}, SUMS, WRONG)
    yield _between_two(residual, {"x": (UNITS,)})
    sliced = bug(
        "D020", "Slice", _shape_beside_rows, {"x": ROWS}, {"y": f32("N", UNITS), "size": (np.int64, (1,))}, DIES
    )
    yield _between_two(sliced, {"x": (FEATURES,)})
    block = bug("D025", "Conv", _conv_block, {"x": f32("N", CHANNELS, 8, 6)}, f32("N", UNITS, 8, 6), INEXACT)
    yield _between_two(block, {"x": (CHANNELS, 8, 6)})


def _wide() -> Iterator[Case]:
    tokens = f32("N", "S", FEATURES)
    exponential = Tolerance(absolute=2.0**-8, relative=2.0**-10)
    yield bug("D026", "Softmax", attention, {"x": tokens}, tokens, WRONG, tolerance=exponential)
    wide = (1, 200, 8, 200)
    yield bug(
        "D027", "Transpose", _transposed_product, {"x": f32("N", 4, FEATURES)}, f32("N", FEATURES, UNITS), WRONG,
        sizes={"N": wide},
    )  # fmt: skip


def _at_fault(case: Case) -> Case:
    return replace(case, tags=case.tags | {INVALID_ON_PURPOSE, INVALID_REQUEST})


def _between_two(case: Case, inputs: Mapping[str, Shape]) -> Case:
    """Return ``case`` with TWO_BATCHES and BACK_AND_FORTH; ``inputs`` are the dimensions behind the batch."""
    profiles = [
        Profile(shapes={name: _span(batches, rest) for name, rest in inputs.items()}) for batches in TWO_BATCHES
    ]
    points = [
        ShapePoint(name=name, shapes={key: (batch, *rest) for key, rest in inputs.items()})
        for name, batch in BACK_AND_FORTH.items()
    ]
    return with_points(case, *points, profiles=tuple(profiles))


def _rows(*batches: int) -> Span:
    return _span((batches[0], batches[1], batches[2]), (FEATURES,))


def _span(batches: tuple[int, int, int], rest: Shape) -> Span:
    low, best, high = ((batch, *rest) for batch in batches)
    return low, best, high


def _matmul(g: Sketch) -> None:
    g.add("MatMul", ["x", g.kernel("w", (FEATURES, UNITS))])


def _below_each_other(g: Sketch) -> None:
    g.add("Concat", ["a", "b"], axis=0)


def _two_products(g: Sketch) -> None:
    for name in ("a", "b"):
        g.add("MatMul", ["x", g.kernel(f"w_{name}", (FEATURES, UNITS))], name)
    g.add("Max", ["a", "b"])


def _matmul_and_residual(g: Sketch) -> None:
    g.add("MatMul", ["x", g.kernel("w", (UNITS, UNITS))], "sums")
    g.add("Add", [g.add("Relu", ["sums"], "active"), "x"])


def _shape_beside_rows(g: Sketch) -> None:
    """Add a slice whose end is half of the columns, told by Shape, and the batch as an output of its own."""
    half = g.add("Div", [g.size("x", 1, "columns"), g.ints("two", 2)], "half")
    g.add("Slice", ["x", g.ints("from", 0), half, g.ints("axis", 1)])
    g.size("x", 0, "size")


def _conv_block(g: Sketch) -> None:
    same = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    g.add("Conv", ["x", g.kernel("w1", (UNITS, CHANNELS, 3, 3))], "c", **same)
    g.add("Conv", [g.add("Relu", ["c"], "active"), g.kernel("w2", (UNITS, UNITS, 1, 1))])


def _transposed_product(g: Sketch) -> None:
    g.add("Transpose", ["x"], "turned", perm=[0, 2, 1])
    g.add("MatMul", ["turned", g.kernel("w", (4, UNITS))])
