"""The first reference's process: a model may hang it, or kill it, and costs only its own answer."""

from __future__ import annotations

import itertools
import shutil
import sys
import threading
from pathlib import Path

from matrix.case_folder import CaseFolder
from matrix.execution.job import MAX_OUTPUT, write_job
from matrix.execution.process import Worker, WorkerStartError
from matrix.verdict.reference import Answer
from matrix.verdict.reference.cache import from_bytes
from matrix.verdict.reference.specification import NAME

PROGRAM = Path(__file__).resolve().parent / "verdict" / "reference" / "__main__.py"
MAX_MODEL = 512 * 2**20  # bytes: the evaluator holds a model in memory several times


class Evaluator:
    """Computes one answer after the other in one process, and starts another one when that is gone."""

    def __init__(self, folder: Path, *, deadline: float) -> None:
        self._folder = folder
        self._deadline = deadline
        self._stop = threading.Event()  # is never set: who stops a run kills the process by `close`
        self._worker: Worker | None = None
        self._numbers = itertools.count(1)

    def start(self, folder: CaseFolder) -> Path | str:
        """Begin with a case; return its job directory for `finish`, or why that cannot be.

        Raises:
            OSError: the job directory cannot be written.
        """
        size = sum((folder.path / name).stat().st_size for name in ("model.onnx", *folder.external))
        if size > MAX_MODEL:
            return f"the model has {size >> 20} MiB, and the {NAME} is given {MAX_MODEL >> 20} at most"
        directory = self._folder / f"{folder.path.name}-{next(self._numbers)}"
        write_job(directory, folder, {"digest": folder.digest})
        try:
            if self._worker is None or not self._worker.is_alive():
                self._worker = Worker(
                    python=Path(sys.executable),
                    product="onnx",
                    folder=self._folder / f"process-{next(self._numbers)}",
                    stop=self._stop,
                    program=(str(PROGRAM),),
                )
        except WorkerStartError as error:
            self._worker = None
            return f"the {NAME} did not start: {error}"
        self._worker.start(directory)
        return directory

    def finish(self, directory: Path, digest: str) -> Answer | str:
        """Return the answer that `start` began with; where the process hung or died, how it ended."""
        assert self._worker is not None
        try:
            ending = self._worker.wait(directory, self._deadline)
            if ending.exit is not None:
                self._worker = None
                return f"the {NAME} gave no answer: {ending.why}"
            if (directory / "answer").stat().st_size > MAX_OUTPUT:
                return f"the answer of the {NAME} is larger than {MAX_OUTPUT} bytes"
            return from_bytes((directory / "answer").read_bytes(), digest)
        except (OSError, ValueError) as error:
            return f"the {NAME} gave no answer: {error}"
        except BaseException:  # Ctrl-C: it is still at a job that goes away, and would answer the next one with its end
            self.close()
            raise
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._worker is not None:
            self._worker.kill()
            self._worker = None
