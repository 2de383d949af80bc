"""The options of a request that the TensorRT backend knows, checked.

precision           explicit (default), fp32, tf32, fp16, bf16 or int8-calibrated. TF32 is on for tf32 alone.
sm                  build for this compute capability, sm89 (TensorRT-RTX); default: whatever the release chooses
optimization_level  0 to 5, or "default" for the release's own; default 0. TensorRT-RTX keeps its own: it builds
                    no faster at 0
tactic_sources      comma list of TacticSource names, those that the release has are used; default: its own choice
workspace_mib       the most memory that the builder may use as workspace; default: the release's own limit
timing_cache        path of a timing cache to read and write; default: none
execute             auto (default): run where there is a CUDA device; no: parse and build only
verbose             yes: all that TensorRT logs is printed, and so goes to the log of the job (job.is_verbose)

An option that a request leaves out is taken from the environment: TENSORRT_MATRIX_TACTIC_SOURCES and so on.
"""

from __future__ import annotations

import os
from typing import Mapping, NamedTuple, Optional, Tuple

import job
import tensorrt_api

PREFIX = "TENSORRT_MATRIX_"
EXECUTE = ("auto", "no")


class Options(NamedTuple):
    precision: str
    sm: str
    optimization_level: Optional[int]
    tactic_sources: Tuple[str, ...]
    workspace_mib: Optional[int]
    timing_cache: str
    execute: str


def read(options: Mapping[str, str], product: str) -> Options:
    """Return the options of a request for ``product``.

    Raises:
        job.RequestError: one has a value that means nothing.
    """

    def value(name: str, default: str = "") -> str:
        return options.get(name) or os.environ.get(PREFIX + name.upper()) or default

    level = "default" if product == "tensorrt_rtx" else value("optimization_level", "0")
    workspace = value("workspace_mib")
    return Options(
        precision=_one_of("precision", value("precision", "explicit"), tensorrt_api.PRECISIONS),
        sm=value("sm"),
        optimization_level=None if level == "default" else _number("optimization_level", level),
        tactic_sources=tuple(name.strip() for name in value("tactic_sources").split(",") if name.strip()),
        workspace_mib=_number("workspace_mib", workspace) if workspace else None,
        timing_cache=value("timing_cache"),
        execute=_one_of("execute", value("execute", "auto"), EXECUTE),
    )


def _one_of(name: str, value: str, allowed: Tuple[str, ...]) -> str:
    if value not in allowed:
        raise job.RequestError("{}: {!r} is none of {}".format(name, value, ", ".join(allowed)))
    return value


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdecimal()):
        raise job.RequestError("{}: {!r} is not a whole number".format(name, value))
    return int(value)
