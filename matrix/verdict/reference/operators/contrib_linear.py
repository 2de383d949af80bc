"""QuantizeLinear and DequantizeLinear of com.microsoft.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QuantizeLinear, and
#com.microsoft.DequantizeLinear in the same place: the formulas of ONNX's, with more types.
"""

from __future__ import annotations

from matrix.verdict.reference.operators import linear

OPERATORS = {"QuantizeLinear": linear.quantize, "DequantizeLinear": linear.dequantize}
