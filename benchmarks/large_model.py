"""What a model of over 2 GiB costs in memory: `python -m benchmarks.large_model [RUNTIME] [FOLDER]`.

Writes a chain of matrix products with external data to FOLDER (by default a temporary one, which needs 2.2 GB), runs it
and prints the peak resident memory of pytest's process, of the one that opens models, and of the runtime's worker.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from benchmarks.commands import Watched, peak_memory, run_matrix
from cases.inputs import floats

WIDTH = 4096
LAYERS = 34  # of 64 MiB
DATA = "weights.bin"
PROGRAMS = {"opens models": "matrix.models.examination", "worker": "matrix/worker"}


def main() -> None:
    runtime = sys.argv[1] if len(sys.argv) > 1 else "ort-1.31"
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as scratch:
        model = write_large_model(Path(scratch))
        size = sum(path.stat().st_size for path in (model, model.with_name(DATA))) / 2**20
        run, peaks = _watched(Path(scratch), model, runtime)
    statuses = ", ".join(f"{record['status']}: {record['reason']}" for record in run.records)
    print(f"model of {size:,.0f} MiB on {runtime} in {run.seconds:.0f} s: {statuses or run.output}")
    print(f"pytest           {run.memory:8,.0f} MiB at most")
    for name, peak in peaks.items():
        print(f"{name:16} {peak:8,.0f} MiB at most")


def write_large_model(folder: Path) -> Path:
    """Write a model with external data to ``folder``, layer by layer, and return its path."""
    weights = floats("large model", (WIDTH, WIDTH), limit=2.0**-5, step=2.0**-11).tobytes()
    with (folder / DATA).open("wb") as file:
        for _ in range(LAYERS):
            file.write(weights)
    tensors = []
    for layer in range(LAYERS):
        tensor = TensorProto(name=f"w{layer}", data_type=TensorProto.FLOAT, dims=[WIDTH, WIDTH])
        tensor.data_location = TensorProto.EXTERNAL
        place = {"location": DATA, "offset": str(layer * len(weights)), "length": str(len(weights))}
        for key, text in place.items():
            tensor.external_data.add(key=key, value=text)
        tensors.append(tensor)
    names = ["x", *(f"y{layer}" for layer in range(LAYERS))]
    graph = helper.make_graph(
        [helper.make_node("MatMul", [names[at], f"w{at}"], [names[at + 1]]) for at in range(LAYERS)],
        "large",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", WIDTH])],
        [helper.make_tensor_value_info(names[-1], TensorProto.FLOAT, ["N", WIDTH])],
        tensors,
    )
    path = folder / "model.onnx"
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    data = folder / "test_data_set_0"
    data.mkdir()
    value = floats("large model/x", (2, WIDTH)).astype(np.float32)
    matrix, result = np.frombuffer(weights, np.float32).reshape(WIDTH, WIDTH), value.astype(np.float64)
    for _ in range(LAYERS):
        result = result @ matrix.astype(np.float64)
    for name, array in {"input_0.pb": value, "output_0.pb": result.astype(np.float32)}.items():
        (data / name).write_bytes(onnx.numpy_helper.from_array(array).SerializeToString())
    return path


def _watched(scratch: Path, model: Path, runtime: str) -> tuple[Watched, dict[str, float]]:
    chosen = ["--trt-version=none", f"--ort-version={runtime.removeprefix('ort-')}"]
    if not runtime.startswith("ort-"):
        chosen = [f"--trt-version={runtime}", "--ort-version=none"]
    peaks, done = dict.fromkeys(PROGRAMS, 0.0), threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                for name, program in PROGRAMS.items():
                    if program in _command(process):
                        peaks[name] = max(peaks[name], peak_memory(int(process.name)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        return run_matrix(scratch / "out", f"--model={model}", "--keep-jobs=none", *chosen), peaks
    finally:
        done.set()
        watcher.join()


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


if __name__ == "__main__":
    main()
