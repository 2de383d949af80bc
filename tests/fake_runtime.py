"""A stand-in for `ENV/python -I matrix/worker ...` that fails in every way a runtime can: see `fake_interpreter`.

The name of a job directory chooses the misbehaviour: the first key of BEHAVIOURS that occurs in it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np


def reply(directory: Path, **changes: object) -> None:
    content = {
        "protocol": 1, "stage": "build", "failed": None, "machine": "", "poisoned": False, "diagnostics": [],
        "network": None, "points": [], "executed": False, "seconds": {"parse": 0.001, "build": 0.002},
    }  # fmt: skip
    (directory / "reply.json").write_text(json.dumps({**content, **changes}))


def builds(directory: Path) -> None:
    reply(directory)


def segfaults(directory: Path) -> None:
    with (directory / "log.txt").open("w") as log:
        log.write("the last words\n")
    os.kill(os.getpid(), signal.SIGSEGV)


def hangs(directory: Path) -> None:
    time.sleep(600)


def hangs_with_child(directory: Path) -> None:
    child = subprocess.Popen(["sleep", "600"])
    (directory / "child").write_text(str(child.pid))
    time.sleep(600)


def exits(directory: Path) -> None:
    os._exit(3)


def floods_log(directory: Path) -> None:
    with (directory / "log.txt").open("w") as log:
        while True:
            log.write("x" * 65536)


def floods_log_and_answers(directory: Path) -> None:
    (directory / "log.txt").write_bytes(b"x" * (9 * 2**20))
    reply(directory)


def babbles(directory: Path) -> None:
    os.write(1, b"\xff\x00rubbish" * 200_000)
    os.write(1, b"\ndone another-job\n")
    reply(directory)


def half_a_reply(directory: Path) -> None:
    (directory / "reply.json").write_text('{"protocol": 1, "stage": "bui')


def no_reply(directory: Path) -> None:
    pass


def lies(directory: Path) -> None:
    reply(directory, executed="perhaps", points={"a": 1})


def escapes(directory: Path) -> None:
    output = {"name": "y", "dtype": "uint8", "shape": [1], "file": "../../../../../../etc/hostname"}
    reply(directory, executed=True, points=[{"point": "static", "error": "", "outputs": [output]}])


def refuses(directory: Path) -> None:
    error = {"source": "parser", "severity": "error", "code": "UNSUPPORTED_NODE", "op": "Relu", "message": "<b>no</b>"}
    reply(directory, stage="parse", failed="parse", diagnostics=[error])


def relus(directory: Path) -> list[dict[str, Any]]:
    """Run Relu, really, at every shape point, and return the points of a reply."""
    points = []
    for number, point in enumerate(json.loads((directory / "request.json").read_text())["points"]):
        (given,) = point["inputs"]
        values = np.frombuffer((directory / given["file"]).read_bytes(), np.float32)
        file = directory / f"{number}.bin"
        file.write_bytes(np.maximum(values, 0).tobytes())
        output = {"name": "y", "dtype": "float32", "shape": given["shape"], "file": file.name}
        points.append({"point": point["name"], "error": "", "outputs": [output], "shapes": {"x": given["shape"]}})
    return points


def runs_well(directory: Path) -> None:
    reply(directory, stage="run:max", executed=True, points=relus(directory))


def runs_at_some_points(directory: Path) -> None:
    reply(directory, stage="run:max", executed=True, points=relus(directory)[:2])


def runs_at_one_shape(directory: Path) -> None:
    points = relus(directory)
    reply(directory, stage="run:max", executed=True, points=[{**points[0], "point": p["point"]} for p in points])


def runs_at_shapes_unknown(directory: Path) -> None:
    points = [{**point, "shapes": {}} for point in relus(directory)]
    reply(directory, stage="run:max", executed=True, points=points)


def runs_wrong_at_max(directory: Path) -> None:
    points = relus(directory)
    points[-1]["outputs"][0]["shape"] = [3, 4]
    reply(directory, stage="run:max", executed=True, points=points)


def runs_otherwise_in_one_release(directory: Path) -> None:
    """Refuse in 1.5, and be off by a half at one point in 1.4."""
    if directory.name.startswith("rtx-1.5"):
        return refuses(directory)
    points = relus(directory)
    if directory.name.startswith("rtx-1.4"):
        file = directory / points[1]["outputs"][0]["file"]
        file.write_bytes((np.frombuffer(file.read_bytes(), np.float32) + np.float32(0.5)).tobytes())
    return reply(directory, stage="run:max", executed=True, points=points)


def is_refused_at_max(directory: Path) -> None:
    error = {"source": "execution", "severity": "error", "code": "FAIL", "node": "max", "message": "too large"}
    points = [*relus(directory)[:3], {"point": "max", "error": "too large", "outputs": []}]
    reply(directory, stage="run:max", failed="run:max", executed=True, points=points, diagnostics=[error])


def dies_at_max(directory: Path) -> None:
    (directory / "stage").write_text("run:max")
    os.kill(os.getpid(), signal.SIGSEGV)


def lacks_tactics(directory: Path) -> None:
    error = {"source": "builder", "severity": "error", "code": "UNSUPPORTED_STATE", "message": "no implementation"}
    outputs = [{"name": "y", "dtype": "float32", "shape": [-1, 3]}]
    network: dict[str, object] = {"outputs": outputs, "dtypes": ["float32"]}
    sources = {"tactic_sources": "JIT_CONVOLUTIONS"} if "restricted" in directory.name else {}
    reply(directory, failed="build", diagnostics=[error], network=network, settings=sources)


def segfaults_once(directory: Path) -> None:
    if not directory.name.endswith(".alone"):
        segfaults(directory)
    reply(directory)


def poisons(directory: Path) -> None:
    reply(directory, poisoned=True)


def builds_slowly(directory: Path) -> None:
    time.sleep(0.3)
    reply(directory)


def closes_channel(directory: Path) -> None:
    os.close(1)
    time.sleep(600)


BEHAVIOURS = {
    "right": runs_well,
    "otherwise": runs_otherwise_in_one_release,
    "some_points": runs_at_some_points,
    "one_shape": runs_at_one_shape,
    "shapes_unknown": runs_at_shapes_unknown,
    "wrong_at_max": runs_wrong_at_max,
    "refused_at_max": is_refused_at_max,
    "dead_at_max": dies_at_max,
    "segfault": segfaults,
    "childhang": hangs_with_child,
    "hang": hangs,
    "exit": exits,
    "overflow": floods_log_and_answers,
    "flood": floods_log,
    "babble": babbles,
    "half": half_a_reply,
    "silent": no_reply,
    "lie": lies,
    "escape": escapes,
    "close": closes_channel,
    "refuse": refuses,
    "notactic": lacks_tactics,
    "flaky": segfaults_once,
    "slow": builds_slowly,
    "poison": poisons,
}


def main() -> None:
    start, worker, folder, parent = sys.argv[1], sys.argv[3], Path(sys.argv[5]), int(sys.argv[6])
    sys.path.insert(0, worker)
    import_module("process").die_with(parent)
    if start == "import_error":
        (folder / "hello.json").write_text('{"error": "ImportError: libnvinfer.so.10: cannot open shared object file"}')
        sys.exit(1)
    if start == "dies":
        os.kill(os.getpid(), signal.SIGABRT)
    if start == "deaf":
        time.sleep(600)
    release = folder.name.split("-")[1]  # the folder of a worker is called as its runtime
    version = "9.9.9" if start == "other" else f"{release}.99"
    (folder / "hello.json").write_text(json.dumps({"version": version, "python": "3.11.7"}))
    os.write(1, b"ready\n")
    for line in sys.stdin:
        directory = Path(line.strip())
        (directory / "stage").write_text("build")
        behave = next((act for name, act in BEHAVIOURS.items() if name in directory.name), builds)
        behave(directory)
        os.write(1, f"done {directory.name}\n".encode())
        if behave is poisons:
            break


if __name__ == "__main__":
    main()
