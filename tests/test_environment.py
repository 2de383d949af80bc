"""Environments: made by the real uv from a folder of tiny packages, at once by several, and after every way to fail."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import textwrap
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from matrix.errors import ProvisionError, UvMissingError
from matrix.runtimes import environment, interpreter
from matrix.runtimes.environment import Environment, default_cache, provision
from matrix.runtimes.interpreter import inspect_interpreter, own_version
from matrix.runtimes.progress import Progress
from matrix.runtimes.provisioning import provision_all
from matrix.runtimes.refusal import excerpt, package_remedy, python_remedy
from matrix.runtimes.releases import Product, Release
from matrix.runtimes.selection import Runtime
from matrix.runtimes.uv import find_uv

PATIENCE = 20.0  # seconds that a test waits for what takes a fraction of one


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with wheels of a runtime, of a numpy and of one whose module has another name."""
    folder = tmp_path_factory.mktemp("packages")
    for name, module in (("tinyrt", "tinyrt"), ("numpy", "numpy"), ("hollow", "another")):
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            info = f"{name}-1.0.dist-info"
            wheel.writestr(f"{module}.py", "__version__ = '1.0'\n")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    return folder


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uv-cache")


@pytest.fixture(autouse=True)
def uv_alone(packages: Path, uv_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let uv see nothing but the tiny packages: no network, no configuration, no cache of the user's."""
    monkeypatch.setenv("UV", find_uv())
    for name, value in {
        "UV_FIND_LINKS": str(packages),
        "UV_NO_INDEX": "1",
        "UV_NO_CONFIG": "1",
        "UV_CACHE_DIR": str(uv_cache),
        "UV_PYTHON_DOWNLOADS": "never",
    }.items():
        monkeypatch.setenv(name, value)


def release(**changes: object) -> Release:
    facts: dict[str, object] = {
        "name": "tiny-1.0",
        "product": Product.TENSORRT,
        "version": "1.0",
        "module": "tinyrt",
        "packages": ("tinyrt",),
        "python": ">=3.8",
        "numpy": ("numpy==1.0",),
    }
    return Release(**(facts | changes))  # type: ignore[arg-type]


def make(
    cache: Path, *, said: list[str] | None = None, stop: threading.Event | None = None, **changes: object
) -> Environment:
    notify = said.append if said is not None else lambda _: None
    return provision(Runtime(release(**changes)), cache=cache, notify=notify, stop=stop or threading.Event())


def folders(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "environments").iterdir() if path.is_dir())


def slow_uv(folder: Path, seconds: float) -> Path:
    """Return a program that does what uv does, after it has slept; it leaves the ids of its processes in a file."""
    program = folder / "slow-uv"
    program.write_text(
        f'#!/bin/sh\nsleep {seconds} &\necho "$$ $!" >> {folder}/ids\nwait\nexec {os.environ["UV"]} "$@"\n'
    )
    program.chmod(0o755)
    return program


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# --- made and verified


def test_an_environment_is_made_once_and_then_found_without_a_word(tmp_path: Path) -> None:
    said: list[str] = []
    made = make(tmp_path, said=said)
    assert made.packages == ("numpy==1.0", "tinyrt==1.0")
    assert said == ["installing tinyrt==1.0 ..."]
    assert subprocess.check_output([made.python, "-I", "-c", "import tinyrt; print(tinyrt.__version__)"]) == b"1.0\n"
    assert make(tmp_path, said=said) == made
    assert len(said) == 1
    assert len(folders(tmp_path)) == 1


def test_other_pins_are_another_environment(tmp_path: Path) -> None:
    first = make(tmp_path)
    second = make(tmp_path, companions=("hollow==1.0",))
    assert first.python != second.python
    assert "hollow==1.0" in second.packages
    assert len(folders(tmp_path)) == 2


def spoil_nothing_written(folder: Path) -> None:
    (folder / "environment.json").unlink()


def spoil_half_written(folder: Path) -> None:
    info = folder / "environment.json"
    info.write_text(info.read_text()[:20])


def spoil_made_for_something_else(folder: Path) -> None:
    info = folder / "environment.json"
    info.write_text(json.dumps(json.loads(info.read_text()) | {"wanted": {}}))


def spoil_not_even_a_table(folder: Path) -> None:
    (folder / "environment.json").write_text("[]")


def spoil_python_gone(folder: Path) -> None:
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").symlink_to("/nonexistent/python")


def spoil_python_crashes(folder: Path) -> None:
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").write_text("#!/bin/sh\nkill -SEGV $$\n")
    (folder / "bin" / "python").chmod(0o755)


def spoil_package_removed(folder: Path) -> None:
    (next(folder.glob("lib/*/site-packages")) / "tinyrt.py").unlink()


def spoil_package_exchanged(folder: Path) -> None:
    site = next(folder.glob("lib/*/site-packages"))
    (site / "numpy-1.0.dist-info").rename(site / "numpy-2.0.dist-info")


@pytest.mark.parametrize("spoil", [value for name, value in list(globals().items()) if name.startswith("spoil_")])
def test_an_environment_that_is_not_whole_is_made_again(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    made = make(tmp_path)
    folder = made.python.parent.parent
    (folder / "left-over").touch()
    spoil(folder)
    said: list[str] = []
    assert make(tmp_path, said=said) == made
    assert said == ["installing tinyrt==1.0 ..."]
    assert not (folder / "left-over").exists()


def test_the_second_choice_is_installed_where_the_first_cannot_be(tmp_path: Path) -> None:
    said: list[str] = []
    made = make(tmp_path, version="1.1", fallback_version="1.0", said=said)
    assert "tinyrt==1.0" in made.packages
    assert said == ["installing tinyrt==1.1 ...", "installing tinyrt==1.0 ..."]
    assert make(tmp_path, version="1.1", fallback_version="1.0", said=said) == made
    assert len(said) == 2


def test_another_python_is_looked_for_where_the_own_one_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "own_version", lambda _: "")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(interpreter.own_base())
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    said: list[str] = []
    assert make(tmp_path, said=said).python.exists()
    assert said == ["looking for Python >=3.8 ...", "installing tinyrt==1.0 ..."]


def test_the_own_python_fits_only_as_the_usual_cpython(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert own_version(f"=={mine}.*") == mine
    assert own_version("<3.8") == ""
    monkeypatch.setattr(sysconfig, "get_config_var", lambda _: 1)
    assert own_version(f"=={mine}.*") == ""
    monkeypatch.setattr(sysconfig, "get_config_var", lambda _: 0)
    monkeypatch.setattr(sys, "implementation", SimpleNamespace(name="pypy"))
    assert own_version(f"=={mine}.*") == ""


def test_a_build_that_needs_pip_finds_the_other_packages_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    program = tmp_path / "noting-uv"
    without_seed = 'for word; do shift; [ "$word" = --seed ] || set -- "$@" "$word"; done'  # pip is no tiny package
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\n{without_seed}\nexec {os.environ["UV"]} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("UV", str(program))
    make(tmp_path, build_needs_pip=True, companions=("hollow==1.0",))
    venv, others, all_of_it = log.read_text().splitlines()
    assert "venv" in venv
    assert "--seed" in venv
    assert others.endswith("hollow==1.0 numpy==1.0")
    assert all_of_it.endswith("--no-build-isolation tinyrt==1.0 hollow==1.0 numpy==1.0")


# --- given interpreters


def test_a_given_interpreter_needs_no_uv_and_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(tmp_path)
    monkeypatch.setenv("UV", "")
    monkeypatch.setenv("PATH", "")
    runtime = Runtime(release(), python=made.python)
    assert provision(runtime, cache=Path("/nonexistent"), notify=print, stop=threading.Event()) == made


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        ("exit 3", "does not run as Python 3.8 or later. Give another"),
        ("echo rubbish", "does not run as Python 3.8 or later. Give another"),
        ("exit 0", "does not run as Python 3.8 or later. Give another"),
        ("echo 7", "does not run as Python 3.8 or later. Give another"),
        (f'exec {sys.executable} "$@"', "has no module tinyrt.*Install it there, or give another"),
    ],
)
def test_a_given_interpreter_that_cannot_serve_is_refused(tmp_path: Path, program: str, complaint: str) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{program}\n")
    python.chmod(0o755)
    with pytest.raises(ProvisionError, match=complaint) as caught:
        provision(Runtime(release(), python=python), cache=tmp_path, notify=print, stop=threading.Event())
    assert str(tmp_path) not in str(caught.value)


def test_an_interpreter_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "DEADLINE", 0.2)
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec sleep 60\n")
    python.chmod(0o755)
    assert inspect_interpreter(python, ()) is None


# --- what goes wrong


def test_a_package_that_cannot_be_installed_is_told_in_uvs_words(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError) as caught:
        make(tmp_path, version="7.0", fallback_version="8.0")
    message = str(caught.value)
    assert message.startswith("TensorRT tiny-1.0: tinyrt==7.0 could not be installed: error: No solution found")
    assert "; tinyrt==8.0 could not be installed: " in message
    assert message.endswith(
        "If it cannot be had here, leave tiny-1.0 out, or give an interpreter that has it already: "
        "--runtime-python tiny-1.0=PATH"
    )
    assert str(tmp_path) not in message
    assert folders(tmp_path) == []


def test_a_python_that_is_nowhere_is_told_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_PYTHON_PREFERENCE", "only-managed")
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "pythons"))
    with pytest.raises(ProvisionError, match=r"needs Python <3\.3, and .* could be made: error: .*`uv python install`"):
        make(tmp_path, python="<3.3")
    assert folders(tmp_path) == []


def test_packages_without_the_module_are_no_environment(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="was installed, and yet its environment lacks the module tinyrt"):
        make(tmp_path, packages=("hollow",))
    assert folders(tmp_path) == []


def test_uv_missing_is_told_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV", "/nonexistent/uv")
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setitem(sys.modules, "uv", None)
    with pytest.raises(UvMissingError, match="pip install uv"):
        make(tmp_path)
    assert folders(tmp_path) == []
    monkeypatch.setitem(sys.modules, "uv", SimpleNamespace(find_uv_bin=lambda: "/opt/uv"))
    assert find_uv() == "/opt/uv"
    monkeypatch.setitem(sys.modules, "uv", SimpleNamespace())
    with pytest.raises(UvMissingError):
        find_uv()


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        (
            "#!/nonexistent/shell\n",
            "uv cannot be started .No such file or directory.. Make it work with `pip install uv`",
        ),
        (
            "#!/bin/sh\necho 'no uv for this version' >&2; exit 127\n",
            "uv cannot be started: no uv for this version. Make",
        ),
        ("#!/bin/sh\nkill -KILL $$\n", "could be made: error: uv was ended by signal 9. Install such a Python"),
        ("#!/bin/sh\nexit 1\n", "could be made: it said nothing. Install such a Python"),
    ],
)
def test_a_uv_that_does_not_work_is_told_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, complaint: str
) -> None:
    broken = tmp_path / "uv"
    broken.write_text(program)
    broken.chmod(0o755)
    monkeypatch.setenv("UV", "")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(ProvisionError, match=complaint):
        make(tmp_path)


def test_a_cache_that_cannot_be_written_is_told_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ProvisionError, match=r"cannot be used \(Not a directory\)\. .*TENSORRT_MATRIX_CACHE") as caught:
        make(tmp_path / "file")
    assert str(tmp_path) not in str(caught.value)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ProvisionError, match=r"is full \(No space left on device\)\. Free space there"):
        make(tmp_path)
    assert folders(tmp_path) == []


def test_an_installation_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "DEADLINE", 0.3)
    monkeypatch.setenv("UV", str(slow_uv(tmp_path, 60)))
    with pytest.raises(ProvisionError, match=r"took too long and was ended\. Run it again"):
        make(tmp_path)
    assert folders(tmp_path) == []
    assert not any(is_alive(int(process)) for process in (tmp_path / "ids").read_text().split())


def test_stopping_ends_uv_with_its_children_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV", str(slow_uv(tmp_path, 60)))
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    started = time.monotonic()
    with pytest.raises(CancelledError):
        make(tmp_path, stop=stop)
    assert time.monotonic() - started < PATIENCE
    assert folders(tmp_path) == []
    assert not any(is_alive(int(process)) for process in (tmp_path / "ids").read_text().split())


def test_a_uv_that_ignores_the_polite_signal_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matrix.runtimes.uv.GRACE", 0.2)
    stubborn = tmp_path / "stubborn"
    stubborn.write_text(f"#!/bin/sh\ntrap '' TERM\necho $$ > {tmp_path}/ids\nwhile :; do sleep 0.1; done\n")
    stubborn.chmod(0o755)
    monkeypatch.setenv("UV", str(stubborn))
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(CancelledError):
        make(tmp_path, stop=stop)
    assert not is_alive(int((tmp_path / "ids").read_text()))


# --- several at once


RUN = textwrap.dedent("""
    import sys, threading
    from pathlib import Path
    from matrix.runtimes.environment import provision
    from matrix.runtimes.releases import Product, Release
    from matrix.runtimes.selection import Runtime
    release = Release(name="tiny-1.0", product=Product.TENSORRT, version="1.0", module="tinyrt", packages=("tinyrt",),
                      python=">=3.8", numpy=("numpy==1.0",))
    made = provision(Runtime(release), cache=Path(sys.argv[1]), notify=lambda text: print(text, flush=True),
                     stop=threading.Event())
    print(*made.packages)
""")


def run_elsewhere(cache: Path) -> subprocess.Popen[str]:
    root = Path(__file__).parents[1]
    return subprocess.Popen([sys.executable, "-c", RUN, str(cache)], cwd=root, stdout=subprocess.PIPE, text=True)


def test_two_runs_at_once_make_an_environment_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV", str(slow_uv(tmp_path, 0.5)))
    runs = [run_elsewhere(tmp_path), run_elsewhere(tmp_path)]
    said = sorted(run.communicate(timeout=PATIENCE)[0].splitlines() for run in runs)
    assert [run.returncode for run in runs] == [0, 0]
    assert said == [
        ["installing tinyrt==1.0 ...", "numpy==1.0 tinyrt==1.0"],
        ["waiting for another run that installs it", "numpy==1.0 tinyrt==1.0"],
    ]


def test_a_killed_run_holds_nobody_up_once_its_uv_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.environ["UV"]
    monkeypatch.setenv("UV", str(slow_uv(tmp_path, 60)))
    run = run_elsewhere(tmp_path)
    wait_until((tmp_path / "ids").exists)
    run.kill()
    run.communicate()
    monkeypatch.setenv("UV", real)
    said: list[str] = []
    made: list[Environment] = []
    thread = threading.Thread(target=lambda: made.append(make(tmp_path, said=said)))
    thread.start()
    wait_until(lambda: bool(said))
    assert said == ["waiting for another run that installs it"]  # uv is still there, and may write
    for process in (tmp_path / "ids").read_text().split():
        os.kill(int(process), signal.SIGKILL)
    thread.join(PATIENCE)
    assert made[0].packages == ("numpy==1.0", "tinyrt==1.0")


@pytest.fixture
def taken(tmp_path: Path) -> Iterator[None]:
    """Hold the lock of the environment as another run would."""
    folder = make(tmp_path).python.parent.parent
    shutil.rmtree(folder)
    with FileLock(folder.with_name(folder.name + ".lock")):
        yield


@pytest.mark.usefixtures("taken")
def test_waiting_for_another_run_ends_with_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "DEADLINE", 0.2)
    with pytest.raises(ProvisionError, match=r"another run has been installing it for too long\. End that run"):
        make(tmp_path)


@pytest.mark.usefixtures("taken")
def test_waiting_for_another_run_ends_when_stopped(tmp_path: Path) -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(CancelledError):
        make(tmp_path, stop=stop)


# --- all of a run


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_runtimes_that_share_a_release_share_an_environment(tmp_path: Path) -> None:
    stream = io.StringIO()
    runtimes = [Runtime(release()), Runtime(release(), sm="sm89"), Runtime(release(name="bad-7.0", version="7.0"))]
    with Progress(stream) as progress, provision_all(runtimes, cache=tmp_path, progress=progress) as provisioning:
        futures = provisioning.futures
        assert list(futures) == ["tiny-1.0", "tiny-1.0:sm89", "bad-7.0"]
        assert futures["tiny-1.0"] is futures["tiny-1.0:sm89"]
        assert futures["tiny-1.0"].result(PATIENCE).packages == ("numpy==1.0", "tinyrt==1.0")
        with pytest.raises(ProvisionError, match=r"TensorRT bad-7\.0: tinyrt==7\.0 could not"):
            futures["bad-7.0"].result(PATIENCE)
    lines = stream.getvalue().splitlines()
    assert sorted(line.split(" after ")[0] for line in lines) == [
        "bad-7.0: installing tinyrt==7.0 ...",
        "bad-7.0: not available",
        "tiny-1.0: installing tinyrt==1.0 ...",
        "tiny-1.0: ready",
    ]


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_nothing_is_shown_where_everything_is_there(tmp_path: Path, kind: type[io.StringIO]) -> None:
    make(tmp_path)
    stream = kind()
    with Progress(stream) as progress, provision_all([Runtime(release())], cache=tmp_path, progress=progress) as all_:
        all_.futures["tiny-1.0"].result(PATIENCE)
    assert stream.getvalue() == ""


def test_closing_stops_what_is_under_way_and_what_has_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV", str(slow_uv(tmp_path, 60)))
    runtimes = [Runtime(release(name=f"tiny-{number}")) for number in range(6)]
    with (
        Progress(io.StringIO()) as progress,
        provision_all(runtimes, cache=tmp_path, progress=progress) as provisioning,
    ):
        wait_until(lambda: (tmp_path / "ids").exists() and (tmp_path / "ids").read_text().count("\n") == 4)
    for future in provisioning.futures.values():
        with pytest.raises(CancelledError):
            future.result()
    assert folders(tmp_path) == []
    assert not any(is_alive(int(process)) for process in (tmp_path / "ids").read_text().split())


def test_on_a_terminal_the_table_is_shown_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TERM": "xterm", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    stream = Terminal()
    with Progress(stream) as progress:
        progress.update("rtx-1.7", "installing [bold]x[/bold] ...")
        progress.update("rtx-1.6", "installing y ...")
        progress.finish("rtx-1.6", ready=True)
        progress.finish("rtx-1.5", ready=True)
    shown = stream.getvalue()
    assert "installing [bold]x[/bold] ..." in shown
    assert "ready after 0.0 s" in shown
    assert "rtx-1.5" not in shown
    assert shown.rstrip().endswith("\x1b[2K")
    progress.update("rtx-1.7", "too late")
    assert stream.getvalue() == shown


# --- words


def test_the_excerpt_begins_with_the_last_error_and_hides_what_it_must() -> None:
    output = (
        "warning: a shim failed\nerror: the first try\nnoise\n"
        "error: Failed to build `x`\n  cause: https://me:secret@host/simple is odd.\n\n  [stderr]\n"
        '  Traceback (most recent call last):\n    File "/home/me/setup.py", line 3, in x\n      run()\n      ^^^\n'
        "  ValueError: in /home/me/x.\n  *****\n"
    )
    assert excerpt(output, {"/home/me": "~"}) == (
        "error: Failed to build `x`; cause: https://host/simple is odd; [stderr]; ValueError: in ~/x"
    )
    assert excerpt("", {}) == "it said nothing"
    assert excerpt("no error here", {}) == "no error here"


def test_the_excerpt_of_a_flood_is_its_beginning_and_its_end() -> None:
    flood = "error: flood\n" + "\n".join(f"line {number} {'x' * 1000}" for number in range(10000))
    kept = excerpt(flood, {})
    assert len(kept) < 5000
    assert kept.startswith("error: flood; line 0 x")
    assert "; ...; " in kept
    assert "line 9999" in kept


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        ("cause: dns error", "Check the network and the proxy"),
        ("hint: Packages were unavailable because the network was disabled", "Check the network and the proxy"),
        ("write failed: No space left on device (os error 28)", "Free space there"),
        ("no version of x==7.0", "leave rtx-1.7 out"),
    ],
)
def test_the_remedy_follows_the_words(output: str, remedy: str) -> None:
    assert remedy in package_remedy(output, "rtx-1.7")
    assert python_remedy(output, "rtx-1.7").startswith(remedy if "space" in remedy else "Install such a Python")


# --- where


def test_the_cache_is_the_users_or_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TENSORRT_MATRIX_CACHE", str(tmp_path))
    assert default_cache() == tmp_path
    monkeypatch.setenv("TENSORRT_MATRIX_CACHE", "~/somewhere")
    assert default_cache() == Path.home() / "somewhere"
    monkeypatch.delenv("TENSORRT_MATRIX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert default_cache() == tmp_path / "tensorrt-matrix"
    assert default_cache().name == "tensorrt-matrix"


def test_nothing_of_ours_leads_uv_astray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_SYSTEM_PYTHON", "1")
    monkeypatch.setenv("UV_PYTHON", "2.7")
    monkeypatch.setenv("VIRTUAL_ENV", "/nonexistent")
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    assert make(tmp_path).packages == ("numpy==1.0", "tinyrt==1.0")
