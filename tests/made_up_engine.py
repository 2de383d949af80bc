"""An engine of TensorRT that is its own context, and a device whose memory is the host's, for tests of the worker."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np


@dataclass
class HostMemory:
    """Memory of the device that is memory of the host; ``breaks`` is raised instead of waiting for the stream."""

    breaks: Exception | None = None
    given: list[Any] = field(default_factory=list)

    def allocate(self, size: int) -> int:
        self.given.append(ctypes.create_string_buffer(max(size, 1)))
        return ctypes.addressof(self.given[-1])

    def upload(self, content: bytes) -> int:
        address = self.allocate(len(content))
        ctypes.memmove(address, content, len(content))
        return address

    def download(self, address: int, size: int) -> bytes:
        return ctypes.string_at(address, size) if size else b""

    def synchronize(self, stream: object) -> None:
        if self.breaks:
            raise self.breaks

    @contextmanager
    def stream(self) -> Iterator[Any]:
        yield SimpleNamespace(ptr=1)

    def __enter__(self) -> HostMemory:
        return self

    def __exit__(self, *_: object) -> None:
        self.given.clear()


@dataclass
class IoTensor:
    """An input or output of a made-up engine; types have TensorRT's names."""

    name: str
    dtype: str = "FLOAT"
    output: bool = False
    on_host: bool = False


class Allocated:
    """Stands for tensorrt.IOutputAllocator."""


TRT = SimpleNamespace(
    IOutputAllocator=Allocated,
    TensorIOMode=SimpleNamespace(INPUT="in", OUTPUT="out"),
    TensorLocation=SimpleNamespace(HOST="host", DEVICE="device"),
)
Compute = Callable[[dict[str, tuple[int, list[int]]]], dict[str, Any]]


class Engine:
    """An engine that is its own context: ``compute`` gets address and shape of each input, and returns the outputs."""

    def __init__(self, tensors: Sequence[IoTensor], compute: Compute) -> None:
        self._tensors = {tensor.name: tensor for tensor in tensors}
        self._compute = compute
        self._shapes: dict[str, list[int]] = {}
        self._addresses: dict[str, int] = {}
        self._allocators: dict[str, Any] = {}
        self._given: dict[str, int] = {}
        self.profiles: list[int] = []
        self.refuses = ""
        self.most = -1  # bytes of an output; -1: not known
        self.asks_once = False
        self.num_io_tensors = len(tensors)

    def get_tensor_name(self, index: int) -> str:
        return list(self._tensors)[index]

    def get_tensor_mode(self, name: str) -> str:
        return "out" if self._tensors[name].output else "in"

    def get_tensor_dtype(self, name: str) -> Any:
        return SimpleNamespace(name=self._tensors[name].dtype)

    def get_tensor_location(self, name: str) -> str:
        return "host" if self._tensors[name].on_host else "device"

    def is_shape_inference_io(self, name: str) -> bool:
        return self._tensors[name].on_host

    def get_tensor_shape(self, name: str) -> list[int]:
        return self._shapes.get(name, [2])

    def set_input_shape(self, name: str, shape: Sequence[int]) -> bool:
        self._shapes[name] = list(shape)
        return self.refuses != "shape"

    def set_tensor_address(self, name: str, address: int) -> bool:
        assert address, "an empty tensor needs an address too"
        self._addresses[name] = address
        return True

    def get_max_output_size(self, name: str) -> int:
        return self.most

    def set_output_allocator(self, name: str, allocator: Any) -> bool:
        self._allocators[name] = allocator
        return True

    def set_optimization_profile_async(self, index: int, stream: int) -> bool:
        self.profiles.append(index)
        return True

    def infer_shapes(self) -> list[str]:
        inputs = [name for name, tensor in self._tensors.items() if not tensor.output]
        return [name for name in inputs if name not in self._addresses]

    def execute_async_v3(self, stream: int) -> bool:
        inputs = {name: (self._addresses[name], self._shapes[name]) for name in self._shapes}
        for name, array in self._compute(inputs).items():
            raw = np.ascontiguousarray(array).tobytes()
            if name not in self._allocators:
                ctypes.memmove(self._addresses[name], raw, len(raw))
                continue
            self._allocators[name].notify_shape(name, array.shape)
            if not self.asks_once or name not in self._given:
                self._given[name] = self._allocators[name].reallocate_output(name, 0, len(raw), 256)
            ctypes.memmove(self._given[name], raw, min(len(raw), self._allocators[name].sizes[name]))
        return True


def array_at(address: int, shape: Sequence[int], dtype: Any) -> Any:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer(ctypes.string_at(address, size), dtype).reshape(shape)
