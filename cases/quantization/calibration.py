"""INT8 calibration of float models by TensorRT: the right ways, and the wrong ones that were reported.

The models are float32: as their own types say, and in FP32, they are held to the bound of a float32 sum. The batches
are drawn as the inputs are, so that calibration sees their range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import onnx

from cases.case import Array, Calibration, Case, ShapePoint, Tolerance
from cases.catalogue import WRONG_CALIBRATION
from cases.inputs import floats
from cases.model import lowest_ir_version, model, node
from cases.quantization import extents

ALGORITHMS = ("entropy2", "entropy", "minmax", "legacy")
# Who hands the data over, and what is wrong with it.
WRITERS: Mapping[str, str] = {
    "polygraphy": "",
    "right": "",
    "forgets_input": "the calibrator forgets an input",
    "wrong_shape": "the calibrator returns data of another shape than opt of the calibration profile",
    "no_data": "the calibrator has no data",
    "stale_cache": "the calibrator reads the cache of another model",
}
BATCHES = 8
OPSET = 13
FEATURES, HIDDEN, UNITS, CHANNELS = 16, 12, 8, 3
LIMIT = 4.0  # of inputs and weights: cases.inputs.floats
REPORT = "https://github.com/NVIDIA/TensorRT/issues/3926"

Body = tuple[Sequence[onnx.NodeProto], Mapping[str, Array]]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A small float network."""

    name: str
    op: str
    kind: str  # which dimensions are free: cases/quantization/extents.py
    inputs: Mapping[str, Sequence[int | str]]
    y: Sequence[int | str]
    body: Callable[[], Body]
    largest: float  # bound of the sum of the magnitudes of all terms of an output
    terms: int  # roundings on the way to an output


def cases() -> Iterator[Case]:
    """Yield every network with every algorithm and every calibrator."""
    for subject in SUBJECTS:
        for algorithm in ALGORITHMS:
            for writer, mistake in WRITERS.items():
                yield _case(subject, algorithm, writer, mistake)


def _case(subject: Subject, algorithm: str, writer: str, mistake: str) -> Case:
    case_id = f"calibration-{subject.name}-{algorithm}-{writer}-opset{OPSET}-{subject.kind}"
    points = extents.points(subject.kind, subject.inputs)
    batches = extents.points(subject.kind, subject.inputs)[1 if len(points) > 1 else 0]  # opt, or the only one
    tags = {"calibration", algorithm, writer, subject.kind, f"opset{OPSET}", *([WRONG_CALIBRATION] if mistake else [])}
    return Case(
        id=case_id,
        family="quantization",
        op=subject.op,
        opset=OPSET,
        ir_version=lowest_ir_version(OPSET),
        summary=f"INT8 calibration ({algorithm}) of {subject.name}: {mistake or 'as it should be, by ' + writer}",
        build=partial(_build, subject),
        inputs=partial(_inputs, case_id),
        points=points,
        profiles=extents.profiles(points),
        tags=frozenset(tags | ({"unused_input"} if "unused" in subject.inputs else set())),
        tolerance=Tolerance(absolute=subject.terms * 2.0**-24 * subject.largest),
        calibration=Calibration(
            algorithm=algorithm, writer=writer, batches=partial(_batches, case_id, batches), mistake=mistake
        ),
        source=REPORT if "unused" in subject.inputs else "",
    )


def _build(subject: Subject) -> onnx.ModelProto:
    nodes, constants = subject.body()
    inputs = {name: ("float32", extents.dims(subject.kind, shape)) for name, shape in subject.inputs.items()}
    return model(nodes, inputs, {"y": ("float32", extents.dims(subject.kind, subject.y))}, constants, opset=OPSET)


def _inputs(case_id: str, point: ShapePoint) -> dict[str, Array]:
    return {name: floats(f"{case_id}/{point.name}/{name}", shape) for name, shape in point.shapes.items()}


def _batches(case_id: str, point: ShapePoint) -> list[Mapping[str, Array]]:
    return [_inputs(f"{case_id}/batch{number}", point) for number in range(BATCHES)]


def _mlp() -> Body:
    nodes = [
        node("Gemm", ["x", "w1", "b1"], ["sums"], transB=1),
        node("Relu", ["sums"], ["active"]),
        node("Gemm", ["active", "w2"], ["y"], transB=1),
    ]
    constants = {
        "w1": floats("calibration/w1", (HIDDEN, FEATURES), limit=1.0),
        "b1": floats("calibration/b1", (HIDDEN,)),
        "w2": floats("calibration/w2", (UNITS, HIDDEN), limit=1.0),
    }
    return nodes, constants


def _cnn() -> Body:
    same = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        node("Conv", ["x", "w1"], ["sums"], **same),
        node("Relu", ["sums"], ["active"]),
        node("Conv", ["active", "w2"], ["y"], **same),
    ]
    constants = {
        "w1": floats("calibration/kernel1", (UNITS, CHANNELS, 3, 3), limit=1.0),
        "w2": floats("calibration/kernel2", (UNITS, UNITS, 3, 3), limit=1.0),
    }
    return nodes, constants


def _two_branches() -> Body:
    """Return relu(a A + b B) of three inputs, of which one is unused."""
    nodes = [
        node("MatMul", ["a", "weight_a"], ["product_a"]),
        node("MatMul", ["b", "weight_b"], ["product_b"]),
        node("Add", ["product_a", "product_b"], ["sum"]),
        node("Relu", ["sum"], ["y"]),
    ]
    constants = {
        "weight_a": floats("calibration/a", (FEATURES, UNITS), limit=1.0),
        "weight_b": floats("calibration/b", (HIDDEN, UNITS), limit=1.0),
    }
    return nodes, constants


_MLP_LARGEST = HIDDEN * (FEATURES * LIMIT + LIMIT)
_CNN_LARGEST = 9 * UNITS * 9 * CHANNELS * LIMIT
_BRANCHES_LARGEST = (FEATURES + HIDDEN) * LIMIT
SUBJECTS = (
    Subject(
        name="mlp", op="Gemm", kind=extents.STATIC, inputs={"x": ("batch", FEATURES)}, y=("batch", UNITS), body=_mlp,
        largest=_MLP_LARGEST, terms=FEATURES + HIDDEN + 1,
    ),
    Subject(
        name="mlp", op="Gemm", kind=extents.BATCH, inputs={"x": ("batch", FEATURES)}, y=("batch", UNITS), body=_mlp,
        largest=_MLP_LARGEST, terms=FEATURES + HIDDEN + 1,
    ),
    Subject(
        name="cnn", op="Conv", kind=extents.IMAGE, inputs={"x": ("batch", CHANNELS, "height", "width")},
        y=("batch", UNITS, "height", "width"), body=_cnn, largest=_CNN_LARGEST, terms=9 * (CHANNELS + UNITS),
    ),
    Subject(
        name="three_inputs_one_unused", op="MatMul", kind=extents.BATCH,
        inputs={"a": ("batch", FEATURES), "b": ("batch", HIDDEN), "unused": ("batch", UNITS)}, y=("batch", UNITS),
        body=_two_branches, largest=_BRANCHES_LARGEST, terms=FEATURES + HIDDEN + 1,
    ),
)  # fmt: skip
