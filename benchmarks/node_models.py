"""How long the ONNX package's own node models take: `python -m benchmarks.node_models [RUNTIME] [FOLDER]`.

FOLDER is a tree in ONNX's test-data layout; without one, the node tests of the installed onnx are written to a
temporary folder, as not every release of it brings them as files. Prints seconds, statuses and whether each model has
its one record.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx import numpy_helper

from benchmarks.commands import run_matrix


def main() -> None:
    runtime = sys.argv[1] if len(sys.argv) > 1 else "rtx-1.7"
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(sys.argv[2]) if len(sys.argv) > 2 else write_node_models(Path(scratch) / "node")
        models = len(list(tree.rglob("*.onnx")))
        chosen = ["--trt-version=none", f"--ort-version={runtime.removeprefix('ort-')}"]
        if not runtime.startswith("ort-"):
            chosen = [f"--trt-version={runtime}", "--ort-version=none"]
        since = time.perf_counter()
        run = run_matrix(Path(scratch) / "out", f"--model={tree}", "--keep-jobs=none", *chosen)
        seconds = time.perf_counter() - since
    names = {record["case"]["id"] for record in run.records}
    print(f"{models} models on {runtime}: {len(run.records)} records of {len(names)} cases in {seconds:.0f} s")
    for status, count in Counter(record["status"] for record in run.records).most_common():
        print(f"{status:16} {count:6}")
    print(f"memory of pytest {run.memory:6.0f} MiB at most")


def write_node_models(folder: Path) -> Path:
    """Write the node tests of the installed onnx in its test-data layout, and return ``folder``."""
    from onnx.backend.test.case.node import collect_testcases

    for case in collect_testcases(None):
        assert case.model
        assert case.data_sets
        data = folder / case.name / "test_data_set_0"
        data.mkdir(parents=True)
        (data.parent / "model.onnx").write_bytes(case.model.SerializeToString())
        inputs, outputs = case.data_sets[0]
        _write(data, "input", case.model.graph.input, inputs)
        _write(data, "output", case.model.graph.output, outputs)
    return folder


def _write(folder: Path, kind: str, declared: Sequence[onnx.ValueInfoProto], values: Sequence[Any]) -> None:
    for number, (info, value) in enumerate(zip(declared, values, strict=False)):
        (folder / f"{kind}_{number}.pb").write_bytes(_proto(info, value).SerializeToString())


def _proto(info: onnx.ValueInfoProto, value: Any) -> Any:
    if isinstance(value, (onnx.TensorProto, onnx.SequenceProto, onnx.OptionalProto)):
        return value
    if info.type.HasField("sequence_type"):
        return numpy_helper.from_list(value, info.name)
    if info.type.HasField("optional_type"):
        return numpy_helper.from_optional(value, info.name)
    return numpy_helper.from_array(value, info.name)


if __name__ == "__main__":
    main()
