"""The jobs that wait for a slot: in the order of the run, and those that need a GPU only for a slot that has one."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

Job = TypeVar("Job")


class JobQueue(Generic[Job]):
    """A queue between one thread that writes jobs and the threads of the slots."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Job, bool]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._idle = 0  # slots that wait for a job

    def put(self, job: Job, *, needs_gpu: bool) -> None:
        with self._changed:
            self._waiting.append((job, needs_gpu))
            self._changed.notify_all()

    def close(self) -> None:
        """Let every `get` return None once nothing is left that it may take."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def get(self, *, has_gpu: bool) -> Job | None:
        """Wait for the next job that the slot can run, and take it; None: there will be none any more."""
        with self._changed:
            while True:
                job = self._take(has_gpu=has_gpu)
                if job is not None or self._closed:
                    return job
                self._idle += 1
                self._changed.wait()
                self._idle -= 1

    def get_ahead(self, *, has_gpu: bool) -> Job | None:
        """Take a job ahead, if there is one that no idle slot is about to take: it waits for the one that runs."""
        with self._changed:
            return self._take(has_gpu=has_gpu) if len(self._waiting) > self._idle else None

    def _take(self, *, has_gpu: bool) -> Job | None:
        for index, (job, needs_gpu) in enumerate(self._waiting):
            if has_gpu or not needs_gpu:
                del self._waiting[index]
                return job
        return None
