"""The answers to the dynamic-shape cases: equal on two implementations, and such that a mistake would show."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from fnmatch import fnmatch

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from cases.case import Array, Case
from matrix.verdict.reference.operators import OPERATORS
from matrix.verdict.reference.specification import CONTROL_FLOW, evaluate
from tests.dynamic_cases import CASES, agree, dimensions, dtype, every_case, made, operators_within, reference
from tests.independent import independent_answer, is_answered

ONNXRUNTIME_READS = 26  # the newest opset that onnxruntime 1.31 loads
REFUSED_BY_ONNXRUNTIME = {"attention-window-opset25"}  # onnxruntime 1.31 knows no window at opset 25, onnx 1.23 does

REPLACED = {op for domain, op in OPERATORS.keys() | CONTROL_FLOW if not domain}
WRONG_BY_EVALUATOR = (
    "*-sequence_lens*",  # it runs every sequence to the end of the tensor
    "*-clip-*",  # it does not look at it
    "loop-condition_absent-*",  # it takes it for false
    "loop-scan_output_matrices-*",  # it lays them one below the other
    "loop-scan_output_scalars-*",  # and makes rows of scalars
    "height_width-maxpool2d_same_lower-*",  # it rounds sizes down
    "maxpool-places-*-stride_1-*",  # it has places of its own where all strides are 1
    "lppool-ceil-*",  # it makes more of a window that ends behind the input
    "lstm-*-coupled-*",  # it looks neither at input_forget
    "lstm-*-functions-*",  # nor at activations
    "gru-*-functions-*",
)


def evaluated(case_id: str) -> Mapping[str, Mapping[str, Array]]:
    """Return what the evaluator says where no operator is replaced."""
    names = [output.name for output in made(case_id).model.graph.output]
    evaluator = ReferenceEvaluator(made(case_id).model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what numpy says of the evaluator's code is nothing that we could mend
        return {
            point: dict(zip(names, map(np.asarray, evaluator.run(None, dict(arrays))), strict=True))
            for point, arrays in made(case_id).inputs.items()
        }


@every_case
def test_reference_answers_as_declared_at_more_than_one_shape(case: Case) -> None:
    answers = reference(case.id)
    assert list(answers) == ["min", "opt", "inside", "max"]
    for value in made(case.id).model.graph.output:
        for outputs in answers.values():
            output = outputs[value.name]
            assert output.dtype == dtype(value)
            declared = dimensions(value)
            assert output.ndim == len(declared)
            assert all(
                not isinstance(dim, int) or size == dim for size, dim in zip(output.shape, declared, strict=True)
            )
            assert np.isfinite(output.astype(np.float64)).all()
    if any(not isinstance(dim, int) for value in made(case.id).model.graph.output for dim in dimensions(value)):
        assert len({tuple(array.shape for array in outputs.values()) for outputs in answers.values()}) > 1


@every_case
def test_onnxruntime_agrees_with_the_reference(case: Case) -> None:
    """Without optimizations, and at every point; what it cannot run is held against a formula of our own below."""
    ort = pytest.importorskip("onnxruntime", reason="onnxruntime has no release for this Python")
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    if "layout1" in case.id:  # it has no layout but 0 of its recurrent operators
        assert is_answered(case)
        with pytest.raises(ort.capi.onnxruntime_pybind11_state.Fail, match="Batchwise"):
            ort.InferenceSession(made(case.id).model_bytes, options, providers=["CPUExecutionProvider"])
        return
    if case.opset > ONNXRUNTIME_READS or case.id in REFUSED_BY_ONNXRUNTIME:
        assert is_answered(case)
        with pytest.raises(Exception, match=r"(?i)opset|IR version|attribute"):
            ort.InferenceSession(made(case.id).model_bytes, options, providers=["CPUExecutionProvider"])
        return
    session = ort.InferenceSession(made(case.id).model_bytes, options, providers=["CPUExecutionProvider"])
    for point, wanted in reference(case.id).items():
        found = session.run(list(wanted), dict(made(case.id).inputs[point]))
        for got, want in zip(found, wanted.values(), strict=True):
            assert agree(case, got, want)


OURS = [case for case in CASES.values() if any(op in REPLACED for op in operators_within(made(case.id).model.graph))]


@pytest.mark.parametrize("case", OURS, ids=lambda case: case.id)
def test_operators_of_ours_answer_as_the_evaluator_where_that_is_right(case: Case) -> None:
    """It refuses a model, it agrees, or the case is one that it is known to get wrong."""
    try:
        found = evaluated(case.id)
    except Exception:  # noqa: BLE001 - the evaluator raises whatever the operator's Python code raises
        return
    right = all(
        name in found[point] and agree(case, found[point][name], want)
        for point, outputs in reference(case.id).items()
        for name, want in outputs.items()
    )
    assert right != any(fnmatch(case.id, pattern) for pattern in WRONG_BY_EVALUATOR)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if is_answered(case)])
def test_reference_answers_as_other_formulas_of_the_same(name: str) -> None:
    for point, outputs in independent_answer(made(name)).items():
        for output, want in outputs.items():
            assert agree(CASES[name], reference(name)[point][output], want)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "recurrent" in case.tags])
def test_a_part_of_a_recurrent_operator_that_is_left_out_shows(name: str) -> None:
    """The bounds are far below what a missing weight, bias, peephole or initial state changes."""
    case, model, inputs = CASES[name], made(name).model, made(name).inputs["max"]
    parts = [part for step in model.graph.node for part in step.input if part in ("w", "r", "b", "p")]
    parts += [part for part in ("initial_h", "initial_c") if part in inputs]
    assert len(parts) >= 2
    for part in parts:
        changed = onnx.ModelProto()
        changed.CopyFrom(model)
        for constant in (each for each in changed.graph.initializer if each.name == part):
            constant.CopyFrom(numpy_helper.from_array(0 * numpy_helper.to_array(constant), part))
        answer = evaluate(changed, {"max": {key: 0 * array if key == part else array for key, array in inputs.items()}})
        assert answer.outputs is not None, answer.why
        found = answer.outputs["max"]
        assert not all(agree(case, found[output], want) for output, want in reference(name)["max"].items()), part


def test_results_that_are_empty_at_one_point_are_there() -> None:
    """And what is chosen of nothing flows into other ops as well, where the result itself is not empty."""
    empty = [name for name, case in CASES.items() if "empty" in name and "data_dependent" in case.tags]
    sizes = {name: {array.size for array in reference(name)["inside"].values()} for name in empty}
    assert sum(0 in size for size in sizes.values()) >= 15
    assert sum(0 not in size for size in sizes.values()) >= 5


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "data_dependent" in case.tags])
def test_sizes_that_depend_on_data_differ_and_are_not_all_empty(name: str) -> None:
    sizes = [tuple(array.size for array in outputs.values()) for outputs in reference(name).values()]
    assert len(set(sizes)) > 2
    assert sum(0 not in size for size in sizes) >= 3


def test_a_size_that_depends_on_data_depends_on_more_than_the_shape() -> None:
    """Other values of the same shapes give another size: nothing but running the model can tell it."""
    case = CASES["nonzero-float32-opset17"]
    for point in case.points:
        (y,) = ReferenceEvaluator(case.build()).run(None, {"x": np.ones(point.shapes["x"], np.float32)})
        assert np.asarray(y).shape[1] > reference(case.id)[point.name]["y"].shape[1]


@pytest.mark.parametrize(
    ("name", "taken"),
    [("if-condition_from_data-opset17", [True, False]), ("if-different_shapes-opset17", [True, False])],
)
def test_both_branches_are_taken(name: str, taken: list[bool]) -> None:
    found = {
        bool((outputs["y"] >= 0).all()) if "data" in name else outputs["y"].shape[1] == 1
        for outputs in reference(name).values()
    }
    assert found == set(taken)
