"""The contract between a model, its optimization profiles and its shape points, held up for every runtime alike.

A runtime is asked first. What it takes in silence (ONNX Runtime knows no profiles; TensorRT ignores a name that the
network does not have, and accepts a maximum of 0) is refused here, in the harness's own name, so that no fault of a
request goes unnoticed on one runtime and not on another.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence

import job
import numpy as np
import tensors


class GraphInput(NamedTuple):
    """An input as the runtime sees it; a dynamic dimension is -1, an unknown rank is None."""

    name: str
    shape: Optional[List[int]]

    @property
    def is_dynamic(self) -> bool:
        return self.shape is None or any(extent < 0 for extent in self.shape)


Range = Sequence[Sequence[int]]  # min, opt and max


def profile_faults(request: job.Request, inputs: Sequence[GraphInput]) -> List[str]:
    """Return what is wrong with the profiles of ``request`` for a model with ``inputs``, in words; empty if nothing is.

    Every dynamic input and every shape tensor needs a range in every profile; each range must fit the input and ascend
    from min over opt to max; an extent may be 0 at min but not at max, where the profile would have no room for data.
    """
    bounded = sorted({name for point in request.points for name in point.shape_tensors} & {i.name for i in inputs})
    if not request.profiles:
        needy = [item.name for item in inputs if item.is_dynamic or item.name in bounded]
        return ["there is no profile, and input {} needs one".format(name) for name in needy[:1]]
    return [
        "profile {}: {}".format(number, fault)
        for number, profile in enumerate(request.profiles)
        for fault in _faults_of_profile(profile, inputs, bounded)
    ]


def point_faults(point: job.Point, request: job.Request, inputs: Sequence[GraphInput]) -> List[str]:
    """Return why a shape point may not run: a name, rank or extent that the model does not have, or no profile fits."""
    known = {item.name: item for item in inputs}
    given = {tensor.name: tensor for tensor in point.inputs}
    faults = [_unknown(name, known) for name in given if name not in known]
    faults += ["input {!r} is missing".format(name) for name in known if name not in given]
    for tensor in point.inputs:
        declared = known[tensor.name].shape if tensor.name in known else None
        if not _fits(tensor.shape, declared):
            faults.append("input {} has shape {}, the runtime takes {}".format(tensor.name, tensor.shape, declared))
    if faults or not request.profiles:
        return faults
    outside = [_outside(point, profile) for profile in request.profiles]
    if not all(outside):
        return []
    if len(outside) == 1:
        return outside
    return ["no profile holds it: " + "; ".join("{}: {}".format(n, text) for n, text in enumerate(outside))]


def profile_of(point: job.Point, request: job.Request) -> Optional[int]:
    """Return the number of the first profile that holds ``point``, None if there is none."""
    for number, profile in enumerate(request.profiles):
        if not _outside(point, profile):
            return number
    return None


def unlike_the_point(point: job.Point, shapes: Dict[str, List[int]]) -> List[str]:
    """Return how the shapes that the runtime was really given differ from those of the point.

    So that a case that runs at one fixed shape whatever it is asked for is seen at once.
    """
    return [
        "input {} ran at shape {}, the shape point says {}".format(tensor.name, shapes[tensor.name], tensor.shape)
        for tensor in point.inputs
        if shapes.get(tensor.name, tensor.shape) != tensor.shape
    ]


def refuse(reply: job.Reply, faults: Sequence[str], runtime: str, node: str = "") -> None:
    """Refuse in the harness's own name, in the present stage; ``runtime`` says what the runtime itself said of it."""
    for fault in faults:
        reply.fail(job.diagnostic("harness", "refused by the harness: " + fault, severity="error", node=node))
    reply.add(job.diagnostic("harness", runtime, severity="info", node=node))


def refuse_point(reply: job.Reply, point: job.Point, faults: Sequence[str], runtime: str) -> None:
    """Refuse one shape point; the others are none the worse for it."""
    refuse(reply, faults, runtime, node=point.name)
    error = "refused by the harness: " + "; ".join(faults)
    reply.points.append({"point": point.name, "error": error[: job.MAX_MESSAGE], "outputs": []})


def _faults_of_profile(profile: job.Profile, inputs: Sequence[GraphInput], bounded: Sequence[str]) -> Iterator[str]:
    known = {item.name: item for item in inputs}
    for name in [*profile.shapes, *(name for name in profile.values if name not in profile.shapes)]:
        if name not in known:
            yield _unknown(name, known)
    for item in inputs:
        if item.is_dynamic and item.name not in profile.shapes:
            yield "dynamic input {!r} is missing".format(item.name)
    for name in bounded:
        if name not in profile.values:
            yield "the values of shape tensor {!r} are missing".format(name)
    for name, span in profile.shapes.items():
        fault = _fault_of_shapes(span, known[name].shape if name in known else None)
        if fault:
            yield "input {}: {}".format(name, fault)
    for name, span in profile.values.items():
        fault = _fault_of_values(span, known[name].shape if name in known else None)
        if fault:
            yield "values of {}: {}".format(name, fault)


def _unknown(name: str, known: Iterable[str]) -> str:
    return "there is no input {!r}, only {}".format(name, ", ".join(map(repr, known)))


def _fault_of_shapes(span: Range, declared: Optional[Sequence[int]]) -> str:
    if any(extent < 0 for shape in span for extent in shape):
        return "negative extent in min {}, opt {}, max {}".format(*span)
    if declared is not None and any(len(shape) != len(declared) for shape in span):
        return "min {}, opt {}, max {} have not the rank of the model, {}".format(*map(list, span), len(declared))
    if not _ascends(span):
        return _not_ascending(span)
    if not all(_fits(shape, declared) for shape in span):
        return "min {}, opt {}, max {} do not fit the model's {}".format(*span, declared)
    fixed = declared if declared is not None else [-1] * len(span[2])
    if any(extent == 0 and size < 0 for extent, size in zip(span[2], fixed)):
        return "the maximum {} has an extent of 0: there is no room for data".format(span[2])
    return ""


def _fault_of_values(span: Range, declared: Optional[Sequence[int]]) -> str:
    if not _ascends(span):
        return _not_ascending(span)
    if declared is not None and min(declared, default=0) >= 0 and tensors.elements(list(declared)) != len(span[0]):
        return "{} in the profile, {} in the model".format(len(span[0]), tensors.elements(list(declared)))
    return ""


def _ascends(span: Range) -> bool:
    low, best, high = span
    same = len(low) == len(best) == len(high)
    return same and all(a <= b <= c for a, b, c in zip(low, best, high))


def _not_ascending(span: Range) -> str:
    return "min {}, opt {}, max {} do not ascend".format(*(list(each) for each in span))


def _fits(shape: Sequence[int], declared: Optional[Sequence[int]]) -> bool:
    if declared is None:
        return True
    return len(shape) == len(declared) and all(want in (-1, got) for got, want in zip(shape, declared))


def _outside(point: job.Point, profile: job.Profile) -> str:
    """Return in words the first input of ``point`` that is outside ``profile``, empty if all are inside."""
    for tensor in point.inputs:
        span = profile.shapes.get(tensor.name)
        if span is not None and not _inside(tensor.shape, span):
            return "input {} has shape {}, the profile allows {} to {}".format(
                tensor.name, tensor.shape, span[0], span[2]
            )
        span = profile.values.get(tensor.name)
        if span is not None:
            values = _values(tensor)
            if not _inside(values, span):
                return "shape tensor {} is {}, the profile allows {} to {}".format(
                    tensor.name, values, span[0], span[2]
                )
    return ""


def _inside(numbers: Sequence[int], span: Range) -> bool:
    low, _, high = span
    return len(numbers) == len(low) == len(high) and all(a <= x <= b for a, x, b in zip(low, numbers, high))


def _values(tensor: job.Tensor) -> List[int]:
    values: Any = np.frombuffer(tensor.file.read_bytes(), tensor.dtype)
    return [int(value) for value in values]
