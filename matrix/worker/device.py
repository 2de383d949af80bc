"""The CUDA device: whether there is one, memory on it (through Polygraphy), and whether it still obeys this process."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from functools import lru_cache
from typing import Any, Callable, Iterator, List, Optional

import numpy as np

# Values of CUresult and cudaError_t, <cuda.h> and <driver_types.h>.
OUT_OF_MEMORY = 2
OF_THE_MACHINE = {
    35: "the driver is older than the CUDA runtime", 46: "the GPU is busy or unavailable", 100: "there is no GPU",
    214: "an uncorrectable ECC error", 802: "the system is not ready to use its GPUs",
    803: "the driver does not match the CUDA libraries", 804: "the GPU does not take the compatibility driver",
}  # fmt: skip
HARMLESS = (0, 3, 201)  # success; not initialized, no context: nothing has run that could have failed


class CudaError(RuntimeError):
    """A call of CUDA that failed; ``code`` is its cudaError_t, 0 where it is not known."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@lru_cache(maxsize=1)
def is_present() -> bool:
    """Say whether there is a CUDA device that this process may use. Asks the driver, which costs nothing to import."""
    count = ctypes.c_int(0)
    try:
        driver = _driver()
        return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    except (OSError, AttributeError):
        return False


def is_poisoned() -> bool:
    """Say whether the CUDA context is beyond repair: then every later call in this process fails the same way."""
    return is_present() and _driver().cuCtxSynchronize() not in HARMLESS


def free_memory() -> Optional[int]:
    """Return the bytes of the device that nobody has taken, None where that cannot be told."""
    free, total = ctypes.c_size_t(0), ctypes.c_size_t(0)
    if not is_present() or _driver().cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)) != 0:
        return None
    return free.value


@lru_cache(maxsize=1)
def _driver() -> Any:
    return ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")


class Memory:
    """Memory of the device; what it gave out is freed when its ``with`` block ends.

    Raises ImportError where Polygraphy is missing, and OSError where there is no CUDA runtime library or CUDA says that
    this machine cannot serve it, whatever was asked.
    """

    def __init__(self) -> None:
        try:
            from polygraphy import cuda, exception
        except ImportError as error:
            raise ImportError("to run an engine, its environment needs Polygraphy: pip install polygraphy") from error
        self._cuda, self._error = cuda, exception.PolygraphyException
        self._given: List[Any] = []

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        for array in self._given:
            with contextlib.suppress(self._error):  # of a poisoned context; what went wrong has been told
                array.free()
        self._given.clear()

    def allocate(self, size: int) -> int:
        """Return the address of ``size`` bytes, and of one where that is 0: an empty tensor needs an address too.

        Raises:
            MemoryError: the device has not as much left.
            CudaError: it failed in another way.
        """
        array = self._call(self._cuda.DeviceArray.raw, (max(size, 1),))
        self._given.append(array)
        return int(array.ptr)

    def upload(self, content: bytes) -> int:
        """Return the address of a copy of ``content``. Raises as `allocate` does."""
        address = self.allocate(len(content))
        array = self._given[-1]
        self._call(array.copy_from, np.frombuffer(content, np.uint8))
        return address

    def download(self, address: int, size: int) -> bytes:
        """Return ``size`` bytes from ``address``.

        Raises:
            CudaError: they cannot be read, or something that ran before has failed.
        """
        host = np.empty(size, np.uint8)
        if size:
            kind = self._cuda.MemcpyKind.DeviceToHost
            self._call(self._cuda.wrapper().memcpy, host.ctypes.data, address, size, kind)
        return bytes(host.tobytes())

    @contextlib.contextmanager
    def stream(self) -> Iterator[Any]:
        """Yield a CUDA stream; its address is its ``ptr``."""
        stream = self._call(self._cuda.Stream)
        try:
            yield stream
        finally:
            with contextlib.suppress(self._error):
                stream.free()

    def synchronize(self, stream: Any) -> None:
        """Wait for all that was given to ``stream``.

        Raises:
            CudaError: some of it failed.
        """
        self._call(stream.synchronize)

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except self._error as error:
            code = int(self._cuda.wrapper().handle.cudaGetLastError())
            if code == OUT_OF_MEMORY:
                raise MemoryError("the GPU has not enough memory left") from error
            if code in OF_THE_MACHINE:
                raise OSError("cudaError {}: {}".format(code, OF_THE_MACHINE[code])) from error
            raise CudaError(code, str(error)) from error
