"""How long a user waits: the list of cases, collection of 5,000 cells, and all default environments from nothing.

`python -m benchmarks.startup` prints the first two; `python -m benchmarks.startup --environments` also makes every
default environment in an empty folder, downloads included.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.commands import run_matrix
from cases.catalogue import catalogue
from matrix.runtimes.releases import Product, load

CELLS = 5000


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        _list()
        _collect(Path(scratch))
        if "--environments" in sys.argv[1:]:
            _provision(Path(scratch))


def _list() -> None:
    program = "import time, onnx; begun = time.process_time(); from cases.catalogue import catalogue; catalogue(); "
    program += "print(time.process_time() - begun)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    print(
        f"list of {len(catalogue())} cases        {float(done.stdout):.2f} s of processor, without the import of onnx"
    )


def _collect(scratch: Path) -> None:
    needed = -(-CELLS // len(catalogue()))
    releases = load()
    tensorrt = [release.name for release in releases if release.product is not Product.ONNXRUNTIME][:needed]
    onnxruntime = [release.name for release in releases if release.product is Product.ONNXRUNTIME]
    names = ",".join(onnxruntime[: needed - len(tensorrt)]) or "none"
    watched = run_matrix(
        scratch / "collect", "--collect-only", "-q", f"--trt-version={','.join(tensorrt)}", f"--ort-version={names}"
    )
    count, seconds = re.findall(r"(\d+) tests collected in ([\d.]+)s", watched.output)[-1]
    print(f"collection of {count} cells   {float(seconds):.2f} s, {watched.seconds:.2f} s for the whole command")
    print(f"memory of pytest          {watched.memory:.0f} MiB at most")


def _provision(scratch: Path) -> None:
    fresh = {"TENSORRT_MATRIX_CACHE": str(scratch / "cache"), "UV_CACHE_DIR": str(scratch / "uv")}
    watched = run_matrix(scratch / "provision", "-k", "batch-relu-opset17", environment=fresh)
    print(f"all default environments from nothing, and a case on each   {watched.seconds:.1f} s")


if __name__ == "__main__":
    main()
