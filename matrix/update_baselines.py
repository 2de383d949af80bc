"""`python -m matrix.update_baselines RUN...` writes the baselines from what runs have recorded.

A release on a GPU takes longer than one command may: it is run in pieces, each with `--resume` on those before it, and
this puts the pieces together.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cases.catalogue import catalogue
from matrix.errors import MatrixError
from matrix.record import Record, Status, Verdict
from matrix.recorded_cells import read_runs
from matrix.run_baselines import baseline_name
from matrix.runtimes.hardware import Gpu
from matrix.runtimes.releases import Product
from matrix.runtimes.selection import Runtime, select_onnxruntime, select_tensorrt
from matrix.verdict.baseline import FOLDER, Key, read_baseline, write_baseline
from reports.text import count

USAGE_ERROR = 2

Observed = dict[Key, Status]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status: 0, or 2 with one line on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m matrix.update_baselines",
        description="Write the baselines from recorded runs. A later record of a cell counts more than an earlier one; "
        "what did not run and what was flaky leaves the baseline as it was.",
    )
    parser.add_argument("runs", metavar="RUN", nargs="+", type=Path, help="a run folder, or a folder of run folders")
    parser.add_argument("--baseline", metavar="DIR", type=Path, default=FOLDER, help="default matrix/baselines")
    options = parser.parse_args(arguments)
    try:
        records, problems = read_runs(options.runs)
        known = frozenset(case.id for case in catalogue())
        lines = [*problems, *_left_out(records, known), *update(observed(records, known), options.baseline, known)]
    except MatrixError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{error.filename or options.baseline}: {error.strerror or error}")
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def observed(records: Iterable[Record], known: frozenset[str]) -> Mapping[str, Observed]:
    """Return the status of each cell of the ``known`` cases that was not flaky: name of the baseline -> cell -> status.

    Raises:
        UnknownRuntimeError: a record is of a release that releases.toml does not list.
    """
    found: dict[str, Observed] = {}
    for record in records:
        if record.case.id not in known or record.verdict is Verdict.FLAKY:
            continue
        cells = found.setdefault(_name_of(record), {})
        key = (record.case.id, str(record.precision))
        if record.status is not Status.NOT_RUN or key not in cells:
            cells[key] = record.status
    return {name: cells for name, cells in found.items() if set(cells.values()) - {Status.NOT_RUN}}


def update(found: Mapping[str, Observed], folder: Path, known: frozenset[str]) -> list[str]:
    """Write what was ``found`` into the baselines in ``folder``; return a line for each that says what became of it.

    Lines of cases that are not ``known`` any more are dropped.

    Raises:
        BaselineError: a baseline cannot be read.
        OSError: a baseline cannot be written.
    """
    old = {name: read_baseline(folder / f"{name}.csv") for name in sorted(found)}  # all, before one is written
    lines = []
    for name, before in old.items():
        kept = {key: status for key, status in before.statuses.items() if key[0] in known}
        write_baseline(folder / f"{name}.csv", replace(before, statuses=kept), found[name])
        after = read_baseline(folder / f"{name}.csv").statuses
        new, changed = len(after.keys() - kept.keys()), sum(kept[key] is not after[key] for key in kept)
        lines.append(
            f"{name}.csv: {count(len(found[name]), 'cell')} recorded; {count(len(after), 'line')}, {new:,} new "
            f"and {changed:,} changed; {len(before.statuses) - len(kept):,} dropped"
        )
    return lines or ["nothing was recorded that a baseline could hold"]


def _name_of(record: Record) -> str:
    machine = record.machine
    gpu = Gpu(index=0, name=machine.gpu, sm=machine.sm, memory_mib=machine.gpu_memory_mib) if machine.gpu else None
    return baseline_name(_runtime_of(record), record.runtime.packages, gpu)


def _runtime_of(record: Record) -> Runtime:
    name = record.runtime.name
    if record.runtime.product == Product.ONNXRUNTIME:
        return select_onnxruntime(name, "off", {})[0]
    return select_tensorrt(name, {})[0]


def _left_out(records: Sequence[Record], known: frozenset[str]) -> list[str]:
    flaky = {record.case.id for record in records if record.verdict is Verdict.FLAKY}
    unknown = {record.case.id for record in records} - known
    told = {"was flaky": flaky, "is not in the catalogue": unknown}
    return [
        f"left out, as it {why}: {', '.join(sorted(ids)[:3])}{f' and {len(ids) - 3:,} more' if len(ids) > 3 else ''}"
        for why, ids in told.items()
        if ids
    ]


def _fail(message: str) -> int:
    sys.stderr.write(f"python -m matrix.update_baselines: {message}\n")
    return USAGE_ERROR


if __name__ == "__main__":
    sys.exit(main())
