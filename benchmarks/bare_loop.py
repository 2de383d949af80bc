"""The yardstick: parse and build one model after the other in one process, with nothing around it.

`ENV/python benchmarks/bare_loop.py MODULE JOBS...` runs in a runtime's environment; each of JOBS is a job directory.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path


def main() -> None:
    trt = importlib.import_module(sys.argv[1])
    logger = trt.Logger(trt.Logger.INTERNAL_ERROR)
    builder = trt.Builder(logger)
    flags = 0
    for name in ("EXPLICIT_BATCH", "STRONGLY_TYPED"):
        if hasattr(trt.NetworkDefinitionCreationFlag, name):
            flags |= 1 << int(getattr(trt.NetworkDefinitionCreationFlag, name))
    built = 0
    begun = time.perf_counter()
    jobs = [Path(line) for line in Path(sys.argv[2]).read_text().splitlines()]
    for directory in jobs:
        network = builder.create_network(flags)
        parser = trt.OnnxParser(network, logger)
        if not parser.parse((directory / "model.onnx").read_bytes()):
            continue
        config = builder.create_builder_config()
        for wanted in json.loads((directory / "request.json").read_text())["profiles"]:
            profile = builder.create_optimization_profile()
            for index in range(network.num_inputs):
                tensor = network.get_input(index)
                if tensor.is_shape_tensor and tensor.name in wanted["values"]:
                    profile.set_shape_input(tensor.name, *wanted["values"][tensor.name])
                else:
                    profile.set_shape(tensor.name, *wanted["shapes"][tensor.name])
            config.add_optimization_profile(profile)
        built += builder.build_serialized_network(network, config) is not None
    print(json.dumps({"seconds": time.perf_counter() - begun, "models": len(jobs), "built": built}))


if __name__ == "__main__":
    main()
