"""The command that runs one cell alone: what a report hands over to whoever wants to see it happen."""

from __future__ import annotations

import re
import shlex

from matrix.record import Precision, Record, RuntimeInfo
from reports.text import plain


def command(record: Record) -> str:
    """Return the command line that runs this cell, and whatever else has its case's id inside its own."""
    precision = "" if record.precision is Precision.EXPLICIT else f" --precision {record.precision}"
    model = " --model PATH" if record.case.family == "model" else ""  # whose place no report tells
    return f"pytest matrix/{model} {selection(record.runtime)}{precision} -k {quoted(record.case.id)}"


def selection(runtime: RuntimeInfo) -> str:
    """Return the options that select this runtime, and no other release of its product."""
    if runtime.product == "onnxruntime":
        return f"--trt-version none --ort-version {shlex.quote(plain(runtime.name).removeprefix('ort-'))}"
    return f"--trt-version {shlex.quote(plain(runtime.name))}"


def quoted(case: str) -> str:
    """Return a case id for a shell: in double quotes where these are enough."""
    return f'"{case}"' if re.fullmatch(r"[\w.:/+-]+", case) else shlex.quote(plain(case))
