"""`python -m cases`: what the catalogue covers, one case as text, one case as files."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import chain
from pathlib import Path

from cases.case import Case
from cases.catalogue import catalogue
from cases.coverage_table import report
from cases.exhibit import describe, export
from cases.shape_coverage_table import shape_report

USAGE_ERROR = 2
NEAR_MATCHES = 5


class UsageError(Exception):
    """What was asked for cannot be done; the message is one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what ``arguments`` (by default those of the command line) ask for, and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        _print(_lines(options))
    except UsageError as error:
        print(f"python -m cases: {error}", file=sys.stderr)  # noqa: T201 - this is a command
        return USAGE_ERROR
    except BrokenPipeError:  # the reader, `head` for example, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain when it ends
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cases", description="Without a command: what the catalogue covers."
    )
    commands = parser.add_subparsers(dest="command", metavar="show | export")
    show = commands.add_parser("show", help="print one case: graph, inputs, shape points, tolerance, provenance")
    show.add_argument("id", metavar="ID")
    files = commands.add_parser("export", help="write the model and the inputs of one case")
    files.add_argument("id", metavar="ID")
    files.add_argument("folder", metavar="DIR", type=Path)
    return parser


def _lines(options: argparse.Namespace) -> Iterable[str]:
    cases = catalogue()
    if not options.command:
        return chain(report(cases), [""], shape_report(cases))
    case = _find(cases, options.id)
    try:
        if options.command == "show":
            return list(describe(case))
        return [str(options.folder / line) for line in export(case, options.folder)]
    except OSError as error:
        raise UsageError(f"cannot write to {options.folder}: {error.strerror or error}") from error
    except Exception as error:
        raise UsageError(f"{case.id} cannot be made: {type(error).__name__}: {error}".replace("\n", " ")) from error


def _find(cases: Sequence[Case], wanted: str) -> Case:
    by_id = {case.id: case for case in cases}
    if wanted in by_id:
        return by_id[wanted]
    near = get_close_matches(wanted, by_id, n=NEAR_MATCHES, cutoff=0.5)
    near += [each for each in by_id if wanted and wanted in each and each not in near][: NEAR_MATCHES - len(near)]
    hint = f"; near it are {', '.join(near)}" if near else "; `python -m cases` lists what there is"
    raise UsageError(f"no case is called {wanted!r}{hint}")


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)  # noqa: T201 - this is a command
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
