"""The known issues of a run: those of the file, checked against every case and every release that there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from matrix.record import RuntimeInfo
from matrix.runtimes.releases import Product, Release, load
from matrix.runtimes.selection import PROVIDERS, Runtime
from matrix.verdict.known_issues import Entry, read_known_issues


def load_known_issues(path: Path, runtimes: Iterable[Runtime], cases: Sequence[str]) -> tuple[Entry, ...]:
    """Return the entries of the file ``path``; ``runtimes`` are those of the run, ``cases`` all ids of the catalogue.

    Raises:
        KnownIssueError: the file cannot be used, or an entry of it fits no case or no release at all.
    """
    usable = [used for release in load() for used in (release, *_on_gpu(release))]
    listed = [(release, f"{release.name}{variant}") for release in usable for variant in _variants(release)]
    selected = [(runtime.release, runtime.name) for runtime in runtimes]
    releases = [
        RuntimeInfo(name=name, requested=release.version, product=release.product)
        for release, name in dict.fromkeys((*listed, *selected))
    ]
    return read_known_issues(path, cases=cases, releases=releases)


def _on_gpu(release: Release) -> list[Release]:
    return [release.with_provider(provider) for provider in PROVIDERS] if release.gpu_version else []


def _variants(release: Release) -> list[str]:
    optimizations = [":all"] if release.product is Product.ONNXRUNTIME else []
    return ["", *optimizations, *(f":{target}" for target in release.targets)]
