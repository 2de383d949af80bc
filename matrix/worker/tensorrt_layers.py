"""The layers that an engine really has, from the JSON of TensorRT's engine inspector: a small table of plain text.

The JSON is an object with a list "Layers". With profiling verbosity DETAILED each is an object with "Name",
"LayerType", "Inputs", "Outputs" and, for most, "TacticName" or "TacticValue"; otherwise it is a name. A tensor has its
type and layout in words under "Format/Datatype", or in two fields, "Format" and "Datatype".
Source: https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/advanced.html, "Engine Inspector".
"""

from __future__ import annotations

import json
from typing import Any, Dict, List

MAX_LAYERS = 200
MAX_TENSORS = 12  # of one layer, in or out
MAX_TEXT = 300  # characters


def table(text: str) -> List[Dict[str, Any]]:
    """Return name, type, inputs, outputs and tactic of each layer, at most `MAX_LAYERS`.

    Raises:
        ValueError: ``text`` is not what the inspector writes.
    """
    found = json.loads(text, strict=False)  # 8.6 joins the names of ONNX nodes by a bare control character
    layers = found.get("Layers") if isinstance(found, dict) else None
    if not isinstance(layers, list):
        raise ValueError("the inspector's answer has no list of layers")
    return [_layer(layer) for layer in layers[:MAX_LAYERS]]


def _layer(layer: Any) -> Dict[str, Any]:
    if not isinstance(layer, dict):
        return {"name": _text(layer), "type": "", "inputs": [], "outputs": [], "tactic": ""}
    name, origin = _text(layer.get("Name", "")), _text(layer.get("Metadata", ""))
    return {
        "name": "{} {}".format(name, origin) if origin and origin != name else name,
        "type": _text(layer.get("LayerType", "")),
        "inputs": _tensors(layer.get("Inputs")),
        "outputs": _tensors(layer.get("Outputs")),
        "tactic": _text(layer.get("TacticName") or layer.get("TacticValue") or ""),
    }


def _tensors(found: Any) -> List[str]:
    tensors = [tensor for tensor in found if isinstance(tensor, dict)] if isinstance(found, list) else []
    return [_format(tensor) for tensor in tensors[:MAX_TENSORS]]


def _format(tensor: Dict[str, Any]) -> str:
    parts = [tensor.get(key) for key in ("Format/Datatype", "Datatype", "DataType", "Format")]
    return _text(" ".join(str(part) for part in parts if part))


def _text(value: Any) -> str:
    return "".join(character if character.isprintable() else " " for character in str(value)[:MAX_TEXT])
