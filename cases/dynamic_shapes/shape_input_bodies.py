"""Bodies that take a shape straight from a graph input; the first line of each says what they do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from cases.case import Case
from cases.dynamic_shapes.fills import few
from cases.dynamic_shapes.symbolic import Body, Fill, Values, dynamic_case, ints
from cases.inputs import distinct_floats
from cases.model import Signature, node, onnx_type, tensor

# id without opset, op, body, signature of x, signature and values of the shape tensor, signature of y, opsets
Row = tuple[str, str, Callable[[], Body], Signature, Signature, Values, Signature, tuple[int, ...]]

FILLS: Mapping[str, Mapping[str, Fill]] = {"TopK": {"x": distinct_floats}, "OneHot": {"x": few(np.int64, 0, 9)}}
SHAPE = "shape"  # the shape tensor in every model here
NEAREST = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def cases_of(rows: Iterable[Row]) -> Iterator[Case]:
    """Return a case for each row and opset: x and a shape tensor make y."""
    for axes, op, body, x, shape, values, y, opsets in rows:
        inputs: Mapping[str, Signature] = {"x": x, SHAPE: shape}
        for opset in opsets:
            given = {SHAPE: values}
            yield dynamic_case(axes, op, body, inputs, {"y": y}, opset=opset, values=given, fill=FILLS.get(op))


def direct(op: str, **attributes: Any) -> Callable[[], Body]:
    """Return a body that takes the shape straight from a graph input."""
    return partial(taken, op, attributes)


def taken(op: str, attributes: Mapping[str, Any]) -> Body:
    """Take the shape straight from a graph input."""
    return [node(op, ["x", SHAPE], ["y"], **attributes)], {}


def cast(op: str) -> Callable[[], Body]:
    return partial(taken_as_int32, op)


def taken_as_int32(op: str) -> Body:
    """Take the shape from a graph input of int32, through a Cast."""
    return [node("Cast", [SHAPE], ["wide"], to=onnx_type(np.int64)), node(op, ["x", "wide"], ["y"])], {}


def cut(given: str, dtype: type[np.signedinteger]) -> Body:
    """Cut a sequence, with one of start, end, axis and step given at run time."""
    usual = {"start": 0, "end": 2**31 - 1, "axis": 1, "step": 1}
    if given == "axis":
        usual["start"] = 1
    names = ["start", "end", "axis"] + (["step"] if given == "step" else [])
    constants = {name: np.array([usual[name]], dtype) for name in names if name != given}
    return [node("Slice", ["x", *(SHAPE if name == given else name for name in names)], ["y"])], constants


def split(which: int) -> Body:
    """Cut a sequence in two parts whose sizes are given at run time, and return one."""
    names = ["rest", "rest"]
    names[which] = "y"
    return [node("Split", ["x", SHAPE], names, axis=1)], {}


def pad_axes() -> Body:
    """Pad one axis, which a constant names."""
    return [node("Pad", ["x", SHAPE, "", "axis"], ["y"], mode="constant")], {"axis": ints(1)}


def count_up(dtype: npt.DTypeLike) -> Body:
    """Add 0, 1, ... to x, up to a limit that is given at run time."""
    nodes = [
        node("Range", ["zero", SHAPE, "one"], ["steps"]),
        node("Cast", ["steps"], ["steps_float"], to=onnx_type(np.float32)),
        node("Add", ["x", "steps_float"], ["y"]),
    ]
    return nodes, {"zero": np.array(0, dtype), "one": np.array(1, dtype)}


def constant() -> Body:
    """Add a constant of a shape that is given at run time."""
    half = tensor("half", np.array([0.5], np.float32))
    return [node("ConstantOfShape", [SHAPE], ["halves"], value=half), node("Add", ["x", "halves"], ["y"])], {}


def resize(what: str, **attributes: Any) -> Callable[[], Body]:
    return partial(resized, what, attributes)


def resized(what: str, attributes: Mapping[str, Any]) -> Body:
    """Resize to sizes, or by scales, that are given at run time."""
    operands = ["x", "", "", SHAPE] if what == "sizes" else ["x", "", SHAPE]
    return [node("Resize", operands, ["y"], **NEAREST, **attributes)], {}


def crop(axes: list[int]) -> Body:
    """Cut or pad an image to a size that is given at run time."""
    return [node("CenterCropPad", ["x", SHAPE], ["y"], axes=axes)], {}


def topk(attributes: Mapping[str, int]) -> Body:
    """Return the k largest of each row, with k given at run time."""
    return [node("TopK", ["x", SHAPE], ["y", "indices"], axis=-1, **attributes)], {}


def one_hot() -> Body:
    """Return OneHot as deep as is given at run time."""
    return [node("OneHot", ["x", SHAPE, "off_on"], ["y"], axis=-1)], {"off_on": np.array([0, 1], np.float32)}
