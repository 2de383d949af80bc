"""Baselines: verdicts in both directions, the file, and what an update may not lose."""

from __future__ import annotations

from pathlib import Path

import pytest

from cases.catalogue import catalogue
from matrix.errors import BaselineError
from matrix.record import Precision, Status, Verdict
from matrix.verdict.baseline import FOLDER, ORDER, Baseline, judge, read_baseline, write_baseline


@pytest.mark.parametrize(
    ("status", "expected", "verdict"),
    [
        (Status.MATCH, Status.MATCH, Verdict.SAME),
        (Status.CRASH, Status.CRASH, Verdict.SAME),
        (Status.NOT_RUN, Status.NOT_RUN, Verdict.SAME),
        (Status.MATCH, None, Verdict.NEW),
        (Status.BUILDS, Status.NOT_RUN, Verdict.NEW),
        (Status.NOT_RUN, Status.MATCH, None),
        (Status.INVALID_CASE, Status.MATCH, None),
        (Status.UNSUPPORTED, Status.BUILDS, Verdict.REGRESSION),
        (Status.BUILDS, Status.UNSUPPORTED, Verdict.PROGRESSION),
        (Status.WRONG, Status.CRASH, Verdict.REGRESSION),
        (Status.UNSUPPORTED, Status.BUILD_FAILED, Verdict.PROGRESSION),
    ],
)
def test_verdicts(status: Status, expected: Status | None, verdict: Verdict | None) -> None:
    assert judge(status, expected) is verdict


def test_every_status_that_can_change_has_a_rank() -> None:
    assert set(ORDER) == set(Status) - {Status.NOT_RUN, Status.INVALID_CASE}
    for worse, status in enumerate(ORDER):
        for better in ORDER[:worse]:
            assert judge(status, better) is Verdict.REGRESSION
            assert judge(better, status) is Verdict.PROGRESSION


def test_a_baseline_survives_writing_and_reading(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rtx-1.7.csv"
    nothing = read_baseline(path)
    assert (nothing.exists, dict(nothing.statuses)) == (False, {})
    write_baseline(path, nothing, {("b", "explicit"): Status.BUILDS, ("a", "explicit"): Status.WRONG})
    assert path.read_text() == "case,precision,status\na,explicit,wrong\nb,explicit,builds\n"
    again = read_baseline(path)
    assert again == Baseline(statuses={("a", "explicit"): Status.WRONG, ("b", "explicit"): Status.BUILDS}, exists=True)


def test_an_update_keeps_what_it_did_not_observe(tmp_path: Path) -> None:
    path = tmp_path / "rtx-1.7.csv"
    old = Baseline(statuses={("a", "explicit"): Status.MATCH, ("b", "explicit"): Status.MATCH}, exists=True)
    write_baseline(
        path,
        old,
        {
            ("b", "explicit"): Status.NOT_RUN,
            ("c", "explicit"): Status.NOT_RUN,
            ("d", "explicit"): Status.INVALID_CASE,
        },
    )
    assert read_baseline(path).statuses == {**old.statuses, ("c", "explicit"): Status.NOT_RUN}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "case,status\n",
        "case,precision,status\na,explicit\n",
        "case,precision,status\na,explicit,great\n",
        "case,precision,status\na,explicit,invalid_case\n",
        "case,precision,status\na,fp12,match\n",
        "case,precision,status\na,explicit,match\na,explicit,match\n",
        "\0\xff",
    ],
)
def test_a_broken_file_is_one_clear_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "rtx-1.7.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(BaselineError, match=r"rtx-1\.7\.csv: .*remove it and write it anew with --update-baseline"):
        read_baseline(path)


def test_the_committed_baselines_are_canonical_and_name_cases_that_exist(tmp_path: Path) -> None:
    files = sorted(FOLDER.glob("*.csv"))
    assert {path.stem for path in files} >= {"ort-1.31", "rtx-1.4", "rtx-1.5", "rtx-1.6", "rtx-1.7"}
    ids = {case.id for case in catalogue()}
    for path in files:
        baseline = read_baseline(path)
        assert {case for case, _ in baseline.statuses} <= ids
        assert {precision for _, precision in baseline.statuses} <= set(Precision)
        write_baseline(tmp_path / path.name, baseline, {})
        assert (tmp_path / path.name).read_text() == path.read_text()
