"""Rotary embeddings spelled out in primitives, and the write into a cache; the output is ``y``."""

from __future__ import annotations

import numpy as np
import onnx

from cases.dynamic_shapes.symbolic import Body, extent, ints
from cases.model import node

Nodes = list[onnx.NodeProto]


def rotate_half() -> Body:
    """X cos + rotated(x) sin, where rotated swaps the halves of a head and negates the second."""
    nodes = [
        *_tables(),
        node("Concat", ["cosines_now", "cosines_now"], ["wide_cosines"], axis=-1),
        node("Concat", ["sines_now", "sines_now"], ["wide_sines"], axis=-1),
        node("Split", ["x"], ["first", "second"], axis=-1),
        node("Neg", ["second"], ["negated"]),
        node("Concat", ["negated", "first"], ["rotated"], axis=-1),
        node("Mul", ["x", "wide_cosines"], ["straight"]),
        node("Mul", ["rotated", "wide_sines"], ["turned"]),
        node("Add", ["straight", "turned"], ["y"]),
    ]
    return nodes, {"zero": ints(0), "first_axis": ints(0)}


def rotate_interleaved() -> Body:
    """The same for pairs of neighbours: Slice with a step of 2, and Unsqueeze, Concat and Reshape to weave them."""
    nodes = [
        *_tables(),
        node("Slice", ["x", "zero", "end", "last", "two"], ["even"]),
        node("Slice", ["x", "one", "end", "last", "two"], ["odd"]),
        node("Mul", ["even", "cosines_now"], ["even_cosines"]),
        node("Mul", ["odd", "sines_now"], ["odd_sines"]),
        node("Sub", ["even_cosines", "odd_sines"], ["real"]),
        node("Mul", ["even", "sines_now"], ["even_sines"]),
        node("Mul", ["odd", "cosines_now"], ["odd_cosines"]),
        node("Add", ["even_sines", "odd_cosines"], ["imaginary"]),
        node("Unsqueeze", ["real", "behind"], ["real_column"]),
        node("Unsqueeze", ["imaginary", "behind"], ["imaginary_column"]),
        node("Concat", ["real_column", "imaginary_column"], ["pairs"], axis=-1),
        node("Shape", ["x"], ["shape"]),
        node("Reshape", ["pairs", "shape"], ["y"]),
    ]
    numbers = {"zero": ints(0), "one": ints(1), "two": ints(2), "last": ints(-1), "behind": ints(-1)}
    return nodes, {**numbers, "end": ints(np.iinfo(np.int64).max), "first_axis": ints(0)}


def scattered() -> Body:
    """Write ``update`` into x from position ``begin`` of each sequence on."""
    return [node("TensorScatter", ["x", "update", "begin"], ["y"], axis=-2)], {}


def _tables() -> Nodes:
    """Return nodes that cut the tables to the length of the sequence."""
    return [
        *extent("x", 2, "s"),
        *(node("Slice", [name, "zero", "s", "first_axis"], [f"{name}_now"]) for name in ("cosines", "sines")),
    ]
