"""Blocks of layers that several reports are about; each makes ``y`` of ``x``."""

from __future__ import annotations

import numpy as np

from cases.reported_bugs.sketch import Sketch

FEATURES = 16
EPSILON = 2.0**-10


def normalized(g: Sketch, x: str, result: str) -> str:
    """Add layer normalization over the last dimension of FEATURES."""
    ones = g.constant(f"{result}_ones", np.ones(FEATURES, np.float32))
    return g.add("LayerNormalization", [x, ones], result, axis=-1, epsilon=EPSILON)


def layer_norm_block(g: Sketch) -> None:
    """Add layer normalization and two MatMul with Relu between them, beside a residual."""
    normalized(g, "x", "n")
    g.add("MatMul", ["n", g.kernel("w1", (FEATURES, 2 * FEATURES))], "up")
    g.add("Relu", ["up"], "active")
    g.add("MatMul", ["active", g.kernel("w2", (2 * FEATURES, FEATURES))], "down")
    g.add("Add", ["x", "down"])


def attention(g: Sketch) -> None:
    """Add attention of one head with projections."""
    for name in ("query", "key", "value"):
        g.add("MatMul", ["x", g.kernel(f"w_{name}", (FEATURES, FEATURES))], name)
    g.add("Transpose", ["key"], "keys", perm=[0, 2, 1])
    g.add("MatMul", ["query", "keys"], "products")
    g.add("Mul", ["products", g.constant("quarter", 0.25)], "scores")
    g.add("Softmax", ["scores"], "weights", axis=-1)
    g.add("MatMul", ["weights", "value"])
