"""The job directory as the worker sees it: request in, stage and reply out. Tensors are raw little-endian bytes."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

PROTOCOL = 1
MAX_DIAGNOSTICS = 50
MAX_MESSAGE = 20_000  # characters
HOST_NAME = re.compile(r"\bhostname=\S+")


class Tensor(NamedTuple):
    """One tensor of a request: its bytes lie in ``file``, one element of a 4- or 2-bit type per byte."""

    name: str
    dtype: str
    shape: List[int]
    file: Path


class Point(NamedTuple):
    name: str
    inputs: List[Tensor]
    shape_tensors: List[str]  # the inputs whose values, not only their shapes, a profile must bound


class Profile(NamedTuple):
    """min, opt and max of every input's shape, and of the values of every shape tensor."""

    shapes: Dict[str, List[List[int]]]
    values: Dict[str, List[List[int]]]


class Calibration(NamedTuple):
    """INT8 calibration: what to calibrate with, and which calibrator hands it over (see tensorrt_calibration)."""

    algorithm: str
    writer: str
    batches: List[List[Tensor]]
    cache: Optional[Path]  # a calibration cache that is there already
    profile: Optional[int]  # at whose opt shapes the builder calibrates; None: it is not told


class Request(NamedTuple):
    directory: Path
    model: Path
    points: List[Point]
    profiles: List[Profile]
    options: Dict[str, str]
    calibration: Optional[Calibration]


def is_verbose(request: Request) -> bool:
    """Say whether every word of the runtime is to go to the log of the job."""
    return request.options.get("verbose") == "yes"


class RequestError(ValueError):
    """A request that means nothing; says nothing about the runtime."""


def read_request(directory: Path) -> Request:
    raw = json.loads((directory / "request.json").read_text(encoding="utf-8"))
    return Request(
        directory=directory,
        model=directory / "model.onnx",
        points=[
            Point(
                point["name"],
                [Tensor(t["name"], t["dtype"], t["shape"], directory / t["file"]) for t in point["inputs"]],
                point["shape_tensors"],
            )
            for point in raw["points"]
        ],
        profiles=[Profile(profile["shapes"], profile["values"]) for profile in raw["profiles"]],
        options=raw["options"],
        calibration=_calibration(raw["calibration"], directory) if raw.get("calibration") else None,
    )


def _calibration(raw: Dict[str, Any], directory: Path) -> Calibration:
    return Calibration(
        algorithm=raw["algorithm"],
        writer=raw["writer"],
        batches=[
            [Tensor(name, t["dtype"], t["shape"], directory / t["file"]) for name, t in batch.items()]
            for batch in raw["batches"]
        ],
        cache=directory / raw["cache"] if raw["cache"] else None,
        profile=raw["profile"],
    )


def diagnostic(source: str, message: str, **structure: Any) -> Dict[str, Any]:
    """Return one message of the runtime with the structure that it came with (severity, code, op, node, ...)."""
    return dict(structure, source=source, message=words(message))


def words(message: str) -> str:
    """Return what a runtime said, at most `MAX_MESSAGE` characters; ONNX Runtime's CUDA errors name the host."""
    return HOST_NAME.sub("hostname=...", message)[:MAX_MESSAGE]


class Reply:
    """What the worker found out. It states facts; what they mean is decided by the parent."""

    def __init__(self) -> None:
        self.stage = ""
        self.failed: Optional[str] = None  # the stage that the runtime refused, None if all went well
        self.not_applicable = ""  # why the release cannot have what was asked for, such as a precision
        self.machine = ""  # why this machine could not do it; says nothing about the runtime
        self.poisoned = False  # this process cannot go on
        self.diagnostics: List[Dict[str, Any]] = []
        self.network: Optional[Dict[str, Any]] = None  # the parsed network: its outputs and the dtypes inside it
        self.points: List[Dict[str, Any]] = []  # the outputs of every shape point that ran
        self.executed = False
        self.layers: List[Dict[str, Any]] = []  # of the engine, as its inspector tells them
        self.placement: Dict[str, int] = {}  # execution provider -> nodes that it ran
        self.settings: Dict[str, str] = {}  # what the builder was set to, and the libraries that it had
        self.seconds: Dict[str, float] = {}

    def add(self, item: Dict[str, Any]) -> None:
        if len(self.diagnostics) < MAX_DIAGNOSTICS:
            self.diagnostics.append(item)

    def fail(self, *diagnostics: Dict[str, Any]) -> None:
        """Note that the present stage was refused; of several refusals, the first one counts."""
        if self.failed is None:
            self.failed = self.stage
        for item in diagnostics:
            self.add(item)

    def as_json(self) -> Dict[str, Any]:
        return dict(vars(self), protocol=PROTOCOL)


class Stages:
    """The breadcrumbs: each stage's name is on disk before the stage begins, so that a crash can be placed."""

    def __init__(self, directory: Path, reply: Reply) -> None:
        self._file = directory / "stage"
        self._reply = reply
        self._since = 0.0

    def enter(self, stage: str) -> None:
        self.leave()
        replace_text(self._file, stage)
        self._reply.stage = stage
        self._since = time.perf_counter()

    def leave(self) -> None:
        """Add the time since the last `enter` to that stage's kind; all shape points count as one kind, "run"."""
        if self._reply.stage:
            kind = self._reply.stage.split(":")[0]
            spent = time.perf_counter() - self._since
            self._reply.seconds[kind] = self._reply.seconds.get(kind, 0.0) + spent
            self._since = time.perf_counter()


def write_json(path: Path, content: Dict[str, Any]) -> None:
    replace_text(path, json.dumps(content))


def replace_text(path: Path, text: str) -> None:
    """Write by write-then-rename: a reader sees the old file or the new one, never a half."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(str(temporary), str(path))
