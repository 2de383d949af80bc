"""ONNX Runtime's own quantized operators, domain com.microsoft, version 1: all cases of the modules contrib_*.

What the axes are, ONNX Runtime's schemas say; a test compares the cases with them. The ONNX reference evaluator has
none of these operators, ONNX Runtime is what gives a reference.
"""

from __future__ import annotations

from collections.abc import Iterator

from cases.case import Case
from cases.quantization import (
    contrib_attention,
    contrib_elementwise,
    contrib_gather,
    contrib_linear,
    contrib_lstm,
    contrib_matmul,
    contrib_moe,
    contrib_pool,
    contrib_weight_only,
)

MODULES = (
    contrib_linear,
    contrib_elementwise,
    contrib_pool,
    contrib_matmul,
    contrib_weight_only,
    contrib_gather,
    contrib_attention,
    contrib_lstm,
    contrib_moe,
)


def cases() -> Iterator[Case]:
    """Yield every case of com.microsoft."""
    for module in MODULES:
        yield from module.cases()
