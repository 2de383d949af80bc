"""The device memory of `repro.py`, on a stand-in for the CUDA runtime whose device is the host."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1] / "matrix"
PATHS = (str(ROOT / "repro" / "program"), str(ROOT / "worker"))


class HostRuntime:
    """What a CUDA runtime answers to the calls that are made of it; ``code`` is that of every call."""

    def __init__(self, code: int = 0) -> None:
        self.code = code
        self.memory: dict[int, Any] = {}

    def cudaMalloc(self, pointer: Any, size: ctypes.c_size_t) -> int:  # noqa: N802 - CUDA's name, as the others
        block = ctypes.create_string_buffer(size.value)
        pointer._obj.value = ctypes.addressof(block)
        self.memory[ctypes.addressof(block)] = block
        return self.code

    def cudaMemcpy(self, target: Any, source: Any, size: ctypes.c_size_t, kind: ctypes.c_int) -> int:  # noqa: N802
        assert kind.value in (1, 2)
        ctypes.memmove(target, source, size.value)
        return self.code

    def cudaFree(self, pointer: ctypes.c_void_p) -> int:  # noqa: N802
        assert pointer.value is not None
        del self.memory[pointer.value]
        return self.code

    def cudaStreamCreate(self, pointer: Any) -> int:  # noqa: N802
        pointer._obj.value = 7
        return self.code

    def cudaStreamSynchronize(self, pointer: ctypes.c_void_p) -> int:  # noqa: N802
        assert pointer.value == 7
        return self.code

    def cudaStreamDestroy(self, pointer: ctypes.c_void_p) -> int:  # noqa: N802
        return self.code


@pytest.fixture
def cudart(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [*PATHS, *sys.path])
    yield import_module("cudart")
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(PATHS):
            del sys.modules[name]


def test_what_is_uploaded_can_be_downloaded_and_is_freed(cudart: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = HostRuntime()
    monkeypatch.setattr(cudart, "_library", lambda: runtime)
    with cudart.Memory() as memory, memory.stream() as stream:
        address, empty = memory.upload(b"a\0bc"), memory.upload(b"")
        assert memory.download(address, 4) == b"a\0bc"
        assert memory.download(empty, 0) == b""
        assert stream.ptr == 7
        memory.synchronize(stream)
        assert len(runtime.memory) == 2
    assert not runtime.memory


def test_an_error_is_told_with_its_code_and_lack_of_memory_is_the_machines(
    cudart: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = HostRuntime(code=2)
    monkeypatch.setattr(cudart, "_library", lambda: runtime)
    with pytest.raises(MemoryError), cudart.Memory() as memory:
        memory.allocate(8)
    runtime.code = 700
    with pytest.raises(RuntimeError, match="cudaMalloc failed with cudaError 700") as raised:
        cudart.Memory().allocate(8)
    assert raised.value.code == 700  # type: ignore[attr-defined]
