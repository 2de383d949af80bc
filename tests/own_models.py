"""Small models of a user on disk, for the tests of --model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.models import single_node

Dims = Sequence[int | str | None] | None


def save(path: Path, model: onnx.ModelProto | None = None) -> Path:
    """Write a model, by default a Relu with a dynamic batch."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((model or single_node("Relu")).SerializeToString())
    return path


def elementwise(
    op: str, inputs: Mapping[str, Dims], *, dtype: int = TensorProto.FLOAT, output: Dims = None
) -> onnx.ModelProto:
    """Return a model of one node with these inputs."""
    graph = helper.make_graph(
        [helper.make_node(op, list(inputs), ["y"])],
        "own",
        [helper.make_tensor_value_info(name, dtype, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info("y", dtype, output)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def record(folder: Path, *, number: int = 0, **tensors: Any) -> Path:
    """Write input_0=array, output_0=array, ... to a data set of the model in ``folder``."""
    place = folder / f"test_data_set_{number}"
    place.mkdir(parents=True, exist_ok=True)
    for name, value in tensors.items():
        content = value if isinstance(value, bytes) else numpy_helper.from_array(np.asarray(value)).SerializeToString()
        (place / f"{name}.pb").write_bytes(content)
    return place


def with_external_data(path: Path, location: str = "weights.bin", *, offset: int = 0, length: int = 24) -> Path:
    """Write y = x + w, where w, six floats from 0 to 5, lies in another file, which is written if it is inside."""
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2, 3], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, "offset": str(offset), "length": str(length)}.items():
        weights.external_data.add(key=key, value=value)
    model = elementwise("Add", {"x": [2, 3], "w": [2, 3]}, output=[2, 3])
    del model.graph.input[1]
    model.graph.initializer.append(weights)
    save(path, model)
    if not Path(location).is_absolute() and ".." not in location:
        target = path.parent / location
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(np.arange(6, dtype=np.float32).tobytes())
    return path
