"""Both references of a run: a process that hangs or dies costs one answer, and nothing is computed twice."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from cases.case import Case
from matrix import evaluator as evaluator_module
from matrix import second_reference as second_module
from matrix.case_folder import CaseFolder, CaseFolders
from matrix.errors import ProvisionError
from matrix.evaluator import Evaluator
from matrix.execution.local import Finished
from matrix.execution.slot import Ran
from matrix.plan import Cell
from matrix.record import Precision
from matrix.references import References
from matrix.runtimes.environment import Environment
from matrix.runtimes.interpreter import inspect_interpreter
from matrix.runtimes.releases import Product, load
from matrix.runtimes.selection import Runtime
from matrix.second_reference import SecondReference, reference_first
from matrix.verdict.reference import Answer
from matrix.verdict.reference.cache import AnswerCache
from tests.conftest import FakeInterpreter
from tests.models import case, relu, single_node

NEWEST = Runtime(second_module._newest(), optimization="off")
WITH_ORT = inspect_interpreter(Path(sys.executable), ("onnxruntime",))
needs_ort = pytest.mark.skipif(WITH_ORT is None or bool(WITH_ORT.missing), reason="no onnxruntime for this Python")


def endless() -> onnx.ModelProto:
    """Return a loop that never ends."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["d"]), helper.make_node("Add", ["v", "v"], ["w"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, ["N", 3]),
        ],
        [
            helper.make_tensor_value_info("d", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, ["N", 3]),
        ],
    )
    graph = helper.make_graph(
        [
            helper.make_node("Constant", [], ["yes"], value=helper.make_tensor("t", TensorProto.BOOL, [], [True])),
            helper.make_node("Loop", ["", "yes", "x"], ["y"], body=body),
        ],
        "case",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def greedy() -> onnx.ModelProto:
    """Return a model that asks for 8 TiB."""
    huge = helper.make_tensor("t", TensorProto.INT64, [1], [2**40])
    graph = helper.make_graph(
        [
            helper.make_node("Constant", [], ["shape"], value=huge),
            helper.make_node("ConstantOfShape", ["shape"], ["much"], value=helper.make_tensor("v", 11, [1], [1.0])),
            helper.make_node("ReduceSum", ["much"], ["sum"], keepdims=0),
            helper.make_node("Cast", ["sum"], ["small"], to=TensorProto.FLOAT),
            helper.make_node("Add", ["x", "small"], ["y"]),
        ],
        "case",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def folder_of(tmp_path: Path, item: Case) -> CaseFolder:
    folder = CaseFolders(tmp_path / "cases").get(item)
    assert folder.invalid == ""
    return folder


def ask(evaluator: Evaluator, folder: CaseFolder) -> Answer | str:
    begun = evaluator.start(folder)
    return evaluator.finish(begun, folder.digest) if isinstance(begun, Path) else begun


@pytest.fixture
def evaluator(tmp_path: Path) -> Iterator[Evaluator]:
    found = Evaluator(tmp_path / "evaluator", deadline=2.0)
    yield found
    found.close()


def test_a_model_that_hangs_or_takes_all_memory_costs_its_own_answer_only(tmp_path: Path, evaluator: Evaluator) -> None:
    fine = folder_of(tmp_path, relu("fine"))
    assert isinstance(ask(evaluator, fine), Answer)
    started = time.monotonic()
    words = ask(evaluator, folder_of(tmp_path, case("endless", endless)))
    assert isinstance(words, str)
    assert "no answer within 2 s" in words
    assert time.monotonic() - started < 30
    words = ask(evaluator, folder_of(tmp_path, case("greedy", greedy)))
    assert isinstance(words, str)
    assert "gave no answer" in words
    again = ask(evaluator, fine)
    assert isinstance(again, Answer)
    assert again.outputs is not None
    assert again.outputs["opt"]["y"].min() == 0
    assert not [path for path in (tmp_path / "evaluator").iterdir() if not path.name.startswith("process")]


def test_an_evaluation_that_ctrl_c_stopped_does_not_cost_the_next_answer(
    tmp_path: Path, evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process may still be busy with a job whose folder is gone."""

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    fine, slow = folder_of(tmp_path, relu("fine")), folder_of(tmp_path, case("endless", endless))
    with monkeypatch.context() as patched:
        patched.setattr("matrix.execution.process.Worker.wait", stopped)
        with pytest.raises(KeyboardInterrupt):
            ask(evaluator, slow)
    assert isinstance(ask(evaluator, fine), Answer)


@pytest.mark.parametrize("rubbish", ["b''", "b'{'", "b'null\\n'"])
def test_an_answer_that_is_none_is_said_to_be(
    tmp_path: Path, evaluator: Evaluator, rubbish: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, pathlib\n"
        "pathlib.Path(sys.argv[2], 'hello.json').write_text('{\"version\": \"1\"}')\n"
        "print('ready', flush=True)\n"
        "for line in sys.stdin:\n"
        f"    pathlib.Path(line.strip(), 'answer').write_bytes({rubbish})\n"
        "    print('done', pathlib.Path(line.strip()).name, flush=True)\n"
    )
    monkeypatch.setattr(evaluator_module, "PROGRAM", program)
    words = ask(evaluator, folder_of(tmp_path, relu()))
    assert isinstance(words, str)
    assert "gave no answer" in words


def test_an_evaluator_that_does_not_start_says_why(
    tmp_path: Path, evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluator_module, "PROGRAM", tmp_path / "missing.py")
    words = ask(evaluator, folder_of(tmp_path, relu()))
    assert isinstance(words, str)
    assert "did not start" in words


def ready(environment: Environment) -> dict[str, Future[Environment]]:
    future: Future[Environment] = Future()
    future.set_result(environment)
    return {NEWEST.name: future}


def second_of(tmp_path: Path, environment: Environment, **changes: Any) -> SecondReference:
    given: dict[str, Any] = {"cache": tmp_path / "cache", "folder": tmp_path / "second", "cpu": "cpu", "deadline": 20.0}
    return SecondReference([NEWEST], ready(environment), **(given | changes))


def finished(folder: CaseFolder, item: Case, runtime: Runtime = NEWEST, version: str = "") -> Finished:
    ran = Ran(version=version) if version else None
    return Finished(cell=Cell(case=item, runtime=runtime, precision=Precision.EXPLICIT), folder=folder, ran=ran)


@needs_ort
def test_each_reference_is_computed_once_and_then_read_from_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert WITH_ORT is not None
    environment = Environment(python=Path(sys.executable), packages=WITH_ORT.packages)
    item = relu()
    folder = folder_of(tmp_path, item)
    second = second_of(tmp_path, environment)
    with References(AnswerCache(tmp_path / "answers"), second, tmp_path / "work", deadline=20.0) as references:
        first = references.get(finished(folder, item))
        assert references.get(finished(folder, item)).outputs is first.outputs
    second.close()
    assert first.name.startswith("onnx ")
    assert first.second.name.startswith("onnxruntime ")
    assert first.outputs is not None
    assert first.second.outputs is not None
    assert first.outputs["max"]["y"].tobytes() == first.second.outputs["max"]["y"].tobytes()

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(Evaluator, "start", fail)
    monkeypatch.setattr(SecondReference, "compute", fail)
    again = second_of(tmp_path, environment)
    with References(AnswerCache(tmp_path / "answers"), again, tmp_path / "work", deadline=20.0) as references:
        found = references.get(finished(folder, item))
    assert (found.name, found.second.name) == (first.name, first.second.name)


@needs_ort
def test_a_refusal_lasts_and_names_the_release(tmp_path: Path) -> None:
    assert WITH_ORT is not None
    second = second_of(tmp_path, Environment(python=Path(sys.executable), packages=WITH_ORT.packages))
    item = case("refused", lambda: single_node("Relu", x=TensorProto.UINT16, opset=17), inputs=lambda _: {})
    folder = replace(folder_of(tmp_path, relu()), points=())
    (folder.path / "model.onnx").write_bytes(item.build().SerializeToString())
    answer, lasting = second.compute(folder)
    second.close()
    assert answer.outputs is None
    assert answer.why.startswith("onnxruntime ")
    assert lasting


def test_a_second_reference_that_crashes_has_no_answer_and_the_next_case_has_its_chance(
    tmp_path: Path, fake_interpreter: FakeInterpreter
) -> None:
    fake = Environment(python=fake_interpreter(), packages=("onnxruntime==1.31.99",))
    second = second_of(tmp_path, fake, deadline=2.0)
    for name, words in (("segfault", "SIGSEGV"), ("hang", "no answer within 2 s"), ("half", "not what the protocol")):
        answer, lasting = second.compute(folder_of(tmp_path, relu(name)))
        assert words in answer.why
        assert not lasting
    answer, lasting = second.compute(folder_of(tmp_path, relu("builds")))
    assert ("refused the model without a reason" in answer.why, lasting) == (True, True)
    second.close()


def test_without_any_onnxruntime_the_reason_is_said_and_the_first_reference_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> Environment:
        raise ProvisionError("ONNX Runtime 1.31: no network")

    monkeypatch.setattr(second_module, "provision", unreachable)
    monkeypatch.setattr(second_module, "inspect_interpreter", lambda *_: None)
    second = SecondReference([], {}, cache=tmp_path / "cache", folder=tmp_path / "second", cpu="cpu", deadline=20.0)
    item = relu()
    with References(AnswerCache(tmp_path / "answers"), second, tmp_path / "work", deadline=20.0) as references:
        found = references.get(finished(folder_of(tmp_path, item), item))
    assert found.outputs is not None
    assert found.second.why == (
        "there is no second reference: ONNX Runtime 1.31: no network; this Python has no onnxruntime either"
    )


def test_the_interpreters_own_onnxruntime_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> Environment:
        raise ProvisionError("no network")

    own = Environment(python=Path(sys.executable), packages=("numpy==2.0", "onnxruntime_gpu==1.29.3"))
    monkeypatch.setattr(second_module, "provision", unreachable)
    monkeypatch.setattr(
        second_module, "inspect_interpreter", lambda *_: type("Found", (), {"packages": own.packages, "missing": ()})
    )
    second = SecondReference([], {}, cache=tmp_path, folder=tmp_path / "second", cpu="cpu", deadline=20.0)
    assert second.key.startswith("onnxruntime-1.29.3-")
    assert second.why == ""


def test_the_key_follows_the_version_the_packages_and_the_processor(tmp_path: Path) -> None:
    keys = [
        second_of(tmp_path, Environment(python=Path("python"), packages=packages), cpu=cpu).key
        for packages in (("onnxruntime==1.31.1",), ("onnxruntime==1.31.2",), ("numpy==2.0", "onnxruntime==1.31.1"))
        for cpu in ("one", "another")
    ]
    assert len(set(keys)) == 6
    assert all(key == Path(key).name for key in keys)


def test_what_the_run_has_computed_itself_is_not_computed_again(tmp_path: Path) -> None:
    second = second_of(tmp_path, Environment(python=Path("python"), packages=("onnxruntime==1.31.1",)))
    item = relu()
    folder = folder_of(tmp_path, item)
    mine = finished(folder, item, version="1.31.1")
    assert second.is_itself(mine)
    assert not second.is_itself(finished(folder, item, version="1.31.0"))
    assert not second.is_itself(finished(folder, item, replace(NEWEST, optimization="all"), version="1.31.1"))
    assert mine.ran is not None
    with_directory = replace(mine, directory=tmp_path, ran=replace(mine.ran, why="it died", packages=("other==1",)))
    assert second.answer_of(with_directory) is None
    assert with_directory.ran is not None
    same = replace(with_directory, ran=replace(with_directory.ran, packages=("onnxruntime==1.31.1",)))
    found = second.answer_of(same)
    assert found is not None
    assert (found[0].outputs, found[1]) == (None, False)
    assert "it died" in found[0].why


def test_the_runtime_that_is_the_reference_comes_first_and_its_refusals_are_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = sorted((each for each in load() if each.product is Product.ONNXRUNTIME), key=lambda each: each.number)
    old, optimized = Runtime(known[0], optimization="off"), replace(NEWEST, optimization="all")
    assert reference_first([old, optimized, NEWEST]) == [NEWEST, old, optimized]
    environment = Environment(python=Path("python"), packages=("onnxruntime==1.31.1",))
    second = second_of(tmp_path, environment)
    item = relu()
    ran = Ran(why="it died", version="1.31.1", packages=environment.packages)
    dead = replace(finished(folder_of(tmp_path, item), item), directory=tmp_path, ran=ran)
    monkeypatch.setattr(Evaluator, "start", lambda *_: "not now")
    monkeypatch.setattr(SecondReference, "compute", None)  # must not be called
    with References(AnswerCache(tmp_path / "answers"), second, tmp_path / "work", deadline=1.0) as references:
        references.learn(replace(dead, cell=replace(dead.cell, runtime=old)))
        references.learn(dead)
        found = references.get(replace(dead, cell=replace(dead.cell, runtime=old)))
    assert "it died" in found.second.why


def test_what_passes_is_asked_once_in_a_run_and_again_in_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def start(_: Evaluator, folder: CaseFolder) -> str:
        asked.append(folder.digest)
        return "it hung"

    monkeypatch.setattr(Evaluator, "start", start)
    monkeypatch.setattr(SecondReference, "key", property(lambda self: ""))
    second = second_of(tmp_path, Environment(python=Path("python"), packages=()))
    folders = CaseFolders(tmp_path / "cases")
    one, other = relu("one"), case("other", lambda: single_node("Neg"))
    for _ in range(2):
        with References(AnswerCache(tmp_path / "answers"), second, tmp_path / "work", deadline=1.0) as references:
            for item in (one, other, one):
                found = references.get(finished(folders.get(item), item))
                assert (found.why, found.outputs) == ("it hung", None)
    assert len(asked) == 4
    assert len(set(asked)) == 2
