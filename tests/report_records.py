"""Hand-made records for the tests of the reports: every status, every verdict, and what hostile models could write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from matrix.record import (
    CaseInfo,
    Diagnostic,
    Drift,
    ExitInfo,
    Layer,
    MachineInfo,
    OutputResult,
    PointResult,
    Precision,
    Record,
    RuntimeInfo,
    Status,
    Verdict,
)

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "a|b`c`*d*_e_[f](javascript:alert(1))",
    "=cmd()|'/c calc'!A1",
    "\x1b[31mred\x1b[0m \x1b]8;;http://evil.example\x07link\x1b]8;;\x07 \x9b31m",
    "two\nlines\r\nand\ttabs\u2028and\u2029more\u202e turned",
    "[bold red]markup[/] \ud800 &amp; \"quoted\" 'single'",
)
LONG = "x" * 1_000_000

QUANTIZE = CaseInfo(
    id="quantizelinear-int8-per_tensor-opset13-zp_zero",
    family="quantization",
    op="QuantizeLinear",
    opset=13,
    summary="float32 to int8, one scale",
    digest="4f2c" * 16,
    tags=("int8", "quantization"),
    source="https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html",
)
UINT8 = replace(QUANTIZE, id="quantizelinear-uint8-per_tensor-opset13-zp_zero", tags=("quantization", "uint8"))
DYNAMIC = replace(QUANTIZE, id="dynamicquantizelinear-opset11", op="DynamicQuantizeLinear", opset=11)
TORN = replace(QUANTIZE, id="quantizelinear-int8-opset23-precision_float16", opset=23)
LOOP = CaseInfo(id="loop-dynamic_batch-opset16", family="dynamic_shapes", op="Loop", opset=16)

RUNTIMES: Mapping[str, RuntimeInfo] = {
    name: RuntimeInfo(
        name=name,
        requested=version,
        product=product,
        version=version,
        packages=(f"{product}=={version}", "numpy==2.3.5"),
        python="3.11.7",
    )
    for name, product, version in (
        ("ort-1.31", "onnxruntime", "1.31.1"),
        ("ort-1.31-cuda", "onnxruntime", "1.31.1"),
        ("rtx-1.6", "tensorrt_rtx", "1.6.1.120"),
        ("rtx-1.7", "tensorrt_rtx", "1.7.1.116"),
        ("8.6", "tensorrt", "8.6.1"),
    )
}
EXACT = Drift(
    max_abs=0.0, mean_abs=0.0, max_rel=0.0, rmse=0.0, cosine=1.0, sqnr_db=float("inf"), share_off=0.0,
    nonfinite_mismatches=0, max_steps=0,
)  # fmt: skip
OFF = replace(
    EXACT, max_abs=2.0, mean_abs=0.0031, max_rel=0.5, rmse=0.055, cosine=0.99998, sqnr_db=34.25, share_off=0.003,
    max_steps=2, worst_index=(1, 0, 3), worst_value=5.0, worst_reference=3.0,
)  # fmt: skip
NOT_A_NUMBER = replace(OFF, max_abs=float("nan"), sqnr_db=float("nan"), max_steps=None, nonfinite_mismatches=4)
CONVOLUTION = Layer(
    name="conv + relu",
    type="CaskConvolution",
    inputs=("Row major linear FP32",),
    outputs=("Row major linear FP32",),
    tactic="sm80_xmma_fprop_implicit_gemm_f32f32_f32f32_f32",
)
REMEDY = {
    "signature": "dynamic-quantize-linear",
    "remedy": "Quantize statically to explicit symmetric INT8 Q/DQ.",
    "remedy_source": "https://github.com/NVIDIA/TensorRT/issues/3963",
}


def record(case: CaseInfo, runtime: str, status: Status, **fields: Any) -> Record:
    """Return a record; the runtime is a name of `RUNTIMES`."""
    defaults: dict[str, Any] = {
        "run": "20261121-221907-3f2a",
        "time": "2026-11-21T22:19:07.000+00:00",
        "machine": MachineInfo(os="Linux 6.8", cpu="2 cores"),
        "precision": Precision.EXPLICIT,
        "verdict": None if status is Status.NOT_RUN else Verdict.SAME,
        "baseline": None if status is Status.NOT_RUN else status,
        "seconds": {"parse": 0.0005, "build": 0.125},
    }
    return Record(case=case, runtime=RUNTIMES[runtime], status=status, **(defaults | fields))


def result(point: str, drift: Drift | None, problem: str = "") -> OutputResult:
    return OutputResult(
        point=point,
        output="y",
        dtype="int8",
        shape=(2, 3),
        expected_dtype="int8",
        expected_shape=(2, 3),
        reference="onnx",
        drift=drift,
        problem=problem,
    )


def torn(sides_with: str, drift: Drift) -> OutputResult:
    """Return an output of which the references differ."""
    return replace(
        result("opt", drift),
        reference="onnx",
        second_reference="onnxruntime",
        second_drift=OFF if drift is EXACT else EXACT,
        references_differ=OFF,
        sides_with=sides_with,
    )


def all_records() -> list[Record]:
    """Return records of every status and verdict, with every hostile text in every field that takes text."""
    refused = Diagnostic(
        source="parser",
        message="false",
        code="UNSUPPORTED_NODE",
        op="DynamicQuantizeLinear",
        node="#0",
        function="checkDynamicQuantizeLinear",
        line=1278,
    )
    unlike = "output y is uint8 in ONNX, int8 in the parsed network"
    changed = {"verdict": Verdict.REGRESSION, "baseline": Status.BUILDS}
    return [
        record(
            QUANTIZE, "ort-1.31", Status.MATCH, stage="run:max", results=(result("opt", EXACT), result("max", EXACT))
        ),
        record(QUANTIZE, "rtx-1.6", Status.BUILDS, stage="build", ran_in="float32", layers=(CONVOLUTION,)),
        record(QUANTIZE, "rtx-1.7", Status.BUILDS, verdict=Verdict.PROGRESSION, baseline=Status.BUILD_FAILED),
        record(QUANTIZE, "8.6", Status.NOT_RUN, reason="tensorrt==8.6.1 needs Python 3.10"),
        record(QUANTIZE, "8.6", Status.NOT_APPLICABLE, precision=Precision.FP16, reason="no precision flags"),
        record(
            UINT8, "ort-1.31", Status.DRIFT, reason="2 steps off", results=(result("max", OFF, "2 steps, 1 allowed"),)
        ),
        record(
            UINT8, "rtx-1.6", Status.WRONG, reason=unlike, diagnostics=(Diagnostic(source="network", message=unlike),)
        ),
        record(UINT8, "rtx-1.7", Status.WRONG, reason=unlike, **changed),
        record(DYNAMIC, "ort-1.31", Status.UNVERIFIED, verdict=Verdict.NEW, baseline=None, reason="no reference"),
        record(
            DYNAMIC, "rtx-1.6", Status.UNSUPPORTED, stage="parse", diagnostics=(refused,), reason="refused", **REMEDY
        ),
        record(
            DYNAMIC, "rtx-1.7", Status.UNSUPPORTED, stage="parse", diagnostics=(refused,), reason="refused", **REMEDY
        ),
        right_at_opt_and_wrong_at_max(),
        record(
            LOOP, "ort-1.31", Status.RUN_FAILED, stage="run:max", reason="out of range", results=(result("max", None),)
        ),
        record(
            LOOP, "rtx-1.6", Status.CRASH, stage="build", reason="SIGSEGV", exit=ExitInfo(code=-11, signal="SIGSEGV")
        ),
        record(LOOP, "rtx-1.7", Status.TIMEOUT, verdict=Verdict.FLAKY, exit=ExitInfo(timed_out=True), attempts=2),
        record(
            LOOP, "8.6", Status.BUILD_FAILED, reason="K exceeds the maximum", results=(result("opt", NOT_A_NUMBER),)
        ),
        record(TORN, "ort-1.31", Status.DRIFT, reason="2 steps off", results=(torn("onnxruntime", OFF),)),
        record(TORN, "rtx-1.7", Status.MATCH, results=(torn("onnx", EXACT),)),
        *(_hostile(number, text) for number, text in enumerate(HOSTILE)),
        record(
            replace(LOOP, id="long"),
            "rtx-1.7",
            Status.INVALID_CASE,
            reason=LONG,
            diagnostics=(replace(refused, message=LONG),),
        ),
    ]


def right_at_opt_and_wrong_at_max() -> Record:
    """Return a record as a run makes it of a case that is right at all shape points but the largest."""
    shapes = {"min": (1, 4), "opt": (4, 4), "inside": (2, 4), "max": (8, 4)}
    problem = "shape [2, 17], expected [2, 19]"
    points = [
        PointResult(point=name, status=Status.MATCH, shapes={"x": shape, "sizes": (2,)})
        for name, shape in shapes.items()
    ]
    points[-1] = replace(points[-1], status=Status.WRONG, reason=f"output y: {problem}")
    results = [replace(result(name, EXACT), shape=shape, expected_shape=shape) for name, shape in shapes.items()]
    results[-1] = replace(results[-1], shape=(2, 17), expected_shape=(2, 19), drift=None, problem=problem)
    return record(
        replace(LOOP, id="nonzero-float32-opset17", op="NonZero", opset=17),
        "ort-1.31",
        Status.WRONG,
        stage="run:max",
        reason=f"right at min, opt, inside; wrong at max: output y: {problem}",
        results=tuple(results),
        points=tuple(points),
        verdict=Verdict.REGRESSION,
        baseline=Status.MATCH,
    )


def _hostile(number: int, text: str) -> Record:
    return record(
        CaseInfo(
            id=f"{text}{number}",
            family=text,
            op=text,
            opset=number,
            summary=text,
            tags=(text,),
            source="javascript:alert(1)",
        ),
        "rtx-1.7",
        (Status.WRONG, Status.NOT_RUN)[number % 2],
        reason=text,
        stage=text,
        diagnostics=(Diagnostic(source="log", message=text, severity="warning", op=text, node=text),),
        results=(replace(result(text, None, text), output=text, dtype=text, second_reference=text, sides_with=text),),
        points=(PointResult(point=text, status=Status.WRONG, shapes={text: (1,)}, reason=text),),
        signature=text,
        remedy=text,
        remedy_source="javascript:alert(1)" if number % 2 else f"https://example.org/{text}",
        ran_in=text,
        layers=(Layer(name=text, type=text, inputs=(text,), outputs=(text,), tactic=text),),
        artifacts={text: text, "escape": "../../etc/passwd", "job": f"jobs/{number} a&b"},
        seconds={text: 1.0},
    )
