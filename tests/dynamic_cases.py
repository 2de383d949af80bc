"""The dynamic-shape cases, made once for all tests that look at them, and the answers of the first reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

import numpy as np
import onnx
import pytest
from onnx import helper

from cases.case import Array, Case
from cases.catalogue import MODULES, Generated, generate
from matrix.verdict.reference.specification import evaluate

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


def dimensions(value: onnx.ValueInfoProto) -> list[int | str]:
    """Return sizes and symbols; an anonymous dimension is an empty text."""
    dims = value.type.tensor_type.shape.dim
    return [dim.dim_value if dim.HasField("dim_value") else dim.dim_param for dim in dims]


def dtype(value: onnx.ValueInfoProto) -> np.dtype[np.generic]:
    return helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)


def operators(graph: onnx.GraphProto) -> set[str]:
    return {node.op_type for node in graph.node}


def operators_within(graph: onnx.GraphProto) -> set[str]:
    """Return those of all bodies as well."""
    bodies = [each.g for node in graph.node for each in node.attribute if each.HasField("g")]
    return operators(graph).union(*map(operators_within, bodies))


def agree(case: Case, got: Array, want: Array) -> bool:
    if (got.dtype, got.shape) != (want.dtype, want.shape):
        return False
    limit = case.tolerance.absolute + case.tolerance.relative * np.abs(want.astype(np.float64))
    return bool((np.abs(got.astype(np.float64) - want.astype(np.float64)) <= limit).all())
