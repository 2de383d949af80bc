"""Baselines, known issues, --strict, exit status and differences from the command line, on stand-ins for runtimes."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from matrix.exit_status import COULD_NOT_RUN
from matrix.record import Record, Status, Verdict
from matrix.record_json import from_json
from reports.__main__ import main
from tests.conftest import FakeInterpreter
from tests.test_plugin import Harness

LINK = "https://example.org/1"


@pytest.fixture
def harness(tmp_path: Path, fake_interpreter: FakeInterpreter) -> Harness:
    return Harness(tmp_path, fake_interpreter)


def issue(**changes: str) -> str:
    fields = {"name": "died", "cases": "segfault", "runtimes": "tensorrt_rtx >=1.4", "reason": "It dies.", "link": LINK}
    return "[[issue]]\n" + "".join(f"{key} = {value!r}\n" for key, value in {**fields, **changes}.items())


def baseline(harness: Harness, **statuses: str) -> None:
    lines = [f"{case},explicit,{status}" for case, status in statuses.items()]
    (harness.baselines / "rtx-1.7.csv").write_text("\n".join(["case,precision,status", *lines]) + "\n")


def test_a_known_crash_is_expected_without_a_baseline_and_every_report_says_why(harness: Harness) -> None:
    harness.issues.write_text(issue())
    code, output = harness.run("fine segfault")
    assert code == 0, output
    record = harness.records()["segfault"]
    assert (record.status, record.attempts) == (Status.CRASH, 1)
    assert record.known_issue is not None
    assert (record.known_issue.name, record.known_issue.link) == ("died", LINK)
    assert "1 xfailed" in output
    assert "known: It dies." in output
    latest = harness.reports / "latest"
    for name in ("matrix.csv", "matrix.md", "index.html", "summary.json"):
        text = (latest / name).read_text()
        assert "It dies." in text, name
        assert LINK in text, name


def test_a_known_issue_past_its_expiry_fails_with_its_link_though_the_baseline_has_it(harness: Harness) -> None:
    harness.issues.write_text(issue(expires="1.7"))
    baseline(harness, segfault="crash")
    code, output = harness.run("segfault")
    assert code == 1
    assert f"known:     It dies. {LINK}, which 1.7 should no longer need" in output
    code, _ = harness.run("segfault", "--update-baseline")
    assert code == 0, "a baseline is written, not judged"


def test_what_is_unexpected_runs_once_where_starting_again_costs_too_much(harness: Harness) -> None:
    harness.run("segfault", "--rerun=none")
    assert (harness.records()["segfault"].status, harness.records()["segfault"].attempts) == (Status.CRASH, 1)
    code, output = harness.run("segfault", "--rerun=twice")
    assert code == 4
    assert "--rerun: 'twice' is not one of unexpected, none" in output


def test_a_change_fails_though_the_issue_is_known(harness: Harness) -> None:
    harness.issues.write_text(issue())
    baseline(harness, segfault="builds")
    code, output = harness.run("segfault")
    assert code == 1
    assert "regression: crash (the baseline says builds)" in output


def test_a_stale_known_issue_is_reported_and_fails_a_strict_run(harness: Harness) -> None:
    harness.issues.write_text(issue(cases="fine*"))
    baseline(harness, fine="builds")
    code, output = harness.run("fine")
    assert code == 0
    assert "known issue died is stale: on rtx-1.7 none of its 1 cell that ran shows it" in output.replace("\n", " ")
    assert "Known issues that no cell shows" in (harness.reports / "latest" / "matrix.md").read_text()
    code, _ = harness.run("fine", "--strict")
    assert code == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (issue(cases="segfalt"), "entry 'died': no case is called 'segfalt'; the nearest are segfault"),
        (issue(runtimes="tensorrt_rtx >=9"), "entry 'died': no release fits 'tensorrt_rtx >=9'; known are "),
        ("[[issue]", "issues.toml: it is not TOML"),
    ],
)
def test_known_issues_that_cannot_be_used_are_one_clear_error(harness: Harness, text: str, words: str) -> None:
    harness.issues.write_text(text)
    code, output = harness.run("segfault")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert words in output
    assert "Traceback" not in output
    assert not harness.reports.exists()


def test_an_entry_that_only_this_selection_misses_is_fine(harness: Harness) -> None:
    harness.issues.write_text(issue())
    code, output = harness.run("fine segfault", "-k", "fine")
    assert code == 0
    assert "stale" not in output


def test_strict_fails_on_what_the_baseline_does_not_have(harness: Harness) -> None:
    baseline(harness, fine="builds", refuse="unsupported")
    assert harness.run("fine refuse", "--strict")[0] == 0
    code, output = harness.run("fine refuse one", "--strict")
    assert code == 1
    assert "one on rtx-1.7: new: builds (the baseline says nothing)" in output
    baseline(harness, fine="builds", gone="builds")
    code, output = harness.run("fine")
    assert code == 0
    assert "rtx-1.7.csv: no case is called gone" in output
    assert harness.run("fine", "--strict")[0] == 1


def test_strict_fails_on_what_did_not_run_unless_the_baseline_says_so(harness: Harness) -> None:
    baseline(harness, fine="builds")
    code, output = harness.run("fine", "--strict", start="import_error")
    assert code == 1
    assert "not_run (the baseline says builds)" in output
    baseline(harness, fine="not_run")
    assert harness.run("fine", "--strict", start="import_error")[0] == COULD_NOT_RUN


def test_strict_and_an_update_exclude_each_other(harness: Harness) -> None:
    code, output = harness.run("fine", "--strict", "--update-baseline")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "give one of the two" in output


def test_a_baseline_can_be_one_file_of_another_release(harness: Harness, tmp_path: Path) -> None:
    old = tmp_path / "rtx-1.6.csv"
    old.write_text("case,precision,status\nfine,explicit,unsupported\n")
    code, output = harness.run("fine", f"--baseline={old}")
    assert code == 1
    assert "fine on rtx-1.7: progression: builds (the baseline says unsupported)" in output
    code, _ = harness.run("fine", f"--baseline={old}", "--update-baseline")
    assert old.read_text() == "case,precision,status\nfine,explicit,builds\n"


@pytest.mark.parametrize(
    ("place", "runtimes", "words"),
    [
        ("nowhere", "rtx-1.7", "--baseline: there is no folder "),
        ("nowhere.csv", "rtx-1.7", "--baseline: there is no file "),
        ("issues.toml", "rtx-1.6,rtx-1.7", "is one file, and this run has 2 runtimes (rtx-1.6, rtx-1.7)"),
    ],
)
def test_a_baseline_that_is_not_there_is_one_clear_error(
    harness: Harness, tmp_path: Path, place: str, runtimes: str, words: str
) -> None:
    code, output = harness.run("fine", f"--baseline={tmp_path / place}", runtimes=runtimes)
    assert code == pytest.ExitCode.USAGE_ERROR
    assert words in output
    assert "Traceback" not in output


@pytest.mark.parametrize("place", ["file/baselines", "file/one.csv"])
def test_a_baseline_that_cannot_be_written_is_said_before_the_run(harness: Harness, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("in the way")
    code, output = harness.run("fine", f"--baseline={tmp_path / place}", "--update-baseline")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "--update-baseline cannot write to " in output
    assert "Traceback" not in output
    assert not (harness.reports / "latest").exists()


def test_differences_between_releases_reach_every_report(harness: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    _, output = harness.run("right otherwise", runtimes="rtx-1.4,rtx-1.5,rtx-1.6,rtx-1.7")
    latest = harness.reports / "latest"
    records: dict[tuple[str, str], Record] = {
        (record.case.id, record.runtime.name): record
        for record in map(from_json, (latest / "records.jsonl").read_text().splitlines())
    }
    assert records["otherwise", "rtx-1.4"].verdict is Verdict.NEW
    assert records["otherwise", "rtx-1.4"].attempts == 2, "an alarming answer is asked for again"
    (found,) = records["otherwise", "rtx-1.6"].differences
    assert (found.against, found.differ, found.compared) == (records["otherwise", "rtx-1.4"].outputs_digest, 1, 4)
    assert found.drift is not None
    assert found.drift.max_abs == pytest.approx(0.5)
    assert records["right", "rtx-1.4"].outputs_digest == records["right", "rtx-1.7"].outputs_digest != ""
    with (latest / "differences.csv").open(newline="") as file:
        rows = [(row["runtime"], row["other"], row["kind"]) for row in csv.DictReader(file)]
    assert sorted(rows) == [
        ("rtx-1.5", "rtx-1.4", "only one answers"),
        ("rtx-1.6", "rtx-1.4", "beyond tolerance"),
        ("rtx-1.6", "rtx-1.5", "only one answers"),
        ("rtx-1.7", "rtx-1.4", "beyond tolerance"),
        ("rtx-1.7", "rtx-1.5", "only one answers"),
    ]
    for text in (output, *((latest / name).read_text() for name in ("matrix.md", "index.html"))):
        assert "Differences between runtimes" in text
        assert "that differ beyond tolerance" in text
        assert "that rtx-1.4 runs and rtx-1.5 refuses at parse" in " ".join(text.split())
    assert main(["differences", str(latest)]) == 0
    assert "rtx-1.6 agrees with the reference" in " ".join(capsys.readouterr().out.split())
