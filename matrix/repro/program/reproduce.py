"""Runs the cell of this bundle in a process of its own, which may crash or hang, and prints the status that it has."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import device
import figures
import judge
import numpy as np

WORKER = "--worker"
START_DEADLINE = 180.0  # seconds until the runtime is loaded
JOB = "job"


def main(cell: Dict[str, Any], script: Path, arguments: Sequence[str]) -> int:
    """Print the status on standard output and why on standard error; 0: it is the one that was recorded."""
    if arguments[:1] == [WORKER]:
        return work(cell, arguments[1:])
    parser = argparse.ArgumentParser(
        description="Prints the status of {} on {}; it was {}.".format(
            cell["case"]["id"], cell["runtime"]["name"], cell["status"]
        ),
        epilog="exit status: 0 the status is the recorded one, 1 it is another",
    )
    parser.add_argument("--verbose", action="store_true", help="print every word of the runtime on standard error")
    parser.add_argument("--timeout", type=float, default=cell["timeout"], metavar="SECONDS", help="deadline")
    options = parser.parse_args(list(arguments))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_job(cell, script.parent, folder / JOB, options.verbose)
        ended = run(cell, script, folder, options.timeout)
        reply = json.loads((folder / JOB / "reply.json").read_text(encoding="utf-8")) if ended is None else None
        status, reason = judge.judge(
            cell,
            reply,
            ended or ("", ""),
            job=folder / JOB,
            expected=read_expected(cell, script.parent),
            has_gpu=device.is_present(),
        )
        if options.verbose:
            sys.stderr.write(_text(folder / JOB / "log.txt"))
    sys.stderr.write("{} on {}: {}{}\n".format(cell["case"]["id"], cell["runtime"]["name"], status, _after(reason)))
    sys.stderr.write("recorded: {}\n".format(cell["status"]))
    sys.stdout.write(status + "\n")
    return 0 if status == cell["status"] else 1


def work(cell: Dict[str, Any], arguments: Sequence[str]) -> int:
    """Be the worker: the same program that ran the cell when it was recorded."""
    if cell["runtime"]["product"] != "onnxruntime":
        vars(device)["Memory"] = importlib.import_module("cudart").Memory
    sys.argv = ["repro.py", *arguments]
    return int(importlib.import_module("worker").main())


def load_data(cell: Dict[str, Any], here: Path) -> Iterator[Dict[str, Any]]:
    """Yield the inputs of each shape point, for `polygraphy run --data-loader-script`."""
    for point in cell["points"]:
        yield {t["name"]: figures.decode(t["dtype"], t["shape"], _raw(t, here), {}) for t in point["inputs"]}


def write_job(cell: Dict[str, Any], here: Path, job: Path, verbose: bool) -> None:
    """Write the job directory that the worker reads: request.json, the model and the raw bytes of the inputs."""
    (job / "inputs").mkdir(parents=True)
    for file in cell["model_files"]:
        (job / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(here / file), str(job / file))

    def put(tensor: Dict[str, Any]) -> Dict[str, Any]:
        file = "inputs/{}.bin".format(len(list((job / "inputs").iterdir())))
        (job / file).write_bytes(_raw(tensor, here))
        return {"name": tensor["name"], "dtype": tensor["dtype"], "shape": tensor["shape"], "file": file}

    calibration = cell["calibration"]
    if calibration:
        batches = [{tensor["name"]: put(tensor) for tensor in batch} for batch in calibration["batches"]]
        writer = "right" if calibration["writer"] == "polygraphy" else calibration["writer"]  # hands over the same
        calibration = dict(calibration, batches=batches, writer=writer)
    request = {
        "protocol": 1,
        "points": [
            {
                "name": point["name"],
                "inputs": [put(tensor) for tensor in point["inputs"]],
                "shape_tensors": list(point["values"]),
            }
            for point in cell["points"]
        ],
        "profiles": cell["profiles"],
        "options": dict(cell["options"], **({"verbose": "yes"} if verbose else {})),
        "calibration": calibration,
    }
    (job / "request.json").write_text(json.dumps(request), encoding="utf-8")


def run(cell: Dict[str, Any], script: Path, folder: Path, timeout: float) -> Optional[Tuple[str, str]]:
    """Run the job in a process of its own; return None if it answered, else the status and how it ended."""
    command = [sys.executable, str(script), WORKER, cell["runtime"]["product"], str(folder), str(os.getpid())]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, cwd=str(folder)
    )
    late = threading.Event()

    def kill() -> None:
        late.set()
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(START_DEADLINE, kill)
    timer.start()
    ready = answered = False
    assert process.stdin is not None
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == b"ready" and not ready:
            ready = True
            timer.cancel()
            timer = threading.Timer(timeout, kill)
            timer.start()
            process.stdin.write("{}\n".format(folder / JOB).encode())
            process.stdin.flush()
        elif line.startswith(b"done "):
            answered = True
            break
    timer.cancel()
    process.stdin.close()
    try:
        code = process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    process.stdout.close()
    if answered:
        return None
    if not ready:
        return "not_run", "the runtime could not be loaded: " + _text(folder / "hello.json")
    where = "in stage {}".format(_text(folder / JOB / "stage") or "start")
    if late.is_set():
        return "timeout", "no answer within {:g} s, {}".format(timeout, where)
    how = "died of {}".format(signal.Signals(-code).name) if code < 0 else "exited with code {}".format(code)
    return "crash", "the process {}, {}".format(how, where)


def read_expected(cell: Dict[str, Any], here: Path) -> Dict[str, List[Tuple[str, Any, str]]]:
    """Return name, values and dtype of each output that is expected, by shape point."""
    return {
        point["name"]: [
            (t["name"], figures.decode(t["dtype"], t["shape"], _raw(t, here), cell["tables"]), t["dtype"])
            for t in point["expected"]
        ]
        for point in cell["points"]
        if point["expected"] is not None
    }


def _raw(tensor: Dict[str, Any], here: Path) -> bytes:
    """Return the bytes of a tensor of this bundle: from an archive of numpy, or as they are."""
    if not tensor["file"]:
        return b""
    if not tensor["key"]:
        return bytes((here / tensor["file"]).read_bytes())
    with np.load(str(here / tensor["file"])) as archive:
        return bytes(np.ascontiguousarray(archive[tensor["key"]]).tobytes())


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _after(reason: str) -> str:
    return ": " + reason if reason else ""
