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


def batch_normalization(node: Node) -> Array:
    """Return (x - mean) / sqrt(variance + epsilon) * scale + bias.

    Raises:
        ValueError: the node is in training mode.
    """
    if node.get("training_mode", 0) or node.outputs > 1:
        raise ValueError("BatchNormalization in training mode has no reference")
    x = node.number(0)
    scale, bias, mean, variance = (along(node.number(at), x.ndim, 1) for at in range(1, 5))
    epsilon = float(np.float32(node.get("epsilon", 1e-5)))
    return np.asarray(((x - mean) / np.sqrt(variance + epsilon) * scale + bias).astype(node.array(0).dtype))


OPERATORS = {"BatchNormalization": batch_normalization}
