"""Reports say what the records say, are the same for the same records, and are written whole or not at all.

``UPDATE_GOLDEN=1 pytest tests/test_reports.py`` writes the golden files anew; read the difference before committing it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from matrix.record import Precision, Record, Status, Verdict
from matrix.record_json import to_json
from reports import json_export
from reports.__main__ import main
from reports.cells import MEANINGS
from reports.csv_table import to_csv
from reports.html_page import to_html
from reports.markdown_summary import to_markdown
from reports.terminal import render
from reports.terminal_tables import WORDS
from reports.write import read_run, write_reports
from tests.golden_files import check_golden
from tests.report_records import HOSTILE, all_records

RECORDS = all_records()


def test_golden_csv() -> None:
    check_golden("matrix.csv", to_csv(RECORDS))


def test_golden_markdown() -> None:
    check_golden("matrix.md", to_markdown(RECORDS))


def test_golden_json() -> None:
    check_golden("summary.json", json_export.to_json(RECORDS))


def test_golden_html() -> None:
    """The page but for its style and its program, which are read in the template folder."""
    page = re.sub(r"(<style>|<script>).*?(</style>|</script>)", r"\1\2", to_html(RECORDS), flags=re.DOTALL)
    check_golden("index.html", re.sub(r"sha256-[\w+/=]+", "sha256-", page))


@pytest.mark.parametrize(("width", "color"), [(80, False), (140, False), (100, True)])
def test_golden_terminal(width: int, color: bool) -> None:
    text = render(RECORDS, width=width, color=color)
    check_golden(f"terminal-{width}{'-color' if color else ''}.txt", text)


def test_every_status_has_its_words() -> None:
    assert set(Status) == set(MEANINGS) == set(WORDS)
    assert {seen.status for seen in RECORDS} == set(Status), "the golden files show every status"
    assert {seen.verdict for seen in RECORDS} == {*Verdict, None}
    assert all(len(word) <= 7 for word, _ in WORDS.values())


def write_run(folder: Path, records: list[Record], rubbish: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "records.jsonl").write_text("".join(f"{to_json(seen)}\n" for seen in records) + rubbish, encoding="utf-8")
    return folder


def test_write_reports(tmp_path: Path) -> None:
    run = write_run(tmp_path, RECORDS)
    paths = write_reports(run)
    assert [path.name for path in paths] == ["matrix.csv", "matrix.md", "index.html", "summary.json", "differences.csv"]
    assert all(path.stat().st_size > 500 for path in paths if path.name != "differences.csv")
    assert sorted(path.name for path in run.iterdir()) == sorted([*(path.name for path in paths), "records.jsonl"])
    records, problems = read_run(run / "records.jsonl")
    assert [*map(to_json, records)] == [*map(to_json, RECORDS)], "not a number is unlike itself"
    assert problems == []


def test_reports_of_an_empty_run_say_so(tmp_path: Path) -> None:
    for path in write_reports(write_run(tmp_path, []))[1:4]:
        assert "There are no records" in path.read_text(encoding="utf-8")


def test_reports_of_a_damaged_run_say_so(tmp_path: Path) -> None:
    rubbish = '{"half":\n[]\n{}\n"x"\n\x00\xff'
    paths = write_reports(write_run(tmp_path, RECORDS[:3], rubbish))
    for path in paths[1:4]:
        assert "5 lines could not be read" in path.read_text(encoding="utf-8").replace("\\", "")
    assert len(paths[0].read_text(encoding="utf-8").splitlines()) == 4


def test_a_report_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    run = write_run(tmp_path, RECORDS[:1])
    (run / "matrix.md").mkdir()
    with pytest.raises(OSError, match=r"matrix\.md"):
        write_reports(run)
    assert not list(run.glob(".matrix*"))


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path, RECORDS)
    assert main([str(run)]) == 0
    assert capsys.readouterr().out.splitlines()[2] == str(run / "index.html")
    assert main([str(run / "records.jsonl")]) == 0
    assert main(["table", str(run)]) == 0
    assert "WRONG" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["table"], ["--unknown", "x"]])
def test_command_line_misused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = int(str(stop.code))
    assert status == 2
    assert capsys.readouterr().err


def test_command_line_without_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "missing")]) == 2
    error = capsys.readouterr().err
    assert "no records.jsonl here" in error
    assert error.count("\n") == 1
    (tmp_path / "records.jsonl").mkdir()
    assert main(["table", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_hostile_texts_are_in_the_records() -> None:
    """The golden files would prove nothing without them."""
    assert all(any(seen.reason == text for seen in RECORDS) for text in HOSTILE)
    assert any(seen.precision is not Precision.EXPLICIT for seen in RECORDS)
