"""Where TensorRT's words arrive: a logger and error recorders that live as long as the process."""

from __future__ import annotations

import sys
from typing import Any, Dict, List, Tuple

import job

MAX_PRINTED = 4 * 2**20  # characters of one job: the parent ends a worker for a log that is twice as long
KEPT = {"INTERNAL_ERROR": "error", "ERROR": "error", "WARNING": "warning"}
# Members of ErrorCodeTRT that find fault with what TensorRT was given. Beside them stands INTERNAL_ERROR, a failed
# assertion or a want of memory; every other one may come from a library that TensorRT calls: "Error Code 1: Myelin",
# "Cuda Runtime" and "Cudnn" are all UNSPECIFIED_ERROR.
# Source: https://docs.nvidia.com/deeplearning/tensorrt/archives/tensorrt-861/api/python_api/infer/Core/ErrorRecorder.html
OF_THE_REQUEST = ("INVALID_ARGUMENT", "INVALID_CONFIG", "INVALID_STATE")
INTERNAL = "INTERNAL_ERROR"


class Listeners:
    """A logger and error recorders of one TensorRT module.

    Builder and runtime have a recorder each, and no parser has any: one that is shared with a parser segfaults when its
    network is destroyed.
    """

    def __init__(self, trt: Any) -> None:
        self._logged: List[Tuple[str, str]] = []
        self._recorded: List[Tuple[Any, str]] = []
        self._printed = 0  # characters of the present job
        self._failed_allocation = trt.ErrorCodeTRT.FAILED_ALLOCATION
        self.print_all = False  # whatever is logged is printed too
        self.logger = _logger_class(trt)(self)
        self.of_builder = _recorder_class(trt)(self._recorded)
        self.of_runtime = _recorder_class(trt)(self._recorded)

    def clear(self) -> None:
        self._logged.clear()
        self._recorded.clear()
        self._printed = 0

    def hear(self, severity: str, message: str) -> None:
        """Take what TensorRT logs: errors and warnings are kept."""
        if severity in KEPT and len(self._logged) < job.MAX_DIAGNOSTICS:
            self._logged.append((KEPT[severity], message))
        if self.print_all and self._printed < MAX_PRINTED:
            self._printed += len(message)
            sys.stdout.write("[{}] {}\n".format(severity, message))
            if self._printed >= MAX_PRINTED:
                sys.stdout.write("the rest is left out: a log may not grow without end\n")
            sys.stdout.flush()  # a crash would take with it what is not on disk

    def diagnostics(self) -> List[Dict[str, Any]]:
        """Return what was recorded, then the errors and warnings that were logged, in the order of their arrival."""
        recorded = [
            job.diagnostic("builder", description, severity="error", code=code.name)
            for code, description in self._recorded
        ]
        logged = [job.diagnostic("log", message, severity=severity) for severity, message in self._logged]
        return recorded + logged

    def mark(self) -> Tuple[int, int]:
        """Return where we are, for `first_error`."""
        return len(self._recorded), len(self._logged)

    def first_error(self, since: Tuple[int, int]) -> str:
        """Return the first error that was recorded, or else logged, after a mark; what follows is often its echo."""
        recorded = (description for _, description in self._recorded[since[0] :])
        logged = (message for severity, message in self._logged[since[1] :] if severity == "error")
        return next(recorded, None) or next(logged, "")

    def lacked_memory(self) -> bool:
        """Say whether an allocation failed."""
        return any(code == self._failed_allocation for code, _ in self._recorded)

    def failed_below(self) -> bool:
        """Say whether the first error that was recorded may come from a library that TensorRT calls."""
        return self.failed_at_work() and self._recorded[0][0].name != INTERNAL

    def failed_at_work(self) -> bool:
        """Say whether the first error that was recorded finds no fault with what TensorRT was given."""
        return bool(self._recorded) and self._recorded[0][0].name not in OF_THE_REQUEST


def _logger_class(trt: Any) -> Any:
    class Logger(trt.ILogger):  # type: ignore[misc]
        def __init__(self, listeners: Listeners) -> None:
            trt.ILogger.__init__(self)
            self._listeners = listeners
            # The name of a member costs the bindings 2 us, a look into a dict a tenth of that: a build of TensorRT 8
            # logs thousands of lines.
            self._names: Dict[Any, str] = {}

        def log(self, severity: Any, message: str) -> None:
            name = self._names.get(severity) or self._names.setdefault(severity, severity.name)
            self._listeners.hear(name, message)

    return Logger


def _recorder_class(trt: Any) -> Any:
    class Recorder(trt.IErrorRecorder):  # type: ignore[misc]
        def __init__(self, kept: List[Tuple[Any, str]]) -> None:
            trt.IErrorRecorder.__init__(self)
            self._kept = kept

        def clear(self) -> None:
            self._kept.clear()

        def get_error_code(self, index: int) -> Any:
            return self._kept[index][0]

        def get_error_desc(self, index: int) -> str:
            return self._kept[index][1]

        def has_overflowed(self) -> bool:
            return len(self._kept) >= job.MAX_DIAGNOSTICS

        def num_errors(self) -> int:
            return len(self._kept)

        def report_error(self, code: Any, description: str) -> bool:
            if len(self._kept) < job.MAX_DIAGNOSTICS:
                self._kept.append((code, description))
            return False

    return Recorder
