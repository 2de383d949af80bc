"""`python -m reports RUN` writes the reports of a run anew; with a word before RUN it prints a part: see `PRINTED`."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from matrix.record import Record
from reports import documented_text, reported_bugs_text
from reports.claims import tables
from reports.documented import compare
from reports.reported_bugs import reported_bugs
from reports.terminal import render, render_differences
from reports.write import read_run, write_reports

Options = argparse.Namespace


def main(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit status: 0, or 2 with one line on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m reports",
        usage=f"%(prog)s [{'|'.join(PRINTED)}] RUN [--against VERSION]",
        description="Write matrix.csv, matrix.md, differences.csv, index.html and summary.json of a run anew from its "
        "records, or print its table, the differences between its runtimes, what NVIDIA's operator tables claim "
        "beside what was observed, or which reported bugs it reproduces.",
    )
    parser.add_argument("words", nargs="+", metavar=f"[{'|'.join(PRINTED)}] RUN", help="a run folder or records.jsonl")
    parser.add_argument(
        "--against",
        default="",
        metavar="VERSION",
        help="with documented: the TensorRT release whose table stands in for runtimes that have none, such as 10.15",
    )
    options = parser.parse_args(arguments)
    words = options.words
    printed = PRINTED.get(words[0]) if len(words) == 2 else None
    if len(words) != 1 and not printed:
        parser.error("give one run folder, for example reports/out/latest")
    if options.against and printed is not _documented:
        parser.error("--against goes with documented")
    if options.against and options.against not in tables():
        parser.error(f"--against: no table of {options.against!r}; there are {', '.join(tables())}")
    run = folder = Path(words[-1])
    try:
        folder = run.parent if run.name == "records.jsonl" and not run.is_dir() else run
        if printed:
            sys.stdout.write(printed(*read_run(folder / "records.jsonl"), options))
        else:
            for path in write_reports(folder):
                sys.stdout.write(f"{path}\n")
    except (FileNotFoundError, NotADirectoryError):
        return _fail(f"{folder}: no records.jsonl here; give a run folder, for example reports/out/latest")
    except OSError as error:
        return _fail(f"{error.filename or folder}: {error.strerror or error}")
    return 0


def _fail(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return 2


def _table(records: Sequence[Record], problems: Sequence[str], _: Options) -> str:
    width = shutil.get_terminal_size().columns
    return render(records, width=width, color=sys.stdout.isatty(), problems=problems)


def _differences(records: Sequence[Record], problems: Sequence[str], _: Options) -> str:
    width = shutil.get_terminal_size().columns
    return render_differences(records, width=width, color=sys.stdout.isatty(), problems=problems)


def _documented(records: Sequence[Record], problems: Sequence[str], options: Options) -> str:
    told = "".join(f"{problem}\n" for problem in problems)
    return told + documented_text.render(compare(records, options.against))


def _bugs(records: Sequence[Record], problems: Sequence[str], _: Options) -> str:
    return "".join(f"{problem}\n" for problem in problems) + reported_bugs_text.render(reported_bugs(records))


PRINTED: Mapping[str, Callable[[Sequence[Record], Sequence[str], Options], str]] = {
    "table": _table,
    "differences": _differences,
    "documented": _documented,
    "bugs": _bugs,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
