"""A small graph in the making, with Q/DQ as short words.

Scales are powers of two and weights few codes, so that sums of products are exact in float32 in whatever order they
are taken. What is quantized again has a scale of an odd number of the units of these sums: none of them is a tie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from cases.case import Array, Shape
from cases.inputs import integers
from cases.model import node

X_SCALE = 2.0**-4
WEIGHT_SCALE = 2.0**-7
SUM_UNIT = X_SCALE * WEIGHT_SCALE
SUM_SCALE = 97 * SUM_UNIT  # of a sum of products, quantized again
CODES = 31  # the largest code of a weight
NO_ZERO = np.int8(0)

Parameter = npt.ArrayLike  # of Q/DQ: one, or one for each channel or block


@dataclass(kw_only=True)
class Sketch:
    """Nodes and constants; methods that add something return the name of what they made."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)

    def add(self, op: str, operands: Sequence[str], result: str = "y", **attributes: Any) -> str:
        """Add a node with one output; a Conv of a weight that is no initializer says its kernel_shape, as exporters do.

        Without it, TensorRT 8 refuses any such Conv, whatever the report is about.
        """
        if op == "Conv" and operands[1] not in self.constants:
            attributes["kernel_shape"] = self._kernel_shape(operands[1])
        self.nodes.append(node(op, operands, [result], **attributes))
        return result

    def _kernel_shape(self, weight: str) -> list[int]:
        """Return the spatial sizes of the initializer that ``weight`` comes from."""
        made_of = {made.output[0]: made.input[0] for made in self.nodes}
        while weight not in self.constants:
            weight = made_of[weight]
        return list(self.constants[weight].shape[2:])

    def constant(self, name: str, array: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        """Add an initializer; python numbers become ``dtype``, arrays and numpy scalars keep theirs."""
        kept = isinstance(array, (np.ndarray, np.generic))
        self.constants[name] = np.asarray(array) if kept else np.array(array, dtype)
        return name

    def ints(self, name: str, *numbers: int) -> str:
        """Add an int64 initializer of one dimension."""
        return self.constant(name, list(numbers), np.int64)

    def quantize(
        self, x: str, result: str = "", *, scale: Parameter = X_SCALE, zero: Parameter = NO_ZERO, **attributes: Any
    ) -> str:
        """Add QuantizeLinear behind ``x``."""
        parameters = self.parameters(x, scale, zero)
        return self.add("QuantizeLinear", [x, *parameters], result or f"{x}_q", **attributes)

    def qdq(
        self, x: str, result: str = "", *, scale: Parameter = X_SCALE, zero: Parameter = NO_ZERO, **attributes: Any
    ) -> str:
        """Add QuantizeLinear and DequantizeLinear behind ``x``."""
        q = self.quantize(x, scale=scale, zero=zero, **attributes)
        return self.add("DequantizeLinear", [q, f"{x}_scale", f"{x}_zero"], result or f"{x}_dq", **attributes)

    def parameters(self, name: str, scale: Parameter, zero: Parameter) -> list[str]:
        """Add a scale and a zero point."""
        return [self.constant(f"{name}_scale", scale), self.constant(f"{name}_zero", zero)]

    def weight(
        self,
        name: str,
        shape: Shape,
        axis: int | None = None,
        *,
        scale: Parameter | None = None,
        dtype: npt.DTypeLike = np.int8,
        zero: int = 0,
    ) -> str:
        """Add codes and a DequantizeLinear, with scales along ``axis`` or one for all."""
        along: Shape = () if axis is None else (shape[axis],)
        exponents = integers(f"reported/{name}/scale", along, 0, 2)
        scales = WEIGHT_SCALE * 2.0**exponents if scale is None else np.asarray(scale)
        codes = integers(f"reported/{name}", shape, zero - CODES, zero + CODES, dtype)
        self.constant(f"{name}_codes", codes)
        parameters = self.parameters(name, scales.astype(np.float32), np.full(scales.shape, zero, dtype))
        attributes = {} if axis is None else {"axis": axis}
        return self.add("DequantizeLinear", [f"{name}_codes", *parameters], name, **attributes)

    def kernel(self, name: str, shape: Shape) -> str:
        """Add a float weight of few codes."""
        return self.constant(
            name, (integers(f"reported/{name}", shape, -CODES, CODES) * WEIGHT_SCALE).astype(np.float32)
        )

    def size(self, x: str, axis: int, result: str) -> str:
        """Add Shape and Gather: ``result`` is int64[1], the size of ``axis``."""
        self.add("Shape", [x], f"{result}_shape")
        return self.add("Gather", [f"{result}_shape", self.ints(f"{result}_axis", axis)], result, axis=0)
