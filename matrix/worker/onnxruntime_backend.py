"""ONNX Runtime, CPU execution provider: load the model, run every shape point, write what came out."""

from __future__ import annotations

import ctypes
import json
from pathlib import Path
from typing import Any, Dict, List, Tuple

import job
import numpy as np
import onnxruntime as ort
import onnxruntime_providers
import outputs
import profiles
import tensors

# ONNX Runtime's own spelling, "tensor(float)", against the names that numpy and ml_dtypes use. The numbers are those of
# onnx.TensorProto.DataType, which numpy lacks a type for.
DTYPES = {
    "float": "float32", "double": "float64", "float8e4m3fn": "float8_e4m3fn", "float8e4m3fnuz": "float8_e4m3fnuz",
    "float8e5m2": "float8_e5m2", "float8e5m2fnuz": "float8_e5m2fnuz", "float8e8m0": "float8_e8m0fnu",
    "float4e2m1": "float4_e2m1fn",
}  # fmt: skip
ONNX_TYPES = {
    "bfloat16": 16, "float8_e4m3fn": 17, "float8_e4m3fnuz": 18, "float8_e5m2": 19, "float8_e5m2fnuz": 20, "uint4": 21,
    "int4": 22, "float4_e2m1fn": 23, "float8_e8m0fnu": 24, "uint2": 25, "int2": 26,
}  # fmt: skip
OPTIMIZATION = {
    "off": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}
VERBOSE, ERROR = 0, 3  # ONNX Runtime's log severities


class Backend:
    """ONNX Runtime as a backend of the worker."""

    def __init__(self, _product: str) -> None:
        self.version = str(ort.__version__)
        ort.set_default_logger_severity(ERROR)

    def run(self, request: job.Request, stages: job.Stages, reply: job.Reply) -> None:
        stages.enter("load")
        options = ort.SessionOptions()
        options.graph_optimization_level = OPTIMIZATION[request.options["optimization"]]
        options.intra_op_num_threads = 1
        severity = VERBOSE if job.is_verbose(request) else ERROR
        ort.set_default_logger_severity(severity)
        options.log_severity_level = severity
        provider = request.options.get("provider", "cpu")
        wanted = onnxruntime_providers.prepare(provider, options)
        try:
            session = ort.InferenceSession(request.model.name, options, providers=wanted)
        except Exception as error:  # noqa: BLE001 - the binding raises one class per status code
            reply.fail(_refusal("session", error))
            return
        reply.machine = onnxruntime_providers.why_missing(provider, session) or self._why_unmakeable(request)
        if reply.machine:
            return
        reply.settings = onnxruntime_providers.settings(provider)
        inputs = [_graph_input(item, request) for item in session.get_inputs()]
        faults = profiles.profile_faults(request, inputs)
        if faults:
            stages.enter("profile")
            profiles.refuse(reply, faults, "onnxruntime {} has no profiles and was not asked".format(self.version))
            stages.leave()
            return
        names = [output.name for output in session.get_outputs()]
        for number, point in enumerate(request.points):
            stages.enter("run:" + point.name)
            try:
                values, shapes = _run(session, names, point)
            except Exception as error:  # noqa: BLE001 - as above
                reply.fail(_refusal("execution", error, node=point.name))
                reply.points.append({"point": point.name, "error": job.words(str(error)), "outputs": []})
                continue
            faults = profiles.point_faults(point, request, inputs) or profiles.unlike_the_point(point, shapes)
            if faults:
                silent = "onnxruntime {} ran it without an error".format(self.version)
                profiles.refuse_point(reply, point, faults, silent)
                continue
            files = outputs.folder_of(request.directory, number)
            stored = [item for name, value in zip(names, values) for item in _store(name, value, files)]
            reply.points.append({"point": point.name, "error": "", "outputs": stored, "shapes": shapes})
            reply.executed = True
        reply.placement = onnxruntime_providers.placement(provider, session)
        stages.leave()

    def _why_unmakeable(self, request: job.Request) -> str:
        """Say which types of inputs an old binding cannot be handed: no fault of the runtime behind it."""
        if hasattr(ort.OrtValue, "ortvalue_from_numpy_with_onnx_type"):
            return ""
        missing = {t.dtype for point in request.points for t in point.inputs if t.dtype in ONNX_TYPES}
        if not missing:
            return ""
        listed = ", ".join(sorted(missing))
        return "the Python binding of onnxruntime {} makes no tensors of {}".format(self.version, listed)


def _refusal(source: str, error: Exception, **structure: Any) -> Dict[str, Any]:
    """Keep the class of ONNX Runtime's exception: it is the status code (NotImplemented, InvalidGraph, Fail, ...)."""
    return job.diagnostic(source, str(error), severity="error", code=type(error).__name__, **structure)


def _graph_input(item: Any, request: job.Request) -> profiles.GraphInput:
    """Return an input; a symbol is a text and an anonymous dimension None.

    An empty list stands for a scalar and for no shape at all: it is a scalar if it is given as one anywhere.
    """
    shape = [extent if isinstance(extent, int) else -1 for extent in item.shape or ()]
    given = [tensor.shape for point in request.points for tensor in point.inputs if tensor.name == item.name]
    return profiles.GraphInput(item.name, shape if shape or [] in given else None)


def _run(session: Any, names: List[str], point: job.Point) -> Tuple[List[Any], Dict[str, List[int]]]:
    """Run one shape point; as OrtValues, which hold types that numpy lacks, but cannot hold strings or give sequences.

    Returned beside the outputs are the shapes of the inputs that were handed over, as the runtime has them.
    """
    dtypes = {tensor.dtype for tensor in point.inputs}
    gives_tensors = all(output.type.startswith("tensor(") for output in session.get_outputs())
    if "string" not in dtypes and (gives_tensors or dtypes & set(ONNX_TYPES)):
        values = {tensor.name: _to_value(tensor) for tensor in point.inputs}
        made = list(session.run_with_ort_values(names, values))
        return made, {name: list(value.shape()) for name, value in values.items()}
    arrays = {tensor.name: _to_array(tensor) for tensor in point.inputs}
    return list(session.run(names, arrays)), {name: list(array.shape) for name, array in arrays.items()}


def _to_array(tensor: job.Tensor) -> Any:
    raw = tensor.file.read_bytes()
    if tensor.dtype == "string":
        return np.array(json.loads(raw), dtype=object).reshape(tensor.shape)
    return np.frombuffer(raw, tensor.dtype).reshape(tensor.shape).copy()


def _to_value(tensor: job.Tensor) -> Any:
    raw = tensor.file.read_bytes()
    if tensor.dtype not in ONNX_TYPES:
        return ort.OrtValue.ortvalue_from_numpy(_to_array(tensor))
    carrier = np.zeros(tensor.shape, tensors.carrier(tensor.dtype))
    packed = tensors.pack(raw, tensor.dtype)
    # A packed tensor is handed over in an array of the unpacked shape, of which ONNX Runtime reads the leading bytes.
    carrier.reshape(-1).view(np.uint8)[: len(packed)] = np.frombuffer(packed, np.uint8)
    return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(carrier, ONNX_TYPES[tensor.dtype])


def _store(name: str, value: Any, files: Path) -> List[Dict[str, Any]]:
    """Write one output; a sequence becomes one entry per element, called ``name[0]``, ``name[1]``, ..."""
    if value is None:
        return [{"name": name, "dtype": "none", "shape": [], "file": ""}]
    if isinstance(value, list):
        return [
            outputs.write("{}[{}]".format(name, index), *_of_array(np.asarray(item)), files)
            for index, item in enumerate(value)
        ]
    if isinstance(value, np.ndarray):
        return [outputs.write(name, *_of_array(value), files)]
    if not value.has_value():
        return _store(name, None, files)
    if value.is_tensor_sequence():
        return _store(name, value.numpy(), files)
    kind = value.data_type()[len("tensor(") : -1]
    dtype = DTYPES.get(kind, kind)
    if dtype == "string":
        return _store(name, value.numpy(), files)
    shape = list(value.shape())
    size = tensors.packed_size(dtype, shape)
    raw = ctypes.string_at(value.data_ptr(), size) if size else b""
    return [outputs.write(name, dtype, shape, tensors.unpack(raw, dtype, tensors.elements(shape)), files)]


def _of_array(array: np.ndarray) -> Tuple[str, List[int], bytes]:
    if array.dtype.kind in "OUS":
        return "string", list(array.shape), json.dumps([str(item) for item in array.reshape(-1)]).encode()
    return array.dtype.name, list(array.shape), np.ascontiguousarray(array).tobytes()
