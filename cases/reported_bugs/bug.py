"""The case of a reported bug: a line of reports.csv, a small model, and how the bug would show itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from cases.case import EXACT, Array, Calibration, Case, Profile, Report, Shape, ShapePoint, Tolerance
from cases.dynamic_shapes.symbolic import Body, Fill, Sizes, Values, dynamic_case
from cases.inputs import floats, integers, is_integer
from cases.model import Signature
from cases.reported_bugs.facts import Fact, facts
from cases.reported_bugs.sketch import Sketch

FAMILY = "reported_bugs"
Draw = Callable[[Sketch], object]  # adds the nodes of a graph
Inputs = Mapping[str, Signature]

# How a bug shows itself: the words of matrix.record.Symptom.
REFUSED = ("not_parsed", "not_built")
NOT_PARSED = ("not_parsed",)
NOT_BUILT = ("not_built",)
NOT_EXECUTED = ("not_executed",)
NOT_BUILT_OR_EXECUTED = ("not_built", "not_executed")
WRONG = ("wrong_answer",)
INEXACT = ("inexact_answer",)
DIES = ("died", "not_executed")
DIES_BUILDING = ("died", "not_built")


def bug(
    name: str,
    op: str,
    draw: Draw,
    inputs: Inputs,
    outputs: Signature | Inputs,
    shown_by: tuple[str, ...],
    *,
    product: str = "tensorrt",
    operators: tuple[str, ...] = (),
    control: str = "",
    opset: int = 17,
    sizes: Mapping[str, Sizes] | None = None,
    values: Mapping[str, Values] | None = None,
    fill: Mapping[str, Fill] | None = None,
    tags: Iterable[str] = (),
    tolerance: Tolerance = EXACT,
    no_reference: str = "",
    domains: Mapping[str, int] | None = None,
) -> Case:
    """Return the case of the line ``name`` of reports.csv.

    ``draw`` makes ``y`` of the inputs, unless ``outputs`` names others. The bug is reproduced where a cell of
    ``product`` ends in one of the ways ``shown_by``; a refusal that names an operator has to name one of
    ``operators``, where these are given; ``control`` is the line of a case whose refusal would explain it. A model
    without symbols has one shape point and no profile; the rest is as in
    cases.dynamic_shapes.symbolic.dynamic_case.
    """
    fact = facts()[name]
    named = outputs if isinstance(outputs, Mapping) else {"y": outputs}
    contents = {name: partial(_content, dtype) for name, (dtype, _) in inputs.items()}
    case = dynamic_case(
        fact.case_id, op, partial(_body, draw), inputs, named,
        summary=fact.minimal_pattern, opset=opset, sizes=sizes, values=values, fill={**contents, **(fill or {})},
        tags=["reported_bug", fact.kind, *tags], tolerance=tolerance, source=fact.url,
    )  # fmt: skip
    case = replace(
        case,
        id=fact.case_id,
        family=FAMILY,
        build=partial(_with_domains, case.build, domains) if domains else case.build,
        no_reference=no_reference,
        report=_report(fact, product, shown_by, operators, control),
    )
    if any(not isinstance(dim, int) for _, dims in inputs.values() for dim in dims or ()) or values:
        return case
    return replace(case, points=(replace(case.points[0], name="static"),), profiles=())


def calibrated(case: Case, calibration: Calibration) -> Case:
    """Return ``case`` as one whose bug shows itself where the model is calibrated to INT8."""
    assert case.report
    return replace(case, calibration=calibration, report=replace(case.report, precision="int8-calibrated"))


def with_points(case: Case, *points: ShapePoint, profiles: tuple[Profile, ...] | None = None) -> Case:
    """Return ``case`` with other shape points, and other profiles if these are given."""
    return replace(case, points=points, profiles=case.profiles if profiles is None else profiles)


def at(name: str, *, allowed: bool = True, values: Mapping[str, Shape] | None = None, **shapes: Shape) -> ShapePoint:
    """Return a shape point: ``at("opt", x=(4, 3))``."""
    return ShapePoint(name=name, shapes=shapes, values=values or {}, allowed=allowed)


def _report(fact: Fact, product: str, shown_by: tuple[str, ...], operators: tuple[str, ...], control: str) -> Report:
    return Report(
        product=product,
        versions=fact.trt_versions,
        symptom=fact.symptom,
        shown_by=shown_by,
        operators=operators,
        control=facts()[control].case_id if control else "",
        fixed_in=fact.fixed_in,
    )


def _body(draw: Draw) -> Body:
    sketch = Sketch()
    draw(sketch)
    return sketch.nodes, sketch.constants


def _content(dtype: npt.DTypeLike, key: str, shape: Shape) -> Array:
    """Return values of the whole range of an integer type, multiples of 1/16 in [-4, 4] of a float type."""
    if not is_integer(dtype):
        return floats(key, shape, dtype=dtype)
    limits = np.iinfo(np.dtype(dtype))
    return integers(key, shape, int(limits.min), int(limits.max), dtype)


def _with_domains(build: Callable[[], onnx.ModelProto], domains: Mapping[str, int]) -> onnx.ModelProto:
    model = build()
    model.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in domains.items())
    return model
