"""Asks the program that opens models; one that a model brings down is replaced, and the model is told of it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cattrs.preconf.json import make_converter

from matrix.case_folder import DeclaredOutput
from matrix.models.interface import Interface, ModelError

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 300.0  # seconds for one question: a model of 2 GiB is read from a slow disk

T = TypeVar("T")
CONVERTER = make_converter()  # takes a dimension for the number or the text that it is


class DiedError(Exception):
    """The program ended, or gave no answer in time."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The objections of onnx's checker, and where there are none the outputs that the model declares."""

    checker: str
    outputs: tuple[DeclaredOutput, ...] = ()


class Examiner:
    """A process that opens models, started at the first question; thread-safe."""

    def __init__(self, *, deadline: float = DEADLINE) -> None:
        self._deadline = deadline
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._reader = ThreadPoolExecutor(1)

    def describe(self, path: Path) -> Interface:
        """Return the interface of the model in ``path``.

        Raises:
            ModelError: the file is no model that could be opened.
        """
        try:
            return self._ask("describe", path, Interface)
        except DiedError as error:
            raise ModelError(
                f"opening it brought onnx down ({error}); save it anew with the tool that made it"
            ) from None

    def check(self, path: Path) -> Checked:
        """Return what onnx's checker and strict shape inference say of the model in ``path``.

        Raises:
            ModelError: the file cannot be read any more.
        """
        try:
            return self._ask("check", path, Checked)
        except DiedError as error:
            return Checked(checker=f"the checker itself did not survive this model: {error}")

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()
        self._reader.shutdown()

    def _ask(self, question: str, path: Path, kind: type[T]) -> T:
        with self._lock:
            answer = self._exchange(json.dumps({"question": question, "path": str(path)}))
        if "error" in answer:
            raise ModelError(str(answer["error"]))
        return CONVERTER.structure(answer["answer"], kind)

    def _exchange(self, line: str) -> dict[str, Any]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "matrix.models.examination"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            heard = self._reader.submit(self._process.stdout.readline).result(self._deadline)
        except FutureTimeoutError:
            self._process.kill()
            self._end()
            raise DiedError(f"no answer in {self._deadline:g} s") from None
        except OSError:
            heard = ""
        if heard:
            answer: dict[str, Any] = json.loads(heard)
            return answer
        raise DiedError(self._end())

    def _end(self) -> str:
        """End the process, and say how it ended: of itself, or because it had to be killed."""
        process, self._process = self._process, None
        if process is None:
            return ""
        with suppress(OSError):  # what was not written yet has no reader any more
            process.stdin.close()  # type: ignore[union-attr]
        try:
            words = f"exit status {process.wait(1)}"
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            words = f"no answer in {self._deadline:g} s"
        process.stdout.close()  # type: ignore[union-attr]
        return words
