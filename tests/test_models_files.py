"""Which models a path holds, and what they are called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from matrix.errors import OptionError
from matrix.models.asked import parse_asked
from matrix.models.files import LONGEST, find_models, model_id
from matrix.models.own_models import OwnModels
from tests.own_models import record, save


def test_a_file_a_folder_and_a_tree(tmp_path: Path) -> None:
    save(tmp_path / "vision" / "resnet" / "model.onnx")
    record(tmp_path / "vision" / "resnet", number=10, input_0=[1.0])
    record(tmp_path / "vision" / "resnet", number=2, input_0=[1.0])
    save(tmp_path / "vision" / "flat.onnx")
    save(tmp_path / "my model.onnx")
    found = {files.name: files for files in find_models(tmp_path)}
    assert list(found) == ["my model.onnx", "vision/flat.onnx", "vision/resnet/model.onnx"]
    assert [files.id for files in found.values()][1:] == ["model-vision+flat.onnx", "model-vision+resnet"]
    assert found["my model.onnx"].id.startswith("model-my_model.onnx-")
    resnet = found["vision/resnet/model.onnx"]
    assert [path.name for path in resnet.data_sets] == ["test_data_set_2", "test_data_set_10"]
    (alone,) = find_models(tmp_path / "vision" / "resnet")
    assert (alone.id, alone.name, len(alone.data_sets)) == ("model-resnet", "model.onnx", 2)
    (file,) = find_models(tmp_path / "vision" / "flat.onnx")
    assert (file.id, file.data_sets) == ("model-flat", ())


def test_recorded_tensors_belong_to_the_usual_model_or_to_the_only_one(tmp_path: Path) -> None:
    save(tmp_path / "a.onnx")
    record(tmp_path, input_0=[1.0])
    assert [len(files.data_sets) for files in find_models(tmp_path)] == [1]
    save(tmp_path / "b.onnx")
    assert [len(files.data_sets) for files in find_models(tmp_path)] == [0, 0]
    assert find_models(tmp_path / "b.onnx")[0].data_sets == ()


@pytest.mark.parametrize("name", ["missing", "missing.onnx", "empty"])
def test_a_path_without_a_model_is_said_with_the_remedy(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match="give "):
        find_models(tmp_path / name)


def test_a_tree_is_not_left_through_a_link(tmp_path: Path) -> None:
    save(tmp_path / "outside" / "model.onnx")
    save(tmp_path / "tree" / "model.onnx")
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside", target_is_directory=True)
    assert [files.name for files in find_models(tmp_path / "tree")] == ["model.onnx"]


def test_a_loop_of_links_costs_its_own_record_only(tmp_path: Path) -> None:
    save(tmp_path / "good" / "model.onnx")
    (tmp_path / "loop.onnx").symlink_to("loop.onnx")
    (tmp_path / "loop").symlink_to("loop")
    models = OwnModels(tmp_path, parse_asked([], []))
    folders = [models.make_folder(case, tmp_path / "made" / case.id) for case in models.cases]
    models.close()
    assert [folder.invalid for folder in folders] == ["it is not a regular file; remove it", ""]
    with pytest.raises(OptionError, match="there is no"):
        find_models(tmp_path / "loop")


PARTS = st.lists(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=60), min_size=1, max_size=4)


@given(PARTS, PARTS)
@example(["0"], ["\udd00"])  # which stands for no byte of a file name, and must not be trusted to be absent
def test_ids_are_file_names_and_differ_for_different_paths(one: list[str], other: list[str]) -> None:
    for parts in (one, other):
        assert len(model_id(parts)) <= LONGEST
        assert not set(model_id(parts)) & set("/\\:*?\"<>| '\n")
    assert (model_id(one) == model_id(other)) == (one == other)


def test_a_name_that_is_no_text_can_be_written_down(tmp_path: Path) -> None:
    try:
        save(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9/model.onnx")))
    except OSError:
        pytest.skip("this file system takes text alone")
    (found,) = find_models(tmp_path)
    assert found.name == "caf\ufffd/model.onnx"
    assert found.id.isascii()


def test_a_model_in_the_trees_own_folder_has_its_own_id(tmp_path: Path) -> None:
    for place in ("", "tree", "other"):
        save(tmp_path / "tree" / place / "model.onnx")
    ids = [files.id for files in find_models(tmp_path / "tree")]
    assert len(set(ids)) == 3
    assert "model-other" in ids


def test_external_data_is_looked_for_beside_a_link_and_not_beside_what_it_points_to(tmp_path: Path) -> None:
    blob = save(tmp_path / "blobs" / "0123")
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot" / "model.onnx").symlink_to(blob)
    (found,) = find_models(tmp_path / "snapshot" / "model.onnx")
    assert (found.id, found.model.parent.name) == ("model-model", "snapshot")
