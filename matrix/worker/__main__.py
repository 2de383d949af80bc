"""The program that runs inside a runtime's environment: `ENV/python -I matrix/worker PRODUCT FOLDER PARENT_PID`.

It reads the path of a job directory per line from standard input, runs the job, writes `reply.json` there and then a
line to its original standard output. It needs only the standard library, numpy and its runtime, on Python 3.8 to 3.14,
and imports nothing of the project from outside this directory.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
import traceback
from pathlib import Path
from typing import Any

import job
import process

BACKENDS = {"onnxruntime": "onnxruntime_backend", "tensorrt": "tensorrt_backend", "tensorrt_rtx": "tensorrt_backend"}


def main() -> int:
    product, folder, parent = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    process.die_with(parent)
    answer = process.redirect_output(folder / "log.txt")
    jobs = process.lines_of_stdin()
    try:
        backend = importlib.import_module(BACKENDS[product]).Backend(product)
    except BaseException as error:
        job.write_json(folder / "hello.json", {"protocol": job.PROTOCOL, "error": _words(error)})
        raise
    hello = {"protocol": job.PROTOCOL, "version": backend.version, "python": platform.python_version()}
    job.write_json(folder / "hello.json", hello)
    answer("ready")
    for line in jobs:
        directory = Path(line)
        with process.output_to(directory / "log.txt", folder / "log.txt"):
            reply = _run(backend, directory)
        job.write_json(directory / "reply.json", reply)
        answer("done " + directory.name)
        if reply["poisoned"]:
            os._exit(0)  # destructors of a runtime whose CUDA context is broken may hang or abort
    return 0


def _run(backend: Any, directory: Path) -> dict[str, Any]:
    """Run one job; an exception that the backend did not expect is still a reply, with the stage that it ended."""
    reply = job.Reply()
    os.chdir(str(directory))  # so that no message and no record holds a path of this machine
    try:
        backend.run(job.read_request(directory), job.Stages(directory, reply), reply)
    except (MemoryError, OSError, ImportError, job.RequestError) as error:
        reply.machine = _words(error)
    except Exception as error:  # noqa: BLE001 - whatever a binding raises is what the runtime said
        traceback.print_exc()
        reply.fail(job.diagnostic("binding", str(error), severity="error", code=type(error).__name__))
    return reply.as_json()


def _words(error: BaseException) -> str:
    return "{}: {}".format(type(error).__name__, error)


if __name__ == "__main__":
    sys.exit(main())
