"""Every status, and which rule comes first; every difference between a parsed network and what ONNX declares."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from matrix.case_folder import DeclaredOutput
from matrix.record import Drift, OutputResult, Status
from matrix.verdict.outcome import Evidence, classify, compare_network, describe_problem

FINE = Drift(max_abs=0, mean_abs=0, max_rel=0, rmse=0, cosine=1, sqnr_db=math.inf, share_off=0, nonfinite_mismatches=0)
OFF = replace(FINE, max_abs=0.5, share_off=0.25, sqnr_db=30.0, worst_index=(1, 2), worst_value=1.5, worst_reference=1.0)
GOOD = OutputResult(point="min", output="y", drift=FINE)
INEXACT = OutputResult(point="max", output="y", drift=OFF, problem=describe_problem(OFF))
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
        (Evidence(failed="build", words="Cuda", needs_gpu="needs a GPU"), Status.NOT_RUN, "needs a GPU"),
        (Evidence(failed="run:max", words="overflow"), Status.RUN_FAILED, "at run:max: overflow"),
        (Evidence(), Status.BUILDS, ""),
        (
            Evidence(must_refuse=True),
            Status.WRONG,
            "ONNX forbids this model, and the runtime built it without an error",
        ),
        (
            replace(RAN, must_refuse=True, results=(GOOD,)),
            Status.WRONG,
            "ONNX forbids this model, and the runtime ran it without an error",
        ),
        (Evidence(must_refuse=True, failed="load", words="no"), Status.UNSUPPORTED, "no"),
        (
            Evidence(must_refuse=True, died="the worker exited with code 1"),
            Status.CRASH,
            "the worker exited with code 1, in stage start",
        ),
        (Evidence(network=["y is int8"]), Status.WRONG, "y is int8"),
        (Evidence(network=["y is int8"], failed="build", words="loud"), Status.BUILD_FAILED, "loud"),
        (Evidence(network=["y is int8"], failed="build", needs_gpu="needs a GPU"), Status.WRONG, "y is int8"),
        (replace(RAN, results=(GOOD,)), Status.MATCH, ""),
        (
            replace(RAN, results=(GOOD, INEXACT)),
            Status.DRIFT,
            "output y at max: off by up to 0.5 in 25 % of the elements, at [1, 2]: got 1.5, expected 1",
        ),
        (
            replace(RAN, results=(replace(GOOD, drift=None, problem="dtype int8, expected uint8"),)),
            Status.WRONG,
            "output y at min: dtype int8, expected uint8",
        ),
        (replace(RAN, no_reference="no evaluator", results=(GOOD,)), Status.UNVERIFIED, "no evaluator"),
        (
            RAN,
            Status.UNVERIFIED,
            "nothing was compared: the model has no outputs at any shape point",
        ),
    ],
)
def test_each_status_has_its_evidence(evidence: Evidence, status: Status, reason: str) -> None:
    assert classify(evidence) == (status, reason)


@pytest.mark.parametrize(
    ("drift", "status"),
    [
        (replace(OFF, sqnr_db=10.0), Status.DRIFT),
        (replace(OFF, sqnr_db=9.99), Status.WRONG),
        (replace(OFF, sqnr_db=-math.inf), Status.WRONG),
        (replace(OFF, nonfinite_mismatches=1), Status.WRONG),
    ],
)
def test_the_border_between_drift_and_wrong(drift: Drift, status: Status) -> None:
    result = OutputResult(point="opt", output="y", drift=drift, problem=describe_problem(drift))
    assert classify(replace(RAN, results=(result,)))[0] is status


@pytest.mark.parametrize(
    ("share", "words"),
    [(1e-6, "under 0.1 %"), (0.5, "50 %"), (0.99999, "over 99.9 %"), (1.0, "100 %"), (0.12345, "12.3 %")],
)
def test_shares_never_round_to_a_false_none_or_all(share: float, words: str) -> None:
    assert words in describe_problem(replace(OFF, share_off=share))


def test_problems_are_told_in_the_unit_of_the_output() -> None:
    assert describe_problem(FINE) == ""
    assert "off by up to 3 steps" in describe_problem(replace(OFF, max_steps=3))
    assert "2 elements differ in NaN or infinity" in describe_problem(replace(OFF, nonfinite_mismatches=2))


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
