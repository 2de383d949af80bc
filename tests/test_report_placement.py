"""Every report says which cells a GPU was asked for and the CPU computed."""

from __future__ import annotations

import csv
import io
import json

from matrix.record import CaseInfo, Record, Status
from reports import json_export
from reports.csv_table import to_csv
from reports.html_page import to_html
from reports.markdown_summary import to_markdown
from reports.terminal import render
from tests.report_records import DYNAMIC, HOSTILE, LOOP, QUANTIZE, TORN, UINT8, record

GPU, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


def cell(*nodes: int, case: CaseInfo, status: Status = Status.MATCH, runtime: str = "ort-1.31-cuda") -> Record:
    """Return a cell of which the GPU and the CPU took so many ``nodes``."""
    taken = {name: number for name, number in zip((GPU, CPU), nodes, strict=False) if number}
    return record(case, runtime, status, placement=taken)


RECORDS = [
    cell(2, case=QUANTIZE),
    cell(0, 1, case=UINT8),
    cell(0, 3, case=DYNAMIC, status=Status.WRONG),
    cell(5, 2, case=TORN),
    cell(case=LOOP, status=Status.UNSUPPORTED),
    cell(case=QUANTIZE, runtime="ort-1.31"),
]
SAID = "2 cells ran on the CPU alone, 1 in part"


def test_each_cell_says_where_its_nodes_ran() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(RECORDS))))
    assert [row["placement"] for row in rows] == [f"{GPU} 2", f"{CPU} 1", f"{CPU} 3", f"{GPU} 5, {CPU} 2", "", ""]
    page = to_html(RECORDS)
    assert f"{GPU} 5, {CPU} 2" in page
    assert '"placement"];' in page, "the program of the page reads it"


def test_the_cells_left_to_the_cpu_are_counted() -> None:
    assert f"ort-1.31-cuda: {SAID}\n" in render(RECORDS, width=120, color=False)
    assert f"* `ort-1.31-cuda`: {SAID}\n" in to_markdown(RECORDS)
    assert to_html(RECORDS).count(SAID) == 1
    runtimes = {column["name"]: column["on_cpu"] for column in json.loads(json_export.to_json(RECORDS))["runtimes"]}
    assert runtimes == {"ort-1.31-cuda": {"wholly": 2, "partly": 1}, "ort-1.31": {"wholly": 0, "partly": 0}}


def test_nothing_is_said_where_the_cpu_was_asked_for_or_had_no_part() -> None:
    for records in ([RECORDS[0]], [RECORDS[-1]]):
        assert "on the CPU" not in render(records, width=120, color=False) + to_markdown(records) + to_html(records)


def test_a_strange_provider_does_no_harm() -> None:
    records = [record(QUANTIZE, "ort-1.31-cuda", Status.MATCH, placement={text: 1, CPU: 1}) for text in HOSTILE]
    for found in records:
        assert "<script>alert(1)" not in to_html([found])
        (row,) = csv.DictReader(io.StringIO(to_csv([found])))
        assert not row["placement"].startswith("=")
