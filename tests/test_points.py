"""The status of each shape point, from evidence alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from cases.case import EXACT, Array, ShapePoint
from matrix.case_folder import DeclaredOutput
from matrix.record import Drift, OutputResult, Status
from matrix.verdict.outcome import compare_network
from matrix.verdict.outputs import compare_outputs
from matrix.verdict.points import PointEvidence, judge_points, ran_at_one_shape
from matrix.verdict.reference import Reference

FINE = Drift(max_abs=0, mean_abs=0, max_rel=0, rmse=0, cosine=1, sqnr_db=math.inf, share_off=0, nonfinite_mismatches=0)
POINT = ShapePoint(name="opt", shapes={"x": (2, 3)})
GOOD = OutputResult(point="opt", output="y", reference="onnx", drift=FINE)
OFF = OutputResult(point="opt", output="z", reference="onnx", drift=FINE, problem="off by 1")
WRONG = OutputResult(point="opt", output="w", reference="onnx", problem="shape [2], expected [3]")
RAN: Mapping[str, Any] = {"ran": {"opt": {"x": (2, 3)}}}


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({**RAN, "results": [GOOD]}, Status.MATCH, ""),
        ({**RAN, "results": [GOOD, OFF]}, Status.DRIFT, "output z: off by 1"),
        ({**RAN, "results": [GOOD, OFF, WRONG]}, Status.WRONG, "output w: shape [2], expected [3]"),
        ({**RAN, "results": [GOOD], "no_reference": "no evaluator"}, Status.UNVERIFIED, "no evaluator"),
        ({**RAN, "results": [WRONG], "no_reference": "none"}, Status.WRONG, "output w: shape [2], expected [3]"),
        ({**RAN}, Status.UNVERIFIED, "nothing was compared: the model has no outputs at this shape point"),
        (
            {**RAN, "results": [GOOD, OutputResult(point="opt", output="v")]},
            Status.UNVERIFIED,
            "output v was compared with nothing",
        ),
        ({"refused": {"opt": "no"}}, Status.RUN_FAILED, "no"),
        ({"unreached": "refused at build"}, Status.NOT_RUN, "refused at build"),
        ({"ended": Status.TIMEOUT, "stage": "run:opt"}, Status.TIMEOUT, ""),
        ({"ended": Status.CRASH, "stage": "run:max", "unreached": "died"}, Status.NOT_RUN, "died"),
        (
            {"ran": {"opt": {"x": (1, 3)}}, "results": [GOOD]},
            Status.UNVERIFIED,
            "the runtime reported inputs of {'x': (1, 3)}, asked for were {'x': (2, 3)}",
        ),
    ],
)
def test_each_status_of_a_point_has_its_evidence(changes: dict[str, Any], status: Status, reason: str) -> None:
    (point,) = judge_points(PointEvidence(asked=(POINT,), **changes))
    assert (point.point, point.status, point.reason, point.shapes) == ("opt", status, reason, {"x": (2, 3)})


def test_a_forbidden_point_that_ran_is_wrong() -> None:
    bad = ShapePoint(name="opt", shapes={"x": (2, 3)}, allowed=False)
    (point,) = judge_points(PointEvidence(asked=(bad,), **RAN))
    assert point.status is Status.WRONG


def test_one_shape_is_told_from_several() -> None:
    other = ShapePoint(name="max", shapes={"x": (4, 3)})
    assert ran_at_one_shape((POINT, other), {})
    assert ran_at_one_shape((POINT, other), {"opt": {"x": (2, 3)}, "max": {"x": (2, 3)}})
    assert not ran_at_one_shape((POINT, other), {"opt": {"x": (2, 3)}, "max": {"x": (4, 3)}})
    values = tuple(ShapePoint(name=f"{n}", shapes={"s": (1,)}, values={"s": (n,)}) for n in (1, 2))
    assert not ran_at_one_shape(values, {"1": {"s": (1,)}, "2": {"s": (1,)}})


def test_a_size_that_depends_on_data_is_compared_point_by_point() -> None:
    """An output shape that nobody can know before running is held against the reference's, and both are named."""
    declared = (DeclaredOutput(name="y", dtype="int64", shape=(2, None)),)
    want = {name: {"y": np.zeros((2, found), np.int64)} for name, found in (("opt", 3), ("max", 5))}
    got = {"opt": {"y": np.zeros((2, 3), np.int64)}, "max": {"y": np.zeros((2, 4), np.int64)}}
    results = compare_outputs(got, Reference(name="onnx", outputs=want), declared, EXACT)
    asked = (POINT, ShapePoint(name="max", shapes={"x": (4, 3)}))
    ran = {point.name: point.shapes for point in asked}
    opt, largest = judge_points(PointEvidence(asked=asked, ran=ran, results=results))
    assert opt.status is Status.MATCH
    assert (largest.status, largest.reason) == (Status.WRONG, "output y: shape [2, 4], expected [2, 5]")


def _judged(got: dict[str, Array], want: dict[str, Array], *declared: DeclaredOutput) -> tuple[Status, str]:
    results = compare_outputs({"opt": got}, Reference(name="onnx", outputs={"opt": want}), declared, EXACT)
    (point,) = judge_points(PointEvidence(asked=(POINT,), ran={"opt": POINT.shapes}, results=results))
    return point.status, point.reason


def test_an_optional_output_is_its_element_or_nothing() -> None:
    optional = DeclaredOutput(name="y", dtype="", shape=None)
    ones, none = np.ones(3, np.float32), np.array(None, dtype=object)
    assert _judged({"y": ones}, {"y": ones}, optional) == (Status.MATCH, "")
    assert _judged({"y": none}, {"y": none}, optional) == (Status.MATCH, "")
    assert _judged({"y": none}, {"y": ones}, optional) == (
        Status.WRONG,
        "output y: dtype none, expected float32",
    )
    assert _judged({"y": ones}, {"y": none}, optional)[0] is Status.WRONG
    assert compare_network([optional], [("y", "float32", (3,))]) == []


def test_a_sequence_of_another_length_is_wrong() -> None:
    declared = DeclaredOutput(name="s", dtype="sequence_type", shape=None)
    two = {"s[0]": np.ones(3), "s[1]": np.ones(3)}
    three = two | {"s[2]": np.ones(3)}
    assert _judged(two, two, declared) == (Status.MATCH, "")
    assert _judged(two, three, declared) == (Status.WRONG, "output s[2]: the runtime did not return it")
    assert _judged(three, two, declared) == (Status.WRONG, "output s[2]: the reference's sequence ends before it")
    assert _judged(three, {}, declared)[0] is Status.UNVERIFIED
