"""The job directory as the parent sees it: made from a case folder, read back with suspicion."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cattrs

from cases.case import Array
from matrix.case_folder import ABSENT, CaseFolder, decode
from matrix.record import Diagnostic, Layer

PROTOCOL = 1
MAX_REPLY = 16 * 2**20  # bytes
MAX_OUTPUT = 2 * 2**30  # bytes


@dataclass(frozen=True, kw_only=True)
class NetworkTensor:
    """A tensor of a parsed network; a dynamic dimension is -1, an unknown rank is None."""

    name: str
    dtype: str
    shape: tuple[int, ...] | None


@dataclass(frozen=True, kw_only=True)
class Network:
    """What a parser made of the model; ``dtypes`` are all element types that occur inside it.

    ``unread`` are the inputs that no layer reads and that are no outputs; ``quantized`` are the tensors that its
    quantize layers make, name -> dtype.
    """

    outputs: tuple[NetworkTensor, ...]
    dtypes: tuple[str, ...]
    unread: tuple[str, ...] = ()
    quantized: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StoredOutput:
    """An output that a worker wrote, ``file`` relative to the job directory."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: str


@dataclass(frozen=True, kw_only=True)
class PointReply:
    """What happened at one shape point; ``error`` holds the runtime's words where it refused to run."""

    point: str
    error: str
    outputs: tuple[StoredOutput, ...]
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # of the inputs, as the runtime had them


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A worker's reply.json: facts, no judgement."""

    protocol: int
    stage: str
    failed: str | None
    machine: str
    poisoned: bool  # the worker ends after this reply
    diagnostics: tuple[Diagnostic, ...]
    network: Network | None
    points: tuple[PointReply, ...]
    executed: bool
    seconds: Mapping[str, float]
    not_applicable: str = ""  # why the release cannot have what was asked for
    layers: tuple[Layer, ...] = ()  # of the engine
    settings: Mapping[str, str] = field(default_factory=dict)  # what the builder was set to
    placement: Mapping[str, int] = field(default_factory=dict)  # execution provider -> nodes that it ran

    @property
    def first_error(self) -> Diagnostic | None:
        """The runtime's first error: what comes after it is often only its echo."""
        return next((item for item in self.diagnostics if item.severity == "error"), None)


class ReplyError(ValueError):
    """A reply that is missing, cut off, or not what the protocol says."""


def write_job(
    directory: Path,
    folder: CaseFolder,
    options: Mapping[str, str],
    calibration: Mapping[str, Any] | None = None,
) -> None:
    """Make a job directory that borrows model and inputs from ``folder``; see `make_self_contained`.

    ``calibration`` has the keys ``algorithm`` (entropy2, entropy, minmax, legacy), ``writer`` (the kind of calibrator:
    matrix/worker/tensorrt_calibration.py), ``batches`` (a list of name -> dtype, shape and file of each input, files
    in ``inputs/``), ``cache`` (a file in ``inputs/``, or None) and ``profile`` (the index of the calibration profile).

    Raises:
        OSError: the directory cannot be written.
    """
    directory.mkdir(parents=True)
    (directory / "model.onnx").symlink_to(folder.path / "model.onnx")
    (directory / "inputs").symlink_to(folder.path / "inputs", target_is_directory=True)
    for name in folder.external:  # no symbolic link: runtimes refuse one, as it may lead out of the model's folder
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(folder.path / name, directory / name)
    request = {
        "protocol": PROTOCOL,
        "points": list(folder.points),
        "profiles": list(folder.profiles),
        "options": dict(options),
        "calibration": calibration,
    }
    temporary = directory / "request.json.tmp"
    temporary.write_text(json.dumps(request), encoding="utf-8")
    os.replace(temporary, directory / "request.json")


def make_self_contained(directory: Path) -> None:
    """Put the model and the inputs themselves into a job directory that is to be kept.

    Raises:
        OSError: the directory cannot be written.
    """
    for name in ("model.onnx", "inputs"):
        if not (directory / name).is_symlink():  # done by an attempt that a full disk ended
            continue
        borrowed = (directory / name).resolve()
        (directory / name).unlink()
        if borrowed.is_dir():
            shutil.copytree(borrowed, directory / name, copy_function=link_or_copy)
        else:
            link_or_copy(borrowed, directory / name)


def read_stage(directory: Path) -> str:
    """Return the last stage that the worker entered, empty before the first."""
    try:
        return (directory / "stage").read_text(encoding="utf-8", errors="replace")[:200]
    except OSError:
        return ""


def read_reply(directory: Path) -> Reply:
    """Return the worker's reply.

    Raises:
        ReplyError: there is none, or it is not one.
    """
    path = directory / "reply.json"
    if _size(path) > MAX_REPLY:
        raise ReplyError(f"the reply is larger than {MAX_REPLY} bytes")
    try:
        reply = cattrs.structure(json.loads(path.read_bytes()), Reply)
    except OSError as error:
        raise ReplyError("the worker ended the job without a reply") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, cattrs.BaseValidationError) as error:
        raise ReplyError(f"the reply is not what the protocol says ({type(error).__name__})") from error
    if reply.protocol != PROTOCOL:
        raise ReplyError(f"the reply has protocol {reply.protocol}, expected {PROTOCOL}")
    return reply


def read_output(directory: Path, output: StoredOutput) -> Array:
    """Return an output's array, at most 2 GiB, from inside the job directory.

    Raises:
        ReplyError: the file is missing, lies elsewhere, or does not hold such an array.
    """
    path = (directory / output.file).resolve()
    if not path.is_relative_to(directory.resolve()):
        raise ReplyError(f"output {output.name!r} lies outside the job directory")
    if output.dtype == ABSENT:
        return decode(ABSENT, (), b"")
    if _size(path) > MAX_OUTPUT:
        raise ReplyError(f"output {output.name!r} is larger than {MAX_OUTPUT} bytes")
    try:
        return decode(output.dtype, output.shape, path.read_bytes())
    except (OSError, ValueError) as error:
        raise ReplyError(f"output {output.name!r} cannot be read ({type(error).__name__})") from error


def read_outputs(directory: Path, reply: Reply) -> dict[str, dict[str, Array]]:
    """Return the outputs of the shape points that ran: shape point -> output -> array.

    Raises:
        ReplyError: an output is missing, too large, or not what the reply says.
    """
    return {
        point.point: {output.name: read_output(directory, output) for output in point.outputs}
        for point in reply.points
        if not point.error
    }


def read_log(directory: Path, limit: int = 4000) -> str:
    """Return the last ``limit`` bytes of the job's log as text."""
    try:
        with (directory / "log.txt").open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - limit))
            return log.read(limit).decode("utf-8", errors="replace").strip()
    except OSError:
        return ""


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """Make ``target`` a second name of the file ``source``, or a copy where the two lie on different disks.

    Raises:
        OSError: it can be neither.
    """
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
