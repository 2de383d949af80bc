"""The executor: every way in which a job can end costs exactly its own cell."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from cases.case import Case
from matrix.errors import ProvisionError
from matrix.execution import local, slot
from matrix.execution.local import Finished, LocalExecutor
from matrix.plan import Cell, plan
from matrix.runtimes.environment import Environment
from matrix.runtimes.selection import Runtime, select_onnxruntime, select_tensorrt
from tests.conftest import FakeInterpreter
from tests.models import relu
from tests.test_process import until

(RTX,) = select_tensorrt("rtx-1.7", {})
(OTHER,) = select_tensorrt("rtx-1.6", {})


def environment(outcome: Path | Exception) -> Future[Environment]:
    future: Future[Environment] = Future()
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(Environment(python=outcome, packages=("fake==1.2.3",)))
    return future


def cells_of(names: Sequence[str], runtimes: Sequence[Runtime] = (RTX,)) -> list[Cell]:
    return plan([relu(name) for name in names], runtimes)


@pytest.fixture
def python(fake_interpreter: FakeInterpreter) -> Path:
    return fake_interpreter()


def run(cells: list[Cell], environments: dict[str, Future[Environment]], root: Path, slots: int = 1) -> list[Finished]:
    with LocalExecutor(cells, environments, root=root, slots=slots, case_timeout=1.5) as executor:
        return [executor.take(cell) for cell in cells]


@pytest.mark.parametrize("slots", [1, 3])
def test_whatever_one_job_does_the_others_run(python: Path, tmp_path: Path, slots: int) -> None:
    bad = ["segfault", "hang", "exit", "overflow", "half", "silent", "lie", "close"]
    names = [name for pair in zip(bad, (f"good{index}" for index in range(len(bad))), strict=True) for name in pair]
    results = run(cells_of(names), {RTX.name: environment(python)}, tmp_path / "run", slots)
    assert [finished.cell.case.id for finished in results] == names
    for finished in results:
        assert finished.ran is not None
        name = finished.cell.case.id
        if name.startswith("good"):
            assert finished.reply is not None
            assert (finished.ran.exit, finished.ran.version) == (None, "1.7.99")
        else:
            assert finished.reply is None
            assert finished.ran.exit is not None
            assert finished.ran.why
            assert finished.ran.stage == "build"
            assert finished.ran.exit.timed_out == (name == "hang")
    by_name = {finished.cell.case.id: finished.ran for finished in results}
    assert by_name["segfault"] is not None
    assert by_name["segfault"].log == "the last words"
    assert by_name["half"] is not None
    assert "not what the protocol says" in by_name["half"].why


def test_a_worker_that_ends_after_its_reply_loses_no_job(python: Path, tmp_path: Path) -> None:
    cells = cells_of(["good1", "poison1", "good2", "poison2", "poison3", "good3"])
    results = run(cells, {RTX.name: environment(python)}, tmp_path / "run")
    assert all(finished.reply for finished in results)


def test_a_runtime_that_cannot_be_provisioned_or_loaded_is_not_run_and_the_next_one_is(
    python: Path, fake_interpreter: FakeInterpreter, tmp_path: Path
) -> None:
    cells = cells_of(["a", "b", "c", "d"], [RTX, OTHER])
    environments = {RTX.name: environment(ProvisionError("no such package")), OTHER.name: environment(python)}
    results = run(cells, environments, tmp_path / "one")
    assert [finished.ran.not_run for finished in results if finished.ran][:4] == ["no such package"] * 4
    assert all(finished.reply for finished in results[4:])

    environments = {RTX.name: environment(fake_interpreter("import_error")), OTHER.name: environment(python)}
    results = run(cells, environments, tmp_path / "two")
    assert all(finished.ran and "libnvinfer.so.10" in finished.ran.not_run for finished in results[:4])
    assert all(finished.reply for finished in results[4:])
    started = list((tmp_path / "two" / "workers").rglob("hello.json"))
    assert len(started) == 3 + 1  # a runtime that does not come up is given up after three attempts


def test_a_case_that_raises_and_one_that_does_not_apply_reach_no_worker(python: Path, tmp_path: Path) -> None:
    def explode() -> None:
        raise KeyError("axis")

    broken: Case = replace(relu("broken"), build=explode)  # type: ignore[arg-type]
    too_new = replace(relu("too-new"), opset=99)
    (ort,) = select_onnxruntime("1.18", "off", {})
    cells = plan([broken, too_new, relu("fine")], [ort])
    first, second, third = run(cells, {ort.name: environment(python)}, tmp_path / "run")
    assert first.folder is not None
    assert "KeyError: 'axis'" in first.folder.invalid
    assert "opset 99" in second.not_applicable
    assert third.reply is not None


def test_a_worker_that_fails_on_a_full_disk_says_nothing_about_its_runtime(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(slot, "_check_that_the_disk_has_room", full)
    with pytest.raises(OSError, match="No space left"):
        run(cells_of(["exit"]), {RTX.name: environment(python)}, tmp_path / "run")


def test_running_alone_uses_a_worker_of_its_own(python: Path, tmp_path: Path) -> None:
    (cell,) = cells_of(["fine"])
    with LocalExecutor([cell], {RTX.name: environment(python)}, root=tmp_path, slots=1, case_timeout=5) as executor:
        first, second = executor.take(cell), executor.run_alone(cell)
    assert first.reply == second.reply
    assert first.directory != second.directory
    assert len(list((tmp_path / "workers").rglob("hello.json"))) == 2


def test_a_disk_that_cannot_be_written_is_raised_where_the_result_is_awaited(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(local, "write_job", full)
    with pytest.raises(OSError, match="No space left"):
        run(cells_of(["a", "b"]), {RTX.name: environment(python)}, tmp_path / "run")


def test_leaving_stops_everything_at_once(python: Path, tmp_path: Path) -> None:
    cells = cells_of(["hang", *(f"later{index}" for index in range(200))])
    begun = time.monotonic()
    with LocalExecutor(cells, {RTX.name: environment(python)}, root=tmp_path, slots=2, case_timeout=600) as executor:
        # The first slot may hold one of the next two back, behind the job that hangs.
        until(lambda: any(map(executor.is_done, cells[1:3])), 60)
        assert not executor.is_done(cells[0])
        assert not executor.is_done(cells[-1])
    assert time.monotonic() - begun < 120
    assert not [thread for thread in threading.enumerate() if thread.name == "jobs"]


def test_many_workers_do_not_wait_for_one_slow_cell_before_them(python: Path, tmp_path: Path) -> None:
    cells = cells_of(["hang", *(f"case{index:03}" for index in range(local.LOOKAHEAD + 10))])
    with LocalExecutor(cells, {RTX.name: environment(python)}, root=tmp_path, slots=4, case_timeout=600) as executor:
        assert until(lambda: executor.is_done(cells[-1]), 60)
        assert not executor.is_done(cells[0])


def test_leaving_does_not_wait_for_an_environment(tmp_path: Path) -> None:
    never: Future[Environment] = Future()
    with LocalExecutor(cells_of(["a"]), {RTX.name: never}, root=tmp_path, slots=2, case_timeout=600):
        time.sleep(0.2)


def test_jobs_do_not_run_far_ahead_of_who_records_them(python: Path, tmp_path: Path) -> None:
    cells = cells_of([f"case{index:03}" for index in range(150)])
    with LocalExecutor(cells, {RTX.name: environment(python)}, root=tmp_path, slots=1, case_timeout=5) as executor:
        until(lambda: executor.is_done(cells[local.LOOKAHEAD - 1]), 20)
        time.sleep(0.2)
        assert not (tmp_path / "jobs" / cells[local.LOOKAHEAD].id).exists()
        assert all(executor.take(cell).reply for cell in cells)
