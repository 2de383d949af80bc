"""What an engine really runs, from the answers of the engine inspector."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix.engine_evidence import WHOLE_BELOW, engine_of, note_on_match
from matrix.record import Layer, Precision
from matrix.verdict.engine_layers import QUANTIZED, Ran, describe, fell_back, what_ran

ENGINES = Path(__file__).with_name("data") / "engines"
WORKER = Path(__file__).parents[1] / "matrix" / "worker"


@pytest.fixture
def inspector(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The worker's side of it."""
    monkeypatch.syspath_prepend(str(WORKER))
    module = import_module("tensorrt_layers")
    yield module
    del sys.modules["tensorrt_layers"]


def layers_of(inspector: Any, name: str) -> list[Layer]:
    rows = inspector.table((ENGINES / f"{name}.json").read_text(encoding="utf-8"))
    return [Layer(**{**row, "inputs": tuple(row["inputs"]), "outputs": tuple(row["outputs"])}) for row in rows]


@pytest.mark.parametrize(
    ("name", "ran_in", "kept"),
    [
        ("conv-int8-fused", "int8", 1),
        ("conv-float-with-qdq-left", "float32", 2),
        ("conv-half", "float16", 0),
        ("two-convs-one-in-float", "float32+int8", 0),
        ("opaque-graph", "", 0),
        ("quantize-alone", "int8", 1),
        ("later-release-fused-gemm", "fp8", 0),
        ("later-release-weight-only-gemm", "float16", 0),
        ("names-only", "", 0),
        ("pooling", "int8", 0),
        ("recorded-8.5.3.1-calibrated-two-inputs", "float32", 0),
    ],
)
def test_an_engine_tells_in_which_type_it_works(inspector: Any, name: str, ran_in: str, kept: int) -> None:
    ran = what_ran(layers_of(inspector, name))
    assert (ran.type, ran.kept) == (ran_in, kept)


def test_a_fallback_to_float_is_told_of_the_operators_that_promise_more(inspector: Any) -> None:
    in_float = what_ran(layers_of(inspector, "conv-float-with-qdq-left"))
    assert fell_back(in_float, "QDQ Conv")
    assert not fell_back(in_float, "Weight-only Conv"), "which computes in float by its own definition"
    assert not fell_back(what_ran(layers_of(inspector, "conv-int8-fused")), "QDQ Conv")
    assert not fell_back(what_ran(layers_of(inspector, "two-convs-one-in-float")), "QDQ Conv Relu Conv")
    assert describe(in_float, "QDQ Conv") == "QDQ Conv runs in float32, in conv; 2 Q/DQ nodes are layers of their own"


def test_a_table_that_does_not_tell_is_no_fallback(inspector: Any) -> None:
    for name in ("opaque-graph", "names-only"):
        ran = what_ran(layers_of(inspector, name))
        assert not fell_back(ran, "QDQ Conv")
        assert describe(ran, "QDQ Conv") == ""
    assert what_ran([]) == Ran()


def test_a_table_that_may_be_cut_off_does_not_tell(inspector: Any) -> None:
    assert inspector.MAX_LAYERS == WHOLE_BELOW
    cell = SimpleNamespace(case=SimpleNamespace(family="quantization"), precision=Precision.EXPLICIT)
    layer = Layer(name="conv", type="CaskConvolution", inputs=("Float",))
    whole, cut = (SimpleNamespace(layers=(layer,) * count) for count in (WHOLE_BELOW - 1, WHOLE_BELOW))
    assert engine_of(cell, whole).type == "float32"  # type: ignore[arg-type]
    assert engine_of(cell, cut).type == ""  # type: ignore[arg-type]


WORDS = {
    "Row major linear FP32": "float32", "Float": "float32", "Half": "float16",
    "Row major linear FP16 format": "float16",
    "BFloat16": "bfloat16", "BF16": "bfloat16", "Thirty-two wide channel vectorized row major Int8 format.": "int8",
    "FP8": "fp8", "FP4": "fp4", "Int4": "int4", "Int32": "", "Bool": "", "N/A due to dynamic shapes": "",
}  # fmt: skip


@pytest.mark.parametrize(("words", "name"), WORDS.items())
def test_the_inspectors_words_for_a_type(words: str, name: str) -> None:
    assert what_ran([Layer(name="conv", type="CaskConvolution", inputs=(words,))]).type == name


TABLES = st.builds(
    Layer,
    name=st.sampled_from(["conv", "QuantizeLinear_0", ""]),
    type=st.sampled_from(["CaskConvolution", "gemm", "Reformat", "Quantize", "Myelin", "kgen", ""]),
    inputs=st.lists(st.sampled_from(sorted(WORDS)), max_size=3).map(tuple),
)


@given(st.lists(TABLES, max_size=5))
def test_any_table_is_read(layers: list[Layer]) -> None:
    ran = what_ran(layers)
    assert ran.in_float == (bool(ran.type) and not QUANTIZED & set(ran.type.split("+")))
    assert 0 <= ran.kept <= len(layers)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"Layers": 7}', '{"Layers": [{"Name":', "null", '"Layers"'])
def test_an_answer_that_is_none_is_an_error(inspector: Any, text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json raises a kind of it
        inspector.table(text)


def test_a_table_is_bounded(inspector: Any) -> None:
    layer = {
        "Name": "n" * 1000,
        "LayerType": "t" * 1000,
        "Inputs": [{"Format/Datatype": "f" * 1000}] * 20,
        "Outputs": 7,
    }
    table = inspector.table(json.dumps({"Layers": [layer] * (inspector.MAX_LAYERS + 1)}))
    assert len(table) == inspector.MAX_LAYERS
    assert len(json.dumps(table)) < 4 * 2**20
    assert table[0]["outputs"] == []


def test_names_that_are_joined_by_a_bare_control_character_are_read(inspector: Any) -> None:
    names = "[ONNX Layer: a]\x1e[ONNX Layer: b]"
    text = f'{{"Layers": [{{"Name": "fused", "LayerType": "CaskConvolution", "Metadata": "{names}"}}]}}'
    assert inspector.table(text)[0]["name"] == "fused [ONNX Layer: a] [ONNX Layer: b]"


@pytest.mark.parametrize(
    ("provider", "placement", "note"),
    [
        ("cuda", {"CUDAExecutionProvider": 3}, ""),
        ("cuda", {"CPUExecutionProvider": 1}, "CUDAExecutionProvider: CPUExecutionProvider 1 of 1"),
        (
            "tensorrt",
            {"TensorrtExecutionProvider": 1, "CUDAExecutionProvider": 2, "CPUExecutionProvider": 1},
            "TensorrtExecutionProvider: CUDAExecutionProvider 2 of 4, CPUExecutionProvider 1 of 4",
        ),
        ("", {}, ""),
    ],
)
def test_a_match_says_which_nodes_another_provider_computed(
    provider: str, placement: dict[str, int], note: str
) -> None:
    cell = SimpleNamespace(
        case=SimpleNamespace(op="Relu"), precision=Precision.EXPLICIT, runtime=SimpleNamespace(provider=provider)
    )
    said = note_on_match(cell, Ran(), SimpleNamespace(placement=placement))  # type: ignore[arg-type]
    assert said == (f"nodes that did not run on {note}" if note else "")
