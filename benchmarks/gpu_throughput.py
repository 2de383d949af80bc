"""What the harness costs on a GPU: its rate against a bare loop of parse, build and run, and against Polygraphy.

`python -m benchmarks.gpu_throughput 8.6=PYTHON [MARKERS] [TACTIC_SOURCES] [MODELS]`, PYTHON being an interpreter that
has that TensorRT, Polygraphy and numpy; by default the markers are "dynamic_shapes or opset13". Prints the cells per
second of `pytest matrix/` on one GPU after its worker has started, those of the bare loop over the same models, and the
seconds that Polygraphy's command line takes for each of MODELS of them, all with the builder settings that the records
name. Says so and stops where there is no GPU.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.commands import ROOT, Watched, run_matrix
from matrix.execution.local import LOOKAHEAD
from matrix.record import REFUSED, Precision, Status
from matrix.runtimes.hardware import probe

MODELS_OF_POLYGRAPHY = 5
FEWEST_CELLS = 4 * LOOKAHEAD  # what runs ahead of the first record must not count for much
# What a bare loop would not survive, or never had to do.
LEFT_OUT = frozenset({Status.CRASH, Status.TIMEOUT, Status.NOT_RUN, Status.NOT_APPLICABLE, Status.INVALID_CASE})
POLYGRAPHY = "from polygraphy.tools import main; main()"  # its script may be anywhere
FLAGS = {"FP16": "--fp16", "BF16": "--bf16", "INT8": "--int8", "FP8": "--fp8", "TF32": "--tf32"}  # of Polygraphy


def main() -> None:
    if len(sys.argv) < 2 or "=" not in sys.argv[1]:
        sys.exit("usage: python -m benchmarks.gpu_throughput 8.6=PYTHON [MARKERS] [TACTIC_SOURCES] [MODELS]")
    name, _, python = sys.argv[1].partition("=")
    markers = sys.argv[2] if len(sys.argv) > 2 else "dynamic_shapes or opset13"
    sources = sys.argv[3] if len(sys.argv) > 3 else ""
    models = int(sys.argv[4]) if len(sys.argv) > 4 else MODELS_OF_POLYGRAPHY
    hardware = probe()
    if not hardware.gpus:
        sys.exit("there is no NVIDIA GPU here")
    print(f"{name} on {hardware.gpus[0].name}, driver {hardware.driver}")
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "baselines").mkdir()
        watched = run_matrix(
            Path(scratch) / "run",
            f"--trt-version={name}",
            f"--runtime-python={name}={python}",
            "--ort-version=none",
            "--jobs=1",
            "--keep-jobs=all",
            "--rerun=none",
            f"--baseline={scratch}/baselines",
            *(["--tactic-sources", sources] if sources else []),
            "-m",
            markers,
        )
        if len(watched.records) < FEWEST_CELLS:
            sys.exit(f"{markers!r} selects {len(watched.records)} cells: a rate needs {FEWEST_CELLS}")
        folder = next((Path(scratch) / "run").glob("2*"))
        jobs, fine = _jobs(watched, folder, LEFT_OUT), _jobs(watched, folder, LEFT_OUT | REFUSED)
        if not fine:
            sys.exit(f"none of the {len(watched.records)} cells ran; the output of the run:\n{watched.output[-2000:]}")
        print(f"pytest, {len(watched.records)} cells, of which {len(fine)} ran    {watched.rate:6.1f} cells/s")
        bare, ran = _bare_loop(python, jobs, Path(scratch), sources)
        print(f"bare loop, {len(jobs)} models, of which {ran} ran  {bare:6.1f} models/s")
        print(f"pytest has {watched.rate / bare:.2f} of that")
        seconds = [_polygraphy(python, job, sources) for job in fine[:models]]
        print(f"polygraphy run --trt      {median(seconds):6.1f} s per model, median of {len(seconds)}")


def _jobs(watched: Watched, folder: Path, left_out: frozenset[Status]) -> list[Path]:
    """Return the job directories of the cells that can be built without a calibrator."""
    return [
        folder / record["artifacts"]["job"]
        for record in watched.records
        if Status(record["status"]) not in left_out and record["precision"] != Precision.INT8_CALIBRATED
    ]


def _bare_loop(python: str, jobs: list[Path], scratch: Path, sources: str) -> tuple[float, int]:
    """Return the models per second after the builder's start, and how many of them ran."""
    listing = scratch / "jobs.txt"
    listing.write_text("\n".join(str(job) for job in jobs), encoding="utf-8")
    command = [python, str(ROOT / "benchmarks" / "bare_gpu_loop.py"), str(listing), sources]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return float(found["models"] / found["seconds"]), int(found["ran"])


def _polygraphy(python: str, job: Path, sources: str) -> float:
    """Return the seconds of one `polygraphy run`, start of the interpreter included, as a user has it."""
    request = json.loads((job / "request.json").read_text(encoding="utf-8"))
    settings = json.loads((job / "reply.json").read_text(encoding="utf-8"))["settings"]
    command = [python, "-c", POLYGRAPHY, "run", str(job / "model.onnx"), "--trt"]
    command += [FLAGS[flag] for flag in settings["flags"].split() if flag in FLAGS]
    if "optimization_level" in settings:  # the release has one
        command += ["--builder-optimization-level", settings["optimization_level"]]
    for option, index in (("--trt-min-shapes", 0), ("--trt-opt-shapes", 1), ("--trt-max-shapes", 2)):
        spans = request["profiles"][0]["shapes"] if request["profiles"] else {}
        shapes = [f"{name}:[{','.join(map(str, span[index]))}]" for name, span in spans.items()]
        command += [option, *shapes] if shapes else []
    command += ["--tactic-sources", *sources.split(",")] if sources else []
    begun = time.perf_counter()
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ, check=False
    )
    if done.returncode:
        sys.exit(f"polygraphy failed on {job.name}: {done.stdout[-500:]}")
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
