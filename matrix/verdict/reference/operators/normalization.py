"""BatchNormalization of ONNX, all versions from 7 on.

Ours takes the place of the evaluator's because that one, below opset 14, mixes the mean and variance of the input into
the given ones whatever the model asks for: the default ``momentum`` looks to it like a wish for training. By the
specification (https://onnx.ai/onnx/operators/onnx__BatchNormalization.html, versions 7 and 9) a node with one output is
in test mode.
"""

from __future__ import annotations

import numpy as np

from cases.case import Array
from matrix.verdict.reference.arithmetic import along
from matrix.verdict.reference.plug import Node


def batch_normalization(node: Node) -> tuple[Array, ...]:
    """Return (x - mean) / sqrt(variance + epsilon) * scale + bias; in training mode the running statistics as well.

    Raises:
        ValueError: the node trains as versions 7 and 9 did, which leave open what the running variance is.
    """
    training = bool(node.get("training_mode", 0))
    if node.outputs > 1 and not training:
        raise ValueError("BatchNormalization with several outputs and no training_mode has no reference")
    x = node.number(0)
    scale, bias, *given = (node.number(at) for at in range(1, 5))
    others = tuple(axis for axis in range(x.ndim) if axis != 1)
    statistics = [x.mean(axis=others), x.var(axis=others)] if training else given
    mean, variance = (along(each, x.ndim, 1) for each in statistics)
    epsilon = float(np.float32(node.get("epsilon", 1e-5)))
    y = (x - mean) / np.sqrt(variance + epsilon) * along(scale, x.ndim, 1) + along(bias, x.ndim, 1)
    kept = float(np.float32(node.get("momentum", 0.9)))
    running = [old * kept + new * (1 - kept) for old, new in zip(given, statistics, strict=True)]
    types = [node.array(at).dtype for at in (0, 3, 4)]
    return tuple(
        np.asarray(each, dtype) for each, dtype in list(zip([y, *running], types, strict=True))[: node.outputs]
    )


OPERATORS = {"BatchNormalization": batch_normalization}
