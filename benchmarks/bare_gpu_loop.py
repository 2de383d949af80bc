"""The yardstick on a GPU: parse, build and run one model after the other in one process, with nothing around it.

`PYTHON benchmarks/bare_gpu_loop.py JOBS [TACTIC_SOURCES]` runs in a runtime's environment; each line of JOBS is a job
directory of a run. Each model is built with the flags and the optimization level that its reply names, and runs once,
at its first profile's opt shapes, on memory that nobody fills or reads.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from pathlib import Path
from typing import Any

import tensorrt as trt
from polygraphy import cuda

ROOM = 1 << 26  # bytes for each tensor


def main() -> None:
    logger = trt.Logger(trt.Logger.INTERNAL_ERROR)
    builder, runtime = trt.Builder(logger), trt.Runtime(logger)
    stream = cuda.Stream()
    room: dict[int, Any] = {}
    sources = 0
    for name in (sys.argv[2] if len(sys.argv) > 2 else "").split(","):
        sources |= 1 << int(getattr(trt.TacticSource, name)) if name else 0
    jobs = [Path(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    ran = 0
    begun = time.perf_counter()
    for directory in jobs:
        try:
            engine = _build(builder, runtime, logger, directory, sources)
        except (RuntimeError, ValueError, TypeError):  # a request that the bindings refuse
            continue
        context = engine.create_execution_context() if engine is not None else None
        ran += context is not None and _run(engine, context, _opt_shapes(directory), stream, room)
    print(json.dumps({"seconds": time.perf_counter() - begun, "models": len(jobs), "ran": ran}))


def _run(engine: Any, context: Any, wanted: dict[str, list[int]], stream: Any, room: dict[int, Any]) -> bool:
    host = []
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        if name in wanted:
            context.set_input_shape(name, wanted[name])
        if engine.is_shape_inference_io(name):
            host.append(bytearray(4096))
            context.set_tensor_address(name, _address(host[-1]))
            continue
        if index not in room:
            room[index] = cuda.DeviceArray.raw((ROOM,))
        context.set_tensor_address(name, room[index].ptr)
    done = bool(context.execute_async_v3(stream.ptr))
    stream.synchronize()
    return done


def _build(builder: Any, runtime: Any, logger: Any, directory: Path, sources: int) -> Any:
    request = json.loads((directory / "request.json").read_text(encoding="utf-8"))
    settings = json.loads((directory / "reply.json").read_text(encoding="utf-8"))["settings"]
    flags = 0
    weak = request["options"]["precision"] in ("fp16", "bf16")  # where the builder may choose the types
    for flag in ("EXPLICIT_BATCH", *(() if weak else ("STRONGLY_TYPED",))):
        if hasattr(trt.NetworkDefinitionCreationFlag, flag):
            flags |= 1 << int(getattr(trt.NetworkDefinitionCreationFlag, flag))
    network = builder.create_network(flags)
    parser = trt.OnnxParser(network, logger)
    if not parser.parse((directory / "model.onnx").read_bytes()):
        return None
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)
    for flag in settings.get("flags", "").split():
        config.set_flag(getattr(trt.BuilderFlag, flag))
    if "optimization_level" in settings:
        config.builder_optimization_level = int(settings["optimization_level"])
    if sources:
        config.set_tactic_sources(sources)
    for wanted in request["profiles"]:
        profile = builder.create_optimization_profile()
        for index in range(network.num_inputs):
            tensor = network.get_input(index)
            if tensor.is_shape_tensor and tensor.name in wanted["values"]:
                profile.set_shape_input(tensor.name, *wanted["values"][tensor.name])
            elif tensor.name in wanted["shapes"]:
                profile.set_shape(tensor.name, *wanted["shapes"][tensor.name])
        config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    return None if plan is None else runtime.deserialize_cuda_engine(plan)


def _opt_shapes(directory: Path) -> dict[str, list[int]]:
    profiles = json.loads((directory / "request.json").read_text(encoding="utf-8"))["profiles"]
    return {name: span[1] for name, span in profiles[0]["shapes"].items()} if profiles else {}


def _address(memory: bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


if __name__ == "__main__":
    main()
