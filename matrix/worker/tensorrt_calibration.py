"""INT8 calibrators, up to TensorRT 10.16: Polygraphy's, one written by hand, and the mistakes that are made with those.

writer         what the calibrator does
polygraphy     Polygraphy's Calibrator, which knows the network's inputs and checks what it hands over
right          hands over every input that a batch has; "handwritten" is another name for it
forgets_input  hands over one address too few
wrong_shape    hands over the first half of every input, and no more memory than that
no_data        says at once that there is no batch
stale_cache    has a calibration cache: the request's, or one of this release and algorithm that knows other tensors

Calibration data is float32 where the network's input has a float type; integer inputs keep the network's type.
Source: https://docs.nvidia.com/deeplearning/tensorrt/archives/tensorrt-861/developer-guide/ "Post-Training Quantization
Using Calibration".
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import device
import job
import numpy as np
import tensorrt_api
import tensors
from tensorrt_network import dtype_name

RIGHT = ("polygraphy", "right", "handwritten")
WRITERS = (*RIGHT, "forgets_input", "wrong_shape", "no_data", "stale_cache")
CACHE = "calibration.cache"  # in the job directory: what the calibrator read or wrote
# The name that a calibration cache begins with, after the release: TRT-8503-EntropyCalibration2.
NAMES = {
    "entropy2": "EntropyCalibration2", "entropy": "EntropyCalibration", "minmax": "MinMaxCalibration",
    "legacy": "LegacyCalibration",
}  # fmt: skip
FLOATS = ("float16", "bfloat16", "float32")


def make(trt: Any, request: job.Request, network: Any, profile: Any, memory: device.Memory) -> Any:
    """Return the calibrator that the request asks for; keep it, and ``memory``, until the engine is built.

    Raises:
        job.RequestError: there is no such algorithm or writer.
        ValueError: a batch has another type than the network's input.
    """
    wanted = request.calibration
    if wanted is None:
        raise job.RequestError("the precision int8-calibrated needs calibration data")
    if wanted.algorithm not in tensorrt_api.CALIBRATORS or wanted.writer not in WRITERS:
        raise job.RequestError("calibration: {} with {} is not known".format(wanted.algorithm, wanted.writer))
    base = getattr(trt, tensorrt_api.CALIBRATORS[wanted.algorithm])
    cache = request.directory / CACHE
    if wanted.cache is not None:
        shutil.copyfile(str(wanted.cache), str(cache))
    elif wanted.writer == "stale_cache":
        cache.write_text(_foreign_cache(trt, wanted.algorithm), encoding="ascii")
    batches = [] if wanted.writer == "no_data" else _batches(wanted, network)
    if wanted.writer == "polygraphy":
        return _of_polygraphy(base, batches, cache, network, profile)
    return calibrator_class(base)(_feed(wanted.writer, batches, memory), cache)


def is_at_fault(wanted: Optional[job.Calibration]) -> bool:
    """Say whether the calibrator of a request makes a mistake on purpose."""
    return wanted is not None and wanted.writer not in RIGHT


def check(calibrator: Any) -> None:
    """Raise what kept the machine from handing over a batch, if anything did: then the build had to fail.

    Raises:
        MemoryError: the GPU has not enough memory.
        OSError: the GPU cannot serve this process.
    """
    failure = getattr(calibrator, "failure", None)  # Polygraphy's keeps none, and there may be no calibrator
    if failure is not None:
        raise failure


def calibrator_class(base: Any) -> Any:
    """Return a calibrator written by hand, as a subclass of one of TensorRT's."""

    class Calibrator(base):  # type: ignore[misc]
        def __init__(self, feed: Iterator[Dict[str, int]], cache: Path) -> None:
            base.__init__(self)
            self._feed = feed
            self._cache = cache
            self.failure: Optional[Exception] = None

        def get_batch_size(self) -> int:
            return 1  # of a network without an explicit batch dimension, which none of ours is

        def get_batch(self, names: List[str]) -> Optional[List[int]]:
            try:
                batch = next(self._feed, None)
            except (MemoryError, OSError) as error:  # TensorRT would only print it
                self.failure = error
                return None
            return None if batch is None else [batch[name] for name in names if name in batch]

        def read_calibration_cache(self) -> Optional[bytes]:
            return self._cache.read_bytes() if self._cache.exists() else None

        def write_calibration_cache(self, cache: Any) -> None:
            self._cache.write_bytes(bytes(cache))

        # IInt8LegacyCalibrator asks for these too; 0.5 is what Polygraphy answers.
        def get_quantile(self) -> float:
            return 0.5

        def get_regression_cutoff(self) -> float:
            return 0.5

        def read_histogram_cache(self, _length: int) -> None:
            return None

        def write_histogram_cache(self, _pointer: int, _length: int) -> None:
            return None

    return Calibrator


def _feed(writer: str, batches: List[Dict[str, Any]], memory: device.Memory) -> Iterator[Dict[str, int]]:
    """Yield the addresses of one batch after the other, by name."""
    for batch in batches:
        names = list(batch)[:-1] if writer == "forgets_input" else list(batch)
        kept = {name: batch[name] for name in names}
        if writer == "wrong_shape":
            kept = {name: array.reshape(-1)[: max(1, array.size // 2)] for name, array in kept.items()}
        yield {name: memory.upload(array.tobytes()) for name, array in kept.items()}


def _of_polygraphy(base: Any, batches: List[Dict[str, Any]], cache: Path, network: Any, profile: Any) -> Any:
    from polygraphy.backend.trt import Calibrator
    from polygraphy.backend.trt.util import get_input_metadata_from_network

    calibrator = Calibrator(batches, cache=str(cache), BaseClass=base)
    calibrator.set_input_metadata(get_input_metadata_from_network(network, profile))
    return calibrator


def _batches(wanted: job.Calibration, network: Any) -> List[Dict[str, Any]]:
    inputs = [network.get_input(index) for index in range(network.num_inputs)]
    dtypes = {tensor.name: dtype_name(tensor) for tensor in inputs}
    return [{tensor.name: _array(tensor, dtypes.get(tensor.name, "")) for tensor in batch} for batch in wanted.batches]


def _array(tensor: job.Tensor, dtype: str) -> Any:
    wanted = "float32" if dtype in FLOATS else dtype or tensor.dtype
    content = tensors.convert(tensor.file.read_bytes(), tensor.dtype, wanted)
    return np.frombuffer(content, tensors.carrier(wanted)).reshape(tensor.shape)


def _foreign_cache(trt: Any, algorithm: str) -> str:
    """Return a cache of this release: a line that names release and algorithm, then a scale for each tensor."""
    major, minor, patch = (int(part) for part in str(trt.__version__).split(".")[:3])
    number = major * (10000 if major >= 10 else 1000) + minor * 100 + patch  # NV_TENSORRT_VERSION, <NvInferVersion.h>
    header = "TRT-{}-{}".format(number, NAMES[algorithm])
    return "{}\na_tensor_of_another_model: 3c010a14\n".format(header)
