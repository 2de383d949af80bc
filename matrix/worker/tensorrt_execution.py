"""Runs an engine at every shape point, by the names of its tensors: TensorRT 8.5 and later, and TensorRT-RTX.

Outputs go through an output allocator, so that data-dependent ones come back with their real shape. Polygraphy gives
the memory. Its TrtRunner is not used: it has no tensors of the types that numpy lacks, chooses no profile for a shape,
and does not tell an error that ends the process from one that ends the run.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import device
import job
import numpy as np
import outputs
import profiles
import tensorrt_api
import tensors
from tensorrt_listeners import Listeners
from tensorrt_network import dtype_of

Output = Tuple[str, List[int], bytes]  # dtype, shape, raw bytes with one sub-byte element a byte
MAX_BOUND = 64 * 2**20  # bytes: an upper bound above it is no size that an output of a small model has


class RunRefusedError(Exception):
    """TensorRT, or we on its behalf, refused a shape point; empty where TensorRT's own listeners know why."""


class Execution:
    """One engine with its context, for one request; ``silent`` says what a fault that TensorRT takes is told with.

    Stream, allocator and memory are the same at every shape point and outlive the context's use of them: at the next
    point TensorRT 8.5 still waits for the stream of the last one, and reads its shape tensors again.
    """

    def __init__(
        self,
        trt: Any,
        engine: Any,
        context: Any,
        request: job.Request,
        inputs: Sequence[profiles.GraphInput],
        silent: str,
        memory: device.Memory,
        stream: Any,
    ) -> None:
        self._trt = trt
        self._engine = engine
        self._context = context
        self._profile = 0
        self._memory = memory
        self._stream = stream
        self._allocator = output_allocator(trt, memory, self._most)
        self._hosts: List[Any] = []  # the content of shape tensors
        self.request = request
        self.graph_inputs = inputs
        self.silent = silent
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        self._inputs = [name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
        self._outputs = [name for name in names if name not in self._inputs]

    def run(self, point: job.Point) -> Dict[str, Output]:
        """Run one shape point and return the outputs by name.

        Raises:
            RunRefusedError: it cannot be run at this point.
            MemoryError: the GPU has not enough memory.
            OSError: the GPU cannot serve this process, whatever is asked of it.
            device.CudaError: CUDA failed in another way.
        """
        context, allocator = self._context, self._allocator
        self._choose_profile(point)
        for tensor in point.inputs:
            if tensor.name in self._inputs:
                self._bind_input(tensor)
        _check_inputs(context)
        allocator.forget()
        hosted = {name: self._host_output(name) for name in self._outputs if self._lies_on_host(name)}
        for name in self._outputs:
            if name in hosted:
                _require(context.set_tensor_address(name, hosted[name].ctypes.data))
            else:
                _require(context.set_output_allocator(name, allocator))
        started = context.execute_async_v3(self._stream.ptr)
        if allocator.failure is not None:
            raise allocator.failure
        _require(started)
        self._memory.synchronize(self._stream)
        return {name: self._fetch(name, hosted.get(name)) for name in self._outputs}

    def input_shapes(self) -> Dict[str, List[int]]:
        """Return the shapes of the inputs as the context has them."""
        return {name: [int(extent) for extent in self._context.get_tensor_shape(name)] for name in self._inputs}

    def _choose_profile(self, point: job.Point) -> None:
        """Take the first profile that contains the point; where none does, the first one, for TensorRT to refuse."""
        index = profiles.profile_of(point, self.request) or 0
        if index != self._profile:
            _require(self._context.set_optimization_profile_async(index, self._stream.ptr))
            self._profile = index

    def _bind_input(self, tensor: job.Tensor) -> None:
        """Set shape and address of an input."""
        name = tensor.name
        dtype = dtype_of(self._engine.get_tensor_dtype(name))
        try:
            content = tensors.convert(tensor.file.read_bytes(), tensor.dtype, dtype)
        except ValueError as error:
            words = "input {!r} is {}, and the engine takes {}: {}".format(name, tensor.dtype, dtype, error)
            raise RunRefusedError(words) from error
        _require(self._context.set_input_shape(name, tuple(tensor.shape)))
        if self._engine.is_shape_inference_io(name):
            host = np.frombuffer(content or bytes(8), np.uint8).copy()
            self._hosts.append(host)
            _require(self._context.set_tensor_address(name, host.ctypes.data))
            return
        _require(self._context.set_tensor_address(name, self._memory.upload(tensors.pack(content, dtype))))

    def _lies_on_host(self, name: str) -> bool:
        return bool(self._engine.get_tensor_location(name) == self._trt.TensorLocation.HOST)

    def _most(self, name: str) -> int:
        """Return the bytes that an output may have in this profile, 0 where TensorRT does not say or says too many."""
        bound = int(self._context.get_max_output_size(name))
        return bound if 0 < bound <= MAX_BOUND else 0

    def _host_output(self, name: str) -> Any:
        dtype = dtype_of(self._engine.get_tensor_dtype(name))
        size = tensors.packed_size(dtype, list(self._context.get_tensor_shape(name)))
        return np.zeros(max(size, 8), np.uint8)

    def _fetch(self, name: str, host: Any) -> Output:
        allocator = self._allocator
        dtype = dtype_of(self._engine.get_tensor_dtype(name))
        shape = allocator.shapes.get(name)
        if shape is None:
            shape = [int(extent) for extent in self._context.get_tensor_shape(name)]
        if min(shape, default=0) < 0:
            raise RunRefusedError("TensorRT did not tell the shape of output {!r}: {}".format(name, shape))
        size = tensors.packed_size(dtype, shape)
        if host is not None:
            raw = host.tobytes()[:size]
        elif size and name not in allocator.addresses:
            raise RunRefusedError("TensorRT asked for no memory for output {!r}".format(name))
        elif size > allocator.sizes.get(name, 0):
            asked = allocator.sizes[name]
            raise RunRefusedError(
                "TensorRT asked for {} bytes for output {!r}, whose shape {} takes {}".format(asked, name, shape, size)
            )
        else:
            raw = self._memory.download(allocator.addresses.get(name, 0), size)
        return dtype, shape, tensors.unpack(raw, dtype, tensors.elements(shape))


def run_points(execution: Execution, stages: job.Stages, reply: job.Reply, listeners: Listeners) -> None:
    """Run every shape point of the request into ``reply``; a refusal costs its point, a broken device the rest.

    Raises:
        MemoryError: the GPU has not enough memory.
        OSError: the GPU cannot serve this process.
    """
    request = execution.request
    for number, point in enumerate(request.points):
        stages.enter("run:" + point.name)
        begun = listeners.mark()
        try:
            got = execution.run(point)
        except (RunRefusedError, RuntimeError) as error:
            _refuse(reply, point, error, listeners.first_error(begun))
            if device.is_poisoned():
                return
            continue
        shapes = execution.input_shapes()
        faults = profiles.point_faults(point, request, execution.graph_inputs)
        faults = faults or profiles.unlike_the_point(point, shapes)
        if faults:
            profiles.refuse_point(reply, point, faults, execution.silent)
            continue
        files = outputs.folder_of(request.directory, number)
        stored = [outputs.write(name, *output, files) for name, output in got.items()]
        reply.points.append({"point": point.name, "error": "", "outputs": stored, "shapes": shapes})
        reply.executed = True


def _refuse(reply: job.Reply, point: job.Point, error: Exception, said: str) -> None:
    code = "cudaError {}".format(error.code) if isinstance(error, device.CudaError) else ""
    message = str(error) or said or "TensorRT refused and gave no reason"
    reply.fail(job.diagnostic("execution", message, severity="error", code=code, node=point.name))
    reply.points.append({"point": point.name, "error": job.words(message), "outputs": []})


def _check_inputs(context: Any) -> None:
    missing = context.infer_shapes()
    if missing:
        raise RunRefusedError("TensorRT still lacks shape or values of {}".format(", ".join(missing)))
    if tensorrt_api.lacks_shape_values(context):
        raise RunRefusedError("TensorRT still lacks the values of a shape tensor")


def _require(done: bool) -> None:
    if not done:
        raise RunRefusedError


def output_allocator(trt: Any, memory: device.Memory, most: Callable[[str], int]) -> Any:
    """Return an output allocator that gives out ``memory``: ``addresses``, ``sizes`` and ``shapes`` by tensor name.

    Memory that is large enough is given out again, as TensorRT expects of an allocator that it has used before. From
    the start it is as large as the output may ever be, ``most``: with TensorRT 8, an output of NonZero that grew from
    one point to the next was larger than what had been asked for.
    """

    class OutputAllocator(trt.IOutputAllocator):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IOutputAllocator.__init__(self)
            self.addresses: Dict[str, int] = {}
            self.sizes: Dict[str, int] = {}
            self.forget()

        def forget(self) -> None:
            """Forget what the last run told: the memory stays."""
            self.shapes: Dict[str, List[int]] = {}
            self.failure: Optional[Exception] = None

        def reallocate_output(self, tensor_name: str, _memory: int, size: int, _alignment: int) -> int:
            try:
                if size > self.sizes.get(tensor_name, -1):
                    size = max(size, most(tensor_name))
                    self.addresses[tensor_name] = memory.allocate(size)
                    self.sizes[tensor_name] = size
            except (MemoryError, OSError, device.CudaError) as error:  # an exception cannot pass through TensorRT
                self.failure = error
                return 0
            return self.addresses[tensor_name]

        def reallocate_output_async(
            self, tensor_name: str, current: int, size: int, alignment: int, _stream: int
        ) -> int:
            return self.reallocate_output(tensor_name, current, size, alignment)

        def notify_shape(self, tensor_name: str, shape: Any) -> None:
            self.shapes[tensor_name] = [int(extent) for extent in shape]

    return OutputAllocator()
