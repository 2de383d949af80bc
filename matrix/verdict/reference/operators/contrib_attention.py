"""QAttention of com.microsoft: self-attention whose input and packed projection weights have 8 bits.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QAttention, and there
#com.microsoft.Attention, whose quantized form it is: what is masked gets ``mask_filter_value`` added to its score.
"""

from __future__ import annotations

import numpy as np

from cases.case import Array
from matrix.verdict.reference.operators.products import columns
from matrix.verdict.reference.plug import Floats, Node


def attention(node: Node) -> tuple[Array, ...]:
    """Return softmax(q k' scale + mask) v, and where the model names it the keys and values of past and present.

    Raises:
        ValueError: it asks for rotary embeddings, shares past and present, or has a mask of three axes or more.
    """
    if node.get("do_rotary", 0) or node.get("past_present_share_buffer", 0):
        raise ValueError("do_rotary and past_present_share_buffer have no reference")
    x, weight = node.number(0) - node.number(6), node.number(1)
    projected = x @ (weight - columns(node.number(7), 2)) * node.number(3) * columns(node.number(4), 2)
    projected += node.number(2)
    batch, sequence, _ = x.shape
    heads = int(node.attributes["num_heads"])
    query, key, value = projected.reshape(batch, sequence, 3, heads, -1).transpose(2, 0, 3, 1, 4)
    if node.has(8):
        key, value = (np.concatenate([old, new], axis=2) for old, new in zip(node.number(8), (key, value), strict=True))
    scale = node.get("scale", 0.0) or 1 / np.sqrt(query.shape[-1])
    scores = query @ key.transpose(0, 1, 3, 2) * scale
    hidden = _hidden(node, batch, sequence, key.shape[2])
    scores = scores + np.where(hidden[:, None], node.get("mask_filter_value", -10000.0), 0.0)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    found = (powers / powers.sum(axis=-1, keepdims=True)) @ value
    kind = node.array(2).dtype
    y = found.transpose(0, 2, 1, 3).reshape(batch, sequence, -1).astype(kind)
    return (y, np.stack([key, value]).astype(kind)) if node.outputs > 1 else (y,)


def _hidden(node: Node, batch: int, sequence: int, total: int) -> Array:
    """Return (batch, sequence, total), true where a query may not attend to a key."""
    hidden = np.zeros((batch, sequence, total), bool)
    if node.get("unidirectional", 0):
        hidden |= np.arange(total) > np.arange(sequence)[:, None] + total - sequence
    if not node.has(5):
        return hidden
    mask: Floats = node.number(5)
    if mask.ndim > 2 or (mask.ndim == 1 and mask.size != batch):
        raise ValueError(f"a mask of shape {mask.shape} has no reference")
    shown = np.arange(total) < mask[:, None] if mask.ndim == 1 else mask != 0
    return hidden | ~shown[:, None]


OPERATORS = {"QAttention": attention}
