"""The baselines of a run's runtimes: which file is whose, what it holds, and what a run makes of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from matrix.errors import BaselineError
from matrix.plan import Cell
from matrix.record import Record, Status, Verdict
from matrix.runtimes.hardware import Gpu, executes, uses_gpu
from matrix.runtimes.releases import Product
from matrix.runtimes.selection import Runtime
from matrix.verdict.baseline import Baseline, read_baseline, write_baseline


def baseline_name(runtime: Runtime, packages: Sequence[str], gpu: Gpu | None) -> str:
    """Return ``rtx-1.7``, ``ort-1.31``, ``trt-8.5.3.1-sm90`` or ``ort-1.31-cuda-sm90``.

    What executes on a GPU is known per GPU architecture, and classic TensorRT by the exact version among the installed
    ``packages``, as a release may have been installed from its second choice.
    """
    if runtime.release.product is Product.TENSORRT:
        pins = dict(package.split("==", 1) for package in packages if "==" in package)
        version = next((pins[name] for name in runtime.release.packages if name in pins), runtime.release.version)
        name = f"trt-{version}"
    else:
        name = runtime.file_name
    return f"{name}-{gpu.sm}" if gpu and uses_gpu(runtime) and executes(runtime, gpu) else name


def check_place(place: Path | None, runtimes: Sequence[Runtime], *, updating: bool) -> None:
    """Check that ``place`` is a folder of baselines, or one file if the run has one runtime.

    The file of a single runtime may be that of another release: that shows what changed from one to the other.

    Raises:
        BaselineError: it is neither, or is not there and is not about to be written, or cannot be.
    """
    if place is None:
        return
    try:
        _check_kind(place, runtimes, updating=updating)
    except OSError as error:
        raise BaselineError(f"--baseline: {place} cannot be read: {error.strerror or error}") from error


def _check_kind(place: Path, runtimes: Sequence[Runtime], *, updating: bool) -> None:
    if updating:
        _check_writable(place.parent if _is_file(place) else place)
    if _is_file(place):
        if len(runtimes) > 1:
            raise BaselineError(
                f"--baseline: {place.name} is one file, and this run has {len(runtimes)} runtimes "
                f"({', '.join(runtime.name for runtime in runtimes)}); give a folder, or select one runtime with "
                "--trt-version and --ort-version"
            )
        if not place.exists() and not updating:
            raise BaselineError(f"--baseline: there is no file {place}; --update-baseline writes it")
    elif not place.is_dir():
        raise BaselineError(f"--baseline: there is no folder {place}; --update-baseline makes it and fills it")


def _check_writable(folder: Path) -> None:
    """Make ``folder``, and find out before the run, and not at its end, that nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(path: Path, error: OSError) -> BaselineError:
    return BaselineError(
        f"--update-baseline cannot write to {path}: {error.strerror or error}; give another folder with --baseline PATH"
    )


class Baselines:
    """The baselines of a run's runtimes, in a folder where ``names`` gives each runtime's file name, or in one file.

    Without a ``place`` there are none, and nothing is judged by them.

    Raises:
        BaselineError: a file cannot be read.
    """

    def __init__(self, place: Path | None, names: Mapping[str, str]) -> None:
        self.judge = place is not None
        if place is None:
            names, place = {}, Path()
        self._paths = {name: place if _is_file(place) else place / f"{file}.csv" for name, file in names.items()}
        self._read: dict[str, Baseline] = {name: read_baseline(path) for name, path in self._paths.items()}

    def get(self, runtime: Runtime) -> Baseline:
        """Return the baseline of ``runtime``."""
        return self._read[runtime.name]

    def unknown(self, known: frozenset[str]) -> dict[str, list[str]]:
        """Return the cases that are not among the ``known`` ids: file name -> ids."""
        found = {
            self._paths[name].name: sorted({case for case, _ in baseline.statuses} - known)
            for name, baseline in self._read.items()
        }
        return {name: cases for name, cases in found.items() if cases}

    def expected(self, cell: Cell) -> Status | None:
        """Return the status of ``cell`` in its baseline, None where it has none."""
        if not self.judge:
            return None
        return self.get(cell.runtime).statuses.get((cell.case.id, str(cell.precision)))

    def update(self, cells: Iterable[Cell], records: Mapping[str, Record], known: frozenset[str]) -> list[Path]:
        """Write what happened as the new baselines, and return their paths.

        Left as they were: a runtime of which nothing ran, and a flaky cell. Lines of cases that are not among the
        ``known`` ids any more are dropped. What another run has written since this one began is kept.

        Raises:
            BaselineError: a baseline cannot be written.
        """
        ran = [cell for cell in cells if cell.id in records]
        written = []
        for runtime in dict.fromkeys(cell.runtime for cell in ran):
            observed = {
                (cell.case.id, str(cell.precision)): records[cell.id].status
                for cell in ran
                if cell.runtime == runtime and records[cell.id].verdict is not Verdict.FLAKY
            }
            if all(status is Status.NOT_RUN for status in observed.values()):
                continue
            path = self._paths[runtime.name]
            old = read_baseline(path)
            kept = {key: status for key, status in old.statuses.items() if key[0] in known}
            try:
                write_baseline(path, replace(old, statuses=kept), observed)
            except OSError as error:
                raise _unwritable(path, error) from error
            written.append(path)
        return written


def _is_file(place: Path) -> bool:
    return place.is_file() or (place.suffix == ".csv" and not place.exists())
