"""Known issues: what an entry may say, which cells it explains, and when it is missed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cases.catalogue import INVALID_ON_PURPOSE
from matrix.errors import KnownIssueError
from matrix.record import FINE, SILENT, Precision, Record, RuntimeInfo, Status
from matrix.verdict.known_issues import BY_DEFAULT, EXPLAINABLE, Entry, explain, read_known_issues
from reports.known_issues import issue_text, stale_issues, stale_text
from tests.test_record import sample

CASES = ["relu-opset13", "relu-opset17", "gelu-opset20"]
RELEASES = [
    RuntimeInfo(name="rtx-1.6", requested="1.6.1.120", product="tensorrt_rtx"),
    RuntimeInfo(name="rtx-1.7", requested="1.7.1.116", product="tensorrt_rtx"),
    RuntimeInfo(name="ort-1.31:all", requested="1.31.1", product="onnxruntime"),
]
FIELDS = {"name": "n", "cases": "relu-*", "runtimes": "tensorrt_rtx >=1.6,<1.7", "reason": "r", "link": "https://e.org"}


def written(**changes: Any) -> str:
    fields = {key: value for key, value in {**FIELDS, **changes}.items() if value is not None}
    return "[[issue]]\n" + "".join(f"{key} = {value!r}\n" for key, value in fields.items())


def read(tmp_path: Path, text: str) -> tuple[Entry, ...]:
    path = tmp_path / "issues.toml"
    path.write_text(text, encoding="utf-8")
    return read_known_issues(path, cases=CASES, releases=RELEASES)


def cell(status: Status, case: str = "relu-opset13", runtime: RuntimeInfo = RELEASES[0], **changes: Any) -> Record:
    changes["case"] = replace(sample().case, id=case, tags=changes.pop("tags", ()))
    return replace(sample(), status=status, runtime=runtime, **changes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (written(extra="x"), "entry 'n': unknown key 'extra'; known are name, cases, "),
        (written(link=None), "entry 'n': it lacks link"),
        (written(name=None, reason=None), "entry number 1: it lacks name, reason"),
        (written(link="ftp://e.org"), "entry 'n': link = 'ftp://e.org' is not an address that starts with http"),
        (written(link="https://e.org/<script>"), "is not an address"),
        (written(reason=""), "entry 'n': reason = '' is not a text"),
        (written(reason=3), "entry 'n': reason = 3 is not a text"),
        (written(cases=[]), "entry 'n': cases = [] is not a text or a list of texts"),
        (written(cases="rellu-opset13"), "no case is called 'rellu-opset13'; the nearest are relu-opset13"),
        (written(cases=["relu-*", "nothing*"]), "no case is called 'nothing*'"),
        (
            written(runtimes="tensorrt_rtx >=2"),
            "no release fits 'tensorrt_rtx >=2'; known are rtx-1.6 (tensorrt_rtx 1.6",
        ),
        (written(runtimes="tensorrt_rxt >=1.4"), "no release fits 'tensorrt_rxt >=1.4'"),
        (written(runtimes="tensorrt_rtx >=one"), "runtimes: '>=one' is not a range of versions"),
        (written(runtimes="rtx-9*"), "no release fits 'rtx-9*'"),
        (written(statuses=["match"]), "statuses: 'match' is not one of drift, wrong, "),
        (written(statuses="broken"), "statuses: 'broken' is not one of"),
        (written(precisions=["fp8"]), "precisions: 'fp8' is not one of explicit, fp32"),
        (written(expires="soon"), "expires = 'soon' is not the version of a release"),
        (written() + written(), "entry 'n': there are two of this name"),
        ("[[issue]", "issues.toml: it is not TOML"),
        ("[issue]\n", "it may hold [[issue]] only"),
        ("issue = [3]\n", "it may hold [[issue]] only"),
        ("[[known]]\n", "it holds known; it may hold [[issue]] only"),
    ],
)
def test_a_mistake_is_one_clear_error(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(KnownIssueError) as raised:
        read(tmp_path, text)
    assert words in str(raised.value)
    assert "issues.toml" in str(raised.value)


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(KnownIssueError, match="cannot be read: No such file"):
        read_known_issues(tmp_path / "none.toml", cases=CASES, releases=RELEASES)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(KnownIssueError, match="not TOML"):
        read_known_issues(tmp_path / "bytes.toml", cases=CASES, releases=RELEASES)
    for name, text in (("deep", "x = " + "[" * 5_000), ("long", "x = " + "9" * 5_000)):
        (tmp_path / name).write_text(text)
        with pytest.raises(KnownIssueError, match="not TOML"):
            read_known_issues(tmp_path / name, cases=CASES, releases=RELEASES)
    (tmp_path / "large.toml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(KnownIssueError, match="larger than"):
        read_known_issues(tmp_path / "large.toml", cases=CASES, releases=RELEASES)


def test_an_entry_explains_its_cells_and_no_others(tmp_path: Path) -> None:
    entries = read(tmp_path, written())
    for status in Status:
        explained = explain(cell(status), entries).known_issue is not None
        assert explained == (status in BY_DEFAULT), status
    assert set(EXPLAINABLE) == set(Status) - FINE - SILENT - {Status.INVALID_CASE}
    assert explain(cell(Status.WRONG, case="gelu-opset20"), entries).known_issue is None
    assert explain(cell(Status.WRONG, runtime=RELEASES[1]), entries).known_issue is None
    assert explain(cell(Status.WRONG, runtime=RELEASES[2]), entries).known_issue is None
    loaded = replace(RELEASES[0], version="1.7.0")
    assert explain(cell(Status.WRONG, runtime=loaded), entries).known_issue is None, "what was loaded counts"
    odd = replace(RELEASES[0], version="custom build")
    assert explain(cell(Status.WRONG, runtime=odd), entries).known_issue is not None


def test_precisions_statuses_and_names(tmp_path: Path) -> None:
    entries = read(
        tmp_path,
        written(precisions=["fp16"], statuses=["drift", "unverified"], runtimes=["ort-1.31:*", "tensorrt_rtx ==1.7.*"]),
    )
    assert explain(cell(Status.DRIFT, runtime=RELEASES[2]), entries).known_issue is None
    for runtime in RELEASES[1:]:
        fp16 = cell(Status.DRIFT, runtime=runtime, precision=Precision.FP16)
        assert explain(fp16, entries).known_issue is not None
        assert explain(replace(fp16, status=Status.WRONG), entries).known_issue is None


def test_the_first_entry_that_explains_counts(tmp_path: Path) -> None:
    entries = read(tmp_path, written(statuses=["crash"]) + written(name="second") + written(name="third"))
    issue = explain(cell(Status.WRONG), entries).known_issue
    assert issue is not None
    assert issue.name == "second"


@pytest.mark.parametrize(("expires", "expired"), [("1.6", True), ("1.6.1.120", True), ("1.6.2", False), ("1.7", False)])
def test_expiry(tmp_path: Path, expires: str, expired: bool) -> None:
    issue = explain(cell(Status.WRONG), read(tmp_path, written(expires=expires))).known_issue
    assert issue is not None
    assert (issue.expires, issue.expired) == (expires, expired)
    assert ("should no longer need it" in issue_text(issue)) == expired
    missed = explain(cell(Status.MATCH), read(tmp_path, written(expires=expires))).absent_issues
    assert bool(missed) != expired, "past its expiry nobody misses it"


@pytest.mark.parametrize(
    ("status", "statuses", "tags", "missed"),
    [
        (Status.MATCH, ["wrong"], (), True),
        (Status.BUILDS, ["wrong"], (), True),
        (Status.BUILDS, ["build_failed"], (), True),
        (Status.BUILDS, ["drift"], (), False),
        (Status.UNSUPPORTED, ["wrong"], (), False),
        (Status.UNSUPPORTED, ["wrong"], (INVALID_ON_PURPOSE,), True),
        (Status.UNSUPPORTED, ["unsupported"], (INVALID_ON_PURPOSE,), False),
        (Status.NOT_RUN, ["wrong"], (), False),
        (Status.NOT_APPLICABLE, ["wrong"], (), False),
        (Status.UNVERIFIED, ["wrong"], (), False),
    ],
)
def test_an_entry_is_missed_where_the_cell_is_well_and_could_show_it(
    tmp_path: Path, status: Status, statuses: list[str], tags: tuple[str, ...], missed: bool
) -> None:
    record = explain(cell(status, tags=tags), read(tmp_path, written(statuses=statuses)))
    assert bool(record.absent_issues) == missed


def test_stale_is_what_no_cell_of_a_release_shows(tmp_path: Path) -> None:
    entries = read(tmp_path, written(runtimes=["tensorrt_rtx >=1.6"]))
    target = replace(RELEASES[1], name="rtx-1.7:sm89")
    records = [
        explain(record, entries)
        for record in (
            cell(Status.WRONG),
            cell(Status.MATCH, case="relu-opset17"),
            cell(Status.MATCH, runtime=RELEASES[1]),
            cell(Status.MATCH, runtime=target),
        )
    ]
    (stale,) = stale_issues(records)
    assert (stale.issue.name, stale.runtime, stale.cells) == ("n", "rtx-1.7", 2)
    assert stale_text(stale).startswith("known issue n is stale: on rtx-1.7 none of its 2 cells that ran shows it")
    assert stale_issues([]) == ()
