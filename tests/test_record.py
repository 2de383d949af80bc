"""Records: their JSON is strict, complete, and readable by versions that know more or less."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix import record
from matrix.record import (
    CaseInfo,
    Diagnostic,
    Drift,
    ExitInfo,
    MachineInfo,
    OutputResult,
    Precision,
    Record,
    RuntimeInfo,
    Status,
    Verdict,
)
from matrix.record_json import RecordError, from_json, to_json

TEXT = st.text(max_size=20)
FLOATS = st.floats(allow_nan=False)
DRIFTS = st.builds(
    Drift, max_abs=FLOATS, mean_abs=FLOATS, max_rel=FLOATS, rmse=FLOATS, cosine=FLOATS, sqnr_db=FLOATS,
    share_off=FLOATS, nonfinite_mismatches=st.integers(0), max_steps=st.none() | st.integers(0),
    worst_index=st.tuples(st.integers(0), st.integers(0)), worst_value=st.none() | FLOATS,
    worst_reference=st.none() | FLOATS,
)  # fmt: skip
RECORDS = st.builds(
    Record, run=TEXT, time=TEXT, precision=st.sampled_from(Precision), status=st.sampled_from(Status), reason=TEXT,
    case=st.builds(CaseInfo, id=TEXT, family=TEXT, op=TEXT, opset=st.integers(0), tags=st.tuples(TEXT)),
    runtime=st.builds(RuntimeInfo, name=TEXT, requested=TEXT, product=TEXT, packages=st.tuples(TEXT, TEXT)),
    machine=st.builds(MachineInfo, os=TEXT, gpu=TEXT), verdict=st.none() | st.sampled_from(Verdict),
    baseline=st.none() | st.sampled_from(Status),
    diagnostics=st.tuples(st.builds(Diagnostic, source=TEXT, message=TEXT, line=st.none() | st.integers())),
    results=st.tuples(st.builds(OutputResult, point=TEXT, output=TEXT, drift=st.none() | DRIFTS)),
    seconds=st.dictionaries(TEXT, FLOATS, max_size=2), artifacts=st.dictionaries(TEXT, TEXT, max_size=2),
    exit=st.none() | st.builds(ExitInfo, code=st.none() | st.integers(), signal=TEXT, timed_out=st.booleans()),
)  # fmt: skip


def sample() -> Record:
    return Record(
        run="r", time="t", case=CaseInfo(id="c", family="f", op="Relu", opset=17), precision=Precision.EXPLICIT,
        runtime=RuntimeInfo(name="rtx-1.7", requested="1.7.1.116", product="tensorrt_rtx"),
        machine=MachineInfo(os="Linux"), status=Status.MATCH,
    )  # fmt: skip


@given(RECORDS)
def test_a_record_survives_its_json(original: Record) -> None:
    line = to_json(original)
    assert "\n" not in line
    assert from_json(line) == original
    json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_numbers_that_json_lacks_are_spelled_out() -> None:
    drift = Drift(
        max_abs=math.inf, mean_abs=math.nan, max_rel=0.0, rmse=0.0, cosine=1.0, sqnr_db=-math.inf, share_off=0.5,
        nonfinite_mismatches=1,
    )  # fmt: skip
    original = replace(sample(), results=(OutputResult(point="min", output="y", drift=drift),))
    raw = json.loads(to_json(original))["results"][0]["drift"]
    assert (raw["max_abs"], raw["mean_abs"], raw["sqnr_db"]) == ("inf", "nan", "-inf")
    again = from_json(to_json(original)).results[0].drift
    assert again is not None
    assert math.isnan(again.mean_abs)
    assert (again.max_abs, again.sqnr_db) == (math.inf, -math.inf)


def test_a_64_bit_integer_keeps_all_its_digits() -> None:
    drift = record.Drift(
        max_abs=1, mean_abs=1, max_rel=0, rmse=1, cosine=1, sqnr_db=300, share_off=1, nonfinite_mismatches=0,
        worst_value=2**53 + 1, worst_reference=2**53,
    )  # fmt: skip
    result = record.OutputResult(point="opt", output="y", drift=drift)
    (read,) = from_json(to_json(replace(sample(), results=(result,)))).results
    assert read == result
    assert read.drift is not None
    assert (read.drift.worst_value, type(read.drift.worst_reference)) == (2**53 + 1, float)


def test_what_a_later_schema_added_is_ignored_and_what_it_made_optional_may_lack() -> None:
    raw = json.loads(to_json(sample()))
    raw["schema"] = record.SCHEMA + 1
    raw["invented_later"] = {"x": 1}
    for item in fields(Record):
        if item.name not in ("run", "time", "case", "runtime", "machine", "precision", "status", "schema"):
            del raw[item.name]
    assert replace(from_json(json.dumps(raw)), schema=record.SCHEMA) == sample()


@pytest.mark.parametrize(
    "change",
    [
        {"status": "splendid"},
        {"run": 5},
        {"case": "relu"},
        {"attempts": "2"},
        {"attempts": True},
        {"seconds": {"build": "fast"}},
        {"seconds": {"build": True}},
        {"exit": {"timed_out": 1}},
        {"diagnostics": [{"source": "parser"}]},
    ],
)
def test_a_field_of_another_type_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(RecordError, match="not a record"):
        from_json(json.dumps({**json.loads(to_json(sample())), **change}))


@pytest.mark.parametrize("line", ["", "null", "[]", "{}", '{"run": "r"', "nonsense"])
def test_a_line_that_is_no_record_is_refused(line: str) -> None:
    with pytest.raises(RecordError, match="not a record"):
        from_json(line)
