"""What the answer should be: the specification's, and ONNX Runtime's beside it (docs/decisions/0006)."""

from __future__ import annotations

from matrix.verdict.reference.answer import Answer, Outputs, Reference, SignedCodes

__all__ = ["Answer", "Outputs", "Reference", "SignedCodes"]
