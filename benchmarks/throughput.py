"""How much the harness costs: its rate against a bare loop of parse and build, and two job slots against one.

`python -m benchmarks.throughput [RUNTIME] [ROUNDS]`, by default rtx-1.7 and 3; prints medians over the rounds, which
take turns, so that a machine that slows down slows all of them.
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
    (runtime,) = select_tensorrt(name, {})
    bare, one, two = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(rounds):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            one.append(_matrix(folder / "one", runtime, "--jobs=1", "--keep-jobs=all"))
            two.append(_matrix(folder / "two", runtime, "--jobs=2"))
            bare.append(_bare(folder, runtime, one[-1]))
    single, double = median(run.rate for run in one), median(run.rate for run in two)
    print(f"{len(one[0].records)} models on {runtime.name}, medians of {rounds} rounds")
    print(f"bare loop              {median(bare):6.1f} models/s")
    print(f"pytest --jobs 1        {single:6.1f} cells/s   {single / median(bare):.2f} of the bare loop")
    print(f"pytest --jobs 2        {double:6.1f} cells/s   {double / single:.2f} times --jobs 1")
    print(f"first record after     {median(run.first_record for run in one):6.2f} s")
    print(f"memory of pytest       {max(run.memory for run in one + two):6.0f} MiB at most")


def _matrix(folder: Path, runtime: Runtime, *arguments: str) -> Watched:
    """Leave out what crashes or hangs: no bare loop survives that."""
    statuses = read_baseline(FOLDER / f"{runtime.baseline_name}.csv").statuses
    fatal = [case for (case, _), status in statuses.items() if status in (Status.CRASH, Status.TIMEOUT)]
    without = ["-k", f"not ({' or '.join(fatal)})"] if fatal else []
    return run_matrix(folder, f"--trt-version={runtime.name}", "--ort-version=none", *without, *arguments)


def _bare(folder: Path, runtime: Runtime, kept: Watched) -> float:
    jobs = [next((folder / "one").glob("2*")) / record["artifacts"]["job"] for record in kept.records]
    listing = folder / "jobs.txt"
    listing.write_text("\n".join(map(str, jobs)))
    environment = provision(runtime, cache=default_cache(), notify=print, stop=threading.Event())
    done = subprocess.run(
        [environment.python, ROOT / "benchmarks" / "bare_loop.py", runtime.release.module, listing],
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return float(found["models"] / found["seconds"])


if __name__ == "__main__":
    main()
