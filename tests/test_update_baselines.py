"""Baselines from recorded runs: the pieces of a long run put together, and a run that leaves out what ran before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from matrix.errors import RecordedRunError
from matrix.record import MachineInfo, Precision, Record, RuntimeInfo, Status, Verdict
from matrix.record_json import to_json
from matrix.recorded_cells import cells_that_ran, read_runs
from matrix.update_baselines import main, observed, update
from tests.report_records import DYNAMIC, QUANTIZE

H200 = MachineInfo(os="Linux", gpu="NVIDIA H200", sm="sm90", gpu_memory_mib=143771)
CLASSIC = RuntimeInfo(
    name="8.6", requested="8.6.1", product="tensorrt", version="8.6.0", packages=("numpy==1.26.4", "tensorrt==8.6.0")
)
KNOWN = frozenset({QUANTIZE.id, DYNAMIC.id})


def recorded(status: Status, hour: int, **changes: object) -> Record:
    made = Record(
        run="run",
        time=f"2026-11-22T{hour:02}:00:00.000+00:00",
        case=QUANTIZE,
        runtime=CLASSIC,
        machine=H200,
        precision=Precision.EXPLICIT,
        status=status,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def write(folder: Path, *records: Record) -> Path:
    folder.mkdir(parents=True)
    (folder / "records.jsonl").write_text("".join(to_json(record) + "\n" for record in records))
    return folder


def test_the_last_thing_that_was_observed_counts(tmp_path: Path) -> None:
    write(tmp_path / "b", recorded(Status.MATCH, 1), recorded(Status.CRASH, 1, case=DYNAMIC))
    write(tmp_path / "a", recorded(Status.DRIFT, 2), recorded(Status.NOT_RUN, 2, case=DYNAMIC))
    (tmp_path / "latest").symlink_to("a")
    records, problems = read_runs([tmp_path, tmp_path / "a"])
    assert (len(records), problems) == (4, [])
    assert observed(records, KNOWN) == {
        "trt-8.6.0-sm90": {(QUANTIZE.id, "explicit"): Status.DRIFT, (DYNAMIC.id, "explicit"): Status.CRASH}
    }


def test_what_says_nothing_is_left_out(tmp_path: Path) -> None:
    nothing = replace(CLASSIC, packages=(), version="")  # of a runtime that could not be had: its version is not known
    records = [
        recorded(Status.NOT_RUN, 1, runtime=nothing),
        recorded(Status.WRONG, 2, verdict=Verdict.FLAKY),
        recorded(Status.MATCH, 3, case=replace(QUANTIZE, id="of-a-user")),
    ]
    assert observed(records, KNOWN) == {}
    assert update({}, tmp_path, KNOWN) == ["nothing was recorded that a baseline could hold"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "product", "sm", "expected"),
    [
        ("ort-1.31", "onnxruntime", "sm90", "ort-1.31"),
        ("ort-1.31:all", "onnxruntime", "", "ort-1.31-all"),
        ("ort-1.31-cuda", "onnxruntime", "sm90", "ort-1.31-cuda-sm90"),
        ("rtx-1.7:sm89", "tensorrt_rtx", "sm89", "rtx-1.7-sm89-sm89"),
        ("rtx-1.7", "tensorrt_rtx", "sm90", "rtx-1.7"),
        ("10.1", "tensorrt", "sm90", "trt-10.1.0-sm90"),
    ],
)
def test_a_baseline_has_the_name_that_a_run_gives_it(name: str, product: str, sm: str, expected: str) -> None:
    runtime = RuntimeInfo(name=name, requested="", product=product)
    machine = replace(H200, sm=sm) if sm else MachineInfo(os="Linux")
    assert list(observed([recorded(Status.MATCH, 1, runtime=runtime, machine=machine)], KNOWN)) == [expected]


def test_the_rest_of_a_baseline_stays_and_cases_that_are_gone_go(tmp_path: Path) -> None:
    file = tmp_path / "trt-8.6.0-sm90.csv"
    file.write_text(f"case,precision,status\n{QUANTIZE.id},explicit,wrong\n{DYNAMIC.id},fp16,match\ngone,fp16,match\n")
    found = {"trt-8.6.0-sm90": {(QUANTIZE.id, "explicit"): Status.MATCH, (DYNAMIC.id, "fp32"): Status.MATCH}}
    assert update(found, tmp_path, KNOWN) == [
        "trt-8.6.0-sm90.csv: 2 cells recorded; 3 lines, 1 new and 1 changed; 1 dropped"
    ]
    assert file.read_text().splitlines()[1:] == [
        f"{DYNAMIC.id},fp16,match", f"{DYNAMIC.id},fp32,match", f"{QUANTIZE.id},explicit,match"
    ]  # fmt: skip


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write(tmp_path / "out" / "run", recorded(Status.MATCH, 1), recorded(Status.MATCH, 1, case=DYNAMIC))
    with (run / "records.jsonl").open("a") as file:
        file.write('{"cut off')
    assert main([str(tmp_path / "out"), "--baseline", str(tmp_path / "new")]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("run/records.jsonl: 1 line could not be read and left out: line 3")
    assert told[1] == f"left out, as it is not in the catalogue: {DYNAMIC.id}"
    assert told[2] == "trt-8.6.0-sm90.csv: 1 cell recorded; 1 line, 1 new and 0 changed; 0 dropped"
    assert main([str(tmp_path / "nowhere")]) == 2
    assert "Give a run folder" in capsys.readouterr().err
    (tmp_path / "new" / "trt-8.6.0-sm90.csv").write_text("rubbish")
    assert main([str(tmp_path / "out"), "--baseline", str(tmp_path / "new")]) == 2
    assert "restore it from git" in capsys.readouterr().err


def test_a_cell_that_did_not_run_is_run_when_a_run_is_resumed() -> None:
    records = [recorded(Status.CRASH, 1), recorded(Status.NOT_RUN, 1, case=DYNAMIC)]
    assert cells_that_ran(records) == {("8.6", QUANTIZE.id, "explicit")}


def test_no_records_are_told(tmp_path: Path) -> None:
    assert read_runs([tmp_path]) == ([], []), "as the first piece of a run finds its folder"
    (tmp_path / "something.txt").touch()
    with pytest.raises(RecordedRunError, match=r"no records\.jsonl here"):
        read_runs([tmp_path])
