"""MaxPool of ONNX: the evaluator's, with the pads of ``auto_pad`` spelled out.

The evaluator has another output size for SAME_LOWER than ceil(size / stride), which the specification gives:
https://onnx.ai/onnx/operators/onnx__MaxPool.html.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper
from onnx.reference import ReferenceEvaluator

from cases.case import Array
from matrix.verdict.reference.plug import Node


def max_pool(node: Node) -> tuple[Array, ...]:
    x = node.array(0)
    names = ["y", "indices"][: node.outputs]
    evaluator = ReferenceEvaluator(helper.make_node("MaxPool", ["x"], names, **_explicit(node, x.shape[2:])))
    return tuple(np.asarray(each) for each in evaluator.run(None, {"x": x}))


def _explicit(node: Node, sizes: tuple[int, ...]) -> dict[str, Any]:
    """Return the attributes with ``pads`` in place of ``auto_pad``; an odd one goes to the end, or the beginning."""
    kept = {name: value for name, value in node.attributes.items() if name != "auto_pad"}
    how = node.get("auto_pad", "NOTSET")
    if how not in ("SAME_UPPER", "SAME_LOWER"):
        return kept
    kernel = list(node.attributes["kernel_shape"])
    strides, dilations = (list(node.get(name, [1] * len(kernel))) for name in ("strides", "dilations"))
    totals = [
        max((-(-size // stride) - 1) * stride + (width - 1) * dilation + 1 - size, 0)
        for size, width, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True)
    ]
    small, large = [total // 2 for total in totals], [-(-total // 2) for total in totals]
    return {**kept, "pads": [*small, *large] if how == "SAME_UPPER" else [*large, *small]}


OPERATORS = {"MaxPool": max_pool}
