"""The dynamic-shape cases: valid, deterministic, cheap to list, really symbolic, and equal on two implementations."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from functools import cache
from importlib import import_module
from itertools import combinations
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from cases.case import Array, Case, Shape, ShapePoint
from cases.catalogue import MODULES, Generated, generate
from cases.dynamic_shapes.boxes import OVERLAP, corners, scores
from cases.dynamic_shapes.symbolic import dynamic_case, f32
from matrix.verdict.reference.operators import OPERATORS
from matrix.verdict.reference.specification import CONTROL_FLOW, evaluate
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

# With several profiles, further points and faults on purpose: tests/test_cases_profiles.py.
OF_PROFILES = ("profiles", "profile_inputs", "invalid_profiles")


def enumerate_cases() -> Iterator[Case]:
    for module in (name for name in MODULES["dynamic_shapes"] if name not in OF_PROFILES):
        yield from import_module(f"cases.dynamic_shapes.{module}").cases()


CASES = {case.id: case for case in enumerate_cases()}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@cache
def made(case_id: str) -> Generated:
    return generate(CASES[case_id])


@cache
def reference(case_id: str) -> Mapping[str, Mapping[str, Array]]:
    """Return the answers of the first reference."""
    answer = evaluate(made(case_id).model, made(case_id).inputs)
    assert answer.outputs is not None, answer.why
    return answer.outputs


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


def dimensions(value: onnx.ValueInfoProto) -> list[int | str]:
    """Return sizes and symbols; an anonymous dimension is an empty text."""
    dims = value.type.tensor_type.shape.dim
    return [dim.dim_value if dim.HasField("dim_value") else dim.dim_param for dim in dims]


def dtype(value: onnx.ValueInfoProto) -> np.dtype[np.generic]:
    return helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)


def test_there_are_enough_and_each_has_its_own_id() -> None:
    assert len(CASES) == len(list(enumerate_cases())) >= 45


@pytest.mark.parametrize(
    "tags",
    [
        *({"dynamic_batch", op} for op in ("relu", "conv", "matmul", "gemm", "layernormalization", "softmax")),
        *({"dynamic_height_width", op} for op in ("conv", "maxpool", "averagepool", "resize", "pad")),
        {"dynamic_sequence", "matmul"},
        {"dynamic_sequence", "dynamic_batch", "attention"},
        {"dynamic_channel"},
        {"unused_input", "several_inputs"},
        {"anonymous_dimension"},
        *({op} for op in ("reshape", "flatten", "squeeze", "expand", "range", "slice", "tile", "constantofshape")),
        *({op} for op in ("split", "onehot", "topk")),
        *({"data_dependent", op} for op in ("nonzero", "compress", "unique", "nonmaxsuppression", "slice", "loop")),
        *({"control_flow", op} for op in ("if", "loop", "scan")),
        *({"shape_input", op} for op in ("reshape", "expand", "slice", "resize", "range", "topk", "loop")),
        *({opset} for opset in ("opset13", "opset17", "opset21", "opset23", "opset24")),
    ],
    ids=" ".join,
)
def test_what_was_asked_for_is_there(tags: set[str]) -> None:
    assert any(tags <= case.tags for case in CASES.values())


def test_the_cases_that_were_asked_for_by_name_are_there() -> None:
    for name in (
        "batch-conv2d-opset17",
        "topk-k_input-opset17",
        "if-different_shapes-opset17",
        "nonzero-float32-opset17",
        "shape_gather_concat-reshape-opset17",
        "three_inputs-one_unused-same_symbol-opset17",
    ):
        assert name in CASES


def test_most_cases_are_for_runtimes_that_know_no_opset_after_17() -> None:
    assert sum(case.opset <= 17 for case in CASES.values()) > 2 / 3 * len(CASES)


def test_a_symbol_without_sizes_is_refused() -> None:
    with pytest.raises(KeyError, match="Q"):
        dynamic_case("x", "Relu", lambda: ([], {}), {"x": f32("Q")}, {"y": f32("Q")})


@every_case
def test_case_says_what_its_model_is(case: Case) -> None:
    model = made(case.id).model
    assert case.family == "dynamic_shapes"
    assert re.fullmatch(r"[a-z0-9_]+(-[a-z0-9_]+)*-opset\d+", case.id)
    assert case.id.endswith(f"-opset{case.opset}")
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", tag) for tag in case.tags)
    assert {case.op.lower(), f"opset{case.opset}"} <= case.tags
    assert case.op in operators(model.graph)
    assert case.summary
    assert {each.domain: each.version for each in model.opset_import} == {"": case.opset}
    assert model.ir_version == case.ir_version


def operators(graph: onnx.GraphProto) -> set[str]:
    return {node.op_type for node in graph.node}


def operators_within(graph: onnx.GraphProto) -> set[str]:
    """Return those of all bodies as well."""
    bodies = [each.g for node in graph.node for each in node.attribute if each.HasField("g")]
    return operators(graph).union(*map(operators_within, bodies))


@every_case
def test_case_passes_the_checker_and_strict_shape_inference(case: Case) -> None:
    model = made(case.id).model
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, strict_mode=True, check_type=True, data_prop=True)


@every_case
def test_model_has_symbols_and_sizes_fit_them(case: Case) -> None:
    graph = made(case.id).model.graph
    assert any(not isinstance(dim, int) for value in graph.input for dim in dimensions(value))
    for point in case.points:
        sizes: dict[str, int] = {}
        assert list(point.shapes) == [value.name for value in graph.input]
        for value in graph.input:
            shape = point.shapes[value.name]
            for size, dim in zip(shape, dimensions(value), strict=True):
                assert size == (dim if isinstance(dim, int) else sizes.setdefault(dim, size) if dim else size)
    assert len({tuple(point.shapes.items()) for point in case.points}) == len(case.points)


@every_case
def test_points_span_the_profile(case: Case) -> None:
    low, best, inside, high = case.points
    assert [point.name for point in case.points] == ["min", "opt", "inside", "max"]
    (profile,) = case.profiles
    for points, span in ((shapes_of, profile.shapes), (values_of, profile.values)):
        assert set(points(low)) == set(span)
        for name, (smallest, usual, largest) in span.items():
            assert (smallest, usual, largest) == (points(low)[name], points(best)[name], points(high)[name])
            between = points(inside)[name]
            for a, b, c, d in zip(smallest, usual, between, largest, strict=True):
                assert (a < b < d and a < c < d) or a == b == c == d
            assert between != usual or smallest == largest
    data = [name for name, shape in best.shapes.items() if shape and name not in best.values]
    assert max(point.shapes[name][0] for point in case.points for name in data) > 1


def shapes_of(point: ShapePoint) -> Mapping[str, Shape]:
    return point.shapes


def values_of(point: ShapePoint) -> Mapping[str, Shape]:
    return point.values


@every_case
def test_inputs_are_what_model_and_points_declare(case: Case) -> None:
    declared = {value.name: dtype(value) for value in made(case.id).model.graph.input}
    for point in case.points:
        arrays = made(case.id).inputs[point.name]
        assert {name: array.dtype for name, array in arrays.items()} == declared
        assert {name: array.shape for name, array in arrays.items()} == dict(point.shapes)
        for name, values in point.values.items():
            assert tuple(arrays[name].reshape(-1).tolist()) == values
            assert "shape_input" in case.tags


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
    """Without optimizations, and at every point; it has no layout but 0 of its recurrent operators."""
    ort = pytest.importorskip("onnxruntime", reason="onnxruntime has no release for this Python")
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    if "layout1" in case.id:
        with pytest.raises(ort.capi.onnxruntime_pybind11_state.Fail, match="Batchwise"):
            ort.InferenceSession(made(case.id).model_bytes, options, providers=["CPUExecutionProvider"])
        return
    if case.opset > ONNXRUNTIME_READS or case.id in REFUSED_BY_ONNXRUNTIME:
        with pytest.raises(Exception, match=r"(?i)opset|IR version|attribute"):
            ort.InferenceSession(made(case.id).model_bytes, options, providers=["CPUExecutionProvider"])
        return
    session = ort.InferenceSession(made(case.id).model_bytes, options, providers=["CPUExecutionProvider"])
    for point, wanted in reference(case.id).items():
        found = session.run(list(wanted), dict(made(case.id).inputs[point]))
        for got, want in zip(found, wanted.values(), strict=True):
            assert agree(case, got, want)


def agree(case: Case, got: Array, want: Array) -> bool:
    if (got.dtype, got.shape) != (want.dtype, want.shape):
        return False
    limit = case.tolerance.absolute + case.tolerance.relative * np.abs(want.astype(np.float64))
    return bool((np.abs(got.astype(np.float64) - want.astype(np.float64)) <= limit).all())


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
def test_operators_of_ours_answer_as_other_formulas_of_the_same(name: str) -> None:
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


def test_an_unused_input_is_declared_given_and_unused() -> None:
    found = [case for case in CASES.values() if "unused_input" in case.tags]
    assert len(found) >= 2
    for case in found:
        assert not any("unused" in node.input for node in made(case.id).model.graph.node)
        assert all(len(point.shapes) == 3 and "unused" in point.shapes for point in case.points)
        assert "unused" in case.profiles[0].shapes


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


def test_what_is_normalized_spreads_as_the_tolerance_assumes() -> None:
    """Over the last axis, which is the fewest elements; over the channels where the id says so."""
    found = [case for name, case in CASES.items() if "layernormalization" in name]
    assert len(found) >= 3
    for case in found:
        axis = 1 if "channels" in case.id else -1
        for arrays in made(case.id).inputs.values():
            assert (arrays["x"].std(axis=axis) >= 1).all()


def test_boxes_never_overlap_by_about_the_threshold() -> None:
    boxes = corners("boxes", (1, 200, 4))[0].astype(int)
    for (top, left, bottom, right), (up, west, down, east) in combinations(boxes.tolist(), 2):
        common = max(0, min(bottom, down) - max(top, up)) * max(0, min(right, east) - max(left, west))
        union = (bottom - top) * (right - left) + (down - up) * (east - west) - common
        assert abs(common / union - OVERLAP) > 1e-4
    assert len(np.unique(scores("scores", (2, 3, 50)))) == 300


def test_digests_do_not_depend_on_the_process() -> None:
    program = (
        "from tests.test_cases_dynamic_shapes import CASES, generate\n"
        "for case in CASES.values(): print(case.id, generate(case).digest)"
    )
    here = "".join(f"{name} {made(name).digest}\n" for name in CASES)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == here
