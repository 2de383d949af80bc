"""What the cases with symbolic dimensions have in common: symbols, their sizes at four shape points, one profile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import onnx

from cases.case import EXACT, Array, Case, Shape, ShapePoint, Tolerance, profile_from_points
from cases.inputs import floats
from cases.model import Dim, Signature, lowest_ir_version, model, node, tensor

POINTS = ("min", "opt", "inside", "max")
INITIALIZERS_ALONE = 4  # the first IR version in which an initializer need not be a graph input as well

Sizes = tuple[int, int, int, int]  # of one symbol, at each of POINTS
Values = tuple[tuple[int, ...], ...]  # of one shape tensor, at each of POINTS
Body = tuple[Sequence[onnx.NodeProto], Mapping[str, Array]]  # nodes, and constants by name
Fill = Callable[[str, Shape], Array]  # seed text and shape -> content of an input

# The usual symbols. Height and width never agree at a point, so that axes cannot be swapped unnoticed.
SIZES: Mapping[str, Sizes] = {
    "N": (1, 4, 2, 8),
    "C": (2, 8, 4, 16),
    "H": (8, 16, 13, 24),
    "W": (6, 20, 11, 28),
    "S": (3, 12, 7, 24),
}

_TAGS = {  # by the first letter of a symbol
    "N": "dynamic_batch",
    "C": "dynamic_channel",
    "H": "dynamic_height_width",
    "W": "dynamic_height_width",
    "S": "dynamic_sequence",
}


def dynamic_case(
    axes: str,
    op: str,
    body: Callable[[], Body],
    inputs: Mapping[str, Signature],
    outputs: Mapping[str, Signature],
    *,
    summary: str = "",
    opset: int = 17,
    sizes: Mapping[str, Sizes] | None = None,
    values: Mapping[str, Values] | None = None,
    fill: Mapping[str, Fill] | None = None,
    tags: Iterable[str] = (),
    tolerance: Tolerance = EXACT,
    source: str = "",
) -> Case:
    """Return a case of this family, without building its model.

    A text among the dimensions of an input is a symbol; one that begins with ``?`` gives the input an anonymous
    dimension. Its sizes at POINTS are those in ``sizes``, else those in SIZES. ``values`` holds the content of the
    inputs that are shape tensors, at POINTS; ``fill`` makes the content of other inputs, by default
    ``cases.inputs.floats``. ``axes`` is the id without its last part, the opset. The summary is by default the first
    line of the documentation of ``body``. A symbol without sizes raises KeyError.
    """
    case_id = f"{axes}-opset{opset}"
    spans = {**SIZES, **(sizes or {})}
    points = tuple(_point(index, inputs, spans, values or {}) for index in range(len(POINTS)))
    return Case(
        id=case_id,
        family="dynamic_shapes",
        op=op,
        opset=opset,
        ir_version=_ir_version(opset),
        summary=summary or _first_line(body),
        build=partial(_build, body, inputs, outputs, opset),
        inputs=partial(_inputs, case_id, inputs, fill or {}),
        points=points,
        profiles=(profile_from_points(points),),
        tags=frozenset({op.lower(), f"opset{opset}", *_tags(inputs, values or {}), *tags}),
        tolerance=tolerance,
        source=source,
    )


def f32(*dimensions: Dim) -> Signature:
    """Return the signature of a float32 tensor."""
    return np.float32, dimensions


def i64(*dimensions: Dim) -> Signature:
    """Return the signature of an int64 tensor."""
    return np.int64, dimensions


def ints(*numbers: int) -> Array:
    """Return an int64 constant of one dimension."""
    return np.array(numbers, np.int64)


def scalar(number: int) -> Array:
    """Return an int64 constant of no dimension."""
    return np.array(number, np.int64)


def extent(tensor_name: str, axis: int, name: str, *, rank: int = 1) -> list[onnx.NodeProto]:
    """Return Shape -> Gather: nodes that make ``name`` the size of ``axis`` of a tensor, as int64[1] or int64[]."""
    index = tensor(f"{name}_axis", ints(axis) if rank else scalar(axis))
    return [
        node("Shape", [tensor_name], [f"{name}_shape"]),
        node("Constant", [], [f"{name}_axis"], value=index),
        node("Gather", [f"{name}_shape", f"{name}_axis"], [name], axis=0),
    ]


def _build(
    body: Callable[[], Body], inputs: Mapping[str, Signature], outputs: Mapping[str, Signature], opset: int
) -> onnx.ModelProto:
    nodes, constants = body()
    declared = {name: (dtype, [_declared(dim) for dim in dims or ()]) for name, (dtype, dims) in inputs.items()}
    return model(nodes, declared, outputs, constants, opset=opset, ir_version=_ir_version(opset))


def _ir_version(opset: int) -> int:
    return max(lowest_ir_version(opset), INITIALIZERS_ALONE)


def _inputs(
    case_id: str, inputs: Mapping[str, Signature], fill: Mapping[str, Fill], point: ShapePoint
) -> Mapping[str, Array]:
    arrays: dict[str, Array] = {}
    for name, (dtype, _) in inputs.items():
        shape = point.shapes[name]
        if name in point.values:
            arrays[name] = np.array(point.values[name], dtype).reshape(shape)
        else:
            arrays[name] = np.asarray(fill.get(name, floats)(f"{case_id}/{point.name}/{name}", shape))
    return arrays


def _point(
    index: int, inputs: Mapping[str, Signature], spans: Mapping[str, Sizes], values: Mapping[str, Values]
) -> ShapePoint:
    def size(dim: Dim) -> int:
        return dim if isinstance(dim, int) else spans[_symbol(dim)][index]

    return ShapePoint(
        name=POINTS[index],
        shapes={name: tuple(size(dim) for dim in dims or ()) for name, (_, dims) in inputs.items()},
        values={name: span[index] for name, span in values.items()},
    )


def _tags(inputs: Mapping[str, Signature], values: Mapping[str, Values]) -> Iterator[str]:
    dims = [dim for _, dimensions in inputs.values() for dim in dimensions or () if not isinstance(dim, int)]
    yield from (_TAGS[_symbol(dim)[0]] for dim in dims if _symbol(dim)[0] in _TAGS)
    if any(_declared(dim) is None for dim in dims):
        yield "anonymous_dimension"
    if len(inputs) > 1:
        yield "several_inputs"
    if values:
        yield "shape_input"


def _first_line(body: Callable[[], Body]) -> str:
    documented = body.func if isinstance(body, partial) else body
    return (documented.__doc__ or "").partition("\n")[0]


def _declared(dim: Dim) -> Dim:
    return None if isinstance(dim, str) and dim.startswith("?") else dim


def _symbol(dim: Dim) -> str:
    return str(dim).removeprefix("?")
