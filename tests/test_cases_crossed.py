"""Every pattern that quantizers write also has dynamic shapes: the catalogue is asked, pattern by pattern."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache

import onnx
import pytest

from cases.case import Case
from cases.catalogue import INVALID_ON_PURPOSE, catalogue
from cases.quantization import extents

QUANTIZERS = {"quantize_static", "quantize_dynamic", "matmul_nbits"}
# What a pattern needs beside a dynamic batch, by the rank of its largest input: images have 4, sequences 3, rows 2.
BEYOND_BATCH: Mapping[int, str] = {4: extents.IMAGE, 3: extents.SEQUENCE}


@cache
def patterns() -> Mapping[str, Mapping[str, Case]]:
    """Return the cases of each pattern by kind; a pattern is an id without its last word, the kind."""
    found: dict[str, dict[str, Case]] = defaultdict(dict)
    for case in catalogue():
        quantized = case.tags & {"qdq", "weight_only"} or case.op in QUANTIZERS
        if case.family == "quantization" and quantized and INVALID_ON_PURPOSE not in case.tags:
            name, _, kind = case.id.rpartition("-")
            found[name][kind] = case
    return found


def test_there_are_patterns_of_every_rank() -> None:
    found = [rank(kinds[extents.STATIC]) for kinds in patterns().values()]
    assert len(found) >= 290
    assert all(found.count(each) >= 20 for each in (2, 3, 4))


@pytest.mark.parametrize("name", patterns())
def test_every_pattern_is_crossed_with_dynamic_shapes(name: str) -> None:
    kinds = patterns()[name]
    wanted = {extents.STATIC, extents.BATCH, BEYOND_BATCH.get(rank(kinds[extents.STATIC]), extents.BATCH)}
    assert kinds.keys() == wanted


@pytest.mark.parametrize("name", patterns())
def test_crossed_patterns_are_symbolic_and_run_at_four_shapes(name: str) -> None:
    for kind, case in patterns()[name].items():
        free = extents.FREE[kind]
        dims = {value.name: value.type.tensor_type.shape.dim for value in case.build().graph.input}
        assert {dim.dim_param for each in dims.values() for dim in each if dim.dim_param} == free
        if not free:
            continue
        low, best, inside, high = case.points
        assert [point.name for point in case.points] == ["min", "opt", "inside", "max"]
        for name_of_input, each in dims.items():
            sizes = [point.shapes[name_of_input] for point in (low, inside, best, high)]
            for axis, dim in enumerate(each):
                assert_spread([size[axis] for size in sizes], dim)
        assert max(point.shapes["x"][0] for point in case.points) > 1
        (profile,) = case.profiles
        assert profile.shapes == {each: tuple(point.shapes[each] for point in (low, best, high)) for each in dims}


def assert_spread(sizes: list[int], dim: onnx.TensorShapeProto.Dimension) -> None:
    """A free dimension takes four sizes, the one inside below opt or above it; any other dimension takes one."""
    low, inside, best, high = sizes
    if dim.dim_param:
        assert low < best < high
        assert low < inside < high
        assert inside != best
    else:
        assert set(sizes) == {dim.dim_value}


def rank(case: Case) -> int:
    return max(len(shape) for shape in case.points[0].shapes.values())
