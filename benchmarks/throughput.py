"""How much the harness costs: its rate against a bare loop of parse and build, and two job slots against one.

`python -m benchmarks.throughput [RUNTIME] [ROUNDS] [MARKERS]`, by default rtx-1.7, 3 and "dynamic_shapes or opset13";
prints medians over the rounds, which take turns, so that a machine that slows down slows all of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from statistics import median

from benchmarks.commands import ROOT, Watched, run_matrix
from matrix.record import Status
from matrix.runtimes.environment import default_cache, provision
from matrix.runtimes.selection import Runtime, select_tensorrt
from matrix.verdict.baseline import FOLDER, read_baseline


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "rtx-1.7"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    markers = sys.argv[3] if len(sys.argv) > 3 else "dynamic_shapes or opset13"
    (runtime,) = select_tensorrt(name, {})
    bare, pair, one, two = [], [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        jobs = _matrix(Path(scratch) / "jobs", runtime, "-m", markers, "--keep-jobs=all")
        for number in range(rounds):
            folder = Path(scratch) / str(number)
            one.append(_matrix(folder / "one", runtime, "-m", markers, "--jobs=1"))
            two.append(_matrix(folder / "two", runtime, "-m", markers, "--jobs=2"))
            bare.append(_bare(Path(scratch), runtime, jobs, processes=1))
            pair.append(_bare(Path(scratch), runtime, jobs, processes=2))
    single, double = median(run.rate for run in one), median(run.rate for run in two)
    print(f"{len(one[0].records)} models on {runtime.name}, medians of {rounds} rounds")
    print(f"bare loop              {median(bare):6.1f} models/s")
    print(f"two bare loops at once {median(pair):6.1f} models/s  {median(pair) / median(bare):.2f} times one")
    print(f"pytest --jobs 1        {single:6.1f} cells/s   {single / median(bare):.2f} of the bare loop")
    print(f"pytest --jobs 2        {double:6.1f} cells/s   {double / single:.2f} times --jobs 1")
    print(f"first record after     {median(run.first_record for run in one):6.2f} s")
    print(f"memory of pytest       {max(run.memory for run in one + two):6.0f} MiB at most")


def _matrix(folder: Path, runtime: Runtime, *arguments: str) -> Watched:
    """Leave out what crashes or hangs: no bare loop survives that."""
    statuses = read_baseline(FOLDER / f"{runtime.file_name}.csv").statuses
    fatal = [case for (case, _), status in statuses.items() if status in (Status.CRASH, Status.TIMEOUT)]
    without = ["-k", f"not ({' or '.join(fatal)})"] if fatal else []
    return run_matrix(folder, f"--trt-version={runtime.name}", "--ort-version=none", *without, *arguments)


def _bare(scratch: Path, runtime: Runtime, kept: Watched, *, processes: int) -> float:
    """Return the models per second of ``processes`` bare loops, each over all of the models."""
    folder = next((scratch / "jobs").glob("2*"))
    listing = scratch / "jobs.txt"
    listing.write_text("\n".join(str(folder / record["artifacts"]["job"]) for record in kept.records))
    environment = provision(runtime, cache=default_cache(), notify=print, stop=threading.Event())
    command: list[str | Path] = [
        environment.python,
        ROOT / "benchmarks" / "bare_loop.py",
        runtime.release.module,
        listing,
    ]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(processes)
    ]
    found = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]
    return sum(float(each["models"] / each["seconds"]) for each in found)


if __name__ == "__main__":
    main()
