"""A user's model as a case: its points, its tolerance, its references, its folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from cases.external_data import load_model
from matrix.case_folder import CaseFolder
from matrix.errors import OptionError
from matrix.evaluator import MAX_MODEL, Evaluator
from matrix.execution.job import make_self_contained, write_job
from matrix.models.asked import parse_asked
from matrix.models.case import ModelCase
from matrix.models.own_models import RECORDED, OwnModels, with_recorded
from matrix.verdict.reference import Reference
from tests.models import single_node
from tests.own_models import elementwise, record, save, with_external_data

VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)


def only(path: Path, *shapes: str) -> ModelCase:
    models = OwnModels(path, parse_asked(shapes, []))
    models.close()
    (case,) = models.cases
    return case


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ("z:1x3", "there is no input 'z'; the inputs are 'x'"),
        ("x:1x4", "'x' is Nx3 in the model; 1x4 does not fit"),
        ("x:1x3x3", "does not fit"),
        ("x:2000000000x3", "give smaller shapes"),
    ],
)
def test_what_does_not_fit_a_single_model_is_an_error(tmp_path: Path, shapes: str, words: str) -> None:
    save(tmp_path / "model.onnx")
    with pytest.raises(OptionError, match=words):
        only(tmp_path, shapes)


def test_a_single_bad_model_is_an_error_and_one_of_many_is_a_case(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_text("no model")
    with pytest.raises(OptionError, match=r"--model: bad\.onnx: it is not an ONNX model"):
        only(tmp_path / "bad.onnx")
    save(tmp_path / "good.onnx")
    (tmp_path / "link.onnx").symlink_to(save(tmp_path.parent / f"{tmp_path.name}-outside.onnx"))
    models = OwnModels(tmp_path, parse_asked([], []))
    folders = {case.id: models.make_folder(case, tmp_path / "made" / case.id) for case in models.cases}
    models.close()
    assert "not an ONNX model" in folders["model-bad.onnx"].invalid
    assert "link to a file outside" in folders["model-link.onnx"].invalid
    assert folders["model-good.onnx"].invalid == ""


def test_a_name_that_some_models_lack_is_not_asked_of_these(tmp_path: Path) -> None:
    save(tmp_path / "one.onnx")
    save(tmp_path / "two.onnx", elementwise("Relu", {"other": ["N"]}))
    models = OwnModels(tmp_path, parse_asked(["x:7x3"], []))
    models.close()
    shapes = [[dict(point.shapes) for point in case.points] for case in models.cases]
    assert shapes[0] == [{"x": (7, 3)}]
    assert len(shapes[1]) == 4


def test_the_folder_holds_all_that_a_job_needs_and_the_digest_covers_it(tmp_path: Path) -> None:
    with_external_data(tmp_path / "own" / "model.onnx", "deep/weights.bin")
    digests = []
    for number in range(3):
        if number == 2:
            (tmp_path / "own" / "deep" / "weights.bin").write_bytes(np.ones(6, np.float32).tobytes())
        models = OwnModels(tmp_path / "own", parse_asked([], []))
        folder = models.make_folder(models.cases[0], tmp_path / f"folder{number}")
        models.close()
        digests.append(folder.digest)
    assert digests[0] == digests[1] != digests[2]
    assert folder.checker == ""
    job = tmp_path / "job"
    write_job(job, folder, {})
    make_self_contained(job)
    request = json.loads((job / "request.json").read_text())
    assert (job / request["points"][0]["inputs"][0]["file"]).stat().st_size == 24
    model = load_model(job / "model.onnx")
    assert model.graph.initializer[0].raw_data == np.ones(6, np.float32).tobytes()
    assert not any(path.is_symlink() for path in job.rglob("*"))


def test_recorded_outputs_that_contradict_a_valid_model_are_no_fault_of_a_runtime(tmp_path: Path) -> None:
    model = save(tmp_path / "own" / "model.onnx")
    record(tmp_path / "own", input_0=VALUES, output_0=VALUES.astype(np.int32))
    models = OwnModels(tmp_path / "own", parse_asked([], []))
    assert "output_0.pb holds int32" in models.make_folder(models.cases[0], tmp_path / "made").invalid
    model.write_bytes(model.read_bytes().replace(b"Relu", b"Rolu"))  # a model that the checker refuses declares nothing
    assert models.make_folder(models.cases[0], tmp_path / "again").invalid == ""
    models.close()


def test_an_output_without_a_type_is_left_to_the_runtime_and_an_input_is_not(tmp_path: Path) -> None:
    model = single_node("Relu")
    model.graph.output[0].ClearField("type")
    assert only(save(tmp_path / "output.onnx", model)).not_applicable == ""
    model.graph.input[0].ClearField("type")
    assert "input 'x' has no type" in only(save(tmp_path / "input.onnx", model)).not_applicable


def test_recorded_outputs_judge_where_there_are_some(tmp_path: Path) -> None:
    save(tmp_path / "model.onnx")
    record(tmp_path, input_0=VALUES, output_0=VALUES)
    record(tmp_path, number=1, input_0=VALUES[:1])
    case = only(tmp_path)
    assert [point.name for point in case.points] == ["test_data_set_0", "test_data_set_1"]
    computed = {"test_data_set_0": {"y": VALUES + 9}, "test_data_set_1": {"y": VALUES[:1]}}
    found = with_recorded(Reference(name="evaluator", outputs=computed), case)
    assert found.name == f"{RECORDED}; at test_data_set_1: evaluator"
    assert found.outputs is not None
    assert np.array_equal(found.outputs["test_data_set_0"]["y"], VALUES)
    (tmp_path / "test_data_set_0" / "output_0.pb").write_bytes(b"rubbish")
    assert "changed during the run" in with_recorded(Reference(), case).why
    assert with_recorded(Reference(why="none"), only(save(tmp_path / "plain" / "m.onnx"))).why == "none"


def test_the_tolerance_follows_from_the_types_of_the_model(tmp_path: Path) -> None:
    plain = only(save(tmp_path / "a" / "model.onnx")).tolerance
    half = elementwise("Add", {"x": [3], "z": [3]}, dtype=TensorProto.FLOAT16, output=[3])
    wide = only(save(tmp_path / "b" / "model.onnx", half)).tolerance
    assert (plain.relative, plain.absolute, plain.steps) == (1e-3, 1e-5, 0)
    assert wide.relative > plain.relative
    quantizing = single_node("QuantizeLinear", y=TensorProto.UINT8, inputs=("x", "s"), initializers=())
    assert only(save(tmp_path / "c" / "model.onnx", quantizing)).tolerance.steps == 1
    whole = elementwise("Add", {"x": [3], "z": [3]}, dtype=TensorProto.INT32, output=[3])
    assert only(save(tmp_path / "d" / "model.onnx", whole)).tolerance.steps == 0


def test_a_large_model_is_not_given_to_the_reference_evaluator(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    for name, size in (("model.onnx", 10), ("weights.bin", MAX_MODEL)):
        with (tmp_path / "case" / name).open("wb") as file:
            file.truncate(size)
    folder = CaseFolder(path=tmp_path / "case", external=("weights.bin",))
    assert "is given 512 at most" in str(Evaluator(tmp_path, deadline=1).start(folder))
