"""The pytest face of the matrix: options, one item per cell, the run around them, and what is said at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

import pytest

from cases.case import Case
from cases.catalogue import catalogue
from matrix.case_folder import make_case_folder
from matrix.conduct import conduct
from matrix.errors import MatrixError
from matrix.exit_status import exit_status, unjudged
from matrix.known_issues import load_known_issues
from matrix.models.case import FAMILY as MODEL
from matrix.models.own_models import OwnModels
from matrix.options import Options, add_options, read_options
from matrix.plan import Cell, plan
from matrix.record_info import machine_info
from matrix.recorded_cells import cells_that_ran, key_of, read_runs
from matrix.run import Run
from matrix.run_baselines import check_place
from matrix.runtimes.hardware import Hardware, probe
from matrix.second_reference import reference_first
from matrix.settlement import settle, unusable_runtimes
from reports.summary import machine_text
from reports.terminal import render

OPTIONS = pytest.StashKey[Options]()
HARDWARE = pytest.StashKey[Hardware]()
RUN = pytest.StashKey[Run]()
UPDATED = pytest.StashKey[list[Path]]()
OWN_MODELS = pytest.StashKey[OwnModels]()
UNKNOWN = pytest.StashKey[Mapping[str, Sequence[str]]]()
MATRIX = Path(__file__).resolve().parent


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    add_options(parser)
    if not pluginmanager.hasplugin("xdist"):
        # pytest keeps lower-case short options to itself; this one must be known so that it can be refused in words.
        parser.getgroup("matrix")._addoption("-n", "--numprocesses", metavar="N", help="not used: see --jobs")


def pytest_configure(config: pytest.Config) -> None:
    if not _runs_matrix(config):
        return
    if config.getoption("numprocesses", None) or hasattr(config, "workerinput"):
        raise pytest.UsageError(
            "pytest-xdist (-n) cannot run the matrix: the matrix starts its own workers, one per core by default. "
            "Leave -n out and use --jobs N"
        )
    _options(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    if OWN_MODELS in config.stash:
        config.stash[OWN_MODELS].close()


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Open the user's models before anything is collected, where what is wrong with them is one error."""
    if OPTIONS in session.config.stash:
        _cases(session.config)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect the user's own models or the catalogue, never both."""
    if collection_path.parent != MATRIX or not collection_path.name.startswith("test_") or OPTIONS not in config.stash:
        return None
    return True if (collection_path.stem == f"test_{MODEL}") != (_options(config).model is not None) else None


def pytest_report_header(config: pytest.Config) -> str | None:
    """Name the machine: a result without its GPU, driver and clocks cannot be compared with another."""
    if OPTIONS not in config.stash:
        return None
    return f"matrix: {machine_text(machine_info(_hardware(config)))}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one item per cell."""
    if "cell" not in metafunc.fixturenames:
        return
    cases = [case for case in _cases(metafunc.config) if case.family == metafunc.module.FAMILY]
    options = _options(metafunc.config)
    cells = plan(cases, options.runtimes, options.precisions)
    metafunc.parametrize("cell", cells, ids=[cell.id for cell in cells])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Make the tags of cases markers, for `-m int4`, and bring the cells of one runtime together.

    Added here, and not as marks of parameters, the markers cost a third of the whole collection less. The order lets
    one worker after the other do its work in one piece, and what serves as a reference comes first.
    """
    found = {item: cell for item in items if (cell := _cell(item))}
    if not found:
        return
    tags = {tag for cell in found.values() for tag in cell.case.tags}
    for tag in sorted(tags):
        config.addinivalue_line("markers", f"{tag}: a tag of cases")
    marks = {tag: getattr(pytest.mark, tag).mark for tag in tags}
    for item, cell in found.items():
        item.own_markers.extend(marks[tag] for tag in cell.case.tags)
    order = {runtime: index for index, runtime in enumerate(reference_first(_options(config).runtimes))}
    items.sort(key=lambda item: order[found[item].runtime] if item in found else -1)
    _leave_out_what_ran(config, items, found)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    cells = [cell for item in session.items if (cell := _cell(item))]
    failed = session.testsfailed and not session.config.option.continue_on_collection_errors
    if not cells or failed or session.config.option.collectonly:
        return (yield)
    options, known = _options(session.config), frozenset(case.id for case in _cases(session.config))
    own = session.config.stash.get(OWN_MODELS, None)
    try:
        check_place(options.baselines, options.runtimes, updating=options.update_baseline)
        issues = (
            load_known_issues(options.known_issues, options.runtimes, sorted(known)) if options.known_issues else ()
        )
        with ExitStack() as stack:
            with _uncaptured(session.config):
                hardware, make = _hardware(session.config), own.make_folder if own else make_case_folder
                run = stack.enter_context(conduct(cells, options, hardware, issues, sys.stdout, make_folder=make))
            session.config.stash[RUN] = run
            session.config.stash[UNKNOWN] = run.baselines.unknown(known)
            outcome = yield
            if options.update_baseline:
                session.config.stash[UPDATED] = run.baselines.update(cells, run.records, known)
            return outcome
    except MatrixError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.fixture(scope="session")
def check(pytestconfig: pytest.Config) -> Callable[[Cell], None]:
    """Return a function that waits for a cell, records it, and passes, fails, skips or xfails."""
    run, options = pytestconfig.stash[RUN], _options(pytestconfig)

    def check_cell(cell: Cell) -> None:
        try:
            record = run.record(cell)
        except MatrixError as error:
            pytest.exit(str(error), returncode=pytest.ExitCode.INTERRUPTED)
        settle(record, judged=not options.update_baseline, strict=options.strict)

    return check_cell


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a run fail in which no cell did, where it tells less than was asked for."""
    run = session.config.stash.get(RUN, None)
    if run and session.exitstatus == pytest.ExitCode.OK:
        options = _options(session.config)
        session.exitstatus = exit_status(
            list(run.records.values()),
            by_name={runtime.name for runtime in options.runtimes if runtime.by_name},
            strict=options.strict,
            unknown_lines=session.config.stash[UNKNOWN],
        )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    config = terminalreporter.config
    run = config.stash.get(RUN, None)
    if not run:
        return
    writer = config.get_terminal_writer()
    terminalreporter.write(render(run.records.values(), width=writer.fullwidth, color=writer.hasmarkup))
    for name, reason in unusable_runtimes(run.records.values()).items():
        terminalreporter.write_line(f"{name}: no cell could run: {reason}", red=True)
    options = _options(config)
    for line in unjudged(run.records.values(), config.stash[UNKNOWN], strict=options.strict):
        terminalreporter.write_line(line, red=options.strict, yellow=not options.strict)
    for line in run.bundles.told():
        terminalreporter.write_line(line)
    for path in config.stash.get(UPDATED, []):
        terminalreporter.write_line(f"baseline written: {_relative(path, config)}")
    page = run.folder.path / "index.html"
    if page.exists():
        terminalreporter.write_line(f"report: {_relative(page, config)}", bold=True)


def _leave_out_what_ran(config: pytest.Config, items: list[pytest.Item], cells: Mapping[pytest.Item, Cell]) -> None:
    """Deselect the cells that ran in the runs that this one resumes."""
    options = _options(config)
    # The first piece of a long run writes where it is to be resumed from: nothing is there yet.
    resumed = [place for place in options.resume if place.exists() or place != options.report_dir]
    if not resumed:
        return
    try:
        ran = cells_that_ran(read_runs(resumed)[0])
    except MatrixError as error:
        raise pytest.UsageError(f"--resume: {error}") from error
    done = [item for item in items if item in cells and key_of(cells[item]) in ran]
    if done:
        config.hook.pytest_deselected(items=done)
        left_out = set(done)
        items[:] = [item for item in items if item not in left_out]


def _options(config: pytest.Config) -> Options:
    if OPTIONS not in config.stash:
        try:
            config.stash[OPTIONS] = read_options(config)
        except MatrixError as error:
            raise pytest.UsageError(str(error)) from error
    return config.stash[OPTIONS]


def _cases(config: pytest.Config) -> tuple[Case, ...]:
    """Return the user's own models, opened on the first call, or the catalogue."""
    options = _options(config)
    if options.model is None:
        return catalogue()
    if OWN_MODELS not in config.stash:
        try:
            config.stash[OWN_MODELS] = OwnModels(options.model.path, options.model.asked)
        except MatrixError as error:
            raise pytest.UsageError(str(error)) from error
    return config.stash[OWN_MODELS].cases


def _hardware(config: pytest.Config) -> Hardware:
    if HARDWARE not in config.stash:  # no header was printed: -q, --no-header
        config.stash[HARDWARE] = probe()
    return config.stash[HARDWARE]


def _uncaptured(config: pytest.Config) -> AbstractContextManager[object]:
    """Let the progress of provisioning through to the terminal."""
    capture = config.pluginmanager.getplugin("capturemanager")
    return capture.global_and_fixture_disabled() if capture else nullcontext()


def _relative(path: Path, config: pytest.Config) -> str:
    return os.path.relpath(path, config.invocation_params.dir)


def _cell(item: pytest.Item) -> Cell | None:
    callspec = getattr(item, "callspec", None)
    cell = callspec.params.get("cell") if callspec else None
    return cell if isinstance(cell, Cell) else None


def _runs_matrix(config: pytest.Config) -> bool:
    """Say whether an argument names the matrix folder, something in it, or something around it."""
    return any(_touches(Path(argument.split("::")[0])) for argument in config.args)


def _touches(path: Path) -> bool:
    resolved = path.resolve()
    return resolved.is_relative_to(MATRIX) or MATRIX.is_relative_to(resolved)
