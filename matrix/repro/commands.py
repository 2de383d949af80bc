"""The command lines of other tools that do what a cell did: `polygraphy`, and `trtexec` in the dialect of its release.

Sources: samples/common/sampleOptions.cpp of each release branch of https://github.com/NVIDIA/TensorRT (trtexec 11 has
no precision options, 8.6 brought --skipInference and --builderOptimizationLevel, strong typing came with 9.0);
https://docs.nvidia.com/deeplearning/tensorrt-rtx/latest/ for `tensorrt_rtx`; `polygraphy run --help`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import onnx

from matrix.record import Precision
from matrix.runtimes.releases import Product

FLAGS = {Precision.FP16: "--fp16", Precision.BF16: "--bf16", Precision.INT8_CALIBRATED: "--int8"}
QUANTIZERS = frozenset({"QuantizeLinear", "DequantizeLinear"})
# The flag that a weakly typed network cannot be built without, by element type.
FLAG_OF_TYPE = {
    onnx.TensorProto.FLOAT16: "--fp16",
    onnx.TensorProto.BFLOAT16: "--bf16",
    onnx.TensorProto.INT8: "--int8",
    onnx.TensorProto.FLOAT8E4M3FN: "--fp8",
    onnx.TensorProto.INT4: "--int4",
}
# The release that brought it, up to 10.16; 8.5 has the others.
FLAGS_SINCE = {"--fp8": (8, 6), "--bf16": (10, 0), "--int4": (10, 1)}
OPTIMIZATION = {"off": "ORT_DISABLE_ALL", "all": "ORT_ENABLE_ALL"}
NOT_IN_POLYGRAPHY = frozenset({"--noTF32", "--int4"})
CALIBRATORS = {
    "entropy2": "IInt8EntropyCalibrator2",
    "entropy": "IInt8EntropyCalibrator",
    "minmax": "IInt8MinMaxCalibrator",
    "legacy": "IInt8LegacyCalibrator",
}
TACTIC_SOURCES = ("CUBLAS", "CUBLAS_LT", "CUDNN", "EDGE_MASK_CONVOLUTIONS", "JIT_CONVOLUTIONS")
EXECUTED = frozenset({"match", "drift", "run_failed", "unverified"})
HEAD = """\
# The same with other tools, in the folder of this bundle. They build and run; what is right or wrong is judged by
# repro.py alone."""


def commands(cell: Mapping[str, Any], model: onnx.ModelProto) -> str:
    """Return the text of `commands.txt` for the manifest ``cell``."""
    product, number = Product(cell["runtime"]["product"]), _number(cell["runtime"]["version"])
    lines = [HEAD, "", "# this bundle", "python repro.py --verbose", ""]
    lines += ["# polygraphy: pip install polygraphy", *_polygraphy(cell, model, product, number), ""]
    if product is Product.ONNXRUNTIME:
        lines += ["# trtexec runs TensorRT alone: there is no such line for ONNX Runtime"]
    else:
        lines += [f"# {_program(product)}: in the archive of this release", *_trtexec(cell, model, product, number)]
        lines += _remarks(cell, product, number)
    return "\n".join(lines) + "\n"


def _polygraphy(
    cell: Mapping[str, Any], model: onnx.ModelProto, product: Product, number: tuple[int, ...]
) -> Iterator[str]:
    data = "--data-loader-script repro.py --verbose"
    if product is Product.ONNXRUNTIME:
        provider = cell["options"].get("provider", "cpu")
        level = OPTIMIZATION[cell["options"].get("optimization", "off")]
        how = f"--providers {shlex.quote(provider)} --graph-optimization-level {level}"
        yield f"polygraphy run model.onnx --onnxrt {how} {data}"
        return
    rtx = "POLYGRAPHY_USE_TENSORRT_RTX=1 " if product is Product.TENSORRT_RTX else ""
    for profile in _profiles(cell):
        words = ["polygraphy run model.onnx --trt --onnxrt"]
        words += [flag for flag in _precision(cell, model, product, number) if flag not in NOT_IN_POLYGRAPHY]
        words = [{"--stronglyTyped": "--strongly-typed"}.get(word, word) for word in words]
        words += ["--tf32"] if cell["precision"] == Precision.TF32 else []
        if calibration := cell["calibration"]:
            words += [f"--calib-base-cls {CALIBRATORS[calibration['algorithm']]}"]
        if _has_level(cell, product, number):
            words += [f"--builder-optimization-level {int(cell['options']['optimization_level'])}"]
        if sources := cell["options"].get("tactic_sources", ""):
            words += ["--tactic-sources", *map(shlex.quote, sources.split(","))]
        for index, which in enumerate(("min", "opt", "max")):
            spans = _spans(cell, model, profile, index)
            words += [f"--trt-{which}-shapes"] if spans else []
            words += [shlex.quote(f"{name}:[{','.join(map(str, extents))}]") for name, extents in spans]
        yield f"{rtx}{' '.join(words)} {data}"
    if cell["calibration"]:
        yield "# polygraphy calibrates with the inputs of the shape points; repro.py with the batches of the cell."


def _trtexec(
    cell: Mapping[str, Any], model: onnx.ModelProto, product: Product, number: tuple[int, ...]
) -> Iterator[str]:
    executes = cell["status"] in EXECUTED or cell["options"].get("execute") == "auto"
    for profile in _profiles(cell):
        words = [_program(product), "--onnx=model.onnx", "--verbose", "--saveEngine=model.engine"]
        words += _precision(cell, model, product, number)
        sm = cell["options"].get("sm", "")
        if product is Product.TENSORRT_RTX and sm:
            words += [f"--computeCapabilities={sm.removeprefix('sm')}"]
        if _has_level(cell, product, number):
            words += [f"--builderOptimizationLevel={int(cell['options']['optimization_level'])}"]
        if sources := cell["options"].get("tactic_sources", ""):
            chosen = set(sources.split(","))
            words += ["--tacticSources=" + ",".join(f"{'+' if s in chosen else '-'}{s}" for s in TACTIC_SOURCES)]
        for index, which in enumerate(("min", "opt", "max")):
            spans = _spans(cell, model, profile, index)
            spec = ",".join(
                f"{_trtexec_name(name)}:{'x'.join(map(str, extents)) or 'scalar'}" for name, extents in spans
            )
            words += [f"--{which}Shapes={spec}"] if spec else []
        if not executes:
            words += ["--buildOnly" if product is Product.TENSORRT and number < (8, 6) else "--skipInference"]
        yield " ".join(shlex.quote(word) for word in words)


def _precision(cell: Mapping[str, Any], model: onnx.ModelProto, product: Product, number: tuple[int, ...]) -> list[str]:
    """Return trtexec's options for the element types; what a release has no option for is left out."""
    precision = Precision(cell["precision"])
    tf32 = [] if precision is Precision.TF32 else ["--noTF32"]
    if product is Product.TENSORRT_RTX or number >= (11,):
        return tf32
    if precision in FLAGS:
        return [*sorted({FLAGS[precision], *_needed_flags(model, number)}), *tf32]
    if number >= (9,):
        return ["--stronglyTyped", *tf32]
    return [*sorted(_needed_flags(model, number)), *tf32]


def _needed_flags(model: onnx.ModelProto, number: tuple[int, ...]) -> set[str]:
    graph = model.graph
    values = (*graph.input, *graph.output, *graph.value_info)
    types = {value.type.tensor_type.elem_type for value in values} | {tensor.data_type for tensor in graph.initializer}
    flags = {flag for kind, flag in FLAG_OF_TYPE.items() if kind in types}
    if any(node.op_type in QUANTIZERS for node in graph.node) and not flags & {"--fp8", "--int4"}:
        flags.add("--int8")
    return {flag for flag in flags if number >= FLAGS_SINCE.get(flag, ())}


def _profiles(cell: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the profiles, a command line for each; one without shapes where there is none."""
    return cell["profiles"] or [{"shapes": {}, "values": {}}]


def _spans(
    cell: Mapping[str, Any], model: onnx.ModelProto, profile: Mapping[str, Any], index: int
) -> list[tuple[str, Sequence[int]]]:
    """Return min, opt or max of the dynamic inputs, and of shape tensors their values: others may not be named."""
    shape_tensors = {name for point in cell["points"] for name in point["values"]}
    dynamic = {value.name for value in model.graph.input if _is_dynamic(value)}
    spans = {name: span[index] for name, span in profile["shapes"].items() if name in dynamic}
    return list({**spans, **{n: s[index] for n, s in profile["values"].items() if n in shape_tensors}}.items())


def _is_dynamic(value: onnx.ValueInfoProto) -> bool:
    kind = value.type.tensor_type
    return not kind.HasField("shape") or any(not dim.HasField("dim_value") for dim in kind.shape.dim)


def _remarks(cell: Mapping[str, Any], product: Product, number: tuple[int, ...]) -> Iterator[str]:
    program = _program(product)
    if len(cell["profiles"]) > 1:
        yield "# One line for each profile: the cell had all of them in one engine."
    if any(point["inputs"] for point in cell["points"]):
        yield f"# {program} fills the inputs with random numbers; those of the cell are in data/ and test_data_set_*/."
    if cell["precision"] == Precision.INT8_CALIBRATED:
        yield f"# {program} without --calib=FILE makes up dynamic ranges; repro.py calibrates with the real batches."
    if product is Product.TENSORRT and number >= (11,):
        yield "# trtexec has no options for precisions from 11.0 on: the types of the model decide."


def _has_level(cell: Mapping[str, Any], product: Product, number: tuple[int, ...]) -> bool:
    level = cell["options"].get("optimization_level", "default")
    return product is Product.TENSORRT and number >= (8, 6) and level.isdecimal()


def _program(product: Product) -> str:
    return "tensorrt_rtx" if product is Product.TENSORRT_RTX else "trtexec"


def _trtexec_name(name: str) -> str:
    """Return a name for a list of shapes: one that holds what separates its items stands in quotes."""
    return f"'{name}'" if re.search(r"[:,]", name) else name


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
