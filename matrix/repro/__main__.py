"""`python -m matrix.repro`: write the bundle of one cell, or run a bundle on other releases."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from matrix.errors import MatrixError, OptionError, UnknownRuntimeError
from matrix.record import Precision
from matrix.repro.replay import replay, table
from matrix.repro.running import find_case, write_bundles
from matrix.runtimes.releases import load
from matrix.runtimes.selection import Runtime, parse_runtime_pythons, select_onnxruntime, select_tensorrt

USAGE_ERROR = 2
INTERRUPTED = 130  # as a shell has it for what Ctrl-C ended
OUT = Path(__file__).resolve().parents[2] / "reports" / "out" / "repro"
TIMEOUT = 120.0  # seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what ``arguments`` (by default those of the command line) ask for, and return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words[:1] == ["replay"]:
            _replay(_replay_parser().parse_args(words[1:]))
        else:
            _write(_parser().parse_args(words))
    except MatrixError as error:
        print(f"python -m matrix.repro: {error}", file=sys.stderr)  # noqa: T201 - this is a command
        return USAGE_ERROR
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"python -m matrix.repro: {where}{error.strerror or error}", file=sys.stderr)  # noqa: T201
        return USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m matrix.repro",
        description="Run one cell and write what reproduces it: a folder, and a zip of it.",
        epilog="python -m matrix.repro replay BUNDLE runs a bundle on other releases",
    )
    parser.add_argument("id", metavar="ID", help="the case, as `python -m cases` lists it")
    parser.add_argument("--runtime", metavar="NAME", required=True, help="one release: 8.6, rtx-1.7, ort-1.31, ...")
    parser.add_argument("--precision", choices=[str(each) for each in Precision], help="default: the usual ones")
    parser.add_argument("--out", metavar="DIR", type=Path, default=OUT, help="where to write it (reports/out/repro)")
    return _common(parser)


def _replay_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m matrix.repro replay",
        description="Run a bundle on releases, hold the answers against its expected outputs, and print the statuses.",
    )
    parser.add_argument("bundle", metavar="BUNDLE", type=Path, help="a folder or a zip")
    parser.add_argument("--trt-version", metavar="NAMES", help="as for pytest matrix/: 1.6,1.7, 10.0, all, ...")
    parser.add_argument("--ort-version", metavar="NAMES", help="as for pytest matrix/: 1.31, all, ...")
    return _common(parser)


def _common(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--runtime-python", metavar="NAME=PATH", action="append", default=[], help="its interpreter")
    parser.add_argument("--case-timeout", metavar="SECONDS", type=float, default=TIMEOUT, help="deadline (120)")
    return parser


def _write(options: argparse.Namespace) -> None:
    case, runtime = find_case(options.id), _one_runtime(options.runtime, options.runtime_python)
    precision = Precision(options.precision) if options.precision else None
    written = write_bundles(case, runtime, precision, options.out, timeout=_deadline(options), output=sys.stderr)
    for record, bundle in written:
        _print([f"{record.status}: {record.reason}".rstrip(": "), str(bundle.folder), str(bundle.archive)])


def _replay(options: argparse.Namespace) -> None:
    pythons = parse_runtime_pythons(options.runtime_python)
    if options.trt_version is None and options.ort_version is None:
        raise OptionError("name the releases to run it on: --trt-version NAMES, --ort-version NAMES")
    runtimes = (
        *select_onnxruntime(options.ort_version or "none", "off", pythons),
        *select_tensorrt(options.trt_version or "none", pythons),
    )
    if not runtimes:
        raise OptionError("--trt-version and --ort-version are both none: there is nothing to run")
    manifest, records = replay(options.bundle, runtimes, timeout=_deadline(options), output=sys.stderr)
    _print(table(manifest, records))


def _one_runtime(name: str, runtime_pythons: Sequence[str]) -> Runtime:
    """Return the runtime that ``name`` names, of whichever product.

    Raises:
        OptionError: it names several, or none.
        UnknownRuntimeError: no release of any product is called so.
    """
    pythons = parse_runtime_pythons(runtime_pythons)
    try:
        found = select_tensorrt(name, pythons)
    except UnknownRuntimeError:
        try:
            found = select_onnxruntime(name, "off", pythons)
        except UnknownRuntimeError as error:
            raise UnknownRuntimeError("--runtime", name, [release.name for release in load()]) from error
    if len(found) != 1:
        raise OptionError(f"--runtime: {name!r} names {len(found)} releases; give the name of one")
    return found[0]


def _deadline(options: argparse.Namespace) -> float:
    if not 0 < options.case_timeout < 1e6:
        raise OptionError(f"--case-timeout: {options.case_timeout:g} is not a positive number of seconds")
    return float(options.case_timeout)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)  # noqa: T201 - this is a command
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
