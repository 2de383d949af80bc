"""ConvTranspose of ONNX, all versions, with sums in float64.

Ours takes the place of the evaluator's because that one has groups of one filter only, and ``output_shape`` with
``auto_pad`` SAME_* only: https://onnx.ai/onnx/operators/onnx__ConvTranspose.html.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cases.case import Array
from matrix.verdict.reference.arithmetic import along
from matrix.verdict.reference.plug import Node

NCM = (slice(None),) * 3  # batches, groups or channels of one, filters of a group


def conv_transpose(node: Node) -> Array:
    """Return Y (N, M, ...) of X (N, C, ...), W (C, M / group, ...) and B (M), in the type of X.

    Raises:
        ValueError: ``output_shape`` is larger than all that there is; which side to extend the text does not say.
    """
    x, weight, group = node.number(0), node.number(1), int(node.get("group", 1))
    ones = [1] * (x.ndim - 2)
    strides, dilations = list(node.get("strides", ones)), list(node.get("dilations", ones))
    added = list(node.get("output_padding", [0] * len(ones)))
    sizes = [
        stride * (size - 1) + more + (width - 1) * dilation + 1
        for size, width, stride, dilation, more in zip(
            x.shape[2:], weight.shape[2:], strides, dilations, added, strict=True
        )
    ]
    y: Array = np.zeros((x.shape[0], group, weight.shape[1], *sizes))
    parts = x.reshape(x.shape[0], group, x.shape[1] // group, *x.shape[2:])
    weights: Array = weight.reshape(group, weight.shape[0] // group, *weight.shape[1:])
    for tap in np.ndindex(*weight.shape[2:]):
        reached = tuple(
            slice(at * dilation, at * dilation + stride * (size - 1) + 1, stride)
            for at, dilation, stride, size in zip(tap, dilations, strides, x.shape[2:], strict=True)
        )
        y[NCM + reached] += np.einsum("ngc...,gcm->ngm...", parts, weights[NCM + tap])
    cut = tuple(slice(begin, begin + size) for begin, size in _kept(node, x.shape[2:], sizes, strides))
    summed = y[NCM + cut].reshape(x.shape[0], group * weight.shape[1], *(each.stop - each.start for each in cut))
    return np.asarray((summed + along(node.number(2), x.ndim, 1)).astype(node.array(0).dtype))


def _kept(node: Node, inputs: Sequence[int], whole: Sequence[int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """Return where the output begins in what there is without pads, and its size, for each axis."""
    rank, how = len(inputs), node.get("auto_pad", "NOTSET")
    wanted = node.get("output_shape", None)
    if wanted is None and how in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [size * stride for size, stride in zip(inputs, strides, strict=True)]
    if wanted is None:
        pads = (node.get("pads", None) if how == "NOTSET" else None) or [0] * 2 * rank
        return [(begin, size - begin - end) for begin, end, size in zip(pads[:rank], pads[rank:], whole, strict=True)]
    totals = [size - kept for size, kept in zip(whole, wanted[-rank:], strict=True)]
    if min(totals) < 0:
        raise ValueError("an output_shape beyond what the input reaches has no reference")
    halves = [total // 2 if how == "SAME_UPPER" else total - total // 2 for total in totals]
    return list(zip(halves, wanted[-rank:], strict=True))


OPERATORS = {"ConvTranspose": conv_transpose}
