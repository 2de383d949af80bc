"""External data: inside the model's folder and whole, or refused; and never read into memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from matrix.models.examiner import Examiner
from matrix.models.external import COPIED, bring, external_files
from matrix.models.interface import ExternalTensor, ModelError
from tests.own_models import with_external_data


def weights(location: str, **place: str) -> ExternalTensor:
    return ExternalTensor(name="w", location=location, **place)


def test_files_beside_and_below_the_model_are_found_once(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "w.bin").write_bytes(bytes(100))
    parts = [weights("deep/w.bin", offset="0", length="60"), weights("deep/w.bin", offset="60", length="40")]
    assert external_files(tmp_path, [*parts, weights("deep/w.bin")]) == ("deep/w.bin",)
    with pytest.raises(ModelError, match=r"ends at byte 101 of deep/w\.bin, which has 100"):
        external_files(tmp_path, [weights("deep/w.bin", offset="61", length="40")])


@pytest.mark.parametrize(
    "location", ["../w.bin", "/etc/passwd", "a/../../w.bin", "", "C:/w.bin", "..\\w.bin", "a\0b", "a/../w.bin"]
)
def test_a_place_outside_the_folder_is_refused_without_being_looked_at(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "w.bin").write_bytes(bytes(100))
    with pytest.raises(ModelError, match="not in the model's own folder; put it there"):
        external_files(folder, [weights(location)])


def test_a_link_that_leads_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "w.bin").write_bytes(bytes(100))
    (tmp_path / "model" / "w.bin").symlink_to(tmp_path / "w.bin")
    with pytest.raises(ModelError, match="outside the model's folder; copy"):
        external_files(tmp_path / "model", [weights("w.bin")])


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (weights("gone.bin"), "there is no file gone.bin beside the model"),
        (weights("reply.json"), "save the model with another one"),
        (weights("inputs/w.bin"), "save the model with another one"),
        (weights("w.bin", offset="-4"), "no number of bytes"),
        (weights("w.bin", length="9" * 30), "no number of bytes"),
    ],
)
def test_what_cannot_be_used_is_said_with_the_remedy(tmp_path: Path, tensor: ExternalTensor, words: str) -> None:
    (tmp_path / "inputs").mkdir()
    for name in ("w.bin", "reply.json", "inputs/w.bin"):
        (tmp_path / name).write_bytes(bytes(8))
    with pytest.raises(ModelError, match=words):
        external_files(tmp_path, [tensor])


def test_a_large_file_is_linked_and_a_small_one_copied(tmp_path: Path) -> None:
    for name, size in (("small", 10), ("large", COPIED + 1)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
        bring(tmp_path / name, tmp_path / "there" / name)
    assert (tmp_path / "small").stat().st_nlink == 1
    assert (tmp_path / "large").stat().st_nlink == 2
    assert (tmp_path / "there" / "large").stat().st_size == COPIED + 1


def test_the_interface_names_external_tensors_without_opening_their_files(tmp_path: Path) -> None:
    model = with_external_data(tmp_path / "model.onnx", "nowhere/../w.bin")
    examiner = Examiner()
    try:
        (tensor,) = examiner.describe(model).external
    finally:
        examiner.close()
    assert (tensor.name, tensor.location, tensor.offset, tensor.length) == ("w", "nowhere/../w.bin", "0", "24")
