"""Memory of the CUDA device through the CUDA runtime library itself, for a machine that has no Polygraphy.

It stands in for `device.Memory` and behaves as that does. Values: <driver_types.h>.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import sys
from pathlib import Path
from typing import Any, Iterator, List

import device

HOST_TO_DEVICE, DEVICE_TO_HOST = 1, 2
NAMES = ("libcudart.so", "libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0", "libcudart.so.10.2")
# Where the packages nvidia-cuda-runtime-cu12 and its likes put it, and where CUDA's installer does.
PLACES = ("{}/nvidia/cuda_runtime/lib/libcudart.so.*", "{}/nvidia/cu*/lib/libcudart.so.*")
INSTALLED = "/usr/local/cuda*/lib64/libcudart.so*"


class Stream:
    """A CUDA stream; its address is its ``ptr``."""

    def __init__(self, ptr: int) -> None:
        self.ptr = ptr


class Memory:
    """Memory of the device; what it gave out is freed when its ``with`` block ends.

    Raises OSError where there is no CUDA runtime library.
    """

    def __init__(self) -> None:
        self._cuda = _library()
        self._given: List[int] = []

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        for address in self._given:
            self._cuda.cudaFree(ctypes.c_void_p(address))
        self._given.clear()

    def allocate(self, size: int) -> int:
        """Return the address of ``size`` bytes, at least 1. Raises MemoryError or device.CudaError."""
        pointer = ctypes.c_void_p()
        self._call("cudaMalloc", ctypes.byref(pointer), ctypes.c_size_t(max(size, 1)))
        self._given.append(int(pointer.value or 0))
        return self._given[-1]

    def upload(self, content: bytes) -> int:
        """Return the address of a copy of ``content``. Raises as `allocate` does."""
        address = self.allocate(len(content))
        self._copy(ctypes.c_void_p(address), ctypes.c_char_p(content), len(content), HOST_TO_DEVICE)
        return address

    def download(self, address: int, size: int) -> bytes:
        """Return ``size`` bytes from ``address``. Raises device.CudaError."""
        host = ctypes.create_string_buffer(max(size, 1))
        self._copy(host, ctypes.c_void_p(address), size, DEVICE_TO_HOST)
        return host.raw[:size]

    @contextlib.contextmanager
    def stream(self) -> Iterator[Stream]:
        """Yield a CUDA stream."""
        pointer = ctypes.c_void_p()
        self._call("cudaStreamCreate", ctypes.byref(pointer))
        try:
            yield Stream(int(pointer.value or 0))
        finally:
            self._cuda.cudaStreamDestroy(pointer)

    def synchronize(self, stream: Stream) -> None:
        """Wait for all that was given to ``stream``. Raises device.CudaError."""
        self._call("cudaStreamSynchronize", ctypes.c_void_p(stream.ptr))

    def _copy(self, target: Any, source: Any, size: int, kind: int) -> None:
        if size:
            self._call("cudaMemcpy", target, source, ctypes.c_size_t(size), ctypes.c_int(kind))

    def _call(self, function: str, *arguments: Any) -> None:
        code = int(getattr(self._cuda, function)(*arguments))
        if code == device.OUT_OF_MEMORY:
            raise MemoryError("the GPU has not enough memory left")
        if code:
            raise device.CudaError(code, "{} failed with cudaError {}".format(function, code))


def _library() -> Any:
    """Return the CUDA runtime: one that the runtime has loaded already, or the first that can be."""
    found = [path for place in PLACES for folder in sys.path for path in sorted(glob.glob(place.format(folder)))]
    for name in [*_loaded(), *NAMES, *found, *sorted(glob.glob(INSTALLED))]:
        with contextlib.suppress(OSError):
            return ctypes.CDLL(name)
    raise OSError("no CUDA runtime library (libcudart.so) was found")


def _loaded() -> List[str]:
    maps = Path("/proc/self/maps")
    lines = maps.read_text(encoding="utf-8", errors="replace").splitlines() if maps.exists() else []
    return sorted({line.split(None, 5)[5] for line in lines if "libcudart.so" in line})
