"""The program that opens strangers' models: `python -m matrix.models.examination`, one question and answer per line.

It is a process of its own because onnx's checker and shape inference are native code that a model can bring down, and
because a model in memory would otherwise count against the process that runs everything.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cattrs
import onnx
from google.protobuf.message import DecodeError

from cases.external_data import external_tensors
from cases.operator_types import element_name
from matrix.case_folder import declared_output
from matrix.models.interface import ExternalTensor, GraphValue, Interface, ModelError

MAX_PROTOBUF = 2**31 - 1  # bytes of one message: https://protobuf.dev/programming-guides/proto-limits/
MAX_WORDS = 4000
KINDS = {"tensor_type": "tensor", "sequence_type": "sequence", "optional_type": "optional", "map_type": "map"}


def main() -> None:
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what native code prints is no answer
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = {"answer": QUESTIONS[question["question"]](Path(question["path"]))}
        except ModelError as error:
            answer = {"error": str(error)}
        except (OSError, MemoryError) as error:
            answer = {"error": f"it cannot be read: {getattr(error, 'strerror', '') or type(error).__name__}"}
        print(json.dumps(answer), file=channel, flush=True)


def describe(path: Path) -> Interface:
    """Return the interface of the model in ``path``; the files of its external data are not opened.

    Raises:
        ModelError: the file is no ONNX model.
    """
    model = _load(path)
    defaults = {tensor.name for tensor in model.graph.initializer}
    defaults.update(tensor.values.name for tensor in model.graph.sparse_initializer)
    inputs = tuple(_value(item) for item in model.graph.input if item.name not in defaults)
    outputs = tuple(_value(item) for item in model.graph.output)
    dtypes = {item.dtype for item in (*inputs, *outputs) if item.dtype}
    dtypes.update(_dtype(tensor.data_type) for tensor in model.graph.initializer)
    return Interface(
        opset=next((item.version for item in model.opset_import if item.domain in ("", "ai.onnx")), 0),
        ir_version=model.ir_version,
        ops=tuple(sorted({_text(node.op_type) for node in model.graph.node})),
        nodes=len(model.graph.node),
        inputs=inputs,
        outputs=outputs,
        dtypes=tuple(sorted(dtypes - {""})),
        external=tuple(_external(tensor) for tensor in external_tensors(model)),
    )


def check(path: Path) -> Mapping[str, Any]:
    """Return what onnx's checker and strict shape inference object to, or the outputs that the model declares.

    A model that breaks the rules declares nothing that could be relied on.
    """
    try:
        onnx.checker.check_model(str(path), full_check=True)
        model = onnx.load_model(path, format="protobuf", load_external_data=False)
        inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
        outputs = [declared_output(value) for value in inferred.graph.output]
    except Exception as error:  # noqa: BLE001 - checker and inference raise classes of their own, and ValueError
        words = f"{type(error).__name__}: {error}".replace(str(path.parent), ".")
        return {"checker": words[:MAX_WORDS], "outputs": []}
    return {"checker": "", "outputs": outputs}


QUESTIONS: Mapping[str, Callable[[Path], Any]] = {
    "describe": lambda path: cattrs.unstructure(describe(path)),
    "check": lambda path: cattrs.unstructure(check(path)),
}


def _load(path: Path) -> onnx.ModelProto:
    if path.stat().st_size > MAX_PROTOBUF:
        raise ModelError(
            "it is larger than the 2 GiB that a protobuf message can be; save it with its weights beside it: "
            "onnx.save_model(model, path, save_as_external_data=True)"
        )
    try:
        model = onnx.load_model(path, format="protobuf", load_external_data=False)
    except DecodeError as error:
        raise ModelError("it is not an ONNX model: its bytes are no protobuf message of that type") from error
    if not model.ir_version or not model.HasField("graph"):
        raise ModelError("it is not an ONNX model: it has no IR version or no graph")
    return model


def _value(item: onnx.ValueInfoProto) -> GraphValue:
    if not isinstance(item.name, str):
        raise ModelError(
            f"the name {item.name!r} of an input or output is not UTF-8; save it anew with the tool that made it"
        )
    kind = item.type.WhichOneof("value") or ""
    if kind != "tensor_type":
        return GraphValue(name=item.name, kind=KINDS.get(kind, kind.removesuffix("_type")))
    tensor = item.type.tensor_type
    shape = tuple(_dim(dim) for dim in tensor.shape.dim) if tensor.HasField("shape") else None
    return GraphValue(name=item.name, kind="tensor", dtype=_dtype(tensor.elem_type), shape=shape)


def _dim(dim: onnx.TensorShapeProto.Dimension) -> int | str | None:
    if dim.HasField("dim_value") and dim.dim_value >= 0:  # some exporters write -1 for a dynamic dimension
        return dim.dim_value
    return _text(dim.dim_param) or None


def _text(value: str | bytes) -> str:
    """Return a text of the model; protobuf gives what is not UTF-8 as bytes."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _dtype(elem_type: int) -> str:
    try:
        return element_name(elem_type)
    except KeyError:
        return ""


def _external(tensor: onnx.TensorProto) -> ExternalTensor:
    entries = {entry.key: _text(entry.value) for entry in tensor.external_data}
    return ExternalTensor(
        name=_text(tensor.name),
        location=entries.get("location", ""),
        offset=entries.get("offset", ""),
        length=entries.get("length", ""),
    )


if __name__ == "__main__":
    main()
