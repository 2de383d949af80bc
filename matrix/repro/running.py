"""Runs a few cells outside pytest, through the same machinery, and writes the bundles of those of the catalogue."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TextIO

from cases.case import Case
from cases.catalogue import catalogue
from matrix.case_folder import CaseFolder, make_case_folder
from matrix.cell_reference import reference_of
from matrix.conclusion import conclude
from matrix.errors import BundleError, OptionError
from matrix.execution.local import LocalExecutor
from matrix.plan import Cell, plan
from matrix.record import Precision, Record
from matrix.references import References, both_references
from matrix.repro.bundle import Bundle, write_bundle
from matrix.repro.collection import NOTHING_RAN
from matrix.repro.manifest import FILE
from matrix.runtimes.environment import default_cache
from matrix.runtimes.hardware import Hardware, probe
from matrix.runtimes.provisioning import provided
from matrix.runtimes.selection import Runtime

SETTINGS = {"optimization_level": "0"}  # of the builder, as a run has them by default


@contextmanager
def executing(
    cells: Sequence[Cell],
    *,
    timeout: float,
    output: TextIO,
    make_folder: Callable[[Case, Path], CaseFolder] = make_case_folder,
) -> Iterator[tuple[LocalExecutor, Hardware, References]]:
    """Provide the runtimes of ``cells`` and start running these; yield who runs them, where, and their references.

    Raises:
        OSError: no temporary folder can be written.
    """
    hardware = probe()
    hardware = replace(hardware, gpus=hardware.gpus[:1])
    runtimes, cache = list(dict.fromkeys(cell.runtime for cell in cells)), default_cache()
    with tempfile.TemporaryDirectory() as root, provided(runtimes, hardware, cache, output) as environments:
        executor = LocalExecutor(
            cells,
            environments,
            root=Path(root),
            slots=1,
            case_timeout=timeout,
            gpus=hardware.gpus,
            settings=SETTINGS,
            make_folder=make_folder,
        )
        referring = both_references(
            runtimes, environments, cache=cache, folder=Path(root), cpu=hardware.cpu, deadline=timeout
        )
        with referring as references, executor:
            yield executor, hardware, references


def write_bundles(
    case: Case, runtime: Runtime, precision: Precision | None, out: Path, *, timeout: float, output: TextIO
) -> Iterator[tuple[Record, Bundle]]:
    """Run ``case`` on ``runtime``, in its usual precisions where none is given, and yield records and bundles.

    Raises:
        BundleError: the cell could not run, so that there is nothing to reproduce, or the folder is somebody else's.
        OSError: the bundle cannot be written.
    """
    cells = plan([case], [runtime], [precision] if precision else ())
    for cell in cells:
        _make_room(out / cell.id)
    with executing(cells, timeout=timeout, output=output) as (executor, hardware, references):
        for cell in cells:
            finished = executor.take(cell)
            record = conclude(
                finished, reference_of(finished, references), run="", hardware=hardware, expected=None
            ).record
            record = replace(record, verdict=None)  # it was not held against a baseline
            if record.status in NOTHING_RAN:
                raise BundleError(
                    cell.id, f"{record.status}: {record.reason or 'nothing ran'}: there is nothing to reproduce"
                )
            verbose = executor.run_verbose(cell)
            reference = reference_of(verbose, references, always=True)
            bundle = write_bundle(out / cell.id, finished=verbose, record=record, reference=reference, timeout=timeout)
            yield record, bundle


def find_case(wanted: str) -> Case:
    """Return the case of the catalogue that is called ``wanted``.

    Raises:
        OptionError: there is none; the message names those whose names are near.
    """
    by_id = {case.id: case for case in catalogue()}
    if wanted not in by_id:
        near = get_close_matches(wanted, by_id, n=5, cutoff=0.5)
        hint = f"; near it are {', '.join(near)}" if near else "; `python -m cases` lists what there is"
        raise OptionError(f"no case is called {wanted!r}{hint}")
    return by_id[wanted]


def _make_room(folder: Path) -> None:
    """Remove an earlier bundle that stands where the new one goes, and nothing else.

    Raises:
        BundleError: something else stands there.
    """
    if not folder.exists():
        return
    if not (folder / FILE).is_file():
        raise BundleError(
            str(folder), "is there already and is no bundle; remove it, or give another folder with --out"
        )
    shutil.rmtree(folder)
