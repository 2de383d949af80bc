"""A bundle from a stranger is data: it cannot run code, write elsewhere, or fill the disk or the memory."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matrix.errors import BundleError
from matrix.repro import unpack
from matrix.repro.manifest import Manifest, Tensor, read_manifest
from matrix.repro.unpack import check_model, inside, opened, read_tensor
from tests.own_models import with_external_data


def archive(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in entries:
            packed.writestr(name, content)
    return path


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("b/link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/outside", "b/../../outside", "b\\..\\..\\outside", "C:/outside", "b/../outside"]
)
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    bundle = archive(tmp_path / "b.zip", (name, b"x"))
    with pytest.raises(BundleError, match="outside its folder"), opened(bundle):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["b.zip"]


def test_a_link_is_refused(tmp_path: Path) -> None:
    bundle = archive(tmp_path / "b.zip", (link(), b"/etc/passwd"))
    with pytest.raises(BundleError, match="link or a device"), opened(bundle):
        pass


def test_what_would_fill_the_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = archive(tmp_path / "b.zip", ("b/large", bytes(2**21)))
    with opened(bundle) as folder:
        assert (folder / "b" / "large").stat().st_size == 2**21
    monkeypatch.setattr(unpack, "MAX_BYTES", 2**20)
    with pytest.raises(BundleError, match="holds more than"), opened(bundle):
        pass
    monkeypatch.setattr(unpack, "MAX_BYTES", 2**30)
    monkeypatch.setattr(unpack, "CHUNK", 2**12)
    with pytest.raises(BundleError, match="would grow"), opened(bundle):
        pass
    monkeypatch.setattr(unpack, "MAX_FILES", 0)
    with pytest.raises(BundleError, match="files"), opened(bundle):
        pass


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_was_damaged_is_told_in_one_line(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w", method) as packed:
        packed.writestr("b/large", bytes(range(256)) * 100)
    content = bytearray((tmp_path / "b.zip").read_bytes())
    content[60:120] = bytes(60)
    (tmp_path / "b.zip").write_bytes(content)
    with pytest.raises(BundleError, match=r"can(not)? be read"), opened(tmp_path / "b.zip"):
        pass


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_zip_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.zip").write_bytes(content)
    with pytest.raises(BundleError, match="no zip that can be read"), opened(tmp_path / "b.zip"):
        pass
    with pytest.raises(BundleError, match="No such file"), opened(tmp_path / "absent.zip"):
        pass


def tensor(**changes: Any) -> Tensor:
    facts = {"name": "x", "dtype": "float32", "shape": (2,), "file": "x.npz", "key": "tensor_0"}
    return Tensor(**{**facts, **changes})


def npz(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("tensor_0.npy", content)


def npy(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=allow_pickle)
    return stream.getvalue()


def test_no_pickle_is_read(tmp_path: Path) -> None:
    npz(tmp_path / "x.npz", npy(np.array([{}, {}], dtype=object), allow_pickle=True))
    with pytest.raises(BundleError, match="allow_pickle=False"):
        read_tensor(tmp_path, tensor())


def test_an_array_must_be_what_the_manifest_says(tmp_path: Path) -> None:
    npz(tmp_path / "x.npz", npy(np.zeros(2, np.float32)))
    assert read_tensor(tmp_path, tensor()).shape == (2,)
    for wrong in ({"shape": (3,)}, {"dtype": "int32"}, {"key": "tensor_1"}, {"file": "y.npz"}, {"file": "../x.npz"}):
        with pytest.raises(BundleError):
            read_tensor(tmp_path, tensor(**wrong))
    good = npy(np.zeros((100000, 1), np.float32))[:200]
    for broken in (good, good.replace(b"(100000, 1)", b"(99999999,)"), good.replace(b"(", b"["), b"\x93NUMPY", b""):
        npz(tmp_path / "x.npz", broken)
        with pytest.raises(BundleError):
            read_tensor(tmp_path, tensor())
    (tmp_path / "x.bin").write_bytes(b"abc")
    with pytest.raises(BundleError, match="cannot be read"):
        read_tensor(tmp_path, tensor(file="x.bin", key=""))


def test_external_data_stays_inside_and_is_what_the_manifest_names(tmp_path: Path) -> None:
    with_external_data(tmp_path / "model.onnx", "../secret")
    with pytest.raises(BundleError, match=r"'\.\./secret', which is not in the model's own folder"):
        check_model(tmp_path, manifest(tmp_path))
    with_external_data(tmp_path / "model.onnx", "weights.bin")
    check_model(tmp_path, manifest(tmp_path, model_files=["model.onnx", "weights.bin"]))
    for files in (["model.onnx"], ["model.onnx", "weights.bin", "manifest.json"]):
        with pytest.raises(BundleError, match=r"than the model does: weights\.bin"):
            check_model(tmp_path, manifest(tmp_path, model_files=files))
    (tmp_path / "model.onnx").write_bytes(b"\xff\xff")
    with pytest.raises(BundleError, match="is not an ONNX model"):
        check_model(tmp_path, manifest(tmp_path))


def test_a_link_inside_a_folder_does_not_lead_out(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"s")
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "x").symlink_to(tmp_path / "secret")
    with pytest.raises(BundleError, match="outside"):
        inside(tmp_path / "bundle", "x")


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 5000])
def test_what_is_no_name_of_a_file_is_told_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleError, match=r"is no name of a file|is not in the bundle"):
        inside(tmp_path, name)


def entry(**changes: Any) -> dict[str, Any]:
    tolerance = {"absolute": 0.0, "relative": 0.0, "steps": 0, "peak": 0.0}
    case = {
        "id": "relu", "op": "Relu", "opset": 17, "ir_version": 8, "summary": "", "tags": [], "source": "",
    }  # fmt: skip
    facts = {
        "bundle": 1, "case": case, "runtime": {"name": "rtx-1.7", "product": "tensorrt_rtx", "version": "1.7"},
        "precision": "explicit", "status": "wrong", "reason": "", "timeout": 60.0, "options": {}, "points": [],
        "profiles": [], "calibration": None, "outputs": [], "tolerance": tolerance, "case_tolerance": tolerance,
        "reference": "", "no_reference": "", "must_refuse": "", "dynamic": False, "model_files": ["model.onnx"],
    }  # fmt: skip
    return {**facts, **changes}


def manifest(folder: Path, **changes: Any) -> Manifest:
    (folder / "manifest.json").write_text(json.dumps(entry(**changes)))
    return read_manifest(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it["case"].update(id="../../escape"),
        lambda it: it["case"].update(id=".hidden"),
        lambda it: it["case"].update(id=7),
        lambda it: it.update(bundle=2),
        lambda it: it.update(bundle="1"),
        lambda it: it.update(status="perfect"),
        lambda it: it.update(precision="fp1"),
        lambda it: it.update(points=[{"name": "p"}]),
        lambda it: it.update(model_files=[]),
        lambda it: it.update(options={"a": 1}),
        lambda it: it["case_tolerance"].update(absolute=float("nan")),
        lambda it: it["case_tolerance"].update(relative=float("inf")),
        lambda it: it["tolerance"].update(steps=-1),
        lambda it: it.clear(),
    ],
)
def test_a_manifest_of_another_form_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    assert manifest(tmp_path).case.id == "relu"
    changed = entry()
    change(changed)
    (tmp_path / "manifest.json").write_text(json.dumps(changed))
    with pytest.raises(BundleError):
        read_manifest(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 100_000, "{", '{"bundle": NaN}'])
def test_what_is_no_manifest_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BundleError, match="is not the manifest of a bundle"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(BundleError, match="cannot be read"):
        read_manifest(tmp_path)
