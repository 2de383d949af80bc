"""Runs `pytest matrix/` as a user would, and watches it from outside: time, memory, first record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One run of the command: wall times in seconds, peak resident memory of pytest's own process in MiB."""

    seconds: float
    first_record: float
    memory: float
    output: str
    records: list[dict[str, Any]]

    @property
    def rate(self) -> float:
        """Cells per second between the first and the last record."""
        times = [datetime.fromisoformat(record["time"]) for record in self.records]
        return (len(times) - 1) / (times[-1] - times[0]).total_seconds()


def run_matrix(report_dir: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Watched:
    """Run `pytest matrix/` with ``arguments`` and return what was seen of it."""
    command = [sys.executable, "-m", "pytest", "matrix/", "-p", "no:cacheprovider", f"--report-dir={report_dir}"]
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begun = time.perf_counter()
    output = report_dir.with_suffix(".txt")
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w") as sink:
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=ROOT,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**clean, **(environment or {})},
        )
        first, memory = 0.0, 0.0
        while process.poll() is None:
            memory = max(memory, peak_memory(process.pid))
            if not first and any(path.stat().st_size for path in report_dir.glob("*/records.jsonl")):
                first = time.perf_counter() - begun
            time.sleep(0.01)
    seconds = time.perf_counter() - begun
    files = sorted(report_dir.glob("2*/records.jsonl"))
    records = [json.loads(line) for line in files[-1].read_text().splitlines()] if files else []
    return Watched(seconds=seconds, first_record=first, memory=memory, output=output.read_text(), records=records)


def peak_memory(pid: int) -> float:
    """Return the peak resident memory of a process in MiB, 0 if it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)
