"""Bodies of one small layer each: input ``x`` (or ``a`` and ``b``), output ``y``, the weights are constants."""

from __future__ import annotations

from typing import Any

import numpy as np

from cases.case import Array
from cases.dynamic_shapes.symbolic import Body, ints
from cases.inputs import floats
from cases.model import node

FEATURES = 16  # what matmul, gemm and layer_normalization take in their last dimension
UNITS = 8  # what matmul, gemm and embedding give
CHANNELS = 3  # what conv takes
FILTERS = 4  # what conv gives
KERNEL = 3  # of conv, in each direction
VOCABULARY = 32
EPSILON = 2.0**-10


def unary(op: str, **attributes: Any) -> Body:
    """Return the body of one op with one input."""
    return [node(op, ["x"], ["y"], **attributes)], {}


def binary(op: str, **attributes: Any) -> Body:
    """Return the body of one op with two inputs."""
    return [node(op, ["a", "b"], ["y"], **attributes)], {}


def conv(*, spatial: int = 2, **attributes: Any) -> Body:
    """Return a Conv with a bias in 1, 2 or 3 ``spatial`` dimensions."""
    weight = floats(f"conv{spatial}d/weight", (FILTERS, CHANNELS, *[KERNEL] * spatial))
    bias = floats(f"conv{spatial}d/bias", (FILTERS,))
    return [node("Conv", ["x", "weight", "bias"], ["y"], **attributes)], {"weight": weight, "bias": bias}


def matmul() -> Body:
    return [node("MatMul", ["x", "weight"], ["y"])], {"weight": floats("matmul/weight", (FEATURES, UNITS))}


def gemm() -> Body:
    """Return a Gemm with a transposed weight and a bias."""
    constants = {"weight": floats("gemm/weight", (UNITS, FEATURES)), "bias": floats("gemm/bias", (UNITS,))}
    return [node("Gemm", ["x", "weight", "bias"], ["y"], transB=1)], constants


def layer_normalization() -> Body:
    return [node("LayerNormalization", ["x", "scale", "bias"], ["y"], axis=-1, epsilon=EPSILON)], _affine()


def layer_normalization_primitives() -> Body:
    """Return layer normalization spelled out, as exporters do below opset 17."""
    nodes = [
        node("ReduceMean", ["x"], ["mean"], axes=[-1]),
        node("Sub", ["x", "mean"], ["centered"]),
        node("Mul", ["centered", "centered"], ["squares"]),
        node("ReduceMean", ["squares"], ["variance"], axes=[-1]),
        node("Add", ["variance", "epsilon"], ["shifted"]),
        node("Sqrt", ["shifted"], ["deviation"]),
        node("Div", ["centered", "deviation"], ["normalized"]),
        node("Mul", ["normalized", "scale"], ["scaled"]),
        node("Add", ["scaled", "bias"], ["y"]),
    ]
    return nodes, {**_affine(), "epsilon": np.array(EPSILON, np.float32)}


def embedding() -> Body:
    return [node("Gather", ["table", "x"], ["y"], axis=0)], {"table": floats("embedding", (VOCABULARY, UNITS))}


def attention() -> Body:
    """Return softmax(x transposed(x) / 4) x of FEATURES = 16: attention of one head without projections."""
    nodes = [
        node("Transpose", ["x"], ["keys"], perm=[0, 2, 1]),
        node("MatMul", ["x", "keys"], ["products"]),
        node("Mul", ["products", "quarter"], ["scores"]),
        node("Softmax", ["scores"], ["weights"], axis=-1),
        node("MatMul", ["weights", "x"], ["y"]),
    ]
    return nodes, {"quarter": np.array(0.25, np.float32)}


def attention_op(query: str, key: str, value: str) -> Body:
    """Return the same as one Attention op, which scales by 1 / sqrt(FEATURES) by default."""
    return [node("Attention", [query, key, value], ["y"], q_num_heads=1, kv_num_heads=1)], {}


def mean_of_rows() -> Body:
    """Return ReduceMean over axis 1, as opsets up to 17 spell it."""
    return [node("ReduceMean", ["x"], ["y"], axes=[1], keepdims=0)], {}


def mean_of_rows_axes_input() -> Body:
    """Return ReduceMean over axis 1, as opsets from 18 on spell it."""
    return [node("ReduceMean", ["x", "axes"], ["y"], keepdims=0)], {"axes": ints(1)}


def two_branches() -> Body:
    """Return relu(a A + b B)."""
    nodes = [
        node("MatMul", ["a", "weight_a"], ["product_a"]),
        node("MatMul", ["b", "weight_b"], ["product_b"]),
        node("Add", ["product_a", "product_b"], ["sum"]),
        node("Relu", ["sum"], ["y"]),
    ]
    weights = {"weight_a": floats("branch/a", (FEATURES, UNITS)), "weight_b": floats("branch/b", (UNITS, UNITS))}
    return nodes, weights


def _affine() -> dict[str, Array]:
    return {"scale": floats("scale", (FEATURES,), limit=1.0), "bias": floats("bias", (FEATURES,), limit=1.0)}
