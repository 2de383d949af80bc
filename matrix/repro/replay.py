"""Runs a bundle on other releases, through the normal machinery: its cell as a case, its expected outputs as truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TextIO

from cases.case import Array, Calibration, Case, Profile, ShapePoint, Tolerance
from cases.external_data import load_model
from cases.promise import FAMILY
from matrix.case_folder import CaseFolder, DeclaredOutput, store_calibration, store_points, store_profiles
from matrix.cell_reference import with_network
from matrix.conclusion import conclude
from matrix.models.external import bring
from matrix.models.folder import digest_of
from matrix.plan import plan
from matrix.record import Record
from matrix.repro.manifest import MODEL, Manifest, read_manifest
from matrix.repro.running import executing
from matrix.repro.unpack import check_model, opened, read_tensor
from matrix.runtimes.selection import Runtime
from matrix.verdict.reference import Reference
from reports.text import one_line

OTHER_FAMILY = "bundle"
HEADINGS = ("runtime", "version", "status", "why")


def replay(
    bundle: Path, runtimes: Sequence[Runtime], *, timeout: float, output: TextIO
) -> tuple[Manifest, list[Record]]:
    """Run ``bundle``, a folder or a zip, on ``runtimes``; return what it says of itself, and the record of each.

    Raises:
        BundleError: it is no bundle, or one that could do harm.
        OSError: there is no room for it.
    """
    with opened(bundle) as folder:
        manifest = read_manifest(folder)
        check_model(folder, manifest)
        case, reference = case_of(manifest, folder), expected_of(manifest, folder)
        cells = plan([case], runtimes, [manifest.precision])
        make = partial(make_folder, manifest, folder)
        with executing(cells, timeout=timeout, output=output, make_folder=make) as (
            executor,
            hardware,
            references,
        ):
            records = []
            for finished in map(executor.take, cells):
                known = with_network(reference, finished, references)
                records.append(conclude(finished, known, run="", hardware=hardware, expected=None).record)
    return manifest, records


def case_of(manifest: Manifest, folder: Path) -> Case:
    """Return the cell of a bundle as a case; its inputs are read here, once, and its model not at all.

    Raises:
        BundleError: they cannot be read.
    """
    inputs: dict[str, Mapping[str, Array]] = {
        point.name: {tensor.name: read_tensor(folder, tensor) for tensor in point.inputs} for point in manifest.points
    }
    about = manifest.case
    return Case(
        id=about.id,
        family=FAMILY if manifest.dynamic else OTHER_FAMILY,
        op=about.op,
        opset=about.opset,
        ir_version=about.ir_version,
        summary=about.summary,
        build=partial(load_model, folder / MODEL),
        inputs=lambda point: inputs[point.name],
        points=tuple(
            ShapePoint(name=point.name, shapes=point.shapes, values=point.values, allowed=point.allowed)
            for point in manifest.points
        ),
        profiles=tuple(Profile(shapes=profile.shapes, values=profile.values) for profile in manifest.profiles),
        tags=frozenset(about.tags),
        tolerance=Tolerance(**asdict(manifest.case_tolerance)),
        calibration=_calibration(manifest, folder),
        source=about.source,
    )


def make_folder(manifest: Manifest, bundle: Path, case: Case, path: Path) -> CaseFolder:
    """Make the folder of ``case`` with the very files of the bundle: nothing is checked that the cell was not held to.

    Raises:
        OSError: the folder cannot be written.
    """
    (path / "inputs").mkdir(parents=True)
    for name in manifest.model_files:
        bring(bundle / name, path / name)
    points, profiles = store_points(path, case.points, case.inputs), store_profiles(case.profiles)
    return CaseFolder(
        path=path,
        digest=digest_of(path, manifest.model_files, points, profiles),
        points=points,
        forbidden=frozenset(point.name for point in case.points if not point.allowed),
        profiles=profiles,
        outputs=tuple(DeclaredOutput(name=each.name, dtype=each.dtype, shape=each.shape) for each in manifest.outputs),
        calibration=store_calibration(path, case.calibration) if case.calibration else None,
        external=manifest.model_files[1:],
    )


def expected_of(manifest: Manifest, folder: Path) -> Reference:
    """Return the expected outputs of a bundle.

    Raises:
        BundleError: they cannot be read.
    """
    outputs = {
        point.name: {tensor.name: read_tensor(folder, tensor) for tensor in point.expected}
        for point in manifest.points
        if point.expected is not None
    }
    if not outputs:
        return Reference(why=manifest.no_reference or "the bundle has no expected outputs")
    return Reference(name=f"{manifest.reference} (from the bundle)", outputs=outputs)


def table(manifest: Manifest, records: Sequence[Record]) -> Iterator[str]:
    """Yield the lines of a small table: what was recorded, and what each release does."""
    runtime = manifest.runtime
    rows = [HEADINGS, (f"{runtime.name} (recorded)", runtime.version, str(manifest.status), manifest.reason)]
    rows += [(r.runtime.name, r.runtime.version or "-", str(r.status), r.reason) for r in records]
    lines = [tuple(one_line(text, 100) for text in row) for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS) - 1)]
    yield one_line(f"{manifest.case.id} ({manifest.precision})")
    for line in lines:
        cells = [text.ljust(width) for text, width in zip(line, widths, strict=False)]
        yield "  ".join([*cells, line[-1]]).rstrip()


def _calibration(manifest: Manifest, folder: Path) -> Calibration | None:
    wanted = manifest.calibration
    if wanted is None:
        return None
    batches = [{tensor.name: read_tensor(folder, tensor) for tensor in batch} for batch in wanted.batches]
    return Calibration(
        algorithm=wanted.algorithm,
        writer=wanted.writer,
        batches=lambda: batches,
        mistake=manifest.must_refuse,
        profile=wanted.profile or 0,
    )
