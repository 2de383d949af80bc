"""What the first reference and ONNX Runtime make of a case."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from cases.case import Array, Case
from cases.catalogue import Generated
from matrix.verdict.reference import specification


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What an implementation made of a case: outputs by shape point, or the error."""

    outputs: dict[str, list[Array]] | None = None
    error: str = ""


def evaluate(made: Generated) -> Ran:
    answer = specification.evaluate(made.model, made.inputs)
    if answer.outputs is None:
        return Ran(error=answer.why)
    return Ran(outputs={point: list(arrays.values()) for point, arrays in answer.outputs.items()})


def reference(made: Generated) -> dict[str, list[Array]]:
    """Return the first reference's outputs by shape point, in the order of the graph."""
    ran = evaluate(made)
    assert ran.outputs is not None, ran.error
    return ran.outputs


def kills_onnxruntime(case: Case) -> bool:
    """Tell whether loading the case ends the process: docs/findings.md, "Crashes"."""
    return case.op in ("QLinearSigmoid", "QLinearLeakyRelu") and "zp_absent" in case.tags


def run_if_possible(made: Generated) -> Ran:
    ort = pytest.importorskip("onnxruntime", reason="onnxruntime has no release for this Python")
    ort.set_default_logger_severity(4)
    try:
        return Ran(outputs=run_onnxruntime(ort, made))
    except Exception as error:  # noqa: BLE001 - the binding raises one class per status code
        return Ran(error=str(error))


def run_onnxruntime(ort: Any, made: Generated) -> dict[str, list[Array]]:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = ort.InferenceSession(made.model_bytes, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in made.model.graph.output]
    types = [helper.tensor_dtype_to_np_dtype(each.type.tensor_type.elem_type) for each in made.model.graph.output]
    return {
        point: [
            from_value(value, dtype)
            for value, dtype in zip(
                session.run_with_ort_values(names, {name: to_value(ort, array) for name, array in arrays.items()}),
                types,
                strict=True,
            )
        ]
        for point, arrays in made.inputs.items()
    }


def to_value(ort: Any, array: Array) -> Any:
    """Return an OrtValue; of a type that numpy lacks it takes the packed bytes, in an array of the tensor's shape."""
    packed = np.frombuffer(numpy_helper.from_array(array).raw_data, np.uint8)
    if array.dtype.isbuiltin == 1:
        return ort.OrtValue.ortvalue_from_numpy(array)
    carrier = np.zeros(array.size, np.uint8)
    carrier[: packed.size] = packed
    return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(
        carrier.reshape(array.shape), helper.np_dtype_to_tensor_dtype(array.dtype)
    )


def from_value(value: Any, dtype: np.dtype[Any]) -> Array:
    shape = tuple(value.shape())
    raw = ctypes.string_at(value.data_ptr(), value.tensor_size_in_bytes())
    tensor = onnx.TensorProto(data_type=helper.np_dtype_to_tensor_dtype(dtype), dims=shape, raw_data=raw)
    return numpy_helper.to_array(tensor)


def flat(outputs: dict[str, list[Array]]) -> list[Array]:
    return [array for arrays in outputs.values() for array in arrays]


def equal(got: Array, want: Array) -> bool:
    same = (got.dtype, got.shape) == (want.dtype, want.shape)
    return same and np.array_equal(got.astype(np.float64), want.astype(np.float64), equal_nan=True)


def close(case: Case, got: Array, want: Array) -> bool:
    exact = want.astype(np.float64)
    error = np.abs(got.astype(np.float64) - exact)
    bound = case.tolerance
    limit = bound.steps if want.dtype.kind in "iu" else bound.absolute + bound.relative * np.abs(exact)
    return (got.dtype, got.shape) == (want.dtype, want.shape) and bool((error <= limit).all())
