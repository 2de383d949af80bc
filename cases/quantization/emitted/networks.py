"""The float networks that emit.py quantizes, so made that the ranges of their tensors are exact: see emit.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

Floats = npt.NDArray[np.float32]
Network = tuple[list[onnx.NodeProto], dict[str, Floats], tuple[int, ...]]  # nodes, weights, dimensions of the output
STEP = 2.0**-4  # of the input


def mlp(offset: int) -> Network:
    """Return Gemm, Relu, Gemm; the copied input becomes 2 * x + shift, and then that less shift."""
    shift = offset * 2 * STEP
    weights = {
        "w1": _weights(11, units=6, inputs=8, copied=0, factor=2.0, limit=16, step=2.0**-5, last_alone=True).T.copy(),
        "b1": _bias(12, 6, shift),
        "w2": _weights(13, units=4, inputs=6, copied=0, factor=1.0, limit=16, step=2.0**-6).T.copy(),
        "b2": _bias(14, 4, -shift),
    }
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["hidden"], name="gemm1"),
        helper.make_node("Relu", ["hidden"], ["active"], name="relu"),
        helper.make_node("Gemm", ["active", "w2", "b2"], ["y"], name="gemm2"),
    ]
    return nodes, weights, (4,)


def matmuls(offset: int) -> Network:
    """Return the MLP without its biases: MatMul, Relu, MatMul."""
    _, weights, output = mlp(offset)
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["hidden"], name="matmul1"),
        helper.make_node("Relu", ["hidden"], ["active"], name="relu"),
        helper.make_node("MatMul", ["active", "w2"], ["y"], name="matmul2"),
    ]
    return nodes, {name: weights[name] for name in ("w1", "w2")}, output


def cnn(offset: int) -> Network:
    """Return Conv, Relu, MaxPool, Conv; the middle of the first kernel copies, otherwise as in the MLP."""
    shift = offset * 2 * STEP
    first = _weights(21, units=4, inputs=18, copied=4, factor=2.0, limit=4, step=2.0**-5, last_alone=True)
    second = _weights(23, units=3, inputs=36, copied=4, factor=1.0, limit=2, step=2.0**-6)
    weights = {
        "w1": first.reshape(4, 2, 3, 3),
        "b1": _bias(22, 4, shift),
        "w2": second.reshape(3, 4, 3, 3),
        "b2": _bias(24, 3, -shift),
    }
    kernel: dict[str, Any] = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["hidden"], name="conv1", **kernel),
        helper.make_node("Relu", ["hidden"], ["active"], name="relu"),
        helper.make_node("MaxPool", ["active"], ["pooled"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["pooled", "w2", "b2"], ["y"], name="conv2", **kernel),
    ]
    return nodes, weights, (3, 3, 3)


def attention(_offset: int) -> Network:
    """Return one head of attention, and the input added to what comes out; scores stay below 8.

    The range of what comes behind the softmax depends on the last bits of an exponential: emit.py gives it by hand.
    """
    weights = {
        "wq": _weights(41, units=6, inputs=8, copied=0, factor=2.0**-5, limit=16, step=2.0**-11, last_alone=True).T,
        "wk": _weights(42, units=6, inputs=8, copied=0, factor=2.0, limit=16, step=2.0**-5, last_alone=True).T,
        "wv": _weights(43, units=6, inputs=8, copied=0, factor=2.0, limit=16, step=2.0**-5, last_alone=True).T,
        "wo": _weights(44, units=8, inputs=6, copied=0, factor=2.0**-2, limit=16, step=2.0**-8).T,
    }
    nodes = [
        *(helper.make_node("MatMul", ["x", f"w{part}"], [part], name=f"matmul_{part}") for part in "qkv"),
        helper.make_node("Transpose", ["k"], ["kt"], name="transpose", perm=[0, 2, 1]),
        helper.make_node("MatMul", ["q", "kt"], ["scores"], name="matmul_scores"),
        helper.make_node("Softmax", ["scores"], ["probabilities"], name="softmax", axis=-1),
        helper.make_node("MatMul", ["probabilities", "v"], ["context"], name="matmul_context"),
        helper.make_node("MatMul", ["context", "wo"], ["out"], name="matmul_out"),
        helper.make_node("Add", ["x", "out"], ["y"], name="residual"),
    ]
    return nodes, {name: weight.copy() for name, weight in weights.items()}, (5, 8)


def wide(_offset: int) -> Network:
    """Return one MatMul of 64 inputs; every block of 16 weights has the lowest and the highest code of 4 bits in it.

    So the scale is what one code is worth, a power of two, whether 8 steps or a range of 15 are what it is taken from.
    """
    steps = integers(51, (12, 4, 16), -8, 7)
    steps[..., 3], steps[..., 9] = -8, 7
    sizes = 2.0 ** -(5 + integers(52, (12, 4, 1), 0, 1))
    weight = (steps * np.repeat(sizes[:, ::2], 2, axis=1)).reshape(12, 64)  # the same for blocks of 16 and of 32
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="matmul")]
    return nodes, {"w": weight.T.astype(np.float32).copy()}, (12,)


def wide8(_offset: int) -> Network:
    """Return the same for 8 bits: -128 and 127 steps in every block."""
    steps = integers(53, (12, 2, 32), -128, 127)
    steps[..., 3], steps[..., 9] = -128, 127
    weight = (steps * 2.0**-9).reshape(12, 64)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="matmul")]
    return nodes, {"w": weight.T.astype(np.float32).copy()}, (12,)


def _weights(
    seed: int, *, units: int, inputs: int, copied: int, factor: float, limit: int, step: float, last_alone: bool = False
) -> Floats:
    """Return (units, inputs); the units' scales differ: ``step``, half and a quarter of it."""
    weights = integers(seed, (units, inputs), -limit, limit) * step
    weights[:, -2] = np.sign(weights[:, -2]) * step / 4
    weights[0] = 0
    weights[0, copied] = factor
    if last_alone:
        weights[-1] = 0
    weights[:, -1] = 127 * step / 2.0 ** (np.arange(units) % 3)
    return weights.astype(np.float32)


def _bias(seed: int, units: int, first: float) -> Floats:
    bias = integers(seed, (units,), -16, 16) * STEP
    bias[0] = first
    bias[-1] = 0
    return bias.astype(np.float32)


def integers(seed: int, shape: tuple[int, ...], low: int, high: int) -> npt.NDArray[np.float64]:
    """Return whole numbers from ``low`` to ``high``, the same on every machine."""
    raw = np.asarray(np.random.PCG64(seed).random_raw(int(np.prod(shape))), np.uint64)
    return ((raw % np.uint64(high - low + 1)).astype(np.float64) + low).reshape(shape)
