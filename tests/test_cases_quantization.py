"""The quantization cases: valid, deterministic, cheap to list, equal on two implementations; and mistakes show."""

from __future__ import annotations

import keyword
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from cases.case import Array, Case
from cases.catalogue import INVALID_ON_PURPOSE, MODULES, generate
from cases.inputs import is_integer, representable
from cases.model import dtype_named
from cases.quantization.linear import FIRST_OPSET, STARTER_DTYPES
from tests.implementations import close, equal, evaluate, flat, reference, run_if_possible

# What ONNX Runtime says where it has no such operator, and nothing is wrong with the model.
REFUSALS_BY_ORT = (
    "NOT_IMPLEMENTED",  # it has no kernel for these types
    "is under development and support for this is limited|Unsupported model IR version",
    "Non per-tensor quantization is not supported",  # ConvInteger: ONNX allows a zero point for each channel
    "input1 zero point must be a scalar or 1D tensor of size 1",  # MatMulInteger: ONNX allows one for each row
    "Tensor type mismatch",  # QuantizeLinear from opset 23 on: ONNX allows x and scale of different types
)
# Where ONNX Runtime and the specification part: docs/findings.md.
DIFFERENT_IN_ORT = (
    {"precision_float16"},
    {"precision_bfloat16"},
    {"saturate0", "float8e4m3fn"},
    {"saturate0", "float8e5m2"},
)
MAX_ORT_OPSET = 26  # of the models that onnxruntime of the development environment reads
SAY_LITTLE = frozenset({"zeros", "constant", "constant_negative", "outliers", "empty"})  # few values, on purpose
NOT_FINITE = frozenset({"infinities", "nan", "saturate0"})


# Modules whose cases test_cases_networks.py tests.
NETWORKS = (
    *("contrib", "tensorrt_ops", "patterns_cnn", "patterns_transformer", "patterns_weight_only"),
    *("patterns_parameters", "invalid_patterns", "calibration"),
)


def enumerate_cases() -> Iterator[Case]:
    for module in MODULES["quantization"]:
        if module not in NETWORKS:
            found = import_module(f"cases.quantization.{module}").cases()
            yield from (case for case in found if "contrib" not in case.tags)


CASES = {case.id: case for case in enumerate_cases()}
VALID = {name: case for name, case in CASES.items() if INVALID_ON_PURPOSE not in case.tags}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
every_valid_case = pytest.mark.parametrize("case", VALID.values(), ids=VALID.keys())


def test_there_are_enough_and_each_has_its_own_id() -> None:
    assert len(CASES) == len(list(enumerate_cases())) >= 60


def test_every_operator_has_every_type_of_the_starter() -> None:
    for op in ("quantizelinear", "dequantizelinear"):
        for dtype in STARTER_DTYPES:
            for granularity in ("per_tensor", "per_axis", "blocked"):
                assert any({op, dtype, granularity} <= case.tags for case in CASES.values()), (op, dtype, granularity)
    for op in ("dynamicquantizelinear", "matmulinteger", "convinteger", "qlinearmatmul", "qlinearconv"):
        assert any(case.op.lower() == op for case in CASES.values())


def test_listing_builds_no_model_and_is_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper, "make_model", None)
    monkeypatch.setattr(onnx, "load", None)
    listed = 0
    spent = -os.times().user
    while listed < 5000:
        listed += len(list(enumerate_cases()))
    assert spent + os.times().user < 1


@every_case
def test_case_says_what_its_model_is(case: Case) -> None:
    model = case.build()
    assert re.fullmatch(r"[a-z0-9_]+(-[a-z0-9_]+)*", case.id)
    assert all(tag.isidentifier() and not keyword.iskeyword(tag) for tag in case.tags)
    assert f"opset{case.opset}" in case.tags
    assert case.summary
    assert {each.domain: each.version for each in model.opset_import}[""] == case.opset
    assert model.ir_version == case.ir_version
    if not case.source:
        assert model.ir_version == helper.find_min_ir_version_for(list(model.opset_import))


@every_valid_case
def test_case_passes_the_checker_and_strict_shape_inference(case: Case) -> None:
    model = case.build()
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, strict_mode=True, check_type=True, data_prop=True)


@every_valid_case
def test_points_fit_the_batch(case: Case) -> None:
    graph = case.build().graph
    dims = {value.name: value.type.tensor_type.shape.dim for value in graph.input}
    first = {name: each[0] for name, each in dims.items() if each}
    if "static" not in case.tags:
        assert {dim.dim_param for dim in first.values()} == {"batch"}
        assert [point.name for point in case.points] == ["min", "opt", "inside", "max"]
        low, best, high = next(iter(case.profiles[0].shapes.values()))
        assert low[0] == 1 < best[0] < high[0]
        assert all(set(point.shapes) == set(first) for point in case.points)
    else:
        (point,) = case.points
        assert "static" in case.tags
        assert point.name == "static"
        assert not case.profiles
        assert all(point.shapes[name][0] == dim.dim_value > 1 for name, dim in first.items())


@every_valid_case
def test_reference_has_an_answer_that_says_something(case: Case) -> None:
    """The evaluator has one, or ONNX Runtime, or the case says why there is none."""
    made = generate(case)
    outputs = evaluate(made).outputs or run_if_possible(made).outputs
    if case.no_reference or outputs is None:
        assert case.no_reference
        return
    declared = [
        helper.tensor_dtype_to_np_dtype(output.type.tensor_type.elem_type) for output in made.model.graph.output
    ]
    for arrays in outputs.values():
        assert [array.dtype for array in arrays] == declared
        for array in arrays:
            values = array.astype(np.float64)
            assert np.isfinite(values).all() or NOT_FINITE & case.tags
            assert array.size == 1 or len(np.unique(values)) > 2 or SAY_LITTLE & case.tags


@pytest.mark.parametrize("case", [case for case in VALID.values() if case.no_reference], ids=lambda case: case.id)
def test_reason_for_no_reference_is_still_true(case: Case) -> None:
    """Nothing runs it, or the implementations part; what ONNX is silent about is nothing that a run could show."""
    made = generate(case)
    evaluated, ran = evaluate(made), run_if_possible(made)
    if evaluated.outputs is None or ran.outputs is None:
        assert evaluated.outputs is ran.outputs
    else:
        assert {"nan", "infinities", "zeros"} & case.tags or not all(
            map(equal, flat(ran.outputs), flat(evaluated.outputs))
        )


@every_valid_case
def test_onnxruntime_agrees_with_the_reference(case: Case) -> None:
    """Without optimizations; all but a rounded scale and a softmax are equal to the last bit."""
    made = generate(case)
    ran, evaluated = run_if_possible(made), evaluate(made)
    if ran.outputs is None:
        assert any(re.search(words, ran.error) for words in REFUSALS_BY_ORT), ran.error
        return
    if case.no_reference or evaluated.outputs is None:
        return
    found = [
        close(case, got, want) if case.tolerance.steps or "attention" in case.tags else equal(got, want)
        for got, want in zip(flat(ran.outputs), flat(evaluated.outputs), strict=True)
    ]
    assert all(found) or differs_in_ort(case)


def test_where_onnxruntime_differs_it_does() -> None:
    """So that an entry goes when a later ONNX Runtime is right."""
    different = [case for case in VALID.values() if differs_in_ort(case) and case.opset <= MAX_ORT_OPSET]
    assert different
    for case in different:
        made = generate(case)
        ran = run_if_possible(made)
        assert ran.outputs is None or not all(map(equal, flat(ran.outputs), flat(reference(made)))), case.id


@pytest.mark.parametrize("words", REFUSALS_BY_ORT)
def test_onnxruntime_still_refuses(words: str) -> None:
    refused = (run_if_possible(generate(case)).error for case in VALID.values())
    assert any(re.search(words, error) for error in refused)


@pytest.mark.parametrize("case", [case for case in CASES.values() if case.id not in VALID], ids=lambda case: case.id)
def test_what_is_invalid_on_purpose_is_refused(case: Case) -> None:
    """By the checker or by ONNX Runtime: a case that both let pass is not invalid."""
    made = generate(case)
    try:
        onnx.checker.check_model(made.model, full_check=True)
        onnx.shape_inference.infer_shapes(made.model, strict_mode=True, check_type=True, data_prop=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        return
    assert run_if_possible(made).outputs is None


def differs_in_ort(case: Case) -> bool:
    return any(tags <= case.tags for tags in DIFFERENT_IN_ORT) and "infinities" not in case.tags


def test_digests_do_not_depend_on_the_process() -> None:
    program = (
        "from tests.test_cases_quantization import CASES, generate\n"
        "for case in CASES.values(): print(case.id, generate(case).digest)"
    )
    here = "".join(f"{case.id} {generate(case).digest}\n" for case in CASES.values())
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == here


def constant(model: onnx.ModelProto, name: str) -> Array:
    return numpy_helper.to_array({tensor.name: tensor for tensor in model.graph.initializer}[name])


def right(steps: Array, zero: Array, low: float, high: float) -> Array:
    return np.clip(np.rint(steps) + zero, low, high)


Wrong = Callable[[Array, Array, float, float], Array]
MISTAKES: dict[str, Wrong] = {
    "half away from zero": lambda q, z, low, high: np.clip(np.trunc(q + np.copysign(0.5, q)) + z, low, high),
    "half up": lambda q, z, low, high: np.clip(np.floor(q + 0.5) + z, low, high),
    "truncated": lambda q, z, low, high: np.clip(np.trunc(q) + z, low, high),
    "wraps instead of saturating": lambda q, z, low, high: (np.rint(q) + z - low) % (high - low + 1) + low,
    "without the lowest code": lambda q, z, low, high: np.clip(np.rint(q) + z, low + 1, high),
    "without the highest code": lambda q, z, low, high: np.clip(np.rint(q) + z, low, high - 1),
    "zero point added before rounding": lambda q, z, low, high: np.clip(np.rint(q + z), low, high),
    "zero point left out": lambda q, z, low, high: np.clip(np.rint(q), low, high),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int4"])
def test_a_mistake_in_quantizing_shows(dtype: str, mistake: str) -> None:
    opset = max(13, FIRST_OPSET[dtype])
    made = generate(CASES[f"quantizelinear-{dtype}-per_tensor-opset{opset}-zp_nonzero"])
    scale, zero = (constant(made.model, name).astype(np.float64) for name in ("scale", "zero_point"))
    low, high = representable(dtype)[[0, -1]]
    steps = made.inputs["static"]["x"].astype(np.float64) / scale
    good = right(steps, zero, low, high)
    assert (good == reference(made)["static"][0].astype(np.float64)).all()
    assert (MISTAKES[mistake](steps, zero, low, high) != good).any()


@pytest.mark.parametrize("dtype", STARTER_DTYPES)
@pytest.mark.parametrize(("values", "shows"), [("ties_odd_scale", True), ("ties", False)])
def test_a_reciprocal_shows_at_ties_of_an_odd_scale_only(dtype: str, values: str, shows: bool) -> None:
    made = generate(CASES[f"quantizelinear-{dtype}-per_tensor-opset{max(13, FIRST_OPSET[dtype])}-zp_zero-{values}"])
    scale = constant(made.model, "scale")
    steps = made.inputs["static"]["x"] * (np.float32(1) / scale)
    kind = dtype_named(dtype)
    if is_integer(kind):
        low, high = representable(kind)[[0, -1]]
        steps = np.clip(np.rint(steps), low, high)
    wrong = steps.astype(kind).astype(np.float64)
    assert (wrong != reference(made)["static"][0].astype(np.float64)).any() == shows


@pytest.mark.parametrize("granularity", ["per_axis", "blocked"])
@pytest.mark.parametrize("op", ["quantizelinear", "dequantizelinear"])
def test_exchanged_scales_show(op: str, granularity: str) -> None:
    made = generate(CASES[f"{op}-int8-{granularity}-opset{13 if granularity == 'per_axis' else 21}-zp_zero"])
    good = reference(made)["static"][0]
    for tensor in made.model.graph.initializer:
        if tensor.name == "scale":
            scale = numpy_helper.to_array(tensor)
            tensor.CopyFrom(numpy_helper.from_array(np.roll(scale, 1, axis=-1).copy(), "scale"))
    assert (reference(made)["static"][0] != good).any()


def test_float8_saturates_and_rounds_half_to_even() -> None:
    made = generate(CASES["quantizelinear-float8e4m3fn-per_tensor-opset19-zp_zero"])
    steps = made.inputs["static"]["x"] / constant(made.model, "scale")
    good = reference(made)["static"][0].astype(np.float64)
    assert np.isnan(steps.astype(ml_dtypes.float8_e4m3fn).astype(np.float64)).any()
    assert np.abs(good).max() == 448
    toward_zero = np.nextafter(steps, np.float32(0)).astype(ml_dtypes.float8_e4m3fn).astype(np.float64)
    assert ((toward_zero != good) & np.isfinite(toward_zero)).any()


def test_the_cases_that_were_asked_for_by_name_are_there() -> None:
    plain = CASES["qdq_conv-int8-per_tensor-opset13-zp_zero-static"].build()
    zeros = [tensor for tensor in plain.graph.initializer if tensor.name.endswith("zero_point")]
    assert len(zeros) == 2
    assert all((numpy_helper.to_array(tensor) == 0).all() for tensor in zeros)
    assert all(tensor.data_type == onnx.TensorProto.INT8 for tensor in zeros)
    for zero_point, inputs in (("zp_absent", 2), ("zp_zero", 3)):
        model = CASES[f"quantizelinear-uint8-per_tensor-opset13-{zero_point}"].build()
        assert model.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
        assert len(model.graph.node[0].input) == inputs
