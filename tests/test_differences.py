"""What differs between the answers of runtimes: measured while they are at hand, and told by every report."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cases.case import EXACT, Array, Tolerance
from matrix.record import OutputDifference, Record, RuntimeInfo, Status
from matrix.verdict.differences import Answers, difference, digest_of
from matrix.verdict.reference import Outputs
from reports.cells import arrange
from reports.differences import BEYOND, ONE_ONLY, UNMEASURED, WITHIN, find_differences, size_text, tallies
from reports.differences_csv import COLUMNS, to_csv
from reports.html_page import to_html
from reports.markdown_summary import to_markdown
from reports.terminal import NO_DIFFERENCE, render, render_differences
from tests.report_records import EXACT as SAME
from tests.report_records import HOSTILE, OFF, QUANTIZE, record

ONES = np.ones((2, 3), np.float32)


def answer(array: Array, point: str = "opt") -> Outputs:
    return {point: {"y": array}}


def compared(*answers: Outputs | None, limit: int = 2**20) -> list[tuple[str, tuple[OutputDifference, ...]]]:
    """Return what one case gives on as many runtimes."""
    shelf = Answers(["case"] * len(answers), limit)
    return [shelf.compare("case", outputs, EXACT) for outputs in answers]


# ---- Digests and figures ---------------------------------------------------------------------------------------------


@given(arrays.arrays(np.float32, arrays.array_shapes(max_dims=3, max_side=4), elements=st.floats(width=32)))
def test_an_answer_does_not_differ_from_itself(array: Array) -> None:
    (first, none), (second, nothing) = compared(answer(array), answer(array.copy()))
    assert first == second
    assert none == nothing == ()


def test_values_count_and_not_their_bits() -> None:
    zeros, minus = np.zeros(3, np.float32), -np.zeros(3, np.float32)
    nan, other = np.array([0x7FC00000], np.uint32).view(np.float32), np.array([0xFFC00001], np.uint32).view(np.float32)
    assert digest_of(answer(zeros)) == digest_of(answer(minus))
    assert digest_of(answer(nan)) == digest_of(answer(other))
    pairs, minus_pairs = np.zeros((2, 1), np.complex64), np.full((2, 1), complex(-0.0, -0.0), np.complex64)
    assert digest_of(answer(pairs)) == digest_of(answer(minus_pairs)) != digest_of(answer(pairs + 1j))


@pytest.mark.parametrize(
    ("bits", "kind"),
    [
        (np.uint16(0x7D01), np.float16),
        (np.uint32(0x7FA00001), np.float32),
        (np.uint64(0x7FF4000000000001), np.float64),
        (np.uint32(0x7FA00001), np.complex64),
    ],
)
def test_a_signaling_nan_is_a_nan(bits: np.unsignedinteger[Any], kind: type) -> None:
    loud: Array = np.full(2, bits).view(kind)
    quiet: Array = np.full(2, np.nan, loud.real.dtype).view(kind)
    assert digest_of(answer(loud)) == digest_of(answer(quiet))
    assert difference(answer(loud), answer(quiet), "", EXACT).differ == 0


@pytest.mark.parametrize(
    "other",
    [
        answer(ONES.astype(np.float64)),
        answer(ONES.reshape(3, 2)),
        answer(ONES * 2),
        answer(ONES, point="max"),
        {"opt": {"z": ONES}},
        {"opt": {"y": ONES, "z": ONES}},
        answer(np.array(["a"], dtype=object)),
    ],
)
def test_anything_else_counts(other: Outputs) -> None:
    assert digest_of(answer(ONES)) != digest_of(other)
    (_, ()), (_, (found,)) = compared(answer(ONES), other)
    assert found.problem or (found.drift is not None and found.drift.max_abs)


@pytest.mark.parametrize(
    "dtype",
    ["bool", "int8", "uint64", "float16", "bfloat16", "float8_e4m3fn", "float4_e2m1fn", "int4", "uint2", "complex64"],
)
def test_every_dtype_has_a_digest(dtype: str) -> None:
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    zero, one = np.zeros((), kind), np.array(1).astype(kind)
    assert digest_of(answer(zero)) == digest_of(answer(zero.copy())) != digest_of(answer(one))
    assert digest_of(answer(np.empty((0, 2), kind))) == digest_of(answer(np.empty((0, 2), kind)))


def test_strings_and_outputs_that_hold_nothing() -> None:
    nothing, text = np.array(None, dtype=object), np.array(["a", "b"], dtype=object)
    (_, ()), (_, ()) = compared(answer(nothing), answer(nothing.copy()))
    (_, ()), (_, (found,)) = compared(answer(text), answer(np.array(["a", "c"], dtype=object)))
    assert found.problem == "the strings differ"


def test_the_worst_output_is_told_and_all_are_counted() -> None:
    got = {"min": {"y": ONES, "z": ONES * 3}, "max": {"y": ONES + 0.5, "z": np.full_like(ONES, np.nan)}}
    other = {"min": {"y": ONES, "z": ONES * 3}, "max": {"y": ONES, "z": ONES}}
    found = difference(got, other, "d", Tolerance(absolute=1.0))
    assert (found.against, found.differ, found.compared) == ("d", 2, 4)
    assert (found.point, found.output) == ("max", "z")
    assert found.drift is not None
    assert found.drift.nonfinite_mismatches == 6


def test_equal_answers_are_measured_once_and_cells_without_an_answer_cost_nothing() -> None:
    found = compared(answer(ONES), answer(ONES), None, answer(ONES * 2), answer(ONES))
    digests = [digest for digest, _ in found]
    assert digests[0] == digests[1] == digests[4] != digests[3]
    assert digests[2] == ""
    assert [[item.against for item in items] for _, items in found] == [[], [], [], [digests[0]], [digests[3]]]


def test_beyond_the_limit_only_digests_are_left() -> None:
    (first, ()), (second, ()) = compared(answer(ONES), answer(ONES * 2), limit=ONES.nbytes - 1)
    assert first != second


def test_what_all_have_answered_makes_room() -> None:
    shelf = Answers(["a", "a", "b", "b"], limit=ONES.nbytes)
    for key in "ab":
        shelf.compare(key, answer(ONES), EXACT)
        _, found = shelf.compare(key, answer(ONES * 2), EXACT)
        assert len(found) == 1


# ---- Reports ---------------------------------------------------------------------------------------------------------


def run(name: str, digest: str, status: Status = Status.MATCH, *found: OutputDifference, **changes: Any) -> Record:
    runtime = RuntimeInfo(name=name, requested="1.31.1", product="onnxruntime")
    return replace(
        record(QUANTIZE, "ort-1.31", status), runtime=runtime, outputs_digest=digest, differences=found, **changes
    )


def off(against: str, **changes: Any) -> OutputDifference:
    fields = {"against": against, "differ": 1, "compared": 2, "point": "opt", "output": "y", "drift": OFF}
    return OutputDifference(**{**fields, **changes})


def test_pairs_share_a_release_or_a_variant_and_a_product() -> None:
    records = [run(name, name) for name in ("ort-1.23", "ort-1.31", "ort-1.23:all", "ort-1.31:all")]
    records.append(
        replace(run("rtx-1.7", "r"), runtime=RuntimeInfo(name="rtx-1.7", requested="1", product="tensorrt_rtx"))
    )
    assert [item.columns for item in find_differences(records)] == [
        ("ort-1.23", "ort-1.31"),
        ("ort-1.23", "ort-1.23:all"),
        ("ort-1.31", "ort-1.31:all"),
        ("ort-1.23:all", "ort-1.31:all"),
    ]


@pytest.mark.parametrize(
    ("second", "kind", "right", "words"),
    [
        (
            run("b", "B", Status.DRIFT, off("A")),
            BEYOND,
            "a",
            "output y at opt: up to 2 steps, SQNR 34.2 dB, <1 % of the",
        ),
        (run("b", "B", Status.MATCH, off("A", drift=replace(OFF, share_off=0.0))), WITHIN, "both", "up to 2 steps"),
        (run("b", "B", Status.WRONG, off("A", drift=None, problem="int8 and uint8")), BEYOND, "a", "int8 and uint8"),
        (run("b", "B", Status.UNVERIFIED, off("A")), BEYOND, "unknown", "at [1, 0, 3]: 5 on b, 3 on a"),
        (run("b", "B"), UNMEASURED, "both", "not measured"),
        (run("b", "", Status.UNSUPPORTED, reason="no kernel", stage="load"), ONE_ONLY, "a", "no kernel"),
    ],
)
def test_kinds(second: Record, kind: str, right: str, words: str) -> None:
    (found,) = find_differences([run("a", "A"), second])
    assert (found.kind, found.right) == (kind, right)
    assert words in size_text(found)


@pytest.mark.parametrize(
    "second",
    [
        run("b", "A"),
        run("b", "", Status.NOT_RUN),
        run("b", "", Status.NOT_APPLICABLE),
        run("b", "", Status.INVALID_CASE),
    ],
)
def test_what_is_no_difference(second: Record) -> None:
    assert find_differences([run("a", "A"), second]) == ()


def test_a_model_that_is_another_is_not_compared() -> None:
    other = run("b", "B")
    assert find_differences([run("a", "A"), replace(other, case=replace(other.case, digest="other"))]) == ()


def test_neither_may_agree_with_the_reference_and_figures_may_be_in_either_record() -> None:
    (found,) = find_differences([run("a", "A", Status.DRIFT, off("B")), run("b", "B", Status.DRIFT)])
    assert (found.kind, found.right) == (BEYOND, "neither")
    assert "5 on a, 3 on b" in size_text(found)


def test_a_model_that_loads_with_optimizations_off_only_is_seen_at_a_glance() -> None:
    refused = run("ort-1.31:all", "", Status.UNSUPPORTED, reason="invalid graph", stage="load")
    records = [run("ort-1.31", "A"), refused]
    ((_, way, _),) = tallies(find_differences(records))
    assert way == "1 case that ort-1.31 runs and ort-1.31:all refuses at load"
    for text in (render(records, width=100, color=False), to_markdown(records).replace("\\", ""), to_html(records)):
        assert "ort-1.31 runs and ort-1.31:all refuses at load" in text.replace("`", "")


def test_no_differences() -> None:
    records = [run("a", "A"), run("b", "A")]
    assert NO_DIFFERENCE in render_differences(records, width=80, color=False)
    assert "Differences" not in to_markdown(records) + to_html(records) + render(records, width=80, color=False)
    assert to_csv(records) == ",".join(COLUMNS) + "\n"
    assert to_csv([]) == to_csv(records)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_strangers_does_no_harm(text: str) -> None:
    records = [
        run("a", "A"),
        run("b", "B", Status.WRONG, off("A", point=text, output=text, drift=None, problem=text)),
        run("c", "", Status.UNSUPPORTED, reason=text, stage=text),
    ]
    page = to_html(records)
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "\x1b" not in render(records, width=100, color=False) + to_markdown(records) + to_csv(records)
    for row in csv.reader(io.StringIO(to_csv(records))):
        assert len(row) == len(COLUMNS)
        assert not row[-1].startswith(("=", "+", "-", "@"))


def test_long_lists_say_how_many_are_left_out() -> None:
    cases = [replace(QUANTIZE, id=f"case{number}") for number in range(700)]
    records = [replace(run(*what), case=case) for case in cases for what in (("a", "A"), ("b", "B"))]
    assert "and 200 more: see `differences.csv`" in to_markdown(records)
    assert "and 600 more: see differences.csv" in to_html(records)
    assert "and 698 more: see differences.csv" in render(records, width=120, color=False)
    assert len(arrange(records).cases) == 700
    assert SAME.max_abs == 0
