"""Every status, and which rule comes first; every difference between a parsed network and what ONNX declares."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from cases.case import EXACT
from matrix.case_folder import DeclaredOutput
from matrix.record import Drift, OutputResult, PointResult, Status
from matrix.verdict.comparison import measure
from matrix.verdict.outcome import Evidence, classify, compare_network, describe_problem, is_wrong

FINE = Drift(max_abs=0, mean_abs=0, max_rel=0, rmse=0, cosine=1, sqnr_db=math.inf, share_off=0, nonfinite_mismatches=0)
DRIFT = replace(
    FINE, max_abs=0.5, share_off=0.25, sqnr_db=30.0, worst_index=(1, 2), worst_value=1.5, worst_reference=1.0
)
GOOD = PointResult(point="min", status=Status.MATCH)
OFF = PointResult(point="max", status=Status.DRIFT, reason="output y: off by 0.5")
WRONG = PointResult(point="inside", status=Status.WRONG, reason="output y: shape [2], expected [3]")
UNVERIFIED = PointResult(point="max", status=Status.UNVERIFIED, reason="no evaluator")
NOTHING = PointResult(point="opt", status=Status.NOT_RUN, reason="nothing came back")
REFUSED = PointResult(point="max", status=Status.RUN_FAILED, reason="overflow")
FORBIDDEN = "ONNX forbids this model"
RAN = Evidence(stage="run:max", executed=True)


@pytest.mark.parametrize(
    ("evidence", "status", "reason"),
    [
        (Evidence(not_applicable="too new", invalid="bad"), Status.NOT_APPLICABLE, "too new"),
        (Evidence(invalid="ValueError: no"), Status.INVALID_CASE, "ValueError: no"),
        (Evidence(not_run="no package", failed="parse"), Status.NOT_RUN, "no package"),
        (
            Evidence(timed_out=True, died="no answer within 5 s", stage="build"),
            Status.TIMEOUT,
            "no answer within 5 s, in stage build",
        ),
        (Evidence(died="the worker died of SIGSEGV"), Status.CRASH, "the worker died of SIGSEGV, in stage start"),
        (Evidence(machine="MemoryError: ", failed="build"), Status.NOT_RUN, "this machine could not: MemoryError: "),
        (Evidence(failed="parse", words="[X] no"), Status.UNSUPPORTED, "[X] no"),
        (Evidence(failed="load", words="no kernel"), Status.UNSUPPORTED, "no kernel"),
        (Evidence(failed="build", words="no tactic"), Status.BUILD_FAILED, "no tactic"),
        (Evidence(failed="build", words="Cuda", not_here="needs a GPU"), Status.NOT_RUN, "needs a GPU"),
        (Evidence(failed="run:max", words="overflow"), Status.RUN_FAILED, "overflow"),
        (Evidence(failed="deserialize", words="no GPU"), Status.RUN_FAILED, "at deserialize: no GPU"),
        (Evidence(), Status.BUILDS, ""),
        (
            Evidence(failed="profile", words="refused by the harness", not_here="x"),
            Status.BUILD_FAILED,
            "refused by the harness",
        ),
        (Evidence(must_refuse=FORBIDDEN), Status.WRONG, f"{FORBIDDEN}, and the runtime built it without an error"),
        (
            replace(RAN, must_refuse=FORBIDDEN, points=(GOOD,)),
            Status.WRONG,
            f"{FORBIDDEN}, and the runtime ran it without an error",
        ),
        (Evidence(must_refuse=FORBIDDEN, failed="load", words="no"), Status.UNSUPPORTED, "no"),
        (
            Evidence(must_refuse=FORBIDDEN, died="the worker exited with code 1"),
            Status.CRASH,
            "the worker exited with code 1, in stage start",
        ),
        (Evidence(network=["y is int8"]), Status.WRONG, "y is int8"),
        (Evidence(network=["y is int8"], failed="build", words="loud"), Status.BUILD_FAILED, "loud"),
        (Evidence(network=["y is int8"], failed="build", not_here="needs a GPU"), Status.WRONG, "y is int8"),
        (replace(RAN, points=(GOOD,)), Status.MATCH, ""),
        (replace(RAN, points=(GOOD, OFF)), Status.DRIFT, "right at min; off at max: output y: off by 0.5"),
        (
            replace(RAN, points=(GOOD, replace(GOOD, point="opt"), OFF, WRONG)),
            Status.WRONG,
            "right at min, opt; off at max; wrong at inside: output y: shape [2], expected [3]",
        ),
        (replace(RAN, points=(WRONG,)), Status.WRONG, "output y: shape [2], expected [3]"),
        (
            replace(RAN, points=(GOOD, UNVERIFIED)),
            Status.UNVERIFIED,
            "right at min; unverified at max: no evaluator",
        ),
        (replace(RAN, points=(replace(UNVERIFIED, point="min"), UNVERIFIED)), Status.UNVERIFIED, "no evaluator"),
        (
            replace(RAN, points=(GOOD, NOTHING)),
            Status.UNVERIFIED,
            "right at min; not run at opt: nothing came back",
        ),
        (
            replace(RAN, points=(GOOD, OFF, NOTHING)),
            Status.DRIFT,
            "right at min; not run at opt; off at max: output y: off by 0.5",
        ),
        (
            replace(RAN, points=(GOOD, replace(GOOD, point="max")), one_shape=True),
            Status.UNVERIFIED,
            "the case has dynamic shapes, and all that ran had the same one",
        ),
        (
            replace(RAN, points=(GOOD, WRONG), one_shape=True),
            Status.WRONG,
            "right at min; wrong at inside: output y: shape [2], expected [3]",
        ),
        (RAN, Status.UNVERIFIED, "nothing was compared: the case has no shape points"),
        (
            replace(RAN, failed="run:max", words="[FAIL] overflow", points=(GOOD, REFUSED)),
            Status.RUN_FAILED,
            "right at min; refused at max: [FAIL] overflow",
        ),
        (
            replace(RAN, failed="run:max", words="overflow", points=(GOOD, OFF, REFUSED)),
            Status.RUN_FAILED,
            "right at min; off at max; refused at max: overflow",
        ),
        (
            replace(RAN, failed="run:max", words="overflow", points=(WRONG, REFUSED)),
            Status.WRONG,
            "refused at max; wrong at inside: output y: shape [2], expected [3]",
        ),
        (
            Evidence(failed="run:max", words="refused by the harness: no", points=(NOTHING, REFUSED)),
            Status.RUN_FAILED,
            "not run at opt; refused at max: refused by the harness: no",
        ),
    ],
)
def test_each_status_has_its_evidence(evidence: Evidence, status: Status, reason: str) -> None:
    assert classify(evidence) == (status, reason)


def test_the_table_leaves_no_status_out() -> None:
    (table,) = test_each_status_has_its_evidence.pytestmark  # type: ignore[attr-defined]
    assert {status for _, status, _ in table.args[1]} == set(Status)


@pytest.mark.parametrize(
    ("drift", "wrong"),
    [
        (replace(DRIFT, sqnr_db=10.0), False),
        (replace(DRIFT, sqnr_db=9.999999999999998), False),  # what rounding makes of 10
        (replace(DRIFT, sqnr_db=9.99), True),
        (replace(DRIFT, sqnr_db=-math.inf), True),
        (replace(DRIFT, nonfinite_mismatches=1), True),
        (None, True),
    ],
)
def test_the_border_between_drift_and_wrong(drift: Drift | None, wrong: bool) -> None:
    assert is_wrong(OutputResult(point="opt", output="y", drift=drift, problem="off")) is wrong


@pytest.mark.parametrize("scale", [1, 3, 5, 2**-40 * 3])
def test_an_error_of_a_tenth_of_the_power_is_still_drift(scale: float) -> None:
    drift = measure(np.array([4.0, 1.0]) * scale, np.array([3.0, 1.0]) * scale, EXACT)
    assert not is_wrong(OutputResult(point="p", output="y", drift=drift))


@pytest.mark.parametrize(
    ("share", "words"),
    [(1e-6, "under 0.1 %"), (0.5, "50 %"), (0.99999, "over 99.9 %"), (1.0, "100 %"), (0.12345, "12.3 %")],
)
def test_shares_never_round_to_a_false_none_or_all(share: float, words: str) -> None:
    assert words in describe_problem(replace(DRIFT, share_off=share))


def test_problems_are_told_in_the_unit_of_the_output() -> None:
    assert describe_problem(FINE) == ""
    assert "off by up to 3 steps" in describe_problem(replace(DRIFT, max_steps=3))
    assert "off by up to 1 step in" in describe_problem(replace(DRIFT, max_steps=1))
    assert "2 elements differ in NaN or infinity" in describe_problem(replace(DRIFT, nonfinite_mismatches=2))
    assert describe_problem(replace(DRIFT, worst_value=None)).endswith("of the elements, at [1, 2]")


@pytest.mark.parametrize(
    ("got", "expected", "words"),
    [
        (1.5, 1.0, "got 1.5, expected 1"),
        (1.0000001, 1.0, "got 1.0000001, expected 1"),
        (1.0, 1.0 + 2**-52, "got 1, expected 1.0000000000000002"),
        (2**53 + 1, 2**53, "got 9007199254740993, expected 9007199254740992"),
        (math.nan, 1.0, "got nan, expected 1"),
        (3.0, 3.0, "got 3, expected 3"),
    ],
)
def test_both_values_are_written_so_that_they_differ(got: float, expected: float, words: str) -> None:
    assert describe_problem(replace(DRIFT, worst_value=got, worst_reference=expected)).endswith(words)


DECLARED = (DeclaredOutput(name="y", dtype="uint8", shape=(2, None, 4)),)


@pytest.mark.parametrize(
    ("parsed", "differences"),
    [
        (("y", "uint8", (2, -1, 4)), []),
        (("y", "uint8", (2, 7, -1)), []),
        (("y", "uint8", None), []),
        (("y", "int8", (2, -1, 4)), ["output y is uint8 in ONNX, int8 in the parsed network"]),
        (("y", "uint8", (2, -1, 5)), ["output y has shape [2, ?, 4] in ONNX, [2, ?, 5] in the parsed network"]),
        (("y", "uint8", (2, 4)), ["output y has shape [2, ?, 4] in ONNX, [2, 4] in the parsed network"]),
        (("z", "uint8", (2, -1, 4)), ["output y is missing from the parsed network"]),
    ],
)
def test_a_parsed_network_is_held_against_the_declaration(
    parsed: tuple[str, str, tuple[int, ...] | None], differences: list[str]
) -> None:
    assert compare_network(DECLARED, [parsed]) == differences


def test_an_unknown_rank_is_no_difference() -> None:
    assert compare_network([DeclaredOutput(name="y", dtype="int8", shape=None)], [("y", "int8", (3,))]) == []
