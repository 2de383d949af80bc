"""`python -m reports RUN` writes the reports of a run anew; with a word before RUN it prints a part: see `PRINTED`."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from reports.terminal import render, render_differences
from reports.write import read_run, write_reports

PRINTED: Mapping[str, Callable[..., str]] = {"table": render, "differences": render_differences}


def main(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit status: 0, or 2 with one line on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m reports",
        usage=f"%(prog)s [{'|'.join(PRINTED)}] RUN",
        description="Write matrix.csv, matrix.md, differences.csv, index.html and summary.json of a run anew from its "
        "records, or print its table, or the differences between its runtimes.",
    )
    parser.add_argument("words", nargs="+", metavar=f"[{'|'.join(PRINTED)}] RUN", help="a run folder or records.jsonl")
    words = parser.parse_args(arguments).words
    printed = PRINTED.get(words[0]) if len(words) == 2 else None
    if len(words) != 1 and not printed:
        parser.error("give one run folder, for example reports/out/latest")
    run = Path(words[-1])
    folder = run.parent if run.name == "records.jsonl" and not run.is_dir() else run
    try:
        if printed:
            records, problems = read_run(folder / "records.jsonl")
            sys.stdout.write(
                printed(records, width=shutil.get_terminal_size().columns, color=sys.stdout.isatty(), problems=problems)
            )
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
