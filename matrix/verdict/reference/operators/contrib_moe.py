"""QMoE of com.microsoft: a mixture of experts whose weights have few bits.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QMoE. Not written there: how
logits become an expert's weight. With ``normalize_routing_weights`` a softmax over all experts and one over those
chosen come to the same; without it they differ, and there is no reference. GELU is read as the exact one.
"""

from __future__ import annotations

import math

import numpy as np

from cases.case import Array
from matrix.verdict.reference.arithmetic import unpacked
from matrix.verdict.reference.plug import Floats, Node

# The values of float4e2m1 by code: https://onnx.ai/onnx/technical/float4.html.
_E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])
E2M1 = np.concatenate([_E2M1, -_E2M1])
BLOCKS = {"fp4": 32, "nvfp4": 16}  # whatever block_size says


def mixture(node: Node) -> Array:
    """Return each token's mean over its experts.

    Raises:
        ValueError: what is not described: logits that are not normalized, activations of 8 bits, one scale per expert
            for float8; or a third weight that is not fused.
    """
    x = node.number(0)
    tokens = x.reshape(-1, x.shape[-1])
    first, second = _weights(node, 2, 0), _weights(node, 5, 1)
    mixing = _mixing(node, len(tokens))
    total = np.zeros((len(tokens), second.shape[1]))
    for expert in range(len(first)):
        inner = tokens @ first[expert].T + (node.number(4)[expert] if node.has(4) else 0.0)
        outer = _activated(node, inner) @ second[expert].T + (node.number(7)[expert] if node.has(7) else 0.0)
        total += mixing[:, expert, None] * outer
    return np.asarray(total.reshape(*x.shape[:-1], -1).astype(node.array(0).dtype))


def _mixing(node: Node, tokens: int) -> Floats:
    """Return (tokens, experts): the weight of each expert in a token's mean, 0 of those that are not chosen."""
    if node.get("use_sparse_mixer", 0):
        raise ValueError("use_sparse_mixer has no reference")
    logits = node.number(1).reshape(tokens, -1)
    chosen = np.zeros(logits.shape, bool)
    best = np.argsort(-logits, axis=1, kind="stable")[:, : int(node.get("k", 1))]
    np.put_along_axis(chosen, best, True, axis=1)
    normalized = bool(node.get("normalize_routing_weights", 0))
    if node.has(14):
        weights = np.where(chosen, node.number(14), 0.0)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True) if normalized else weights)
    if not normalized:
        raise ValueError(
            "the description of QMoE does not say what weight an expert has without normalize_routing_weights and "
            "without router_weights"
        )
    powers = np.where(chosen, np.exp(logits - logits.max(axis=1, keepdims=True)), 0.0)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _weights(node: Node, at: int, which: int) -> Floats:
    """Return the weights (experts, units, inputs) that lie at ``at`` with their scales behind them."""
    kind = node.get("quant_type", "int")
    codes, block = node.array(at), int(node.get("block_size", 0))
    scales = node.number(at + 1)
    if kind == "int":
        return _integer_weights(node, at, which, block)
    if kind in BLOCKS:
        values = E2M1[unpacked(codes, 4).astype(np.int64)]
        return np.asarray(values * np.repeat(scales, BLOCKS[kind], axis=2) * node.number(15 + which)[:, None, None])
    if kind == "fp8" and block > 0:
        spread = np.repeat(np.repeat(scales, block, axis=1), block, axis=2)
        return np.asarray(node.number(at) * spread[:, : codes.shape[1], : codes.shape[2]])
    raise ValueError(f"quant_type {kind!r} with block_size {block} has no reference")


def _integer_weights(node: Node, at: int, which: int, block: int) -> Floats:
    bits = int(node.get(f"fc{which + 1}_expert_weight_bits", 0)) or int(node.get("expert_weight_bits", 4))
    codes = unpacked(node.array(at), bits)
    scales = node.number(at + 1)
    zeros = np.full(scales.shape, 2.0 ** (bits - 1))
    if node.has(11 + which):
        zeros = unpacked(node.array(11 + which), bits)[..., : scales.shape[-1]]
    if not block:
        return np.asarray((codes - zeros.reshape(*codes.shape[:2], 1)) * scales.reshape(*codes.shape[:2], 1))
    return np.asarray((codes - np.repeat(zeros, block, axis=2)) * np.repeat(scales, block, axis=2))


def _activated(node: Node, x: Floats) -> Floats:
    kind = node.get("activation_type", "relu")
    if kind == "swiglu":
        return _swiglu(node, x)
    if node.has(8):
        raise ValueError("a third weight that is not fused has no reference")
    if kind == "gelu":
        return np.asarray(0.5 * x * (1 + np.vectorize(math.erf, otypes=[np.float64])(x / math.sqrt(2))))
    return np.asarray({"relu": np.maximum(x, 0), "silu": x / (1 + np.exp(-x)), "identity": x}[kind])


def _swiglu(node: Node, x: Floats) -> Floats:
    fusion = int(node.get("swiglu_fusion", 0))
    if fusion not in (1, 2):
        raise ValueError("a third weight that is not fused has no reference")
    gate, linear = (x[..., ::2], x[..., 1::2]) if fusion == 1 else np.split(x, 2, axis=-1)
    limit = float(np.float32(node.get("swiglu_limit", np.inf)))
    alpha = float(np.float32(node.get("activation_alpha", 1.0)))
    beta = float(np.float32(node.get("activation_beta", 0.0)))
    gate = np.minimum(gate, limit)
    return np.asarray(gate / (1 + np.exp(-alpha * gate)) * (np.clip(linear, -limit, limit) + beta))


OPERATORS = {"QMoE": mixture}
