"""The whole harness from the command line, on stand-ins for runtimes that misbehave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from matrix.exit_status import COULD_NOT_RUN
from matrix.record import Record, Status, Verdict
from matrix.record_json import from_json
from tests.conftest import FakeInterpreter
from tests.test_process import processes_with, until

ROOT = Path(__file__).parents[1]


class Harness:
    """Runs `pytest matrix/` in a process of its own, on a small catalogue and on fake runtimes."""

    def __init__(self, tmp_path: Path, make: FakeInterpreter) -> None:
        self.reports = tmp_path / "out"
        self.baselines = tmp_path / "baselines"
        self.baselines.mkdir()
        self.issues = tmp_path / "issues.toml"
        self.issues.touch()
        self._make = make
        self._environment = {**os.environ, "TENSORRT_MATRIX_CACHE": str(tmp_path / "cache"), "COLUMNS": "120"}

    def command(self, *arguments: str, runtimes: str = "rtx-1.7", start: str = "well") -> list[str]:
        fakes = [f"--runtime-python={name}={self._make(start)}" for name in runtimes.split(",") if name != "none"]
        return [
            sys.executable, "-m", "pytest", "-p", "tests.small_catalogue", "-p", "no:cacheprovider", "matrix/",
            "--ort-version=none", f"--trt-version={runtimes}", *fakes, f"--report-dir={self.reports}",
            f"--baseline={self.baselines}", f"--known-issues={self.issues}", *arguments,
        ]  # fmt: skip

    def start(self, cases: str, *arguments: str, **choices: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments, **choices), cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**self._environment, "SMALL_CATALOGUE": cases},
        )  # fmt: skip

    def run(self, cases: str, *arguments: str, **choices: str) -> tuple[int, str]:
        process = self.start(cases, *arguments, **choices)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def records(self, run: str = "latest") -> dict[str, Record]:
        lines = (self.reports / run / "records.jsonl").read_text().splitlines()
        return {record.case.id: record for record in map(from_json, lines)}


@pytest.fixture
def harness(tmp_path: Path, fake_interpreter: FakeInterpreter) -> Harness:
    return Harness(tmp_path, fake_interpreter)


def test_every_misbehaviour_costs_its_own_cell_and_the_report_says_so(harness: Harness) -> None:
    cases = "fine segfault exit overflow half silent lie escape babble refuse raises hang last"
    code, output = harness.run(cases, "--case-timeout=2", "--jobs=2")
    statuses = {name: record.status for name, record in harness.records().items()}
    assert statuses == {
        "fine": "builds", "babble": "builds", "last": "builds", "refuse": "unsupported", "raises": "invalid_case",
        "hang": "timeout",
        **dict.fromkeys(("segfault", "exit", "overflow", "half", "silent", "lie", "escape"), "crash"),
    }  # fmt: skip
    assert code == 1
    records = harness.records()
    assert records["segfault"].reason == "the worker died of SIGSEGV, in stage build"
    assert records["segfault"].attempts == 2
    assert records["segfault"].exit is not None
    assert records["segfault"].exit.signal == "SIGSEGV"
    assert any("the last words" in item.message for item in records["segfault"].diagnostics)
    assert records["exit"].exit is not None
    assert records["exit"].exit.code == 3
    assert records["refuse"].reason == "[UNSUPPORTED_NODE] Relu: <b>no</b>"
    assert "no <such> axis" in records["raises"].reason
    assert records["fine"].runtime.version == "1.7.99"
    latest = harness.reports / "latest"
    assert {path.name for path in latest.iterdir()} >= {
        "records.jsonl",
        "matrix.csv",
        "matrix.md",
        "index.html",
        "jobs",
    }
    assert not (latest / "work").exists()
    assert (latest / records["segfault"].artifacts["job"] / "model.onnx").exists()
    assert "<b>no</b>" not in (latest / "index.html").read_text()
    assert "3 passed" in output
    assert "1 xfailed" in output
    assert "9 failed" in output


def test_the_record_says_what_happened_at_each_shape_point(harness: Harness) -> None:
    cases = (
        "dynamic_right dynamic_some_points dynamic_one_shape dynamic_shapes_unknown dynamic_wrong_at_max "
        "dynamic_builds dynamic_refused_at_max dynamic_dead_at_max dynamic_refuse static_right forbidden_right "
        "forbidden_refused_at_max"
    )
    harness.run(cases)
    records = harness.records()
    points = {name: [str(point.status) for point in record.points] for name, record in records.items()}
    told = {name: (str(record.status), record.reason) for name, record in records.items()}
    assert points == {
        "dynamic_right": ["match"] * 4,
        "dynamic_some_points": ["match", "match", "not_run", "not_run"],
        "dynamic_one_shape": ["match", "unverified", "unverified", "unverified"],
        "dynamic_shapes_unknown": ["unverified"] * 4,
        "dynamic_wrong_at_max": ["match", "match", "match", "wrong"],
        "dynamic_builds": ["not_run"] * 4,
        "dynamic_refused_at_max": ["match", "match", "match", "run_failed"],
        "dynamic_dead_at_max": ["not_run", "not_run", "not_run", "crash"],
        "dynamic_refuse": ["not_run"] * 4,
        "static_right": [],
        "forbidden_right": ["match", "match", "match", "wrong"],
        "forbidden_refused_at_max": ["match", "match", "match", "run_failed"],
    }
    assert told["dynamic_right"] == ("match", "")
    assert told["dynamic_some_points"] == (
        "unverified", "right at min, opt; not run at inside, max: nothing came back",
    )  # fmt: skip
    assert told["dynamic_one_shape"][0] == told["dynamic_shapes_unknown"][0] == "unverified"
    assert told["dynamic_wrong_at_max"] == (
        "wrong", "right at min, opt, inside; wrong at max: output y: shape [3, 4], expected [4, 3]",
    )  # fmt: skip
    assert told["dynamic_refused_at_max"] == (
        "run_failed", "right at min, opt, inside; refused at max: [FAIL] too large",
    )  # fmt: skip
    assert told["dynamic_dead_at_max"] == ("crash", "the worker died of SIGSEGV, in stage run:max")
    assert told["static_right"][0] == "invalid_case"
    assert told["forbidden_right"][0] == "wrong"
    assert told["forbidden_refused_at_max"][0] == "run_failed"
    assert records["dynamic_right"].points[-1].shapes == {"x": (4, 3)}
    assert records["dynamic_builds"].points[0].reason == "this machine cannot execute it"
    assert records["dynamic_refuse"].points[0].reason == "refused at parse"


def test_a_build_without_the_tactics_that_it_needs_says_nothing_about_the_release(harness: Harness) -> None:
    harness.run("notactic notactic_restricted")
    records = harness.records()
    assert records["notactic"].status is Status.BUILD_FAILED
    assert records["notactic_restricted"].status is Status.NOT_RUN
    assert "restricted to the tactic sources JIT_CONVOLUTIONS" in records["notactic_restricted"].reason
    assert records["notactic_restricted"].settings == {"tactic_sources": "JIT_CONVOLUTIONS"}


def test_a_first_run_can_become_the_baseline_and_the_next_is_the_same(harness: Harness) -> None:
    cases = "fine segfault refuse"
    code, output = harness.run(cases, "--update-baseline")
    assert code == 0, output
    assert (harness.baselines / "rtx-1.7.csv").read_text().splitlines() == [
        "case,precision,status", "fine,explicit,builds", "refuse,explicit,unsupported", "segfault,explicit,crash",
    ]  # fmt: skip
    assert "baseline written" in output
    code, output = harness.run(cases)
    assert code == 0, output
    assert {record.verdict for record in harness.records().values()} == {Verdict.SAME}
    assert harness.records()["segfault"].attempts == 1
    assert [name for name, record in harness.records().items() if record.artifacts] == ["segfault"]


def test_changes_against_the_baseline_fail_with_both_statuses(harness: Harness) -> None:
    (harness.baselines / "rtx-1.7.csv").write_text(
        "case,precision,status\nbetter,explicit,unsupported\nflaky,explicit,builds\nrefuse,explicit,builds\n"
    )
    code, output = harness.run("better refuse flaky newcomer")
    verdicts = {name: record.verdict for name, record in harness.records().items()}
    assert verdicts == {"better": "progression", "refuse": "regression", "flaky": "flaky", "newcomer": "new"}
    assert code == 1
    assert "better on rtx-1.7: progression: builds (the baseline says unsupported)" in output
    assert "refuse on rtx-1.7: regression: unsupported (the baseline says builds)" in output
    assert "crash at first" in harness.records()["flaky"].reason
    assert "1 passed" in output
    assert "3 failed" in output


def test_an_update_of_a_part_leaves_the_rest_of_the_baseline(harness: Harness) -> None:
    harness.run("one two", "--update-baseline")
    harness.run("one two refuse", "--update-baseline", "-k", "refuse")
    lines = (harness.baselines / "rtx-1.7.csv").read_text().splitlines()
    assert lines[1:] == ["one,explicit,builds", "refuse,explicit,unsupported", "two,explicit,builds"]
    harness.run("one", "--update-baseline")
    assert (harness.baselines / "rtx-1.7.csv").read_text().splitlines()[1:] == ["one,explicit,builds"]


def test_a_runtime_asked_for_by_name_that_cannot_load_fails_the_run_after_the_others(harness: Harness) -> None:
    code, output = harness.run("a b", runtimes="rtx-1.6", start="import_error")
    assert code == COULD_NOT_RUN
    assert {record.status for record in harness.records().values()} == {Status.NOT_RUN}
    assert "rtx-1.6: no cell could run: " in output
    assert "libnvinfer.so.10" in output
    code, _ = harness.run("a b", "--update-baseline", runtimes="rtx-1.6", start="import_error")
    assert code == COULD_NOT_RUN
    assert not any(harness.baselines.iterdir())


def test_an_interpreter_with_another_release_does_not_run_under_a_false_name(harness: Harness) -> None:
    code, output = harness.run("a", start="other")
    assert code == COULD_NOT_RUN
    assert harness.records()["a"].status is Status.NOT_RUN
    assert "TensorRT-RTX 1.7 was asked for, but the interpreter has version 9.9.9" in output


def test_the_order_is_runtime_by_runtime_and_selection_works(harness: Harness) -> None:
    code, output = harness.run("a b", "--collect-only", "-q", runtimes="rtx-1.4,rtx-1.7")
    assert code == 0
    ids = [line.split("[")[1] for line in output.splitlines() if "[rtx" in line]
    assert ids == ["rtx-1.4-a]", "rtx-1.4-b]", "rtx-1.7-a]", "rtx-1.7-b]"]
    assert not harness.reports.exists()
    code, output = harness.run("a b", "-k", "1.7 and b", runtimes="rtx-1.4,rtx-1.7")
    assert code == 0
    assert list(harness.records()) == ["b"]
    code, output = harness.run("a b", "-k", "nowhere", runtimes="rtx-1.7")
    assert code == 5


def test_a_module_that_cannot_list_its_cases_costs_its_own(harness: Harness) -> None:
    code, _ = harness.run("a stop b")
    assert code == 1
    assert {name: record.status for name, record in harness.records().items()} == {
        "a": "builds",
        "stop": "builds",
        "quantization-small-enumeration": "invalid_case",
    }


def test_two_cases_of_one_name_are_one_clear_error(harness: Harness) -> None:
    code, output = harness.run("a a")
    assert code != 0
    assert "two cases are called 'a'" in output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--trt-version=10.99"], "--trt-version: no release is called '10.99'. Known: "),
        (["--ort-version=7"], "--ort-version: no release is called '7'. Known: "),
        (["--jobs=0"], "--jobs: '0' is not a number from 1 to 1024"),
        (["--case-timeout=soon"], "--case-timeout: 'soon' is not a positive number of seconds"),
        (["--keep-jobs=some"], "--keep-jobs: 'some' is not one of failing, all, none"),
        (["--runtime-python=rtx-1.7"], "--runtime-python"),
        (["--runtime-python=rtx-1.6=/bin/true", "--trt-version=rtx-1.7"], "is not among the runtimes of this run"),
        (["--trt-version=none", "--ort-version=none"], "there is nothing to run"),
        (["-n", "2"], "use --jobs N"),
    ],
)
def test_a_bad_option_is_one_clear_error(arguments: list[str], words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "matrix/", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert words in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_report_folder_that_is_read_only(harness: Harness) -> None:
    harness.reports.mkdir(mode=0o500)
    code, output = harness.run("a")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "cannot write to the report folder" in output


def test_a_report_folder_that_is_a_file(harness: Harness) -> None:
    harness.reports.write_text("in the way")
    code, output = harness.run("a")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "cannot write to the report folder" in output
    assert "--report-dir PATH" in output
    assert "Traceback" not in output


def test_a_baseline_that_is_broken_is_one_clear_error(harness: Harness) -> None:
    (harness.baselines / "rtx-1.7.csv").write_text("nonsense")
    code, output = harness.run("a")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "rtx-1.7.csv: the first line is not case,precision,status" in output
    assert "Traceback" not in output


def one_run(harness: Harness) -> Path:
    (run,) = (path for path in harness.reports.iterdir() if path.name != "latest")
    return run


def recorded(harness: Harness) -> Callable[[], bool]:
    return lambda: harness.reports.exists() and (one_run(harness) / "records.jsonl").read_text().count("\n") >= 3


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_an_end_from_outside_loses_nothing_and_leaves_nobody_behind(harness: Harness, how: signal.Signals) -> None:
    # A shell starts what runs in its background with SIGINT ignored, and what that starts inherits it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = harness.start("a b c hang " + " ".join(f"slow{index}" for index in range(100)), "--jobs=2")
    signal.signal(signal.SIGINT, before)
    assert until(recorded(harness), 120)
    process.send_signal(how)
    output, _ = process.communicate(timeout=120)
    lines = (one_run(harness) / "records.jsonl").read_text().splitlines()
    assert len(lines) >= 3
    assert [from_json(line).case.id for line in lines][:3] == ["a", "b", "c"]
    assert until(lambda: not processes_with(str(harness.reports)))
    if how is signal.SIGINT:
        assert process.returncode == pytest.ExitCode.INTERRUPTED, output
        assert (harness.reports / "latest" / "index.html").exists()
        assert "report: " in output


def test_a_run_is_resumed_where_another_stopped(harness: Harness) -> None:
    harness.run("a segfault", "--rerun=none", f"--resume={harness.reports}")  # the first piece: nothing is there yet
    harness.run("a segfault b c", f"--resume={harness.reports}")
    assert [*harness.records()] == ["b", "c"]
    _, output = harness.run("a segfault b c", f"--resume={harness.reports}")
    assert "4 deselected" in output
    code, output = harness.run("a", f"--resume={harness.reports}/nothing")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "--resume: " in output
    assert "Traceback" not in output


def test_the_first_x_stops_and_the_report_is_still_written(harness: Harness) -> None:
    code, _ = harness.run("a segfault b c", "-x")
    assert code == 1
    assert [*harness.records()][:2] == ["a", "segfault"]
    assert (harness.reports / "latest" / "index.html").exists()


def test_what_is_kept_can_be_chosen(harness: Harness) -> None:
    harness.run("a refuse", "--keep-jobs=all")
    assert all("job" in record.artifacts for record in harness.records().values())
    job = harness.reports / "latest" / harness.records()["a"].artifacts["job"]
    assert json.loads((job / "request.json").read_text())["protocol"] == 1
    harness.run("a refuse", "--keep-jobs=none", "--repro=none")
    assert not any(record.artifacts for record in harness.records().values())
    assert not (harness.reports / "latest" / "jobs").exists()


def test_a_bundle_reproduces_what_fails_and_the_failure_names_it(harness: Harness) -> None:
    code, output = harness.run("a segfault refuse hang", "--case-timeout=1")
    assert code == 1
    records = harness.records()
    named = {name: record.artifacts["repro"] for name, record in records.items() if "repro" in record.artifacts}
    assert named == {name: f"repro/rtx-1.7-{name}" for name in ("segfault", "refuse", "hang")}
    assert "bundle:    repro/rtx-1.7-segfault" in output
    assert "reproduction bundles: 3 in repro/ of the run" in output
    latest = harness.reports / "latest"
    assert "./repro/rtx-1.7-segfault" in (latest / "index.html").read_text()
    manifest = json.loads((latest / named["segfault"] / "manifest.json").read_text())
    assert (manifest["status"], manifest["timeout"]) == ("crash", 1)
    assert (latest / records["segfault"].artifacts["repro (zip)"]).is_file()
    assert (latest / named["segfault"] / "log.txt").read_text() == "the last words\n"
    _, output = harness.run("a refuse", "--repro=all")
    assert all("repro" in record.artifacts for record in harness.records().values())
    harness.run("a refuse", "--update-baseline")
    harness.run("a refuse")
    assert not any("repro" in record.artifacts for record in harness.records().values())


def test_tests_of_the_harness_are_left_alone_by_the_plugin(tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text("def test_nothing(): pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "report:" not in done.stdout
