"""From the cells that were selected to a run under way: environments, workers, references and baselines for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from cases.case import Case
from matrix.case_folder import CaseFolder, make_case_folder
from matrix.execution.local import LocalExecutor
from matrix.options import Options
from matrix.plan import Cell
from matrix.references import both_references
from matrix.run import Run, answer_key
from matrix.run_baselines import Baselines, baseline_name
from matrix.run_folder import RunFolder
from matrix.runtimes.environment import Environment, default_cache
from matrix.runtimes.hardware import Gpu, Hardware, choose_gpus, uses_gpu
from matrix.runtimes.provisioning import provided
from matrix.runtimes.selection import Runtime
from matrix.verdict.differences import Answers
from matrix.verdict.known_issues import Entry


@contextmanager
def conduct(
    cells: Sequence[Cell],
    options: Options,
    hardware: Hardware,
    issues: Sequence[Entry],
    output: TextIO,
    *,
    make_folder: Callable[[Case, Path], CaseFolder] = make_case_folder,
) -> Iterator[Run]:
    """Provision the runtimes of ``cells``, start running them on this machine, and yield the Run that records them.

    However the block ends, what has come back is recorded, every worker is gone, and the reports are written. Progress
    of the provisioning is written to ``output``; ``make_folder`` puts a case on disk.

    Raises:
        ReportFolderError: the report folder cannot be written.
        OptionError: the GPUs that were asked for are not there.
        BaselineError: a baseline cannot be read.
    """
    cache, runtimes = default_cache(), list(dict.fromkeys(cell.runtime for cell in cells))
    gpus = choose_gpus(options.gpus, hardware, used=any(map(uses_gpu, runtimes)))
    hardware = replace(hardware, gpus=gpus)
    with RunFolder(options.report_dir) as folder, provided(runtimes, hardware, cache, output) as environments:
        executor = LocalExecutor(
            cells,
            environments,
            root=folder.work,
            slots=options.jobs,
            case_timeout=options.case_timeout,
            gpus=gpus,
            settings=options.builder,
            make_folder=make_folder,
        )
        names = _baseline_names(runtimes, environments, gpus[0] if gpus else None)
        with (
            both_references(
                runtimes,
                environments,
                cache=cache,
                folder=folder.work,
                cpu=hardware.cpu,
                deadline=options.case_timeout,
            ) as references,
            executor,
        ):
            run = Run(
                options=options,
                executor=executor,
                folder=folder,
                references=references,
                hardware=hardware,
                baselines=Baselines(options.baselines, names),
                issues=issues,
                answers=Answers(map(answer_key, cells)),
            )
            try:
                yield run
            finally:
                try:
                    run.record_what_is_done(cells)
                finally:
                    folder.finish()


def _baseline_names(
    runtimes: Iterable[Runtime], environments: Mapping[str, Future[Environment]], gpu: Gpu | None
) -> dict[str, str]:
    names = {}
    for runtime in runtimes:
        future = environments[runtime.name]
        packages = () if future.exception() else future.result().packages
        names[runtime.name] = baseline_name(runtime, packages, gpu)
    return names
