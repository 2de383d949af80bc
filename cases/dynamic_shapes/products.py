"""MatMul with broadcast batches, Gemm and Einsum: sums of K products, with any of their dimensions symbolic.

A result is exact but for the order of its sum: the tolerance is that of ``rounding``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from cases.case import Case, Shape
from cases.dynamic_shapes.layers import binary
from cases.dynamic_shapes.rounding import PRODUCT, rounding
from cases.dynamic_shapes.rows import Row, listed
from cases.dynamic_shapes.symbolic import SIZES, Body, f32
from cases.inputs import floats
from cases.model import Signature, node

DEPTH = 6  # of fixed sums
S, N = SIZES["S"][-1], SIZES["N"][-1]
LENGTHS = {"T": (4, 10, 6, 15)}


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from listed(_matmul(), sizes=LENGTHS)
    yield from listed(_gemm())
    for opset in (7, 9, 11, 13):
        yield from listed(_gemm_of_every_opset(), opset=opset)
    for opset in (9, 13):
        yield from listed(_matmul_of_every_opset(), opset=opset, sizes=LENGTHS)
    yield from listed(_einsum(), sizes=LENGTHS)
    yield from listed(_einsum_of_old_opset(), opset=12, sizes=LENGTHS)


def _matmul() -> Iterator[Row]:
    pairs: tuple[tuple[str, Signature, Signature, Signature, int], ...] = (
        ("batch_broadcast_right", f32("N", "S", DEPTH), f32(DEPTH, 5), f32("N", "S", 5), DEPTH),
        ("batch_broadcast_left", f32(5, DEPTH), f32("N", DEPTH, "S"), f32("N", 5, "S"), DEPTH),
        ("batch_of_one_right", f32("N", "S", DEPTH), f32(1, DEPTH, 5), f32("N", "S", 5), DEPTH),
        ("batch_of_one_left", f32(1, 5, DEPTH), f32("N", DEPTH, "S"), f32("N", 5, "S"), DEPTH),
        ("batch_both", f32("N", 1, "S", DEPTH), f32("C", DEPTH, 5), f32("N", "C", "S", 5), DEPTH),
        ("batch_middle", f32("N", "C", "S", DEPTH), f32("N", 1, DEPTH, "T"), f32("N", "C", "S", "T"), DEPTH),
        ("batch_same", f32("N", "C", "S", DEPTH), f32("N", "C", DEPTH, "T"), f32("N", "C", "S", "T"), DEPTH),
        ("batch_rank", f32("N", "C", "S", DEPTH), f32(DEPTH, "T"), f32("N", "C", "S", "T"), DEPTH),
        ("rank5", f32("N", 2, "C", 3, DEPTH), f32("C", DEPTH, "S"), f32("N", 2, "C", 3, "S"), DEPTH),
        ("summed", f32("N", 3, "S"), f32("N", "S", 5), f32("N", 3, 5), S),
        ("summed_broadcast", f32("N", 3, "S"), f32("S", 5), f32("N", 3, 5), S),
        ("vector_left", f32("S"), f32("N", "S", 5), f32("N", 5), S),
        ("vector_right", f32("N", 3, "S"), f32("S"), f32("N", 3), S),
        ("rows_and_columns", f32("S", DEPTH), f32(DEPTH, "T"), f32("S", "T"), DEPTH),
    )
    for name, a, b, y, terms in pairs:
        inputs = {"a": a, "b": b}
        yield Row(f"matmul-{name}", "MatMul", partial(binary, "MatMul"), inputs, y, rounding(terms, PRODUCT))
    products = partial(_scaled_products)
    queries, keys = f32("N", "C", "S", DEPTH), f32("N", "C", "T", DEPTH)
    scores = f32("N", "C", "S", "T")
    yield Row(
        "matmul-transposed_right", "MatMul", products, {"a": queries, "b": keys}, scores, rounding(DEPTH, PRODUCT)
    )


def _matmul_of_every_opset() -> Iterator[Row]:
    inputs, y = {"a": f32("N", "C", "S", DEPTH), "b": f32(DEPTH, "T")}, f32("N", "C", "S", "T")
    yield Row("matmul-batch_rank", "MatMul", partial(binary, "MatMul"), inputs, y, rounding(DEPTH, PRODUCT))


def _gemm() -> Iterator[Row]:
    few, many = rounding(DEPTH + 1, PRODUCT), rounding(S + 1, PRODUCT)
    weighted = partial(_weighted_gemm, (DEPTH, 5))
    yield Row("gemm-batch", "Gemm", weighted, {"a": f32("N", DEPTH)}, f32("N", 5), few)
    turned = partial(_weighted_gemm, (DEPTH, 5), transA=1)
    yield Row("gemm-batch_transposed", "Gemm", turned, {"a": f32(DEPTH, "N")}, f32("N", 5), few)
    factors = partial(_weighted_gemm, (DEPTH, 5), alpha=0.5, beta=2.0)
    yield Row("gemm-batch_alpha_beta", "Gemm", factors, {"a": f32("N", DEPTH)}, f32("N", 5), few)
    both = partial(binary, "Gemm", transA=1, transB=1)
    yield Row("gemm-both_transposed", "Gemm", both, {"a": f32("S", "N"), "b": f32(5, "S")}, f32("N", 5), many)
    plain = partial(binary, "Gemm")
    yield Row("gemm-every_dimension", "Gemm", plain, {"a": f32("N", "S"), "b": f32("S", "C")}, f32("N", "C"), many)
    matrices = {"a": f32("N", "S"), "b": f32("S", "C")}
    for name, bias in (("rows", f32("N", 1)), ("columns", f32("C")), ("both", f32("N", "C")), ("one", f32(1))):
        inputs = {**matrices, "c": bias}
        yield Row(f"gemm-bias_{name}", "Gemm", partial(_biased_gemm), inputs, f32("N", "C"), many)


def _gemm_of_every_opset() -> Iterator[Row]:
    inputs = {"a": f32("N", "S"), "b": f32("S", "C"), "c": f32("C")}
    yield Row("gemm-bias_columns", "Gemm", partial(_biased_gemm), inputs, f32("N", "C"), rounding(S + 1, PRODUCT))


EQUATIONS: tuple[tuple[str, str, tuple[Signature, ...], Signature, int], ...] = (
    ("matmul", "ij,jk->ik", (f32("N", "S"), f32("S", 5)), f32("N", 5), S),
    ("batch_matmul", "bij,bjk->bik", (f32("N", "S", 4), f32("N", 4, "T")), f32("N", "S", "T"), 4),
    ("scores", "bhsd,bhtd->bhst", (f32("N", 2, "S", 4), f32("N", 2, "T", 4)), f32("N", 2, "S", "T"), 4),
    ("heads_last", "bshd,bthd->bhst", (f32("N", "S", 2, 4), f32("N", "T", 2, 4)), f32("N", 2, "S", "T"), 4),
    ("context", "bhst,bthd->bshd", (f32("N", 2, "S", "T"), f32("N", "T", 2, 4)), f32("N", "S", 2, 4), 15),
    ("project_heads", "bsd,dhk->bshk", (f32("N", "S", 6), f32(6, 2, 3)), f32("N", "S", 2, 3), 6),
    ("outer", "i,j->ij", (f32("N"), f32("S")), f32("N", "S"), 1),
    ("outer_rotary", "bs,d->bsd", (f32("N", "S"), f32(3)), f32("N", "S", 3), 1),
    ("transpose", "bsd->dbs", (f32("N", "S", 4),), f32(4, "N", "S"), 1),
    ("diagonal", "ii->i", (f32("S", "S"),), f32("S"), 1),
    ("trace_of_batch", "bii->b", (f32("N", "S", "S"),), f32("N"), S),
    ("row_sum", "bs->b", (f32("N", "S"),), f32("N"), S),
    ("batch_sum", "bsd->sd", (f32("N", "S", 4),), f32("S", 4), N),
    ("elementwise", "bs,bs->bs", (f32("N", "S"), f32("N", "S")), f32("N", "S"), 1),
    ("dot", "bs,bs->b", (f32("N", "S"), f32("N", "S")), f32("N"), S),
    ("ellipsis", "...ij,...jk->...ik", (f32("N", 2, "S", 4), f32("N", 2, 4, 5)), f32("N", 2, "S", 5), 4),
    ("ellipsis_broadcast", "...ij,...jk->...ik", (f32("N", 2, "S", 4), f32(1, 2, 4, 5)), f32("N", 2, "S", 5), 4),
    ("implicit_output", "bj,ja", (f32("N", "S"), f32("S", 3)), f32(3, "N"), S),
    ("relative_positions", "bhsd,std->bhst", (f32("N", 2, "S", 4), f32("S", "T", 4)), f32("N", 2, "S", "T"), 4),
    ("image_pooling", "bchw,bhw->bc", (f32("N", 3, 5, "S"), f32("N", 5, "S")), f32("N", 3), 5 * S),
)


def _einsum() -> Iterator[Row]:
    """Yield one case an equation; the implicit output of bj,ja is in alphabetical order, ab."""
    for name, equation, operands, y, terms in EQUATIONS:
        inputs = dict(zip("abc", operands, strict=False))
        tolerance = rounding(terms, PRODUCT)
        yield Row(f"einsum-{name}", "Einsum", partial(_einsum_body, len(operands), equation), inputs, y, tolerance)
    three = {"a": f32("N", 4), "b": f32(4, "S"), "c": f32("N", "S")}
    body = partial(_einsum_body, 3, "bi,is,bs->b")
    yield Row("einsum-bilinear", "Einsum", body, three, f32("N"), rounding(4 * S, PRODUCT * 4.0))


def _einsum_of_old_opset() -> Iterator[Row]:
    _, equation, operands, y, terms = EQUATIONS[2]
    inputs = dict(zip("ab", operands, strict=True))
    yield Row("einsum-scores", "Einsum", partial(_einsum_body, 2, equation), inputs, y, rounding(terms, PRODUCT))


def _einsum_body(operands: int, equation: str) -> Body:
    return [node("Einsum", list("abc"[:operands]), ["y"], equation=equation)], {}


def _weighted_gemm(shape: Shape, **attributes: Any) -> Body:
    constants = {"weight": floats("gemm/weight", shape), "bias": floats("gemm/bias", shape[1:])}
    return [node("Gemm", ["a", *constants], ["y"], **attributes)], constants


def _biased_gemm(**attributes: Any) -> Body:
    return [node("Gemm", ["a", "b", "c"], ["y"], **attributes)], {}


def _scaled_products() -> Body:
    """Return a / 2 times b transposed, as attention does."""
    nodes = [
        node("Transpose", ["b"], ["turned"], perm=[0, 1, 3, 2]),
        node("Mul", ["a", "half"], ["scaled"]),
        node("MatMul", ["scaled", "turned"], ["y"]),
    ]
    return nodes, {"half": np.array(0.5, np.float32)}
