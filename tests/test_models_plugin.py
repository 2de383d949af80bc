"""`pytest matrix/ --model` from the command line, on ONNX Runtime as this interpreter has it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, TypeProto, helper

from matrix.record import Record, Status
from matrix.record_json import from_json
from tests.models import single_node
from tests.own_models import elementwise, record, save, with_external_data

pytest.importorskip("onnxruntime")
ROOT = Path(__file__).parents[1]
VALUES = np.arange(6, dtype=np.float32).reshape(2, 3) - 2
RELU = np.maximum(VALUES, 0)


class OwnModelRun:
    """A run of the command, its exit status, output and records by case id."""

    def __init__(self, tmp_path: Path, model: Path, *arguments: str) -> None:
        done = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "matrix/", f"--model={model}",
                "--trt-version=none", "--ort-version=1.31", f"--runtime-python=ort-1.31={sys.executable}", "--jobs=1",
                f"--report-dir={tmp_path / 'out'}", *arguments,
            ],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
            env={**os.environ, "TENSORRT_MATRIX_CACHE": str(tmp_path / "cache"), "COLUMNS": "120"},
        )  # fmt: skip
        self.code, self.output = done.returncode, done.stdout + done.stderr
        self.folder = tmp_path / "out" / "latest"
        lines = (self.folder / "records.jsonl").read_text().splitlines() if self.folder.exists() else []
        self.records: dict[str, Record] = {item.case.id: item for item in map(from_json, lines)}


def words(found: Record, source: str) -> Sequence[str]:
    return [item.message for item in found.diagnostics if item.source == source]


def test_a_tree_has_a_record_for_each_model_and_a_bad_one_costs_only_its_own(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    save(tree / "dynamic" / "model.onnx")
    save(tree / "recorded" / "model.onnx")
    record(tree / "recorded", input_0=VALUES, output_0=RELU)
    save(tree / "disagrees" / "model.onnx")
    record(tree / "disagrees", input_0=VALUES, output_0=RELU + 1)
    save(tree / "inputs_only" / "model.onnx")
    record(tree / "inputs_only", input_0=VALUES)
    with_external_data(tree / "external" / "model.onnx", "deep/weights.bin")
    with_external_data(tree / "stranger" / "model.onnx", "../external/deep/weights.bin")
    (tree / "rubbish").mkdir()
    (tree / "rubbish" / "model.onnx").write_text("<html>not found</html>")
    save(tree / "no_tensor" / "model.onnx")
    record(tree / "no_tensor", input_0=b"rubbish")
    broken = elementwise("Relu", {"x": [2, 3]}, output=[2, 3])
    broken.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 7
    save(tree / "checker" / "model.onnx", broken)
    save(tree / "unknown_op" / "model.onnx", single_node("NoSuchOp"))
    strings = elementwise("Identity", {"x": [3]}, dtype=TensorProto.STRING, output=[3])
    save(tree / "strings" / "model.onnx", strings)
    sequence = elementwise("SequenceLength", {"x": [3]}, dtype=TensorProto.INT64, output=[])
    sequence.graph.input[0].type.CopyFrom(_sequence())
    save(tree / "sequence" / "model.onnx", sequence)
    run = OwnModelRun(tmp_path, tree)
    found = {name.removeprefix("model-"): item for name, item in run.records.items()}
    assert {name: str(item.status) for name, item in found.items()} == {
        "dynamic": "match", "recorded": "match", "disagrees": "wrong", "inputs_only": "match", "external": "match",
        "stranger": "invalid_case", "rubbish": "invalid_case", "no_tensor": "invalid_case", "checker": "match",
        "unknown_op": "unsupported", "strings": "match", "sequence": "not_applicable",
    }, run.output  # fmt: skip
    assert run.code == 1
    assert "reproduce: pytest matrix/ --model PATH --trt-version none" in run.output
    assert "Traceback" not in run.output
    assert str(tree) not in (run.folder / "records.jsonl").read_text()
    assert {item.verdict for item in found.values()} == {None}
    assert [point.shapes["x"] for point in found["dynamic"].points] == [(1, 3), (2, 3), (3, 3), (4, 3)]
    assert any("shapes chosen for lack of --input-shapes" in note for note in words(found["dynamic"], "harness"))
    assert [result.reference for result in found["recorded"].results] == ["recorded outputs"]
    assert "reference evaluator" in found["inputs_only"].results[0].reference
    assert found["disagrees"].attempts == 2
    assert "not in the model's own folder" in found["stranger"].reason
    assert "not an ONNX model" in found["rubbish"].reason
    assert "is not a TensorProto" in found["no_tensor"].reason
    assert "(3) vs (7)" in words(found["checker"], "checker")[0] or "dimension" in words(found["checker"], "checker")[0]
    assert "NoSuchOp" in words(found["unknown_op"], "checker")[0]
    assert words(found["unknown_op"], "session")
    assert "kind sequence" in found["sequence"].reason
    assert all(item.case.family == "model" for item in found.values())


def _sequence() -> TypeProto:
    return helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.INT64, [3]))


def test_asked_shapes_are_run_and_judged_beside_recorded_ones(tmp_path: Path) -> None:
    save(tmp_path / "own" / "model.onnx")
    record(tmp_path / "own", input_0=VALUES, output_0=RELU)
    run = OwnModelRun(tmp_path, tmp_path / "own", "--profile=x:1x3:4x3:8x3")
    (found,) = run.records.values()
    assert found.status is Status.MATCH
    assert [point.point for point in found.points] == ["test_data_set_0", "min", "opt", "inside", "max"]
    assert found.points[-1].shapes == {"x": (8, 3)}
    assert found.results[0].reference.startswith("recorded outputs; at min, opt, inside, max: onnx")
    assert run.code == 0


def test_a_bundle_that_would_lie_over_the_models_own_data_is_not_written(tmp_path: Path) -> None:
    with_external_data(tmp_path / "tree" / "a" / "model.onnx", "repro.py")
    with_external_data(tmp_path / "tree" / "b" / "model.onnx", "data/weights.bin")
    run = OwnModelRun(tmp_path, tmp_path / "tree", "--repro=all")
    assert run.code == 0, run.output
    assert {name: found.status for name, found in run.records.items()} == dict.fromkeys(run.records, Status.MATCH)
    assert [path.name for path in sorted((run.folder / "repro").iterdir())] == [
        "ort-1.31-model-b",
        "ort-1.31-model-b.zip",
    ]
    assert "reproduction bundle not written: ort-1.31-model-a: repro.py: the model's external data is" in run.output


def test_a_wrong_option_is_one_error_with_the_remedy(tmp_path: Path) -> None:
    run = OwnModelRun(tmp_path, save(tmp_path / "model.onnx"), "--input-shapes=z:1x3")
    assert run.code == 4
    assert "there is no input 'z'; the inputs are 'x'" in run.output
    assert "Traceback" not in run.output
    assert len([line for line in run.output.splitlines() if line.startswith("ERROR")]) == 1


def test_a_baseline_of_ones_own_judges(tmp_path: Path) -> None:
    model, baselines = save(tmp_path / "model.onnx"), tmp_path / "baselines"
    assert OwnModelRun(tmp_path, model, f"--baseline={baselines}", "--update-baseline").code == 0
    assert (baselines / "ort-1.31.csv").read_text().splitlines()[1:] == ["model-model,explicit,match"]
    (found,) = OwnModelRun(tmp_path, model, f"--baseline={baselines}").records.values()
    assert (found.verdict, found.baseline) == ("same", "match")


def test_without_the_option_no_model_is_collected_and_the_catalogue_is(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.small_catalogue", "-p", "no:cacheprovider", "matrix/", "-q",
         "--collect-only", "--trt-version=none", "--ort-version=1.31"],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "SMALL_CATALOGUE": "one two"},
    )  # fmt: skip
    assert "test_quantization[ort-1.31-one]" in done.stdout
    assert "test_model" not in done.stdout
    assert done.returncode == 0
