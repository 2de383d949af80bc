"""Bundles of small cells that ran for real: on the ONNX Runtime and the TensorRT-RTX of this very environment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cases.case import Case
from matrix.cell_reference import reference_of
from matrix.conclusion import conclude
from matrix.plan import Cell
from matrix.record import Record
from matrix.repro.bundle import Bundle, write_bundle
from matrix.repro.running import executing
from matrix.runtimes.selection import Runtime, select_onnxruntime, select_tensorrt

(ORT,) = select_onnxruntime("1.31", "off", {"ort-1.31": Path(sys.executable)})
(RTX,) = select_tensorrt("rtx-1.7", {"rtx-1.7": Path(sys.executable)})


def bundles_of(cells: Sequence[tuple[Case, Runtime]], out: Path) -> list[tuple[Record, Bundle]]:
    """Run ``cells`` and write the bundle of each into ``out``."""
    made = [Cell(case=case, runtime=runtime) for case, runtime in cells]
    written = []
    with executing(made, timeout=60, output=sys.stderr) as (executor, hardware, references):
        for cell in made:
            finished = executor.take(cell)
            record = conclude(
                finished, reference_of(finished, references), run="r", hardware=hardware, expected=None
            ).record
            verbose = executor.run_verbose(cell)
            reference = reference_of(verbose, references, always=True)
            target = out / cell.id
            bundle = write_bundle(target, finished=verbose, record=record, reference=reference, timeout=60)
            written.append((replace(record, verdict=None), bundle))
    return written


def run_script(bundle: Bundle, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the `repro.py` of a bundle, from another folder and with nothing of ours on its path."""
    return subprocess.run(
        [sys.executable, str(bundle.folder / "repro.py"), *arguments],
        cwd="/", capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
