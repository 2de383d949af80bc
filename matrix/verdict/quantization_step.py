"""The quantization step of an output that a DequantizeLinear produces, read from the model.

Any two values that one scale can spell are whole steps apart, so an error there is told best in steps: 1 is the next
integer, whatever the scale. Only integers have steps of one size: a dequantized float8 or float4 has none. Where a
scale applies is as ONNX says (https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html): one value is the whole
tensor's, a vector is the axis's, and a tensor with a block size repeats along the axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

Floats = npt.NDArray[np.float64]
StepsBetween = Callable[[int, int], Floats]  # first and last place (not included) in C order -> the step at each

DEQUANTIZE = b"DequantizeLinear"  # the end of the name of every operator here
MAX_MODEL = 256 * 2**20  # bytes
DOMAINS = frozenset({"", "ai.onnx", "com.microsoft", "trt"})
INTEGER_TYPES = frozenset(
    onnx.TensorProto.DataType.Value(f"{sign}INT{bits}") for sign in ("", "U") for bits in (2, 4, 8, 16, 32)
)


@dataclass(frozen=True, kw_only=True)
class QuantizationStep:
    """A scale, in magnitude, and how it lies over the output."""

    scale: Floats
    axis: int = 1
    block: int = 0  # elements along the axis that share a scale; 0: no blocks

    def over(self, shape: tuple[int, ...]) -> StepsBetween | None:
        """Return what gives the steps of an output of ``shape``; None where the scale does not fit it."""
        flat = self.scale.reshape(-1)
        if flat.size == 1:
            return lambda start, stop: np.broadcast_to(flat, stop - start)
        if not -len(shape) <= self.axis < len(shape):
            return None
        axis = self.axis % len(shape)
        extent, inner = shape[axis], math.prod(shape[axis + 1 :])
        if not self.block:
            return (lambda a, b: flat[np.arange(a, b) // inner % extent]) if self.scale.shape == (extent,) else None
        blocks = -(-extent // self.block)
        if self.scale.shape != (*shape[:axis], blocks, *shape[axis + 1 :]):
            return None

        def between(start: int, stop: int) -> Floats:
            places = np.arange(start, stop)
            rows = places // inner
            block = rows // extent * blocks + rows % extent // self.block
            steps: Floats = flat[block * inner + places % inner]
            return steps

        return between


def read_steps(path: Path) -> Mapping[str, QuantizationStep]:
    """Return the quantization steps of the outputs of the model in ``path``, by output.

    A model that is too large to be read for that has none, nor has one whose scales are not what they say.

    Raises:
        OSError: the file cannot be read.
    """
    if path.stat().st_size > MAX_MODEL:
        return {}
    content = path.read_bytes()
    try:
        return quantization_steps(onnx.load_model_from_string(content)) if DEQUANTIZE in content else {}
    except ValueError:  # a user's model may hold any bytes as its scales
        return {}


def quantization_steps(model: onnx.ModelProto) -> Mapping[str, QuantizationStep]:
    """Return the steps of those graph outputs that a dequantization of integers by a constant scale produces."""
    producers = {name: node for node in model.graph.node for name in node.output}
    constants = _constants(model.graph)
    nodes = {output.name: producers.get(_origin(output.name, producers)) for output in model.graph.output}
    scales = {
        name: (node, scale)
        for name, node in nodes.items()
        if node is not None and _dequantizes(node) and (scale := constants.get(_origin(node.input[1], producers)))
    }
    types = _element_types(model, constants) if scales else {}
    return {
        name: _step(node, scale)
        for name, (node, scale) in scales.items()
        if any(types.get(operand) in INTEGER_TYPES for operand in (node.input[0], *node.input[2:]))
    }


def _step(node: onnx.NodeProto, scale: onnx.TensorProto) -> QuantizationStep:
    attributes = {attribute.name: attribute.i for attribute in node.attribute}
    with np.errstate(invalid="ignore"):  # a user's scale may be a signaling NaN
        steps = np.abs(numpy_helper.to_array(scale).astype(np.float64))
    return QuantizationStep(
        scale=steps,
        axis=attributes.get("axis", 1),
        block=attributes.get("block_size", 0),
    )


def _dequantizes(node: onnx.NodeProto) -> bool:
    return node.domain in DOMAINS and node.op_type.endswith(DEQUANTIZE.decode()) and len(node.input) > 1


def _origin(name: str, producers: Mapping[str, onnx.NodeProto]) -> str:
    """Return the name that a value had before Identity nodes renamed it."""
    for _ in producers:  # a model that is not valid may rename in a circle
        node = producers.get(name)
        if node is None or node.op_type != "Identity":
            break
        name = node.input[0]
    return name


def _constants(graph: onnx.GraphProto) -> Mapping[str, onnx.TensorProto]:
    fed = {value.name for value in graph.input}  # an initializer that is also an input is only its default
    constants = {
        tensor.name: tensor
        for tensor in graph.initializer
        if tensor.name not in fed and tensor.data_location != onnx.TensorProto.EXTERNAL
    }
    for node in graph.node:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.name == "value":
                constants[node.output[0]] = attribute.t
            elif attribute.name in ("value_float", "value_floats"):
                constants[node.output[0]] = numpy_helper.from_array(
                    np.array(onnx.helper.get_attribute_value(attribute), np.float32)
                )
    return constants


def _element_types(model: onnx.ModelProto, constants: Mapping[str, onnx.TensorProto]) -> Mapping[str, int]:
    try:
        graph = onnx.shape_inference.infer_shapes(model).graph
    except onnx.shape_inference.InferenceError:  # a model that is invalid on purpose
        graph = model.graph
    values = (*graph.input, *graph.value_info, *graph.output)
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    return types | {name: tensor.data_type for name, tensor in constants.items()}
