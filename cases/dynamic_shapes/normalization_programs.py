"""Bodies of one normalization each, as an op or spelled out; the parameters are constants and at most 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from cases.case import Array, Shape
from cases.dynamic_shapes.layers import EPSILON, FEATURES
from cases.dynamic_shapes.symbolic import Body, extent, ints
from cases.inputs import floats
from cases.model import node

CHANNELS, GROUPS = 6, 3


def attributes_only(op: str, **attributes: Any) -> Body:
    """Return an op of one input whose parameters are all attributes."""
    return [node(op, ["x"], ["y"], **attributes)], {}


def batch_normalization(*, relu: bool = False, **attributes: Any) -> Body:
    """Return BatchNormalization with given statistics, with a Relu behind it if ``relu``."""
    names = ["x", "scale", "bias", "mean", "variance"]
    constants = {
        **_affine((CHANNELS,)),
        "mean": floats("mean", (CHANNELS,), limit=1.0),
        "variance": (floats("variance", (CHANNELS,), limit=1.0) + 2).astype(np.float32),  # 1 to 3
    }
    last = "normalized" if relu else "y"
    nodes = [node("BatchNormalization", names, [last], epsilon=EPSILON, **attributes)]
    return [*nodes, node("Relu", [last], ["y"])] if relu else nodes, constants


def instance_normalization() -> Body:
    """Return InstanceNormalization."""
    return [node("InstanceNormalization", ["x", "scale", "bias"], ["y"], epsilon=EPSILON)], _affine((CHANNELS,))


def affine_normalization(op: str, *, axis: int = -1, shape: Shape = (FEATURES,), bias: bool = True) -> Body:
    constants = _affine(shape)
    if not bias:
        del constants["bias"]
    return [node(op, ["x", *constants], ["y"], axis=axis, epsilon=EPSILON)], constants


def with_statistics() -> Body:
    """LayerNormalization with its mean and the inverse of its deviation."""
    outputs = ["y", "mean", "inverse"]
    return [node("LayerNormalization", ["x", "scale", "bias"], outputs, axis=-1, epsilon=EPSILON)], _affine((FEATURES,))


def group_normalization() -> Body:
    """Return GroupNormalization of three groups, with a scale for each channel."""
    names = ["x", "scale", "bias"]
    return [node("GroupNormalization", names, ["y"], num_groups=GROUPS, epsilon=EPSILON)], _affine((CHANNELS,))


def group_as_instance() -> Body:
    """Reshape to [n, groups, -1], InstanceNormalization and back to the shape of x, as exporters do below opset 18."""
    nodes = [
        node("Reshape", ["x", "grouped_shape"], ["grouped"]),
        node("InstanceNormalization", ["grouped", "ones", "zeros"], ["normalized"], epsilon=EPSILON),
        node("Shape", ["x"], ["shape"]),
        node("Reshape", ["normalized", "shape"], ["back"]),
        node("Mul", ["back", "scale"], ["scaled"]),
        node("Add", ["scaled", "bias"], ["y"]),
    ]
    constants = {"ones": np.ones(GROUPS, np.float32), "zeros": np.zeros(GROUPS, np.float32)}
    return nodes, {"grouped_shape": ints(0, GROUPS, -1), **constants, **_affine((CHANNELS, 1, 1))}


def channels_last() -> Body:
    """Transpose to channels last, LayerNormalization and back, as ConvNeXt does."""
    nodes = [
        node("Transpose", ["x"], ["last"], perm=[0, 2, 3, 1]),
        node("LayerNormalization", ["last", "scale", "bias"], ["normalized"], axis=-1, epsilon=EPSILON),
        node("Transpose", ["normalized"], ["y"], perm=[0, 3, 1, 2]),
    ]
    return nodes, _affine((FEATURES,))


def layer_primitives(root: str) -> Body:
    """Layer normalization with Pow and a mean whose size comes from Shape."""
    nodes = [
        *extent("x", -1, "features"),
        node("Cast", ["features"], ["count"], to=1),
        node("ReduceSum", ["x", "last"], ["sum"], keepdims=1),
        node("Div", ["sum", "count"], ["mean"]),
        node("Sub", ["x", "mean"], ["centered"]),
        node("Pow", ["centered", "two"], ["squares"]),
        node("ReduceMean", ["squares"], ["variance"], axes=[-1]),
        node("Add", ["variance", "epsilon"], ["shifted"]),
        node(root, ["shifted"], ["deviation"]),
        node("Div", ["centered", "deviation"], ["normalized"]),
        node("Mul", ["normalized", "scale"], ["scaled"]),
        node("Add", ["scaled", "bias"], ["y"]),
    ]
    constants = {"last": ints(-1), "two": np.array(2, np.float32), "epsilon": np.array(EPSILON, np.float32)}
    return nodes, {**constants, **_affine((FEATURES,))}


def rms_primitives() -> Body:
    """Root mean square normalization, as exporters spell it below opset 23."""
    nodes = [
        node("Mul", ["x", "x"], ["squares"]),
        node("ReduceMean", ["squares"], ["mean"], axes=[-1]),
        node("Add", ["mean", "epsilon"], ["shifted"]),
        node("Sqrt", ["shifted"], ["root"]),
        node("Reciprocal", ["root"], ["inverse"]),
        node("Mul", ["x", "inverse"], ["normalized"]),
        node("Mul", ["scale", "normalized"], ["y"]),
    ]
    return nodes, {"epsilon": np.array(EPSILON, np.float32), "scale": floats("scale", (FEATURES,), limit=1.0)}


def _affine(shape: Shape) -> dict[str, Array]:
    return {"scale": floats("scale", shape, limit=1.0), "bias": floats("bias", shape, limit=1.0)}
