"""A size goes through one step of arithmetic and decides the shape of one op: every pair of step and op.

The size is that of the input ``like``; where it is taken from, and the integer type of the step, alternate so that
they meet every step and every op. ``v`` is the result. All results are exact, but for Resize, which interpolates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx

from cases.case import EXACT, Array, Case
from cases.dynamic_shapes.rounding import interpolation_rounding
from cases.dynamic_shapes.size_steps import STEPS, Step
from cases.dynamic_shapes.symbolic import Body, dynamic_case, f32, ints
from cases.model import Signature, node, onnx_type, tensor

LENGTH = 50  # of what is sliced: longer than any v
Nodes = tuple[list[onnx.NodeProto], Mapping[str, Array]]


class Consumer(NamedTuple):
    """An op whose output shape ``v`` decides."""

    name: str
    op: str
    x: Signature
    y: Signature
    body: Callable[[], Nodes]


def cases() -> Iterator[Case]:
    """Yield one case for each step with each op."""
    for i, step in enumerate(STEPS):
        for j, consumer in enumerate(CONSUMERS):
            dtype = np.float32 if step.is_float else (np.int64, np.int32)[(i + j // 2) % 2]
            yield _case(SOURCES[(i + j) % len(SOURCES)], step, dtype, consumer)


def _case(source: str, step: Step, dtype: npt.DTypeLike, consumer: Consumer) -> Case:
    results = tuple(step.result(size) for size in step.sizes)
    kind = np.dtype(dtype).name
    return dynamic_case(
        f"shape_values-{source}-{step.name}-{kind}-{consumer.name}",
        consumer.op,
        partial(_body, source, step, dtype, consumer),
        {"x": consumer.x, "like": f32(3, "S")},
        {"y": consumer.y},
        summary=f"{consumer.op} to {step.formula} of the size s of an input: {source} of its shape, {kind}",
        sizes={"S": step.sizes, "V": (results[0], results[1], results[2], results[3])},
        tolerance=interpolation_rounding(max(results)) if consumer.op == "Resize" else EXACT,
        tags=["shape_arithmetic", step.name],
    )


def _body(source: str, step: Step, dtype: npt.DTypeLike, consumer: Consumer) -> Body:
    rank = 0 if source == "gather_scalar" else 1
    nodes, constants = _source(source)
    arithmetic, numbers = _typed(step, np.dtype(dtype), rank, "v" if rank else "scalar_v")
    consuming, more = consumer.body()
    unsqueezed = [] if rank else [node("Unsqueeze", ["scalar_v", "front"], ["v"])]
    every = [*nodes, *arithmetic, *unsqueezed, *consuming]
    front = {"front": ints(0)} if any("front" in each.input for each in every) else {}
    return every, {**constants, **numbers, **front, **more}


def _typed(step: Step, dtype: np.dtype[Any], rank: int, result: str) -> Nodes:
    """Return nodes that make ``result`` of ``s``, both int64, by a step in ``dtype``."""
    if dtype == np.int64:
        return step.body("s", result, dtype, rank)
    nodes, numbers = step.body("typed", "stepped", dtype, rank)
    back = node("Cast", ["stepped"], [result], to=onnx_type(np.int64))
    return [node("Cast", ["s"], ["typed"], to=onnx_type(dtype)), *nodes, back], numbers


SOURCES = ("gather", "gather_scalar", "gather_negative", "slice", "start_end", "start_negative", "size_div")


def _source(name: str) -> Nodes:
    """Return nodes that make ``s`` the size of axis 1 of ``like``."""
    shape = node("Shape", ["like"], ["like_shape"])
    if name == "start_end":
        return [node("Shape", ["like"], ["s"], start=1, end=2)], {}
    if name == "start_negative":
        return [node("Shape", ["like"], ["s"], start=-1)], {}
    if name == "size_div":
        return [node("Size", ["like"], ["size"]), node("Div", ["size", "three"], ["s"])], {"three": ints(3)}
    if name == "slice":
        ends = {"second": ints(1), "third": ints(2)}
        return [shape, node("Slice", ["like_shape", "second", "third"], ["s"])], ends
    index = {"gather": ints(1), "gather_scalar": np.array(1, np.int64), "gather_negative": ints(-1)}[name]
    return [shape, node("Gather", ["like_shape", "index"], ["s"], axis=0)], {"index": index}


def _target(*parts: str) -> onnx.NodeProto:
    return node("Concat", parts, ["target"], axis=0)


def _reshape() -> Nodes:
    return [_target("v", "rest"), node("Reshape", ["x", "target"], ["y"])], {"rest": ints(-1)}


def _expand() -> Nodes:
    return [_target("one", "v", "one"), node("Expand", ["x", "target"], ["y"])], {"one": ints(1)}


def _constant_of_shape() -> Nodes:
    half = tensor("half", np.array([0.5], np.float32))
    filled = node("ConstantOfShape", ["target"], ["filled"], value=half)
    return [_target("v", "two"), filled, node("Add", ["x", "filled"], ["y"])], {"two": ints(2)}


def _tile() -> Nodes:
    return [_target("one", "v"), node("Tile", ["x", "target"], ["y"])], {"one": ints(1)}


def _range() -> Nodes:
    nodes = [
        node("Squeeze", ["v", "front"], ["limit"]),
        node("Range", ["start", "limit", "step"], ["numbers"]),
        node("Cast", ["numbers"], ["reals"], to=onnx_type(np.float32)),
        node("Add", ["x", "reals"], ["y"]),
    ]
    return nodes, {"start": np.array(0, np.int64), "step": np.array(1, np.int64)}


def _slice() -> Nodes:
    return [node("Slice", ["x", "begin", "v", "axis"], ["y"])], {"begin": ints(0), "axis": ints(1)}


def _pad() -> Nodes:
    return [_target("none", "v", "none", "none"), node("Pad", ["x", "target"], ["y"])], {"none": ints(0)}


def _resize() -> Nodes:
    mode = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    nodes = [
        node("Shape", ["x"], ["kept"], start=0, end=3),
        _target("kept", "v"),
        node("Resize", ["x", "", "", "target"], ["y"], **mode),
    ]
    return nodes, {}


CONSUMERS = (
    Consumer("reshape", "Reshape", f32("N", "V", 2), f32("V", None), _reshape),
    Consumer("expand", "Expand", f32("N", 1, 2), f32("N", "V", 2), _expand),
    Consumer("constantofshape", "ConstantOfShape", f32("N", 1, 2), f32("N", "V", 2), _constant_of_shape),
    Consumer("tile", "Tile", f32("N", 2), f32("N", None), _tile),
    Consumer("range", "Range", f32("N", 1), f32("N", "V"), _range),
    Consumer("slice", "Slice", f32("N", LENGTH, 2), f32("N", "V", 2), _slice),
    Consumer("pad", "Pad", f32("N", 3), f32("N", None), _pad),
    Consumer("resize", "Resize", f32("N", 1, 2, 5), f32("N", 1, 2, "V"), _resize),
)
