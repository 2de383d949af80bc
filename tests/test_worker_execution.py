"""Running an engine at shape points: what the worker hands over, and what it makes of answers and errors.

Engine, context and device are made up (tests/made_up_engine.py); matrix/ runs real ones.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.made_up_engine import TRT, Engine, HostMemory, IoTensor, array_at

WORKER = Path(__file__).parents[1] / "matrix" / "worker"


class WorkerModules:
    """The worker's modules, which have common names, for the time of one test."""

    def __init__(self) -> None:
        self.execution, self.job, self.device = map(import_module, ("tensorrt_execution", "job", "device"))
        self.profiles, self.listeners = map(import_module, ("profiles", "tensorrt_listeners"))


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerModules]:
    monkeypatch.syspath_prepend(str(WORKER))
    before = set(sys.modules)
    yield WorkerModules()
    for name in set(sys.modules) - before:
        if isinstance(sys.modules[name], ModuleType) and str(WORKER) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


class Bench:
    """Runs points, name -> input -> array, on an engine, and returns the reply."""

    def __init__(self, worker: WorkerModules, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._worker, self._folder, self._patch = worker, folder, monkeypatch

    def __call__(
        self,
        engine: Engine,
        points: dict[str, dict[str, Any]],
        profiles: Sequence[Any] = (),
        *,
        breaks: Exception | None = None,
        poisoned: bool = False,
    ) -> Any:
        job = self._worker.job
        self._patch.setattr(self._worker.device, "is_poisoned", lambda: poisoned)
        made = [
            job.Point(name, [self._store(name, *item) for item in arrays.items()], [])
            for name, arrays in points.items()
        ]
        request = job.Request(self._folder, self._folder / "model.onnx", made, list(profiles), {}, None)
        inputs = [self._worker.profiles.GraphInput(name, None) for name in next(iter(points.values()))]
        reply = job.Reply()
        listeners = SimpleNamespace(mark=lambda: (0, 0), first_error=lambda mark: "TensorRT's words")
        with HostMemory(breaks) as memory, memory.stream() as stream:
            execution = self._worker.execution.Execution(TRT, engine, engine, request, inputs, "it ran", memory, stream)
            self._worker.execution.run_points(execution, job.Stages(self._folder, reply), reply, listeners)
        return reply

    def output(self, reply: Any, point: int, index: int = 0) -> Any:
        found = reply.points[point]["outputs"][index]
        return np.frombuffer((self._folder / found["file"]).read_bytes(), found["dtype"]).reshape(found["shape"])

    def _store(self, point: str, name: str, array: Any) -> Any:
        file = self._folder / f"{point}.{name}.bin"
        file.write_bytes(array.tobytes())
        return self._worker.job.Tensor(name, array.dtype.name, list(array.shape), file)


@pytest.fixture
def run(worker: WorkerModules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(worker, tmp_path, monkeypatch)


def doubling(dtype: Any = np.float32, name: str = "FLOAT") -> Engine:
    tensors = [IoTensor("x", name), IoTensor("y", name, output=True)]
    return Engine(tensors, lambda inputs: {"y": array_at(*inputs["x"], dtype) * 2})


def floats(*shape: int) -> Any:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def test_every_point_runs_at_its_own_shape(run: Bench) -> None:
    points = {
        "min": {"x": floats(1, 3)},
        "max": {"x": floats(4, 3)},
        "scalar": {"x": floats()},
        "empty": {"x": floats(0, 3)},
    }
    reply = run(doubling(), points)
    assert (reply.failed, reply.executed) == (None, True)
    for index, arrays in enumerate(points.values()):
        assert run.output(reply, index).shape == arrays["x"].shape
        assert (run.output(reply, index) == arrays["x"] * 2).all()
        assert reply.points[index]["shapes"] == {"x": list(arrays["x"].shape)}


def test_an_output_has_the_shape_that_the_data_give_it(run: Bench) -> None:
    engine = Engine(
        [IoTensor("x"), IoTensor("y", "INT32", output=True)],
        lambda inputs: {"y": np.argwhere(array_at(*inputs["x"], np.float32)).astype(np.int32).T},
    )
    reply = run(engine, {"some": {"x": floats(2, 3)}, "none": {"x": np.zeros((2, 3), np.float32)}})
    assert run.output(reply, 0).tolist() == np.argwhere(floats(2, 3)).T.tolist()
    assert run.output(reply, 1).shape == (2, 0)


@pytest.mark.parametrize("most", [-1, 4 * 12, 2**40])
def test_an_output_that_outgrows_what_was_asked_for_is_read_whole_or_not_at_all(run: Bench, most: int) -> None:
    engine = doubling()
    engine.asks_once, engine.most = True, most
    reply = run(engine, {"min": {"x": floats(1, 3)}, "max": {"x": floats(4, 3)}})
    assert run.output(reply, 0).tolist() == (floats(1, 3) * 2).tolist()
    if most == 4 * 12:
        assert run.output(reply, 1).tolist() == (floats(4, 3) * 2).tolist()
    else:
        assert reply.points[1]["error"] == "TensorRT asked for 12 bytes for output 'y', whose shape [4, 3] takes 48"


def test_int64_becomes_what_the_engine_takes_and_the_reply_says_so(run: Bench) -> None:
    points = {"fits": {"x": np.array([1, -2], np.int64)}, "wide": {"x": np.array([1, 2**40], np.int64)}}
    reply = run(doubling(np.int32, "INT32"), points)
    assert reply.points[0]["outputs"][0]["dtype"] == "int32"
    assert run.output(reply, 0).tolist() == [2, -4]
    assert "does not fit into int32" in reply.points[1]["error"]
    assert reply.failed == "run:wide"


def test_a_type_that_is_another_is_not_taken_for_it(run: Bench) -> None:
    reply = run(doubling(np.int8, "INT8"), {"static": {"x": np.array([1, 2], np.uint8)}})
    assert "uint8, and the engine takes int8" in reply.points[0]["error"]


def test_a_type_that_numpy_lacks_goes_through_as_bytes(run: Bench) -> None:
    tensors = [IoTensor("x", "BF16"), IoTensor("y", "INT4", output=True)]
    engine = Engine(tensors, lambda inputs: {"y": np.array([0x21, 0x43], np.uint8)})
    stored = run._store
    run._store = lambda point, name, array: stored(point, name, array)._replace(dtype="bfloat16")  # type: ignore[method-assign]
    reply = run(engine, {"static": {"x": np.zeros(3, np.uint16)}})
    found = reply.points[0]["outputs"][0]
    assert found["dtype"] == "int4"
    assert (run._folder / found["file"]).read_bytes()[:2] == bytes([1, 2]), "one element a byte, the lowest bits first"


def test_shape_tensors_lie_on_the_host(run: Bench) -> None:
    tensors = [IoTensor("s", "INT64", on_host=True), IoTensor("y", "INT64", output=True, on_host=True)]
    engine = Engine(tensors, lambda inputs: {"y": array_at(*inputs["s"], np.int64) + 1})
    reply = run(engine, {"static": {"s": np.array([3, 4], np.int64)}})
    assert reply.failed is None, reply.points
    assert run.output(reply, 0).tolist() == [4, 5]


def test_each_point_takes_the_first_profile_that_contains_it(run: Bench, worker: WorkerModules) -> None:
    engine = doubling()
    profiles = [worker.job.Profile({"x": [[low], [low], [high]]}, {}) for low, high in ((1, 2), (3, 6))]
    points = {name: {"x": floats(size)} for name, size in (("a", 1), ("b", 4), ("c", 5), ("outside", 9), ("d", 2))}
    reply = run(engine, points, profiles)
    assert engine.profiles == [1, 0], "and no change where it is active already"
    assert [bool(point["error"]) for point in reply.points] == [False, False, False, True, False]
    assert "refused by the harness" in reply.points[3]["error"], "this engine took in silence what is outside"


def test_a_refusal_costs_its_point_and_has_the_words_of_tensorrt(run: Bench) -> None:
    engine = doubling()
    engine.refuses = "shape"
    reply = run(engine, {"a": {"x": floats(2)}, "b": {"x": floats(3)}})
    assert [point["error"] for point in reply.points] == ["TensorRT's words"] * 2
    assert (reply.failed, reply.executed) == ("run:a", False)


def test_a_missing_input_is_told(run: Bench) -> None:
    engine = Engine([IoTensor("x"), IoTensor("z"), IoTensor("y", output=True)], lambda inputs: {})
    assert "lacks shape or values of z" in run(engine, {"a": {"x": floats(2)}}).points[0]["error"]


def test_a_broken_device_costs_the_points_that_are_left(run: Bench, worker: WorkerModules) -> None:
    error = worker.device.CudaError(700, "an illegal memory access")
    points = {"a": {"x": floats(2)}, "b": {"x": floats(3)}}
    broken = run(doubling(), points, breaks=error, poisoned=True)
    assert [point["point"] for point in broken.points] == ["a"]
    assert broken.diagnostics[0]["code"] == "cudaError 700"
    passing = run(doubling(), points, breaks=error)
    assert [point["point"] for point in passing.points] == ["a", "b"]


def test_no_memory_is_the_fault_of_the_machine(run: Bench) -> None:
    with pytest.raises(MemoryError):
        run(doubling(), {"a": {"x": floats(2)}}, breaks=MemoryError("the GPU has not enough memory left"))


def test_without_a_gpu_nothing_is_poisoned(worker: WorkerModules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker.device, "is_present", lambda: False)
    assert not worker.device.is_poisoned()
