"""Every known message leads to its own remedy, and no message can make the search fail."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matrix.record import Diagnostic
from matrix.verdict.signatures import SEARCHED_CHARACTERS, Entry, entries, find_signature

ENTRIES = entries()
REFUSED = "UNSUPPORTED_NODE"


def parser_error(message: str, *, code: str = "", op: str = "", function: str = "") -> Diagnostic:
    return Diagnostic(source="parser", message=message, code=code, op=op, function=function)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_entry(entry: Entry) -> None:
    """An entry's own example leads to it, and what it says can be shown to a user."""
    found = find_signature([entry.example])
    assert found is not None
    assert found.id == entry.id
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.id)
    assert re.fullmatch(r"https://[\w./~#-]+", found.source)
    for text in (found.meaning, found.remedy):
        assert text.endswith("."), "a complete sentence ends with a full stop"
        assert not re.search(r"[{}]", text), "every placeholder is filled"


def test_ids_are_unique() -> None:
    assert len({entry.id for entry in ENTRIES}) == len(ENTRIES)


def test_placeholders_are_named_groups() -> None:
    for entry in ENTRIES:
        placeholders = set(re.findall(r"\{(\w+)\}", entry.meaning + entry.remedy))
        assert placeholders <= {"op", *entry.pattern.groupindex}, entry.id


# Words that TensorRT-RTX 1.4 to 1.7 and ONNX Runtime 1.18 and 1.31 really said, with the structure that came with them.
@pytest.mark.parametrize(
    ("diagnostic", "expected"),
    [
        (parser_error("false", code=REFUSED, function="checkDynamicQuantizeLinear"), "dynamic-quantize-linear"),
        (parser_error("false", code=REFUSED, function="f (F) > checkQLinearMatMul"), "qlinear-operator"),
        (parser_error("false", code=REFUSED, function="checkConvInteger"), "integer-operator"),
        (parser_error("false", code=REFUSED, function="checkDet"), "operator-refused-by-checker"),
        (
            parser_error(
                "Invalid Node - y\nITensor::getDimensions: Error Code 4: API Usage Error (y: input has type Int32 but "
                "must have type FP8, FP4, Int4, or Int8.)\n[checkMacros.cpp::catchCudaError::247] Error Code 1: Cuda "
                "Runtime (cudaError 35: CUDA driver version is insufficient for CUDA runtime version)"
            ),
            "quantized-bias",
        ),
        (
            parser_error(
                'creator && "Plugin not found, are the plugin name, version, and namespace correct?"',
                op="QLinearAdd",
                function="checkFallbackPluginImporter",
            ),
            "plugin-not-found",
        ),
        (
            Diagnostic(
                source="log", message="onnxOpCheckers.cpp:1278 In function checkDynamicQuantizeLinear:\n[8] false"
            ),
            "dynamic-quantize-linear",
        ),
        (
            Diagnostic(source="network", message="output y is uint8 in ONNX, int8 in the parsed network"),
            "uint8-becomes-int8",
        ),
        (
            Diagnostic(source="network", message="uint8 in ONNX, int8 in the parsed network: q"),
            "uint8-becomes-int8",
        ),
        (
            Diagnostic(source="network", message="output y is float64 in ONNX, float32 in the parsed network"),
            "double-becomes-float",
        ),
    ],
)
def test_real_words(diagnostic: Diagnostic, expected: str) -> None:
    found = find_signature([diagnostic])
    assert found is not None
    assert found.id == expected


def test_operator_comes_from_the_message_or_else_from_the_parser() -> None:
    named = find_signature(["No importer registered for op: NonZero"])
    assert named is not None
    assert "NonZero" in named.meaning
    words = "Plugin not found, are the plugin name, version, and namespace correct?"
    structured = find_signature([parser_error(words, op="QGemm")])
    assert structured is not None
    assert "QGemm" in structured.meaning
    bare = find_signature([words])
    assert bare is not None
    assert "this operator" in bare.meaning


def test_first_message_wins() -> None:
    found = find_signature(["rubbish", "symbol is not concrete", "Unexpected negative axis"])
    assert found is not None
    assert found.id == "calibration-symbol"


def test_errors_come_before_warnings() -> None:
    warning = Diagnostic(source="log", severity="warning", message="generated with INT64 weights")
    error = Diagnostic(source="log", message="Unexpected negative axis")
    first = find_signature([warning, error])
    assert first is not None
    assert first.id == "negative-axis"
    alone = find_signature([warning])
    assert alone is not None
    assert alone.id == "int64-weights"


def test_nothing_known() -> None:
    assert find_signature([]) is None
    assert find_signature(["all is well", ""]) is None


def test_only_the_beginning_of_a_message_is_searched() -> None:
    assert find_signature(["." * SEARCHED_CHARACTERS + "symbol is not concrete"]) is None
    assert find_signature(["symbol is not concrete" + "." * 1_000_000]) is not None


def test_long_names_are_cut() -> None:
    found = find_signature(["Op type " + "x" * 5_000 + " is not supported in TensorRT-RTX."])
    assert found is not None
    assert len(found.meaning) < 400


@settings(deadline=None)
@given(st.lists(st.text(max_size=200), max_size=5))
def test_any_message_is_survived(messages: list[str]) -> None:
    find_signature(messages)
