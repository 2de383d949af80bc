"""The process that opens strangers' models: what it answers, and what becomes of one that brings it down."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto

from matrix.models import examination
from matrix.models.examiner import Examiner
from matrix.models.interface import GraphValue, ModelError
from tests.models import single_node
from tests.own_models import elementwise, save


@pytest.fixture
def examiner() -> Iterator[Examiner]:
    made = Examiner(deadline=60)
    yield made
    made.close()


def test_the_interface_is_that_of_the_inputs_without_a_default(tmp_path: Path, examiner: Examiner) -> None:
    model = elementwise("Add", {"x": ["N", None, 3], "w": [3]}, output=["N", None, 3])
    model.graph.initializer.append(onnx.helper.make_tensor("w", TensorProto.FLOAT, [3], [1, 2, 3]))
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = -1
    found = examiner.describe(save(tmp_path / "model.onnx", model))
    assert found.inputs == (GraphValue(name="x", kind="tensor", dtype="float32", shape=("N", None, 3)),)
    assert (found.opset, found.ir_version, found.op, found.dtypes) == (17, 8, "Add", ("float32",))
    checked = examiner.check(tmp_path / "model.onnx")
    assert checked.checker == "" or "dim_value" in checked.checker


@pytest.mark.parametrize("content", [b"", b"\xff\xfe rubbish", b"<html>404</html>", b"\x08\x08"])
def test_what_is_no_model_is_said(tmp_path: Path, examiner: Examiner, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="not an ONNX model"):
        examiner.describe(tmp_path / "model.onnx")


def test_a_file_above_the_limit_of_protobuf_is_said_with_the_remedy(tmp_path: Path, examiner: Examiner) -> None:
    with (tmp_path / "model.onnx").open("wb") as file:
        file.truncate(examination.MAX_PROTOBUF + 1)
    with pytest.raises(ModelError, match="save_as_external_data"):
        examiner.describe(tmp_path / "model.onnx")


def test_a_name_that_is_no_utf8_is_said_and_an_operator_called_so_is_left_to_the_runtime(
    tmp_path: Path, examiner: Examiner
) -> None:
    content = save(tmp_path / "model.onnx").read_bytes()
    (tmp_path / "op.onnx").write_bytes(content.replace(b"Relu", b"Re\xff\xfe"))
    assert examiner.describe(tmp_path / "op.onnx").op == "Re\ufffd\ufffd"
    (tmp_path / "input.onnx").write_bytes(content.replace(b"\n\x01x", b"\n\x01\xff"))
    with pytest.raises(ModelError, match=r"the name b'\\xff' of an input or output is not UTF-8"):
        examiner.describe(tmp_path / "input.onnx")


def test_the_checkers_words_come_without_a_path_and_nothing_is_declared(tmp_path: Path, examiner: Examiner) -> None:
    checked = examiner.check(save(tmp_path / "model.onnx", single_node("NoSuchOp")))
    assert "NoSuchOp" in checked.checker
    assert str(tmp_path) not in checked.checker
    assert checked.outputs == ()
    good = examiner.check(save(tmp_path / "model.onnx"))
    assert (good.checker, [output.name for output in good.outputs]) == ("", ["y"])


def test_a_process_that_died_is_replaced(tmp_path: Path, examiner: Examiner) -> None:
    model = save(tmp_path / "model.onnx")
    examiner.describe(model)
    assert examiner._process is not None
    os.kill(examiner._process.pid, signal.SIGSEGV)
    assert "did not survive this model: exit status -11" in examiner.check(model).checker
    assert examiner.check(model).checker == ""


def test_one_that_gives_no_answer_in_time_is_killed(tmp_path: Path) -> None:
    impatient = Examiner(deadline=0.0)
    with pytest.raises(ModelError, match="no answer in 0 s"):
        impatient.describe(save(tmp_path / "model.onnx"))
    impatient.close()
