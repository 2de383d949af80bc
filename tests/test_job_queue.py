"""The queue between the thread that writes jobs and the slots, of which some have a GPU."""

from __future__ import annotations

import threading
import time

import pytest

from matrix.execution.job_queue import JobQueue


def test_a_slot_without_gpu_passes_over_what_needs_one() -> None:
    queue: JobQueue[str] = JobQueue()
    queue.put("first", needs_gpu=True)
    queue.put("second", needs_gpu=False)
    assert queue.get_ahead(has_gpu=False) == "second"
    assert queue.get_ahead(has_gpu=False) is None
    assert queue.get(has_gpu=True) == "first"


def test_a_slot_with_gpu_takes_everything_in_order() -> None:
    queue: JobQueue[int] = JobQueue()
    for number in range(4):
        queue.put(number, needs_gpu=number % 2 == 0)
    assert [queue.get(has_gpu=True) for _ in range(4)] == [0, 1, 2, 3]


def test_closing_lets_everybody_go_once_there_is_nothing_left() -> None:
    queue: JobQueue[str] = JobQueue()
    taken: list[str | None] = []
    waiting = threading.Thread(target=lambda: taken.append(queue.get(has_gpu=False)))
    waiting.start()
    queue.put("for a GPU", needs_gpu=True)
    queue.close()
    waiting.join(timeout=10)
    assert taken == [None]
    assert queue.get(has_gpu=True) == "for a GPU"
    assert queue.get(has_gpu=True) is None


def test_what_an_idle_slot_may_take_is_not_taken_ahead() -> None:
    queue: JobQueue[str] = JobQueue()
    idle = threading.Thread(target=lambda: queue.get(has_gpu=False))
    idle.start()
    queue.put("one", needs_gpu=True)  # not for that slot, which goes on waiting
    for _ in range(6000):
        if queue.get_ahead(has_gpu=True) is None:
            break
        queue.put("one", needs_gpu=True)  # it was not waiting yet
        time.sleep(0.01)
    else:
        pytest.fail("a job was taken ahead while a slot was idle")
    queue.put("two", needs_gpu=True)
    assert queue.get_ahead(has_gpu=True) == "one"
    queue.close()
    idle.join(timeout=60)
    assert not idle.is_alive()
