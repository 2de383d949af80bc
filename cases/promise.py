"""What a case with dynamic shapes promises, checked before it runs: what runs static tests nothing."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from cases.case import Case, ShapePoint
from cases.catalogue import Generated

FAMILY = "dynamic_shapes"
PREFIX = "dynamic_"  # of the tags that name a symbolic dimension: dynamic_batch, dynamic_sequence, ...


def promises_dynamic_shapes(case: Case) -> bool:
    """Say whether the family or a tag of ``case`` says that it runs at several shapes."""
    return case.family == FAMILY or any(tag.startswith(PREFIX) for tag in case.tags)


def why_not_dynamic(generated: Generated) -> str:
    """Return how a case breaks the promise of dynamic shapes, empty if it keeps it or gives none.

    The model must have a symbolic or anonymous input dimension, or shape tensors whose values differ; the points that
    are allowed must differ in shape or in such values, fit the model, and have batches above 1 among them (a batch is
    the first extent of an input that is no shape tensor).
    """
    case = generated.case
    if not promises_dynamic_shapes(case):
        return ""
    points = [point for point in case.points if point.allowed]
    constants = {item.name for item in generated.model.graph.initializer}
    inputs = {item.name: _dimensions(item) for item in generated.model.graph.input if item.name not in constants}
    values = {tuple(sorted(point.values.items())) for point in points}
    symbolic = any(dims is None or None in dims for dims in inputs.values())
    if not symbolic and len(values) <= 1:
        return "the case promises dynamic shapes, and every input dimension of its model is fixed"
    if len({(tuple(sorted(point.shapes.items())), tuple(sorted(point.values.items()))) for point in points}) <= 1:
        return "the case promises dynamic shapes, and all its shape points are equal"
    for point in points:
        for name, dims in inputs.items():
            if name in point.shapes and not _fits(point.shapes[name], dims):
                return f"at point {point.name!r} input {name} has shape {point.shapes[name]}, the model declares {dims}"
    if not any(_has_batch(point) for point in points):
        return "the case promises dynamic shapes, and no shape point has a batch above 1"
    return ""


def _dimensions(value: onnx.ValueInfoProto) -> tuple[int | None, ...] | None:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim)


def _fits(shape: Sequence[int], dims: Sequence[int | None] | None) -> bool:
    if dims is None:
        return True
    return len(shape) == len(dims) and all(want in (None, got) for got, want in zip(shape, dims, strict=True))


def _has_batch(point: ShapePoint) -> bool:
    return any(shape[0] > 1 for name, shape in point.shapes.items() if shape and name not in point.values)
