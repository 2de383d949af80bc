"""`python -m reports RUN` writes the reports of a run anew; `table RUN` and `documented RUN` print a part of them."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from reports import documented_text
from reports.claims import tables
from reports.documented import compare
from reports.terminal import render
from reports.write import read_run, write_reports


def main(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit status: 0, or 2 with one line on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m reports",
        usage="%(prog)s [table] RUN, or documented RUN [--against VERSION]",
        description="Write matrix.csv, matrix.md, index.html and summary.json of a run anew from its records, or print "
        "its table, or what NVIDIA's operator tables claim beside what was observed.",
    )
    parser.add_argument("words", nargs="+", metavar="[COMMAND] RUN", help="a run folder, or its records.jsonl")
    parser.add_argument(
        "--against",
        default="",
        metavar="VERSION",
        help="with documented: the TensorRT release whose table stands in for runtimes that have none, such as 10.15",
    )
    options = parser.parse_args(arguments)
    words = options.words
    table = len(words) == 2 and words[0] == "table"
    documented = len(words) == 2 and words[0] == "documented"
    if options.against and not documented:
        parser.error("--against goes with documented")
    if options.against and options.against not in tables():
        parser.error(f"--against: no table of {options.against!r}; there are {', '.join(tables())}")
    if len(words) != 1 and not table and not documented:
        parser.error("give one run folder, for example reports/out/latest")
    run = Path(words[-1])
    folder = run.parent if run.name == "records.jsonl" and not run.is_dir() else run
    try:
        if table:
            records, problems = read_run(folder / "records.jsonl")
            sys.stdout.write(
                render(records, width=shutil.get_terminal_size().columns, color=sys.stdout.isatty(), problems=problems)
            )
        elif documented:
            records, problems = read_run(folder / "records.jsonl")
            sys.stdout.write("".join(f"{problem}\n" for problem in problems))
            sys.stdout.write(documented_text.render(compare(records, options.against)))
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
