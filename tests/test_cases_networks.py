"""Cases of custom operators and of quantized networks: valid, deterministic, run by a reference; and mistakes show."""

from __future__ import annotations

import keyword
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from cases.case import Array, Case
from cases.catalogue import Generated, generate
from cases.quantization import extents, quantizers
from cases.quantization.contrib_weight_only import UNWRITTEN
from tests.implementations import evaluate, kills_onnxruntime, reference, run_onnxruntime
from tests.test_cases_quantization import NETWORKS

CASES = {
    case.id: case
    for case in (
        *(case for module in NETWORKS for case in import_module(f"cases.quantization.{module}").cases()),
        *(case for case in quantizers.cases() if "contrib" in case.tags),
    )
}
INVALID = "invalid_on_purpose"
VALID = {name: case for name, case in CASES.items() if INVALID not in case.tags}
RUN = {name: case for name, case in VALID.items() if not case.no_reference}
EVALUATED = {name: case for name, case in RUN.items() if not case.tags & {"contrib", "trt"}}
ZERO = {"scale_zero_weight", "scale_zero_activation"}  # of which nothing is left that could be wrong
QDQ = {name: case for name, case in EVALUATED.items() if "qdq" in case.tags}


def each(cases: dict[str, Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases.values(), ids=cases.keys())


def onnxruntime(made: Generated) -> dict[str, list[Array]]:
    ort = pytest.importorskip("onnxruntime", reason="no release for this Python")
    return run_onnxruntime(ort, made)


def test_there_are_enough_and_old_releases_have_something_to_say() -> None:
    assert len(CASES) >= 500
    patterns = [case for case in CASES.values() if case.tags & {"qdq", "weight_only"}]
    assert sum(case.opset <= 13 and case.ir_version <= 8 for case in patterns) >= 80


def test_listing_is_cheap() -> None:
    spent = -os.times().user
    for module in NETWORKS:
        assert list(import_module(f"cases.quantization.{module}").cases())
    assert spent + os.times().user < 1


@each(CASES)
def test_case_says_what_its_model_is(case: Case) -> None:
    model = case.build()
    assert re.fullmatch(r"[a-z0-9_]+(-[a-z0-9_]+)*", case.id)
    assert all(tag.isidentifier() and not keyword.iskeyword(tag) for tag in case.tags)
    assert f"opset{case.opset}" in case.tags
    assert case.summary
    opsets = {each.domain: each.version for each in model.opset_import}
    assert opsets[""] == case.opset
    assert model.ir_version == case.ir_version
    if case.op not in ("quantize_static", "matmul_nbits"):
        assert model.ir_version == helper.find_min_ir_version_for([helper.make_opsetid("", case.opset)])


@each(VALID)
def test_case_passes_the_checker_and_strict_shape_inference(case: Case) -> None:
    model = case.build()
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, strict_mode=True, check_type=True, data_prop=True)


@each(CASES)
def test_points_fit_the_dimensions(case: Case) -> None:
    declared = {value.name: value.type.tensor_type.shape.dim for value in case.build().graph.input}
    names = {dim.dim_param for dims in declared.values() for dim in dims if dim.dim_param}
    (kind,) = case.tags & extents.FREE.keys()
    assert names == extents.FREE[kind]
    assert [point.name for point in case.points] == (["min", "opt", "inside", "max"] if names else ["static"])
    assert len(case.profiles) == bool(names)
    for point in case.points:
        assert point.shapes.keys() == declared.keys()
        for name, shape in point.shapes.items():
            assert len(shape) == len(declared[name])
            assert all(
                not dim.dim_value or dim.dim_value == size for dim, size in zip(declared[name], shape, strict=True)
            )


@each(RUN)
def test_reference_has_an_answer_that_says_something(case: Case) -> None:
    """Of the declared type and shape, finite, and not everywhere the same."""
    made = generate(case)
    found = evaluate(made).outputs or onnxruntime(made)
    for outputs in found.values():
        for value, output in zip(made.model.graph.output, outputs, strict=True):
            tensor = value.type.tensor_type
            assert output.dtype == helper.tensor_dtype_to_np_dtype(tensor.elem_type)
            assert len(tensor.shape.dim) == output.ndim
            assert all(dim.dim_value in (0, size) for dim, size in zip(tensor.shape.dim, output.shape, strict=True))
            numbers = output.astype(np.float64)
            assert np.isfinite(numbers).all()
            assert output.size == 1 or len(np.unique(numbers)) > 2
            assert case.tolerance.absolute < np.abs(numbers).max() / 4


@each(EVALUATED)
def test_onnxruntime_agrees_with_the_reference(case: Case) -> None:
    made = generate(case)
    found, wanted = onnxruntime(made), reference(made)
    for point, arrays in wanted.items():
        for got, want in zip(found[point], arrays, strict=True):
            assert (got.dtype, got.shape) == (want.dtype, want.shape)
            assert not outside(case, got, want).any()


def outside(case: Case, got: Array, want: Array) -> Array:
    exact = want.astype(np.float64)
    limit = case.tolerance.absolute + case.tolerance.relative * np.abs(exact)
    if want.dtype.kind in "iu":
        limit = np.full(want.shape, case.tolerance.steps)
    beyond: Array = np.abs(got.astype(np.float64) - exact) > limit
    return beyond


@each({name: case for name, case in VALID.items() if case.no_reference and case.no_reference != UNWRITTEN})
def test_a_case_without_reference_has_none(case: Case) -> None:
    made = generate(case)
    with pytest.raises(Exception, match=r"\S"):
        reference(made)
    with pytest.raises(Exception, match=r"\S"):
        onnxruntime(made)


@each({name: case for name, case in VALID.items() if kills_onnxruntime(case)})
def test_onnxruntime_still_aborts(case: Case) -> None:
    pytest.importorskip("onnxruntime", reason="no release for this Python")
    program = f"from tests.test_cases_networks import *; onnxruntime(generate(CASES[{case.id!r}]))"
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[1], capture_output=True)
    assert done.returncode < 0


@each({name: case for name, case in VALID.items() if case.no_reference == UNWRITTEN})
def test_onnxruntime_still_leaves_output_unwritten(case: Case) -> None:
    """With transB 1 and the unit matrix, the operator says what the weight is that it is to multiply with."""
    made = generate(case)
    (found,) = onnxruntime(made)["static"]
    model = onnx.ModelProto.FromString(made.model_bytes)
    next(each for each in model.graph.node[0].attribute if each.name == "transB").i = 1
    inner = next(each for each in model.graph.node[0].attribute if each.name == "K").i
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.ClearField("shape")
    unit = np.eye(inner, dtype=np.float32)
    turned = Generated(**{**vars(made), "model_bytes": model.SerializeToString(), "inputs": {"unit": {"x": unit}}})
    (weight,) = onnxruntime(turned)["unit"]
    wanted = made.inputs["static"]["x"] @ weight.T
    assert found.shape == wanted.shape
    assert not np.allclose(found, wanted)


@each({name: case for name, case in CASES.items() if INVALID in case.tags})
def test_onnxruntime_refuses_what_is_invalid(case: Case) -> None:
    with pytest.raises(Exception, match=r"\S"):
        onnxruntime(generate(case))


def zeroed(model: onnx.ModelProto) -> bool:
    """Ignore the zero points."""
    return change(model, "zero_point", lambda array: 0 * array)


def rolled(model: onnx.ModelProto) -> bool:
    """Take the scales of the neighbouring channel."""
    return change(model, "w_scale", lambda array: np.roll(array, 1))


def stretched(model: onnx.ModelProto) -> bool:
    """Take three quarters of the first scale; of float8, half of it would change nothing but the exponents."""
    first = next(tensor.name for tensor in model.graph.initializer if tensor.name.endswith(("scale", "stored")))
    return change(model, first, lambda array: array * 3 / 4)


def change(model: onnx.ModelProto, suffix: str, function: Callable[[Array], Array]) -> bool:
    """Apply ``function`` to all initializers of that name; tell whether one of them is another now."""
    changed = False
    for tensor in model.graph.initializer:
        if tensor.name.endswith(suffix):
            old = numpy_helper.to_array(tensor)
            new = function(old).astype(old.dtype)
            changed |= bool((new.astype(np.float64) != old.astype(np.float64)).any())
            tensor.CopyFrom(numpy_helper.from_array(new.copy(), tensor.name))
    return changed


@pytest.mark.parametrize("mistake", [zeroed, rolled, stretched])
@each({name: case for name, case in QDQ.items() if "static" in case.tags and not case.tags & ZERO})
def test_a_mistake_shows(case: Case, mistake: Callable[[onnx.ModelProto], bool]) -> None:
    made = generate(case)
    good = reference(made)["static"][0]
    if mistake(made.model):
        assert outside(case, reference(made)["static"][0], good).any()


def test_digests_do_not_depend_on_the_process() -> None:
    program = (
        "from tests.test_cases_networks import CASES, generate\n"
        "for case in CASES.values(): print(case.id, generate(case).digest)"
    )
    here = "".join(f"{case.id} {generate(case).digest}\n" for case in CASES.values())
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == here
