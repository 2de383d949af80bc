"""Write the models that ONNX Runtime's quantizers really emit for a small MLP and a small CNN.

A program on its own: it needs numpy, onnx and onnxruntime, and nothing of this project, whose cases only read the
files. ``python emit.py`` writes them next to itself with ``provenance.json``; ``python emit.py --check`` makes them
anew and exits 1 if one differs from its file.

Calibration runs the float model, so the scales could depend on the order in which a processor sums. They do not:
weights and data are integers times a power of two, and every sum is exact in float32. Beyond that, the ranges of all
tensors come out as 127 or 255 times a power of two. So all scales are powers of two, and whoever runs the quantized
model, in whatever order of sums, has to come to the same bits:

* The first unit of a layer copies the first input, and no other unit reaches its range.
* The last input is 0 in calibration, and each unit has a weight of 127 steps on it, which sets the scale of its weights
  and nothing else. The last hidden unit sees only that input, so the same holds for the second layer.
* No other weight is above 64 steps and the last but one is below 1, so two neighbouring products always fit in 16 bits;
  processors without VNNI add them with saturation.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

Floats = npt.NDArray[np.float32]

FOLDER = Path(__file__).parent
OPSET = 13
IR_VERSION = 7
STEP = 2.0**-4  # of the input
# In steps of the input. 255 steps for an asymmetric uint8; 127 to each side for a symmetric int8.
ASYMMETRIC, SYMMETRIC = (-100, 155), (-127, 127)
BATCH = 2
INPUT: dict[str, tuple[int, ...]] = {"mlp": (8,), "matmuls": (8,), "cnn": (2, 6, 6)}
DYNAMIC_SCHEMES: dict[str, dict[str, Any]] = {
    "int8": {"weight_type": QuantType.QInt8},
    "int8_per_channel": {"weight_type": QuantType.QInt8, "per_channel": True},
}
BOTH = {"ActivationSymmetric": True, "WeightSymmetric": True}
STATIC_SCHEMES: dict[str, dict[str, Any]] = {
    "asymmetric": {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8},
    "symmetric": {"extra_options": BOTH},
    "symmetric_per_channel": {"extra_options": BOTH, "per_channel": True},
    "symmetric_float_bias": {"extra_options": {**BOTH, "QuantizeBias": False}},
}
STATIC = (
    *product(("mlp", "cnn"), (QuantFormat.QDQ,), STATIC_SCHEMES),
    *product(("cnn",), (QuantFormat.QOperator,), ("asymmetric", "symmetric", "symmetric_per_channel")),
    # Of a Gemm, QOperator makes a QGemm of com.microsoft; of a MatMul, operators that ONNX has itself.
    *product(("matmuls",), (QuantFormat.QOperator,), ("symmetric", "symmetric_per_channel")),
)


@dataclass(frozen=True)
class Emission:
    """One call of one quantizer."""

    network: str
    quantizer: str
    scheme: str
    dynamic_batch: bool
    arguments: dict[str, Any]
    symmetric: bool = False

    @property
    def name(self) -> str:
        batch = "dynamic_batch" if self.dynamic_batch else "static"
        return f"{self.quantizer}-{self.network}-{self.scheme}-{batch}"

    @property
    def call(self) -> str:
        spelled = ", ".join(f"{key}={value}" for key, value in self.arguments.items())
        return f"{self.quantizer}({spelled})"


class Batches(CalibrationDataReader):  # type: ignore[misc]
    """The calibration data, one batch after the other."""

    def __init__(self, batches: list[Floats]) -> None:
        self._left = iter(batches)

    def get_next(self) -> dict[str, Floats] | None:
        batch = next(self._left, None)
        return None if batch is None else {"x": batch}


def emissions() -> Iterator[Emission]:
    """Yield every call whose result is stored."""
    for dynamic_batch in (False, True):
        for scheme, arguments in DYNAMIC_SCHEMES.items():
            yield Emission("mlp", "quantize_dynamic", scheme, dynamic_batch, arguments)
        for network, style, scheme in STATIC:
            yield Emission(
                network,
                "quantize_static",
                f"{style.name.lower()}-{scheme}",
                dynamic_batch,
                {"quant_format": style, **STATIC_SCHEMES[scheme]},
                symmetric=scheme != "asymmetric",
            )


def emit(emission: Emission) -> onnx.ModelProto:
    """Return what the quantizer makes, without the texts in it that could tell where it was made."""
    arguments = deepcopy(emission.arguments)  # the quantizers write their defaults into extra_options
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "float.onnx"), Path(folder, "quantized.onnx")
        onnx.save(_network(emission), source)
        if emission.quantizer == "quantize_dynamic":
            quantize_dynamic(source, target, **arguments)
        else:
            quantize_static(source, target, Batches(_calibration(emission)), **arguments)
        model = onnx.load(target)
    model.doc_string = ""
    model.graph.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
    return model


def provenance(emission: Emission, model: onnx.ModelProto) -> dict[str, Any]:
    """Return what a case has to know about a stored model without loading it."""
    low, high = SYMMETRIC if emission.symmetric else ASYMMETRIC
    return {
        "network": emission.network,
        "quantizer": emission.quantizer,
        "scheme": emission.scheme.split("-"),
        "source": f"onnxruntime {onnxruntime.__version__}, {emission.call}",
        "opset": next(each.version for each in model.opset_import if each.domain == ""),
        "ir_version": model.ir_version,
        "dynamic_batch": emission.dynamic_batch,
        "input": {"shape": list(INPUT[emission.network]), "low": low * STEP, "high": high * STEP, "step": STEP},
        "ops": sorted({node.op_type for node in model.graph.node}),
    }


def _network(emission: Emission) -> onnx.ModelProto:
    offset = 0 if emission.symmetric else -ASYMMETRIC[0]
    nodes, weights, output = {"mlp": _mlp, "matmuls": _matmuls, "cnn": _cnn}[emission.network](offset)
    batch = "batch" if emission.dynamic_batch else BATCH
    graph = helper.make_graph(
        nodes,
        emission.network,
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [batch, *INPUT[emission.network]])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [batch, *output])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name=""
    )


def _mlp(offset: int) -> tuple[list[onnx.NodeProto], dict[str, Floats], tuple[int, ...]]:
    """Return Gemm, Relu, Gemm; the copied input becomes 2 * x + shift, and then that less shift."""
    shift = offset * 2 * STEP
    weights = {
        "w1": _weights(11, units=6, inputs=8, copied=0, factor=2.0, limit=16, step=2.0**-5, last_alone=True).T.copy(),
        "b1": _bias(12, 6, shift),
        "w2": _weights(13, units=4, inputs=6, copied=0, factor=1.0, limit=16, step=2.0**-6).T.copy(),
        "b2": _bias(14, 4, -shift),
    }
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["hidden"], name="gemm1"),
        helper.make_node("Relu", ["hidden"], ["active"], name="relu"),
        helper.make_node("Gemm", ["active", "w2", "b2"], ["y"], name="gemm2"),
    ]
    return nodes, weights, (4,)


def _matmuls(offset: int) -> tuple[list[onnx.NodeProto], dict[str, Floats], tuple[int, ...]]:
    """Return the MLP without its biases: MatMul, Relu, MatMul."""
    _, weights, output = _mlp(offset)
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["hidden"], name="matmul1"),
        helper.make_node("Relu", ["hidden"], ["active"], name="relu"),
        helper.make_node("MatMul", ["active", "w2"], ["y"], name="matmul2"),
    ]
    return nodes, {name: weights[name] for name in ("w1", "w2")}, output


def _cnn(offset: int) -> tuple[list[onnx.NodeProto], dict[str, Floats], tuple[int, ...]]:
    """Return Conv, Relu, MaxPool, Conv; the middle of the first kernel copies, otherwise as in the MLP."""
    shift = offset * 2 * STEP
    first = _weights(21, units=4, inputs=18, copied=4, factor=2.0, limit=4, step=2.0**-5, last_alone=True)
    second = _weights(23, units=3, inputs=36, copied=4, factor=1.0, limit=2, step=2.0**-6)
    weights = {
        "w1": first.reshape(4, 2, 3, 3),
        "b1": _bias(22, 4, shift),
        "w2": second.reshape(3, 4, 3, 3),
        "b2": _bias(24, 3, -shift),
    }
    kernel: dict[str, Any] = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["hidden"], name="conv1", **kernel),
        helper.make_node("Relu", ["hidden"], ["active"], name="relu"),
        helper.make_node("MaxPool", ["active"], ["pooled"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["pooled", "w2", "b2"], ["y"], name="conv2", **kernel),
    ]
    return nodes, weights, (3, 3, 3)


def _weights(
    seed: int, *, units: int, inputs: int, copied: int, factor: float, limit: int, step: float, last_alone: bool = False
) -> Floats:
    """Return (units, inputs); the units' scales differ: ``step``, half and a quarter of it."""
    weights = _integers(seed, (units, inputs), -limit, limit) * step
    weights[:, -2] = np.sign(weights[:, -2]) * step / 4
    weights[0] = 0
    weights[0, copied] = factor
    if last_alone:
        weights[-1] = 0
    weights[:, -1] = 127 * step / 2.0 ** (np.arange(units) % 3)
    return weights.astype(np.float32)


def _bias(seed: int, units: int, first: float) -> Floats:
    bias = _integers(seed, (units,), -16, 16) * STEP
    bias[0] = first
    bias[-1] = 0
    return bias.astype(np.float32)


def _calibration(emission: Emission) -> list[Floats]:
    """Return two batches; the first input reaches both ends of the range, the last is 0, the others stay small."""
    shape = (BATCH, *INPUT[emission.network])
    batches = []
    for seed in (31, 32):
        data = _integers(seed, shape, -32, 32)
        for row, end in enumerate(SYMMETRIC if emission.symmetric else ASYMMETRIC):
            data[row].reshape(INPUT[emission.network][0], -1)[0] = end
        data[:, -1] = 0
        batches.append((data * STEP).astype(np.float32))
    return batches


def _integers(seed: int, shape: tuple[int, ...], low: int, high: int) -> npt.NDArray[np.float64]:
    raw = np.asarray(np.random.PCG64(seed).random_raw(int(np.prod(shape))), np.uint64)
    return ((raw % np.uint64(high - low + 1)).astype(np.float64) + low).reshape(shape)


def stale() -> list[str]:
    """Return the names of the files that this ONNX Runtime would write otherwise, or not at all."""
    made = {emission.name: emission for emission in emissions()}
    stored = {path.stem for path in FOLDER.glob("*.onnx")}
    known = json.loads((FOLDER / "provenance.json").read_text(encoding="utf-8"))
    wrong = sorted(stored ^ made.keys())
    for name in sorted(stored & made.keys()):
        model = emit(made[name])
        if model != onnx.load(FOLDER / f"{name}.onnx") or provenance(made[name], model) != known.get(name):
            wrong.append(name)
    return wrong


def write() -> None:
    """Write every model and provenance.json, and remove models that are no longer emitted."""
    known = {}
    for path in FOLDER.glob("*.onnx"):
        path.unlink()
    for emission in emissions():
        model = emit(emission)
        known[emission.name] = provenance(emission, model)
        (FOLDER / f"{emission.name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    text = json.dumps(known, indent=1, sort_keys=True) + "\n"
    (FOLDER / "provenance.json").write_text(text, encoding="utf-8")


def main() -> int:
    """Run the program; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file is not what is emitted now"
    )
    if not parser.parse_args().check:
        write()
        return 0
    wrong = stale()
    if wrong:
        sys.stderr.write("not what is emitted now: " + ", ".join(wrong) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
