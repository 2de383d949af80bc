"""What TensorRT made of a model: the outputs of a parsed network, and the element types that occur inside it."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import tensorrt_api

# TensorRT's names against those that numpy and ml_dtypes use.
DTYPES = {
    "FLOAT": "float32", "HALF": "float16", "BF16": "bfloat16", "INT8": "int8", "UINT8": "uint8", "INT32": "int32",
    "INT64": "int64", "BOOL": "bool", "FP8": "float8_e4m3fn", "INT4": "int4", "FP4": "float4_e2m1fn",
    "E8M0": "float8_e8m0fnu",
}  # fmt: skip


MAX_QUANTIZED = 1000  # tensors that are named
MAX_NAME = 1000  # characters of one that is


def describe(trt: Any, network: Any) -> Dict[str, Any]:
    """Return names, dtypes and shapes of the outputs (-1: dynamic, None: rank unknown) and every dtype inside.

    ``unread`` are the inputs whose values and shapes nothing in the network can depend on; ``quantized`` are what its
    quantize layers make, name -> dtype. The parser leaves tensors the names that they have in ONNX.
    """
    quantized: Dict[str, str] = {}
    outputs = [network.get_output(index) for index in range(network.num_outputs)]
    inputs = [network.get_input(index) for index in range(network.num_inputs)]
    inside = {dtype_name(tensor) for tensor in [*outputs, *inputs]}
    read = {tensor.name for tensor in outputs}
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        read |= {tensor.name for tensor in tensorrt_api.read_by(trt, layer)}
        made = [layer.get_output(number) for number in range(layer.num_outputs)]
        used = [tensor for tensor in made if tensor is not None]  # None: an output nobody uses
        inside.update(dtype_name(tensor) for tensor in used)
        for tensor in used if layer.type == trt.LayerType.QUANTIZE else []:
            if len(quantized) < MAX_QUANTIZED and len(tensor.name) <= MAX_NAME:
                quantized[tensor.name] = dtype_name(tensor)
    return {
        "outputs": [{"name": t.name, "dtype": dtype_name(t), "shape": shape_of(t)} for t in outputs],
        "inputs": [{"name": t.name, "dtype": dtype_name(t), "shape": shape_of(t)} for t in inputs],
        "unread": [t.name for t in inputs if t.name not in read],
        "quantized": quantized,
        "dtypes": sorted(inside),
        "layers": network.num_layers,
    }


def dtype_name(tensor: Any) -> str:
    return dtype_of(tensor.dtype)


def dtype_of(dtype: Any) -> str:
    """Return TensorRT's ``dtype`` under the name that numpy and ml_dtypes use."""
    name = str(dtype.name)
    return DTYPES.get(name, name.lower())


def shape_of(tensor: Any) -> Optional[List[int]]:
    try:
        return list(tensor.shape)
    except ValueError:  # the binding cannot express a shape whose rank is unknown
        return None
