"""Scan outputs of Loop and Scan: what the iterations gave, along a new axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx

from cases.case import Array


def stacked(values: Sequence[Array], declared: onnx.TypeProto, *, axis: int = 0, backwards: bool = False) -> Array:
    """Return ``values`` along a new ``axis`` of the result, the last one first where it goes ``backwards``.

    Of no iteration, only the type that the body declares for an element can tell what the result is.

    Raises:
        ValueError: there is no value, and the body leaves dimensions of an element open.
    """
    if values:
        return np.stack(values[::-1] if backwards else values, axis=axis)
    kind = declared.tensor_type
    if not kind.HasField("shape") or not all(each.HasField("dim_value") for each in kind.shape.dim):
        raise ValueError("scan outputs of no iteration have no reference where the body does not declare their shape")
    element: Any = np.empty([each.dim_value for each in kind.shape.dim])
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
    return np.empty(np.expand_dims(element, axis).shape, dtype).take([], axis=axis)
