"""The operators of ours, by domain and name: those that ONNX's evaluator lacks, and those that it has wrong."""

from __future__ import annotations

from collections.abc import Mapping

from matrix.verdict.reference.operators import (
    contrib_attention,
    contrib_elementwise,
    contrib_linear,
    contrib_lstm,
    contrib_matmul,
    contrib_moe,
    contrib_pool,
    contrib_weights,
    linear,
    normalization,
    pooling,
    products,
    tensorrt,
)
from matrix.verdict.reference.plug import Compute

CONTRIB, TENSORRT = "com.microsoft", "trt"
_CONTRIB = (
    contrib_attention,
    contrib_elementwise,
    contrib_linear,
    contrib_lstm,
    contrib_matmul,
    contrib_moe,
    contrib_pool,
    contrib_weights,
)

OPERATORS: Mapping[tuple[str, str], Compute] = {
    **{
        ("", name): compute
        for module in (linear, normalization, pooling, products)
        for name, compute in module.OPERATORS.items()
    },
    **{(CONTRIB, name): compute for module in _CONTRIB for name, compute in module.OPERATORS.items()},
    **{(TENSORRT, name): compute for name, compute in tensorrt.OPERATORS.items()},
}
