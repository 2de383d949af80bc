"""The dynamic-shape cases: valid, deterministic, cheap to list, and really symbolic."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import onnx
import pytest

from cases.case import Case, Shape, ShapePoint
from cases.dynamic_shapes.boxes import OVERLAP, corners, scores
from cases.dynamic_shapes.symbolic import dynamic_case, f32
from tests.dynamic_cases import CASES, dimensions, dtype, enumerate_cases, every_case, made, operators


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


def test_an_unused_input_is_declared_given_and_unused() -> None:
    found = [case for case in CASES.values() if "unused_input" in case.tags]
    assert len(found) >= 2
    for case in found:
        assert not any("unused" in node.input for node in made(case.id).model.graph.node)
        assert all(len(point.shapes) == 3 and "unused" in point.shapes for point in case.points)
        assert "unused" in case.profiles[0].shapes


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


def test_class_by_class_and_by_score_the_boxes_of_an_image_come_in_one_order() -> None:
    by_class = scores("scores", (4, 3, 50))
    assert (by_class[:, :-1].min(axis=-1) > by_class[:, 1:].max(axis=-1)).all()
    assert (by_class.argmax(axis=-1) != 0).any()  # and in no order within a class


def test_digests_do_not_depend_on_the_process() -> None:
    program = (
        "from tests.dynamic_cases import CASES, made\nfor case in CASES.values(): print(case.id, made(case.id).digest)"
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
