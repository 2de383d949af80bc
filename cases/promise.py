"""What a case promises, checked before it runs: inputs that its model takes, and shapes that are really dynamic.

What breaks a promise is our bug: run all the same, it would be told as a refusal of the runtime's, or test nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import onnx

from cases.case import Array, Case, Shape, ShapePoint
from cases.catalogue import Generated

FAMILY = "dynamic_shapes"
PREFIX = "dynamic_"  # of the tags that name a symbolic dimension: dynamic_batch, dynamic_sequence, ...
Dimensions = tuple["int | str | None", ...]  # sizes and symbols; an anonymous dimension is None


def promises_dynamic_shapes(case: Case) -> bool:
    """Say whether the family or a tag of ``case`` says that it runs at several shapes."""
    return case.family == FAMILY or any(tag.startswith(PREFIX) for tag in case.tags)


def why_not_as_declared(generated: Generated) -> str:
    """Return how the inputs of an allowed shape point are not those of the model, empty if all are.

    Every input has a tensor of its type and of a shape that fits, one symbol has one size, and what the point says of
    the values of a shape tensor is what the tensor holds.
    """
    constants = {item.name for item in generated.model.graph.initializer}
    declared = {item.name: item for item in generated.model.graph.input}
    for point in _allowed(generated.case):
        arrays = generated.inputs[point.name]
        for name in declared.keys() - constants - arrays.keys():
            return f"at point {point.name!r} input {name} of the model is given nothing"
        for name in arrays.keys() - declared.keys():
            return f"at point {point.name!r} the model has no input {name}"
        for fault in _misfits(point, arrays, declared):
            return f"at point {point.name!r} {fault}"
    return ""


def why_not_dynamic(generated: Generated) -> str:
    """Return how a case breaks the promise of dynamic shapes, empty if it keeps it or gives none.

    Only the inputs that the model reads count: one of them must have a symbolic or anonymous dimension, or be a shape
    tensor whose values differ; the points that are allowed must differ in their shapes or in such values, and have
    batches above 1 among them (a batch is the first extent of an input that is no shape tensor).
    """
    if not promises_dynamic_shapes(generated.case):
        return ""
    graph = generated.model.graph
    read = _read(graph) & {item.name for item in graph.input} - {item.name for item in graph.initializer}
    points = [
        ({name: point.shapes[name] for name in read}, {name: point.values[name] for name in read & point.values.keys()})
        for point in _allowed(generated.case)
    ]
    symbolic = any(not _is_fixed(item) for item in graph.input if item.name in read)
    if not symbolic and len({_key(values) for _, values in points}) <= 1:
        return "the case promises dynamic shapes, and every input dimension that its model reads is fixed"
    if len({(_key(shapes), _key(values)) for shapes, values in points}) <= 1:
        return "the case promises dynamic shapes, and all its shape points are equal in what the model reads"
    batches = (shape[0] for shapes, values in points for name, shape in shapes.items() if shape and name not in values)
    if max(batches, default=0) <= 1:
        return "the case promises dynamic shapes, and no shape point has a batch above 1"
    return ""


def _allowed(case: Case) -> list[ShapePoint]:
    return [point for point in case.points if point.allowed]


def _key(named: Mapping[str, Shape]) -> tuple[tuple[str, Shape], ...]:
    return tuple(sorted(named.items()))


def _misfits(
    point: ShapePoint, arrays: Mapping[str, Array], declared: Mapping[str, onnx.ValueInfoProto]
) -> Iterator[str]:
    sizes: dict[str, int] = {}
    for name, array in arrays.items():
        kind = declared[name].type
        if kind.WhichOneof("value") != "tensor_type":
            continue
        wanted = kind.tensor_type.elem_type
        text = wanted == onnx.TensorProto.STRING
        if array.dtype != onnx.helper.tensor_dtype_to_np_dtype(wanted) and not (text and array.dtype.kind in "OUS"):
            yield f"input {name} is {array.dtype.name}, the model takes {onnx.TensorProto.DataType.Name(wanted)}"
        dims = _dimensions(declared[name])
        if dims is not None and not _fits(array.shape, dims, sizes):
            yield f"input {name} has shape {array.shape}, the model declares {dims}"
        if name in point.values and array.reshape(-1).tolist() != list(point.values[name]):
            yield f"shape tensor {name} holds {array.reshape(-1).tolist()}, the point says {point.values[name]}"


def _fits(shape: Sequence[int], dims: Dimensions, sizes: dict[str, int]) -> bool:
    """Say whether ``shape`` is one of ``dims``, where a symbol has the size that it has in ``sizes`` or gets there."""
    return len(shape) == len(dims) and all(
        want is None or got == (sizes.setdefault(want, got) if isinstance(want, str) else want)
        for got, want in zip(shape, dims, strict=True)
    )


def _dimensions(value: onnx.ValueInfoProto) -> Dimensions | None:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None for dim in tensor.shape.dim)


def _is_fixed(value: onnx.ValueInfoProto) -> bool:
    dims = _dimensions(value)
    return dims is not None and all(isinstance(dim, int) for dim in dims)


def _read(graph: onnx.GraphProto) -> set[str]:
    """Return the names that nodes of ``graph`` or of the bodies in it take, and those that it gives back."""
    found = {output.name for output in graph.output}
    for node in graph.node:
        found.update(node.input)
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):
                found |= _read(body)
    return found
