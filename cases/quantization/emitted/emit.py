"""Write the models that ONNX Runtime's quantizers really emit for small networks: an MLP, a CNN, an attention.

A program on its own: it needs numpy, onnx and onnxruntime, for weight-only models onnx_ir as well, and nothing of this
project, whose cases only read the files. ``python emit.py`` writes them next to itself with ``provenance.json``;
``python emit.py --check`` makes them anew and exits 1 if one differs from its file; what onnx_ir is missing for, it
leaves out.

Calibration runs the float model, so the scales could depend on the order in which a processor sums. They do not:
weights and data are integers times a power of two, and every sum is exact in float32. Beyond that, the ranges of all
tensors come out as 127 or 255 times a power of two. So all scales are powers of two, and whoever runs the quantized
model, in whatever order of sums, has to come to the same bits:

* The first unit of a layer copies the first input, and no other unit reaches its range.
* The last input is 0 in calibration, and each unit has a weight of 127 steps on it, which sets the scale of its weights
  and nothing else. The last hidden unit sees only that input, so the same holds for the second layer.
* No other weight is above 64 steps and the last but one is below 1, so two neighbouring products always fit in 16 bits;
  processors without VNNI add them with saturation.

Behind a softmax, ranges would depend on the last bits of an exponential; there, for activations of 16 bits, whose
32767 steps are no power of two, and for weights of uint8, the scales are given by hand, as TensorQuantOverrides. The
weight-only quantizer does not calibrate, and its weights are made of codes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import networks  # type: ignore[import-not-found]  # next to this program
import numpy as np
import onnx
import onnxruntime
from networks import STEP, Floats, integers
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_dynamic, quantize_static
from schemes import DYNAMIC_SCHEMES, NBITS_SCHEMES, STATIC, STATIC_SCHEMES  # type: ignore[import-not-found]

FOLDER = Path(__file__).parent
OPSET = 13
IR_VERSION = 7
# In steps of the input. 255 steps for an asymmetric uint8; 127 to each side for a symmetric int8.
ASYMMETRIC, SYMMETRIC = (-100, 155), (-127, 127)
BATCH = 2
INPUT: dict[str, tuple[int, ...]] = {
    "mlp": (8,),
    "matmuls": (8,),
    "cnn": (2, 6, 6),
    "attention": (5, 8),
    "wide": (64,),
    "wide8": (64,),
}
# The kinds of cases, each with the networks whose NAMED dimensions are dynamic beside the batch; () for every network.
FREE: dict[str, tuple[str, ...]] = {
    "static": (),
    "dynamic_batch": (),
    "dynamic_batch_height_width": ("cnn",),
    "dynamic_batch_sequence": ("attention",),
}
NAMED: dict[str, tuple[tuple[int | str, ...], tuple[int | str, ...]]] = {  # the input's dimensions, and the output's
    "cnn": ((2, "height", "width"), (3, "half_height", "half_width")),
    "attention": (("sequence", 8), ("sequence", 8)),
}
FEATURE_AXIS = {"attention": 2}  # of the input, the batch being 0; otherwise 1


@dataclass(frozen=True)
class Emission:
    """One call of one quantizer."""

    network: str
    quantizer: str
    scheme: str
    kind: str  # one of FREE
    arguments: dict[str, Any]
    symmetric: bool = False

    @property
    def name(self) -> str:
        return f"{self.quantizer}-{self.network}-{self.scheme}-{self.kind}"

    @property
    def dimensions(self) -> tuple[int | str, ...]:
        """Return the input's dimensions behind the batch, as they are declared."""
        return NAMED[self.network][0] if self.network in FREE[self.kind] else INPUT[self.network]

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
    for kind, networks_of_kind in FREE.items():
        for emission in _calls(kind):
            if not networks_of_kind or emission.network in networks_of_kind:
                yield emission


def _calls(kind: str) -> Iterator[Emission]:
    """Yield every call of a quantizer, for each network."""
    for scheme, arguments in DYNAMIC_SCHEMES.items():
        yield Emission("mlp", "quantize_dynamic", scheme, kind, arguments)
    for scheme, arguments in DYNAMIC_SCHEMES.items():
        # What the softmax leaves would be quantized by a scale that depends on its last bits.
        only = {**arguments, "nodes_to_exclude": ["matmul_out"]}
        yield Emission("attention", "quantize_dynamic", scheme, kind, only)
    for (scheme, (network, arguments)), style in product(NBITS_SCHEMES.items(), QuantFormat):
        if arguments["bits"] == 4 or style is QuantFormat.QOperator:  # ONNX's own types end at 4 bits in blocks
            name = f"{style.name.lower()}-{scheme}"
            options = {**arguments, "quant_format": style}
            yield Emission(network, "matmul_nbits", name, kind, options, symmetric=True)
    for network, style, scheme in STATIC:
        yield Emission(
            network,
            "quantize_static",
            f"{style.name.lower()}-{scheme}",
            kind,
            {"quant_format": style, **STATIC_SCHEMES[scheme]},
            symmetric="asymmetric" not in scheme and scheme != "uint8_weights",
        )


def emit(emission: Emission) -> onnx.ModelProto:
    """Return what the quantizer makes, without the texts in it that could tell where it was made."""
    arguments = deepcopy(emission.arguments)  # the quantizers write their defaults into extra_options
    if emission.quantizer == "matmul_nbits":
        return _anonymous(_weight_only(_network(emission), arguments))
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "float.onnx"), Path(folder, "quantized.onnx")
        onnx.save(_network(emission), source)
        if emission.quantizer == "quantize_dynamic":
            quantize_dynamic(source, target, **arguments)
        else:
            quantize_static(source, target, Batches(_calibration(emission)), **arguments)
        return _anonymous(onnx.load(target))


def _weight_only(model: onnx.ModelProto, arguments: dict[str, Any]) -> onnx.ModelProto:
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer  # needs onnx_ir

    quantizer = MatMulNBitsQuantizer(model, **arguments)
    quantizer.process()
    found: onnx.ModelProto = quantizer.model.model
    return found


def _anonymous(model: onnx.ModelProto) -> onnx.ModelProto:
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
        "kind": emission.kind,
        "input": {
            "shape": list(emission.dimensions),
            "low": low * STEP,
            "high": high * STEP,
            "step": STEP,
            "feature_axis": FEATURE_AXIS.get(emission.network, 1),
        },
        "ops": sorted({node.op_type for node in model.graph.node}),
    }


def _network(emission: Emission) -> onnx.ModelProto:
    offset = 0 if emission.symmetric else -ASYMMETRIC[0]
    nodes, weights, output = getattr(networks, emission.network)(offset)
    batch = BATCH if emission.kind == "static" else "batch"
    if emission.network in FREE[emission.kind]:
        output = NAMED[emission.network][1]
    graph = helper.make_graph(
        nodes,
        emission.network,
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [batch, *emission.dimensions])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [batch, *output])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name=""
    )


def _calibration(emission: Emission) -> list[Floats]:
    """Return two batches; the first input reaches both ends of the range, the last is 0, the others stay small."""
    shape = (BATCH, *INPUT[emission.network])
    axis = FEATURE_AXIS.get(emission.network, 1)
    batches = []
    for seed in (31, 32):
        data = integers(seed, shape, -32, 32)
        for row, end in enumerate(SYMMETRIC if emission.symmetric else ASYMMETRIC):
            first = data[row].reshape(INPUT[emission.network][0], -1)[0]
            first[: 1 if axis == 2 else None] = end
        np.moveaxis(data, axis, 0)[-1] = 0
        batches.append((data * STEP).astype(np.float32))
    return batches


def stale() -> list[str]:
    """Return the names of the files that this ONNX Runtime would write otherwise, or not at all."""
    made = {emission.name: emission for emission in emissions()}
    stored = {path.stem for path in FOLDER.glob("*.onnx")}
    known = json.loads((FOLDER / "provenance.json").read_text(encoding="utf-8"))
    wrong = sorted(stored ^ made.keys())
    for name in sorted(stored & made.keys()):
        if not can_emit(made[name]):
            continue
        model = emit(made[name])
        if model != onnx.load(FOLDER / f"{name}.onnx") or provenance(made[name], model) != known.get(name):
            wrong.append(name)
    return wrong


def can_emit(emission: Emission) -> bool:
    """Tell whether what the quantizer imports is there."""
    return emission.quantizer != "matmul_nbits" or find_spec("onnx_ir") is not None


def write() -> None:
    """Write every model and provenance.json, and remove models that are no longer emitted.

    Raises:
        SystemExit: onnx_ir is missing.

    """
    if not all(map(can_emit, emissions())):
        raise SystemExit("ONNX Runtime's weight-only quantizer needs the package onnx_ir; install it and run again")
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
