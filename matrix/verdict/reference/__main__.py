"""The program that computes the first reference, so that it can be stopped: `python FOLDER_OF_THIS onnx FOLDER PID`.

It is a worker as `matrix.execution.process` knows them: paths of job directories arrive on standard input, a line each,
and a line on the original standard output answers each one. What it found lies in the directory as `answer`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import signal
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[3])  # in place of this folder, whose modules are not programs

import onnx  # noqa: E402

from matrix.case_folder import decode  # noqa: E402
from matrix.verdict.reference.cache import to_bytes  # noqa: E402
from matrix.verdict.reference.specification import evaluate  # noqa: E402

PR_SET_PDEATHSIG = 1  # Linux, <sys/prctl.h>


def main() -> None:
    folder, parent = Path(sys.argv[2]), int(sys.argv[3])
    _die_with(parent)
    _leave_memory_to_others()
    channel = os.dup(1)
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    _write(
        folder / "hello.json", json.dumps({"version": onnx.__version__, "python": platform.python_version()}).encode()
    )
    os.write(channel, b"ready\n")
    for line in sys.stdin:
        directory = Path(line.rstrip("\n"))
        _write(directory / "answer", _answer(directory))
        os.write(channel, f"done {directory.name}\n".encode())


def _answer(directory: Path) -> bytes:
    request = json.loads((directory / "request.json").read_bytes())
    inputs = {
        point["name"]: {
            tensor["name"]: decode(tensor["dtype"], tuple(tensor["shape"]), (directory / tensor["file"]).read_bytes())
            for tensor in point["inputs"]
        }
        for point in request["points"]
    }
    return to_bytes(evaluate(onnx.load(directory / "model.onnx"), inputs), request["options"]["digest"])


def _die_with(parent: int) -> None:
    """End with the parent, even in the middle of an endless loop (Linux; elsewhere the end of standard input does)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if hasattr(os, "getppid") and os.getppid() != parent:
        os._exit(0)


def _leave_memory_to_others() -> None:
    """Take half of the machine's memory at most: a model that asks for more must not bring down the whole run."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
        resource.setrlimit(resource.RLIMIT_AS, (half, half))


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)


if __name__ == "__main__":
    main()
