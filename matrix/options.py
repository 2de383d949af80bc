"""The options of `pytest matrix/`, and their values checked once and for all."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from matrix.errors import OptionError
from matrix.models.options import ModelOptions, add_model_options, read_model_options
from matrix.record import Precision
from matrix.repro.collection import CHOICES as BUNDLES
from matrix.runtimes.selection import Runtime, parse_runtime_pythons, select_onnxruntime, select_tensorrt
from matrix.verdict.baseline import FOLDER
from matrix.verdict.known_issues import FILE

RERUN = ("unexpected", "none")
KEEP_JOBS = ("failing", "all", "none")
MAX_DEFAULT_JOBS = 8
TITLE = """compatibility matrix (pytest matrix/)

  --strict, for CI, fails as well on: a cell that its runtime's baseline does not have; a cell that did not run, unless
  the baseline says so; a known issue that no cell shows any more; a baseline's line of a case that does not exist.

  exit status: 0 all as expected; 1 a cell failed or changed, or --strict found something; 2 interrupted; 3 a fault of
  the harness; 4 a wrong option or file; 5 no cell selected; 6 nothing failed, but a runtime that was asked for by name,
  or the whole run, could run no cell

  options"""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user asked for."""

    runtimes: tuple[Runtime, ...]
    jobs: int
    case_timeout: float  # seconds
    report_dir: Path
    keep_jobs: str
    repro: str
    rerun: bool  # run what is unexpected once more, alone
    baselines: Path | None  # None: nothing is judged by a baseline
    update_baseline: bool
    known_issues: Path | None
    strict: bool
    precisions: tuple[Precision, ...]  # empty: the usual one of each case
    gpus: tuple[str, ...] | None  # numbers of GPUs, one for each worker; None: every GPU once
    builder: Mapping[str, str]  # settings of TensorRT's builder
    resume: tuple[Path, ...]  # runs whose cells are left out
    model: ModelOptions | None  # the user's own models, in the place of the catalogue


def add_options(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("matrix", TITLE)
    group.addoption(
        "--trt-version",
        metavar="NAMES",
        help="TensorRT releases: names or prefixes (rtx-1.7, 8.6, 10.0), a comma list, all, installed or none; "
        "by default those that run without a GPU",
    )
    group.addoption(
        "--ort-version", metavar="NAMES", help="ONNX Runtime releases: 1.31, a comma list, all or none; default newest"
    )
    group.addoption(
        "--ort-optimization", metavar="off|all|off,all", default="off", help="graph optimizations of ONNX Runtime"
    )
    group.addoption(
        "--runtime-python",
        metavar="NAME=PATH",
        action="append",
        default=[],
        help="use this interpreter for a release and make no environment; may be given several times",
    )
    group.addoption(
        "--precision",
        metavar="NAMES",
        help=f"{', '.join(Precision)}: a comma list, or all; default explicit, and fp32, fp16 and int8-calibrated for "
        "models that come with calibration data",
    )
    group.addoption(
        "--gpu",
        metavar="NUMBERS",
        help="the GPU of each worker, as nvidia-smi numbers them: 0,1 for one worker each, 0,0 for two that share one, "
        "none to use no GPU; default one worker on every GPU",
    )
    group.addoption(
        "--builder-optimization-level",
        metavar="0-5",
        default="0",
        help="of TensorRT from 8.6: how long the builder looks for fast kernels; default 0, as only results count",
    )
    group.addoption(
        "--tactic-sources",
        metavar="NAMES",
        help="of TensorRT's builder: CUBLAS, CUDNN, EDGE_MASK_CONVOLUTIONS, JIT_CONVOLUTIONS; default its choice",
    )
    group.addoption("--jobs", metavar="N", default="auto", help="cells that run at the same time; default one per core")
    group.addoption("--case-timeout", metavar="SECONDS", default="120", help="deadline of one cell (default 120)")
    group.addoption("--report-dir", metavar="PATH", help="where runs are written (default reports/out)")
    group.addoption(
        "--rerun",
        metavar="|".join(RERUN),
        default="unexpected",
        help="whether what is unexpected runs once more, alone in a fresh process, to tell flaky cells (default "
        "unexpected)",
    )
    group.addoption(
        "--keep-jobs",
        metavar="|".join(KEEP_JOBS),
        default="failing",
        help="whose job directory (model, inputs, outputs, log) is kept in the run folder (default failing)",
    )
    group.addoption(
        "--repro",
        metavar="|".join(BUNDLES),
        default="failing",
        help="of which cells a reproduction bundle is written into the run folder: failing (alarming, new or changed; "
        "not more than a hundred), all or none (default failing)",
    )
    group.addoption(
        "--baseline",
        metavar="PATH",
        help="folder of the baselines (default matrix/baselines), or the file of a run's only runtime",
    )
    group.addoption(
        "--update-baseline", action="store_true", help="write what happened into the baselines instead of judging it"
    )
    group.addoption(
        "--resume",
        metavar="PATH",
        action="append",
        default=[],
        help="leave out the cells that ran in an earlier run: its folder, or a folder of runs such as reports/out; may "
        "be given several times (python -m matrix.update_baselines puts the pieces together)",
    )
    group.addoption(
        "--known-issues", metavar="PATH", help="file of the known issues (default matrix/known_issues.toml)"
    )
    add_model_options(group)


def read_options(config: pytest.Config) -> Options:
    """Return the options' values.

    Raises:
        MatrixError: a value cannot be used; the message lists those that can.
    """
    pythons = parse_runtime_pythons(config.getoption("--runtime-python"))
    runtimes = (
        *select_onnxruntime(config.getoption("--ort-version"), config.getoption("--ort-optimization"), pythons),
        *select_tensorrt(config.getoption("--trt-version"), pythons),
    )
    if not runtimes:
        raise OptionError("--trt-version and --ort-version are both none: there is nothing to run")
    _check_pythons(pythons, runtimes)
    report_dir, baselines = config.getoption("--report-dir"), config.getoption("--baseline")
    known_issues, update = config.getoption("--known-issues"), config.getoption("--update-baseline")
    strict = bool(config.getini("strict"))  # pytest's own --strict
    if strict and update:
        raise OptionError(
            "--strict judges against the baselines and --update-baseline writes them: give one of the two"
        )
    model = read_model_options(config)
    if model and update and not baselines:
        raise OptionError(
            "--update-baseline: the baselines of the project are not for your models; give --baseline PATH"
        )
    return Options(
        runtimes=runtimes,
        jobs=_jobs(config.getoption("--jobs")),
        case_timeout=_seconds(config.getoption("--case-timeout")),
        report_dir=Path(report_dir).resolve() if report_dir else config.rootpath / "reports" / "out",
        rerun=_one_of("--rerun", config.getoption("--rerun"), RERUN) != "none",
        keep_jobs=_one_of("--keep-jobs", config.getoption("--keep-jobs"), KEEP_JOBS),
        repro=_one_of("--repro", config.getoption("--repro"), BUNDLES),
        baselines=Path(baselines).resolve() if baselines else None if model else FOLDER,
        update_baseline=update,
        known_issues=Path(known_issues).resolve() if known_issues else None if model else FILE,
        strict=strict,
        precisions=_precisions(config.getoption("--precision")),
        gpus=_gpus(config.getoption("--gpu")),
        builder=_builder(config.getoption("--builder-optimization-level"), config.getoption("--tactic-sources")),
        resume=tuple(Path(path).resolve() for path in config.getoption("--resume")),
        model=model,
    )


def _check_pythons(pythons: Mapping[str, Path], runtimes: tuple[Runtime, ...]) -> None:
    unused = pythons.keys() - {runtime.release.name for runtime in runtimes}
    if unused:
        raise OptionError(
            f"--runtime-python: {', '.join(sorted(unused))} is not among the runtimes of this run "
            f"({', '.join(runtime.name for runtime in runtimes) or 'none'}); "
            "select it with --trt-version or --ort-version"
        )


def _precisions(text: str | None) -> tuple[Precision, ...]:
    if text is None:
        return ()
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    if names == ["all"]:
        return tuple(Precision)
    for name in names or [text]:
        _one_of("--precision", name, (*Precision, "all"))
    return tuple(Precision(name) for name in dict.fromkeys(names))


def _gpus(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    numbers = tuple(number.strip() for number in text.split(","))
    if numbers == ("none",):
        return ()
    if not all(number.isdecimal() for number in numbers):
        raise OptionError(f"--gpu: {text!r} is not a comma list of GPU numbers (see nvidia-smi), or none")
    return numbers


def _builder(level: str, sources: str | None) -> dict[str, str]:
    _one_of("--builder-optimization-level", level, ("0", "1", "2", "3", "4", "5"))
    names = [name.strip().upper() for name in (sources or "").split(",") if name.strip()]
    for name in names:
        if not re.fullmatch(r"[A-Z_]+", name):
            raise OptionError(f"--tactic-sources: {name!r} is not a name of tensorrt.TacticSource, such as CUBLAS")
    return {"optimization_level": level, **({"tactic_sources": ",".join(names)} if names else {})}


def _jobs(text: str) -> int:
    if text == "auto":
        return min(os.cpu_count() or 1, MAX_DEFAULT_JOBS)
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise OptionError(f"--jobs: {text!r} is not a number from 1 to 1024")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise OptionError(f"--case-timeout: {text!r} is not a positive number of seconds")
    return seconds


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise OptionError(f"{option}: {value!r} is not one of {', '.join(allowed)}")
    return value
