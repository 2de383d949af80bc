"""What the worker tells apart: a refusal of TensorRT, and a machine that could not.

TensorRT, CUDA and their libraries are made up here; matrix/ runs real ones.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

WORKER = Path(__file__).parents[1] / "matrix" / "worker"
MAPS = """\
7f00-7f01 r-xp 00000000 08:01 11 /opt/with space/lib/libcublas.so.11.11.3.6
7f01-7f02 r--p 00000000 08:01 11 /opt/with space/lib/libcublas.so.11.11.3.6
7f02-7f03 r-xp 00000000 08:01 12 /opt/stubs/libcublasLt.so.11
7f03-7f04 r-xp 00000000 08:01 13 /opt/stubs/libcudnn.so.8
7f04-7f05 r-xp 00000000 08:01 14 /opt/lib/libcudnn_ops_infer.so.8
7f05-7f06 rw-p 00000000 00:00 0
7f06-7f07 rw-p 00000000 00:00 0 [heap]
"""


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give the worker's modules, which have common names, for the time of one test."""
    monkeypatch.syspath_prepend(str(WORKER))
    before = set(sys.modules)
    names = ("device", "job", "libraries", "tensorrt_backend", "tensorrt_calibration", "tensorrt_config")
    yield SimpleNamespace(**{name: import_module(name) for name in (*names, "tensorrt_listeners")})
    for name in set(sys.modules) - before:
        if isinstance(sys.modules[name], ModuleType) and str(WORKER) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


Code = Enum(  # stands for tensorrt.ErrorCodeTRT
    "Code", "UNSPECIFIED_ERROR INTERNAL_ERROR INVALID_ARGUMENT INVALID_CONFIG FAILED_ALLOCATION UNSUPPORTED_STATE"
)


class Recorder:
    """Stands for the classes of TensorRT that the worker derives from."""


def listeners_with(modules: Any, *codes: str) -> Any:
    trt = SimpleNamespace(ILogger=Recorder, IErrorRecorder=Recorder, ErrorCodeTRT=Code)
    made = modules.tensorrt_listeners.Listeners(trt)
    for code in codes:
        made.of_builder.report_error(Code[code], "words")
    return made


def properties(*numbers: int, status: int = 0) -> Any:
    def ask(kind: Any, value: Any) -> int:
        value._obj.value = numbers[kind.value]
        return status

    return ask


def test_a_library_that_cannot_tell_its_version_does_not_work(
    modules: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {
        "/opt/with space/lib/libcublas.so.11.11.3.6": SimpleNamespace(cublasGetProperty=properties(11, 11, 3)),
        "/opt/stubs/libcublasLt.so.11": SimpleNamespace(cublasLtGetProperty=properties(0, 0, 0, status=1)),
        "/opt/stubs/libcudnn.so.8": SimpleNamespace(),
    }
    monkeypatch.setattr(ctypes, "CDLL", made.__getitem__)
    (tmp_path / "maps").write_text(MAPS)
    found = modules.libraries.loaded(tmp_path / "maps")
    assert found == {"cublas": "11.11.3", "cublasLt": "", "cudnn": ""}
    assert modules.libraries.broken(found) == "cublasLt and cudnn loaded here cannot even tell their version"
    assert modules.libraries.broken({"cublas": "11.11.3"}) == ""


def test_a_function_that_answers_without_a_word_does_not_work_either(
    modules: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(cudnnGetProperty=lambda kind, value: 0))
    assert modules.libraries.version("cudnn", "libcudnn.so.8") == ""


def test_where_nothing_is_known_of_the_process_nothing_is_broken(modules: Any, tmp_path: Path) -> None:
    assert modules.libraries.loaded(tmp_path / "maps") == {}
    assert modules.libraries.broken({}) == ""


@pytest.mark.parametrize(
    ("codes", "broken", "words"),
    [
        (["UNSPECIFIED_ERROR", "INTERNAL_ERROR"], "cudnn", "cudnn, and TensorRT failed"),
        (["FAILED_ALLOCATION"], "cudnn", "cudnn, and TensorRT failed"),
        (["UNSUPPORTED_STATE"], "cudnn", "cudnn, and TensorRT failed"),
        (["FAILED_ALLOCATION"], "", "not enough memory"),
        (["INVALID_ARGUMENT", "UNSPECIFIED_ERROR"], "cudnn", ""),
        (["INTERNAL_ERROR"], "cudnn", ""),
        (["UNSPECIFIED_ERROR"], "", ""),
        ([], "cudnn", ""),
    ],
)
def test_a_failure_below_tensorrt_says_nothing_about_it_where_a_library_is_broken(
    modules: Any, codes: list[str], broken: str, words: str
) -> None:
    backend = object.__new__(modules.tensorrt_backend.Backend)
    backend._listeners = listeners_with(modules, *codes)
    request, reply = SimpleNamespace(calibration=None), modules.job.Reply()
    told = backend._why_the_machine_failed(request, broken, reply)
    assert told.startswith(words) if broken else words in told
    assert bool(told) == bool(words)


@pytest.mark.parametrize(
    ("code", "free", "told"),
    [
        ("INTERNAL_ERROR", 100 * 2**20, True),
        ("UNSUPPORTED_STATE", 0, True),
        ("INVALID_ARGUMENT", 0, False),
        ("INTERNAL_ERROR", 2**30, False),
        ("INTERNAL_ERROR", None, False),
        (None, 0, False),
    ],
)
def test_a_gpu_that_is_full_is_the_fault_of_the_machine(
    modules: Any, monkeypatch: pytest.MonkeyPatch, code: str | None, free: int | None, told: bool
) -> None:
    backend = object.__new__(modules.tensorrt_backend.Backend)
    backend._listeners = listeners_with(modules, *([code] if code else []))
    monkeypatch.setattr(modules.device, "free_memory", lambda: free)
    words = backend._why_the_machine_failed(SimpleNamespace(calibration=None), "", modules.job.Reply())
    assert words == (f"the GPU has only {(free or 0) >> 20} MiB left, for whatever TensorRT needs" if told else "")


def test_the_driver_tells_how_much_is_free(modules: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def tell(free: Any, total: Any) -> int:
        free._obj.value, total._obj.value = 5 * 2**20, 2**30
        return 0

    monkeypatch.setattr(modules.device, "is_present", lambda: True)
    monkeypatch.setattr(modules.device, "_driver", lambda: SimpleNamespace(cuMemGetInfo_v2=tell))
    assert modules.device.free_memory() == 5 * 2**20
    monkeypatch.setattr(modules.device, "_driver", lambda: SimpleNamespace(cuMemGetInfo_v2=lambda *_: 201))
    assert modules.device.free_memory() is None
    monkeypatch.setattr(modules.device, "is_present", lambda: False)
    assert modules.device.free_memory() is None


def test_a_calibrator_that_is_at_fault_fails_whatever_the_libraries_are(modules: Any) -> None:
    backend = object.__new__(modules.tensorrt_backend.Backend)
    backend._listeners = listeners_with(modules, "UNSPECIFIED_ERROR")
    for writer, blamed in (("wrong_shape", False), ("polygraphy", True), ("right", True)):
        request = SimpleNamespace(calibration=modules.job.Calibration("minmax", writer, [], None, None))
        assert bool(backend._why_the_machine_failed(request, "cudnn", modules.job.Reply())) is blamed
    poisoned = modules.job.Reply()
    poisoned.poisoned = True
    assert backend._why_the_machine_failed(SimpleNamespace(calibration=None), "cudnn", poisoned) == ""


@pytest.mark.parametrize("error", [UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), RuntimeError("no"), None])
def test_an_inspector_that_fails_costs_the_layers_and_not_the_cell(
    modules: Any, tmp_path: Path, error: Exception | None
) -> None:
    def answer(_: Any) -> str:
        if error:
            raise error
        return '{"Layers": ["\ud800"'

    backend = object.__new__(modules.tensorrt_backend.Backend)
    backend._trt = SimpleNamespace(LayerInformationFormat=SimpleNamespace(JSON="json"))
    inspector = SimpleNamespace(get_engine_information=answer)
    engine = SimpleNamespace(create_engine_inspector=lambda: inspector)
    reply = modules.job.Reply()
    backend._inspect(engine, None, SimpleNamespace(directory=tmp_path), reply)
    assert (reply.failed, reply.layers) == (None, [])
    assert "inspector's answer cannot be read" in reply.diagnostics[0]["message"]


class BuilderConfig:
    """A configuration that takes no timing cache but an empty one, as TensorRT where the file is another GPU's."""

    def __init__(self, *, understands: bool) -> None:
        self.cache: Any = None
        self._understands = understands

    def create_timing_cache(self, content: bytes) -> Any:
        return SimpleNamespace(content=content) if self._understands or not content else None

    def set_timing_cache(self, cache: Any, ignore_mismatch: bool) -> bool:
        assert cache is not None
        assert not ignore_mismatch
        if not cache.content:
            self.cache = cache
        return not cache.content

    def get_timing_cache(self) -> Any:
        return self.cache


@pytest.mark.parametrize("understands", [True, False])
def test_a_timing_cache_that_does_not_fit_is_begun_anew(modules: Any, tmp_path: Path, understands: bool) -> None:
    made = modules.tensorrt_config.Configuration(SimpleNamespace(), BuilderConfig(understands=understands))
    (tmp_path / "cache").write_bytes(b"of another GPU")
    made.use_timing_cache(str(tmp_path / "cache"))
    assert made.config.cache.content == b""


def test_no_timing_cache_is_no_reason_to_fail(modules: Any, tmp_path: Path) -> None:
    made = modules.tensorrt_config.Configuration(SimpleNamespace(), BuilderConfig(understands=True))
    made.save_timing_cache(str(tmp_path / "cache"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("code", "kind"), [(2, MemoryError), (35, OSError), (46, OSError), (700, RuntimeError)])
def test_what_cuda_says_of_the_machine_is_no_refusal(modules: Any, code: int, kind: type[Exception]) -> None:
    memory = modules.device.Memory()
    handle = SimpleNamespace(cudaGetLastError=lambda: code)
    memory._cuda = SimpleNamespace(wrapper=lambda: SimpleNamespace(handle=handle))

    def fail() -> None:
        raise memory._error("CUDA Error")

    with pytest.raises(kind):
        memory._call(fail)


@pytest.mark.parametrize("error", [MemoryError("no room"), OSError("no driver")])
def test_a_batch_that_the_machine_cannot_hand_over_is_told_after_the_build(
    modules: Any, tmp_path: Path, error: Exception
) -> None:
    def feed() -> Iterator[dict[str, int]]:
        yield {"x": 1}
        raise error

    calibrator = modules.tensorrt_calibration.calibrator_class(Recorder)(feed(), tmp_path / "cache")
    assert calibrator.get_batch(["x"]) == [1]
    modules.tensorrt_calibration.check(calibrator)
    assert calibrator.get_batch(["x"]) is None
    with pytest.raises(type(error)):
        modules.tensorrt_calibration.check(calibrator)
    modules.tensorrt_calibration.check(None)
