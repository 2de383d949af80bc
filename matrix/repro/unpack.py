"""Opens a bundle from a stranger: no pickle is read, nothing is written outside, and nothing grows without end."""

from __future__ import annotations

import io
import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import numpy as np

from cases.case import Array
from matrix.case_folder import ABSENT, decode
from matrix.errors import BundleError
from matrix.models.examiner import Examiner
from matrix.models.external import external_files
from matrix.models.inside import lies_inside
from matrix.models.interface import ModelError
from matrix.repro.manifest import FILE, MODEL, Manifest, Tensor

MAX_FILES = 2_000
MAX_BYTES = 4 * 2**30  # of all files together
MAX_RATIO = 200  # of unpacked to packed bytes, of a file that is larger than this many MiB
CHUNK = 2**20
# What zipfile and the decompressors behind it raise on bytes that are no zip.
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    ValueError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)


@contextmanager
def opened(bundle: Path) -> Iterator[Path]:
    """Yield the folder of ``bundle``: itself, or a temporary one with what its zip holds.

    Raises:
        BundleError: it is neither, or the zip is broken, too large, or leads out of its folder.
    """
    try:
        is_folder = bundle.is_dir()
    except OSError as error:
        raise BundleError(str(bundle), f"cannot be read ({error.strerror or error})") from error
    if is_folder:
        yield bundle
        return
    with TemporaryDirectory() as name:
        folder = Path(name)
        try:
            with zipfile.ZipFile(bundle) as archive:
                _extract(archive, folder, str(bundle))
        except OSError as error:
            raise BundleError(str(bundle), f"cannot be read ({error.strerror or error})") from error
        except BROKEN as error:
            raise BundleError(str(bundle), f"is no folder, and no zip that can be read: {error}") from error
        inside = sorted(folder.glob(f"*/{FILE}"))
        yield inside[0].parent if inside and not (folder / FILE).exists() else folder


def _extract(archive: zipfile.ZipFile, folder: Path, what: str) -> None:
    """Unpack by hand: every name is checked, and no more bytes come out of a file than its entry says."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MAX_FILES:
        raise BundleError(what, f"holds more than {MAX_FILES} files")
    if sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise BundleError(what, f"holds more than {MAX_BYTES // 2**30} GiB")
    for entry in entries:
        _check_entry(entry, what)
        target = folder / entry.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        left = entry.file_size
        with archive.open(entry) as packed, target.open("xb") as file:
            while chunk := packed.read(min(CHUNK, left + 1)):
                left -= len(chunk)
                if left < 0:
                    raise BundleError(what, f"{entry.filename!r} is larger than it says")
                file.write(chunk)


def _check_entry(entry: zipfile.ZipInfo, what: str) -> None:
    name = PurePosixPath(entry.filename)
    if name.is_absolute() or ".." in name.parts or "\\" in entry.filename or ":" in entry.filename:
        raise BundleError(what, f"{entry.filename[:200]!r} would lie outside its folder")
    mode = entry.external_attr >> 16
    if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        raise BundleError(what, f"{entry.filename[:200]!r} is a link or a device")
    if entry.file_size > MAX_RATIO * CHUNK and entry.file_size > MAX_RATIO * max(1, entry.compress_size):
        raise BundleError(what, f"{entry.filename[:200]!r} would grow more than {MAX_RATIO} times")


def read_tensor(folder: Path, tensor: Tensor) -> Array:
    """Return a tensor of the bundle in ``folder``.

    Raises:
        BundleError: its file is missing, lies elsewhere, or does not hold what the manifest says.
    """
    if tensor.dtype == ABSENT:
        return decode(ABSENT, (), b"")
    path = inside(folder, tensor.file)
    try:
        if not tensor.key:
            return decode(tensor.dtype, tensor.shape, path.read_bytes())
        array = _from_archive(path, tensor.key)
    except Exception as error:  # numpy's reader raises whatever its parser does on what a stranger wrote
        raise BundleError(tensor.file, f"cannot be read: {type(error).__name__}: {error}"[:300]) from error
    if (array.dtype.name, array.shape) != (tensor.dtype, tensor.shape):
        raise BundleError(tensor.file, f"{tensor.key} is not the tensor that the manifest says")
    return array


def _from_archive(path: Path, key: str) -> Array:
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo(f"{key}.npy")
        if entry.file_size > MAX_BYTES:
            raise ValueError("it is too large")
        array: Array = np.load(io.BytesIO(archive.read(entry)), allow_pickle=False)
        return array


def check_model(folder: Path, manifest: Manifest) -> None:
    """Refuse a model that names a file outside its bundle, or one that the manifest leaves out; it is not read here.

    Raises:
        BundleError: it does, or is no model.
    """
    for name in manifest.model_files:
        inside(folder, name)
    examiner = Examiner()
    try:
        wanted = external_files(folder, examiner.describe(folder / MODEL).external)
    except ModelError as error:
        raise BundleError(MODEL, str(error)) from error
    finally:
        examiner.close()
    if set(manifest.model_files[1:]) != set(wanted):
        raise BundleError(FILE, f"it names other files of the model than the model does: {', '.join(wanted) or 'none'}")


def inside(folder: Path, name: str) -> Path:
    """Return the path of a file of the bundle.

    Raises:
        BundleError: it would lie outside, or is not there.
    """
    path = folder / name
    try:
        stays, is_there = lies_inside(path, folder), path.is_file()
    except (OSError, ValueError) as error:  # too long, a null byte, half a surrogate pair
        raise BundleError(repr(name[:200]), f"is no name of a file ({type(error).__name__})") from error
    if not stays:
        raise BundleError(name[:200], "lies outside the bundle")
    if not is_there:
        raise BundleError(name[:200], "is not in the bundle")
    return path
