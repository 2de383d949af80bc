"""Documented against observed: the tables as data, the join, the four kinds of disagreement, and how they are told."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto

from cases.catalogue import catalogue
from matrix.record import CaseInfo, Precision, Record, RuntimeInfo, Status
from matrix.record_json import to_json
from reports import claims
from reports.__main__ import main
from reports.case_types import subject
from reports.claims import listed_operators, table_of, tables
from reports.documented import FAILS, INVALID, WORKS, Kind, compare
from reports.documented_text import NAMED_CASES, grid, render
from reports.html_page import to_html
from reports.markdown_summary import to_markdown
from reports.write import write_reports
from tests.golden_files import check_golden
from tests.report_records import QUANTIZE, RUNTIMES, record

TRT = RUNTIMES["8.6"]
TEN = replace(TRT, name="10.10", requested="10.10.0.31", version="10.10.0.31")
GAP = replace(TRT, name="10.12", requested="10.12.0.36", version="")


def case(name: str, op: str, *tags: str, opset: int = 17) -> CaseInfo:
    return CaseInfo(id=name, family="quantization", op=op, opset=opset, tags=tags)


def seen(info: CaseInfo, status: Status, runtime: RuntimeInfo = TRT, **fields: Any) -> Record:
    return replace(record(info, "8.6", status, **fields), runtime=runtime)


CONV = case("batch-conv2d-opset17", "Conv", "conv")
UINT8 = case("dequantizelinear-uint8-per_tensor-opset13-zp_zero", "DequantizeLinear", "uint8", opset=13)
INT8 = case("dequantizelinear-int8-per_tensor-opset13-zp_zero", "DequantizeLinear", "int8", opset=13)
SHIFTED = replace(INT8, id="dequantizelinear-int8-per_tensor-opset13-zp_nonzero", tags=("int8", "zp_nonzero"))
LATE = replace(INT8, id="dequantizelinear-int8-per_tensor-opset21-zp_zero", opset=21)
NONZERO = case("nonzero-int64-opset17", "NonZero", "nonzero")
DYNAMIC = case("dynamicquantizelinear-opset11-ties", "DynamicQuantizeLinear", opset=11)
LOOP = case("loop-sum-opset17", "Loop")
RANGE = replace(case("range-limit_input-opset17", "Range"), reads=("int32",), writes=("int32",))

RECORDS = [
    seen(CONV, Status.MATCH),
    seen(CONV, Status.NOT_RUN, TEN),
    seen(replace(CONV, id="batch-conv2d-opset13"), Status.MATCH, precision=Precision.FP16),
    seen(INT8, Status.BUILDS),
    seen(replace(INT8, id="dequantizelinear-int8-per_axis-opset13"), Status.BUILD_FAILED),
    seen(SHIFTED, Status.UNSUPPORTED),
    seen(LATE, Status.UNSUPPORTED),
    seen(UINT8, Status.DRIFT),
    seen(UINT8, Status.UNSUPPORTED, TEN),
    seen(QUANTIZE, Status.NOT_RUN, TEN),
    seen(NONZERO, Status.MATCH),
    seen(DYNAMIC, Status.BUILDS),
    seen(DYNAMIC, Status.UNSUPPORTED, TEN),
    seen(LOOP, Status.CRASH),
    seen(replace(LOOP, id="loop-scan-opset17"), Status.WRONG),
    seen(RANGE, Status.MATCH),
    seen(LOOP, Status.NOT_RUN, GAP),
    record(LOOP, "rtx-1.7", Status.BUILDS),
    record(LOOP, "ort-1.31", Status.MATCH),
    seen(replace(INT8, id="invalid", tags=("int8", "invalid_on_purpose")), Status.UNSUPPORTED),
    seen(replace(INT8, id="contrib_dequantizelinear", tags=("contrib", "int8")), Status.MATCH),
    seen(case("qdq_conv-int8", "QDQ Conv", "int8"), Status.UNSUPPORTED),
]


# ---- The tables ------------------------------------------------------------------------------------------------------


def test_the_data_is_whole_and_each_line_is_one_claim() -> None:
    rows = list(csv.reader((claims.FOLDER / "documented_support.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["trt_version", "op", "supported", "types", "has_restrictions", "tags", "source_commit"]
    assert len(rows) - 1 == 5652 == sum(len(table.claims) for table in tables().values())
    assert {row[2] for row in rows[1:]} == {"Y", "N", "partial"}
    assert len(tables()) == 31
    assert {"Conv", "DequantizeLinear", "QLinearConv"} <= listed_operators()
    assert "QDQ Conv" not in listed_operators()


@pytest.mark.parametrize(
    ("version", "table"),
    [
        ("8.6.1", "8.6"), ("8.5.3.1", "8.5.3"), ("8.5.1.7", "8.5.1"), ("10.0.1", "10.0"), ("10.1.0", "10.1"),
        ("10.10.0.31", "10.10"), ("10.12.0.36", None), ("11.1.0.106", "11.1"), ("11.4.0.106", None), ("", None),
    ],
)  # fmt: skip
def test_a_release_has_its_own_table_or_none(version: str, table: str | None) -> None:
    for runtime in (replace(TRT, version=version, requested=version), replace(TRT, version="", requested=version)):
        found = table_of(runtime)
        assert (found.version if found else None) == table


def test_neither_tensorrt_rtx_nor_onnx_runtime_has_a_table() -> None:
    assert table_of(RUNTIMES["rtx-1.7"]) is None
    assert table_of(RUNTIMES["ort-1.31"]) is None


# ---- What a case is about --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("info", "text"),
    [
        (CONV, "FP32"),
        (NONZERO, "INT64"),
        (INT8, "INT8"),
        (QUANTIZE, "FP32 to INT8"),
        (case("q", "QuantizeLinear", "float8e4m3fn", "x_bfloat16", "scale_float8e8m0"), "BF16 to FP8"),
        (case("q", "QuantizeLinear", "int4", "scale_float16"), "FP16 to INT4"),
        (case("q", "QuantizeLinear", "int8", "x_float", "scale_float16"), "FP32 to INT8"),
        (case("q", "QuantizeLinear", "uint2", "x_int32"), "INT32 to UINT2"),
        (case("d", "DequantizeLinear", "float8e5m2", "scale_float16"), "FLOAT8E5M2"),
        (case("qlinearconv-uint8_int8", "QLinearConv", "uint8", "int8"), "INT8, UINT8"),
        (case("batch-relu-float16", "Relu"), "FP16"),
    ],
)
def test_types_are_told_in_the_words_of_the_tables(info: CaseInfo, text: str) -> None:
    assert subject(info).type_text == text


@pytest.mark.parametrize(
    ("op", "reads", "writes", "text"),
    [
        ("Range", ("int32",), ("int32",), "INT32"),
        ("ConstantOfShape", (), ("bool",), "BOOL"),
        ("Loop", ("float32", "int64"), ("float32",), "FP32, INT64"),
        ("QuantizeLinear", ("bfloat16",), ("float8_e4m3fn",), "BF16 to FP8"),
        ("DequantizeLinear", ("float4_e2m1fn",), ("float32",), "FP4"),
        ("DequantizeLinear", ("float6_e2m3fn",), ("float32",), "FLOAT6E2M3"),
        ("DequantizeLinear", ("float8_e5m2fnuz",), ("float32",), "FLOAT8E5M2FNUZ"),
        ("Cast", ("float64",), ("string",), "DOUBLE"),
    ],
)
def test_types_that_were_recorded_count_and_words_do_not(
    op: str, reads: tuple[str, ...], writes: tuple[str, ...], text: str
) -> None:
    assert subject(replace(case("range-uint8-opset17", op, "uint8"), reads=reads, writes=writes)).type_text == text


def test_an_operator_that_is_spelled_out_in_others_is_claimed_nothing() -> None:
    spelled = replace(DYNAMIC, id=f"{DYNAMIC.id}-function_body", tags=("function_body",))
    assert compare([seen(spelled, Status.MATCH)]) == ()


def test_words_name_the_types_of_the_models() -> None:
    """Held against the first input of the operators whose first input is their data."""
    names = {
        TensorProto.FLOAT: "FP32", TensorProto.FLOAT16: "FP16", TensorProto.BFLOAT16: "BF16", TensorProto.BOOL: "BOOL",
        TensorProto.INT8: "INT8", TensorProto.INT32: "INT32", TensorProto.INT64: "INT64", TensorProto.DOUBLE: "DOUBLE",
    }  # fmt: skip
    of_data = {"Add", "And", "Div", "Expand", "Max", "MaxPool", "Mod", "Not", "Or", "Pad", "Resize", "Tile", "Xor"}
    items = [item for item in catalogue() if item.op in of_data and not {*INVALID, "contrib"} & item.tags]
    assert len(items) > 100
    for item in items:
        graph = onnx.shape_inference.infer_shapes(item.build()).graph
        types = {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.value_info)}
        first = {types[node.input[0]] for node in graph.node if node.op_type == item.op and node.input[0] in types}
        info = CaseInfo(id=item.id, family=item.family, op=item.op, opset=item.opset, tags=tuple(sorted(item.tags)))
        if first:  # inference may not reach it
            assert set(subject(info).types) == {names[found] for found in first}, item.id


# ---- The join --------------------------------------------------------------------------------------------------------


def test_every_status_shows_something_or_nothing() -> None:
    silent = {Status.NOT_RUN, Status.NOT_APPLICABLE, Status.INVALID_CASE}
    assert not WORKS & FAILS
    assert WORKS | FAILS | silent == set(Status)


def test_there_are_four_kinds_of_disagreement() -> None:
    eight = next(release for release in compare(RECORDS) if release.column == "8.6")
    assert [(found.kind, found.op, found.type_text, found.cases) for found in eight.disagreements] == [
        (Kind.OPERATOR_FAILS, "Loop", "FP32", ("loop-sum-opset17", "loop-scan-opset17")),
        (Kind.OPERATOR_WORKS, "DynamicQuantizeLinear", "FP32", (DYNAMIC.id,)),
        (Kind.TYPE_FAILS, "DequantizeLinear", "INT8", ("dequantizelinear-int8-per_axis-opset13",)),
        (Kind.TYPE_WORKS, "DequantizeLinear", "UINT8", (UINT8.id,)),
        (Kind.TYPE_WORKS, "NonZero", "INT64", (NONZERO.id,)),
    ]
    assert set(Kind) == {found.kind for found in eight.disagreements}


def test_what_a_table_announces_is_no_disagreement() -> None:
    (release,) = compare([seen(SHIFTED, Status.UNSUPPORTED), seen(LATE, Status.UNSUPPORTED)])
    assert release.disagreements == ()
    assert [(row.fails, row.excluded) for row in release.rows] == [((), 2)]
    (refused,) = compare([seen(DYNAMIC, Status.UNSUPPORTED), seen(UINT8, Status.UNSUPPORTED)])
    assert refused.disagreements == ()


def test_a_release_that_did_not_run_shows_its_claims() -> None:
    (release,) = compare([seen(QUANTIZE, Status.NOT_RUN), seen(DYNAMIC, Status.NOT_RUN)])
    assert release.disagreements == ()
    text = render([release])
    assert "claims of the operator table of TensorRT 8.6" in text
    assert "nothing was observed, so no claim was tested" in text
    assert "QuantizeLinear         FP32 to INT8  yes         1 not run" in text
    assert "DynamicQuantizeLinear  FP32          no          1 not run" in text


def test_an_operator_that_is_younger_than_the_table_is_claimed_nothing() -> None:
    (release,) = compare([seen(case("attention-opset23", "Attention", opset=23), Status.MATCH)])
    assert release.disagreements == ()
    assert "not listed" in render([release])


def test_another_releases_table_stands_in_on_request_only() -> None:
    loop = record(LOOP, "rtx-1.7", Status.UNSUPPORTED)
    (alone,), (held,) = compare([loop]), compare([loop], "10.15")
    assert (alone.table, alone.rows, alone.disagreements) == (None, (), ())
    assert "no operator table of TensorRT-RTX is known: nothing is claimed" in render([alone])
    assert held.borrowed
    assert [found.kind for found in held.disagreements] == [Kind.OPERATOR_FAILS]
    assert "held against that of TensorRT 10.15, on request" in render([held])
    with pytest.raises(KeyError):
        compare([loop], "99")


def test_no_release_no_claim() -> None:
    assert compare([]) == ()
    assert "no case of a documented operator on TensorRT" in render([])
    assert grid([]) == []


# ---- The reports -----------------------------------------------------------------------------------------------------


def test_golden_text() -> None:
    check_golden("documented.txt", render(compare(RECORDS)))


def test_markdown_and_page_hold_claims_and_disagreements() -> None:
    for text in (to_markdown(RECORDS), to_html(RECORDS)):
        plain = text.replace("\\_", "_")
        assert all(kind.value in plain for kind in Kind)
        assert "not a measurement" in plain
        assert "1 build failed" in plain
        assert UINT8.id in plain


def test_many_cases_are_counted() -> None:
    many = [seen(replace(LOOP, id=f"loop-{number}"), Status.CRASH) for number in range(NAMED_CASES + 2)]
    assert "and 2 more)" in render(compare(many))


def test_text_of_strangers_stays_text() -> None:
    hostile = "loop-<script>alert(1)</script>-\x1b[31m"
    found = [seen(replace(LOOP, id=hostile), Status.CRASH, replace(TRT, name="<b>8.6"))]
    assert "<script>alert" not in to_html(found).replace("\\u003c", "")
    assert "<script>" not in to_markdown(found)
    assert "\x1b" not in render(compare(found))


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "records.jsonl").write_text("".join(f"{to_json(each)}\n" for each in RECORDS) + "rubbish\n")
    assert main(["documented", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "1 line could not be read" in printed
    assert printed.endswith(render(compare(RECORDS)))
    assert main(["documented", str(tmp_path), "--against", "10.15"]) == 0
    assert "on request" in capsys.readouterr().out
    assert write_reports(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["documented", "RUN", "--against", "99"], "no table of '99'; there are 5.1, "),
        (["RUN", "--against", "10.15"], "--against goes with documented"),
        (["documented"], "no records.jsonl here"),
    ],
)
def test_command_misused(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = int(str(stop.code))
    assert status == 2
    assert words in capsys.readouterr().err
