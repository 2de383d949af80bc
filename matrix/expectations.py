"""What is known before a run: the baselines of its runtimes, and the known issues; all read before any cell runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matrix.errors import BaselineError
from matrix.plan import Cell
from matrix.record import Record, RuntimeInfo, Status
from matrix.runtimes.releases import Product, Release, load
from matrix.runtimes.selection import Runtime
from matrix.verdict.baseline import Baseline, read_baseline
from matrix.verdict.known_issues import Entry, explain, read_known_issues


@dataclass(frozen=True, kw_only=True)
class Expectations:
    """The baselines by `Runtime.baseline_name`, and the entries of known_issues.toml."""

    baselines: Mapping[str, Baseline]
    paths: Mapping[str, Path]  # of the baselines
    issues: tuple[Entry, ...] = ()

    def status(self, cell: Cell) -> Status | None:
        """Return the status of ``cell`` in its runtime's baseline, None where it has none."""
        return self.baselines[cell.runtime.baseline_name].statuses.get((cell.case.id, str(cell.precision)))

    def explain(self, record: Record) -> Record:
        """Return ``record`` with the known issues that are about it."""
        return explain(record, self.issues)


def read_expectations(
    runtimes: Sequence[Runtime], *, baselines: Path, updating: bool, known_issues: Path, cases: Sequence[str]
) -> Expectations:
    """Read the known issues, and the baselines of ``runtimes``: ``baselines`` is a folder, or a single runtime's file.

    The file of a single runtime may be that of another release: that shows what changed from one to the other.

    Raises:
        BaselineError: there is no such folder or file (unless one is about to be written), or a file is broken.
        KnownIssueError: the file of known issues cannot be used.
    """
    paths = _paths(runtimes, baselines, updating=updating)
    return Expectations(
        baselines={name: read_baseline(path) for name, path in paths.items()},
        paths=paths,
        issues=read_known_issues(known_issues, cases=cases, releases=_known(runtimes)),
    )


def unknown_lines(expectations: Expectations, known: Iterable[str]) -> dict[str, list[str]]:
    """Return the cases that a baseline has and the catalogue has not: file name -> ids."""
    ids = frozenset(known)
    found = {
        expectations.paths[name].name: sorted({case for case, _ in baseline.statuses} - ids)
        for name, baseline in expectations.baselines.items()
    }
    return {name: cases for name, cases in found.items() if cases}


def _paths(runtimes: Sequence[Runtime], baselines: Path, *, updating: bool) -> dict[str, Path]:
    names = list(dict.fromkeys(runtime.baseline_name for runtime in runtimes))
    if baselines.is_file() or (baselines.suffix == ".csv" and not baselines.exists()):
        if len(names) > 1:
            raise BaselineError(
                f"--baseline: {baselines.name} is one file, and this run has {len(names)} runtimes "
                f"({', '.join(names)}); give a folder, or select one runtime with --trt-version and --ort-version"
            )
        if not baselines.exists() and not updating:
            raise BaselineError(f"--baseline: there is no file {baselines}; --update-baseline writes it")
        return {names[0]: baselines}
    if not baselines.is_dir() and not updating:
        raise BaselineError(f"--baseline: there is no folder {baselines}; --update-baseline makes it and fills it")
    return {name: baselines / f"{name}.csv" for name in names}


def _known(runtimes: Iterable[Runtime]) -> list[RuntimeInfo]:
    """Return every runtime that could be asked for: each release, by itself and in each of its variants."""
    listed = [(release, f"{release.name}{variant}") for release in load() for variant in _variants(release)]
    selected = [(runtime.release, runtime.name) for runtime in runtimes]
    return [
        RuntimeInfo(name=name, requested=release.version, product=release.product)
        for release, name in dict.fromkeys((*listed, *selected))
    ]


def _variants(release: Release) -> list[str]:
    optimizations = [":all"] if release.product is Product.ONNXRUNTIME else []
    return ["", *optimizations, *(f":{target}" for target in release.targets)]
