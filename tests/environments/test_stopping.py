"""Installations that hang, that are stopped, and that several runs want at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest
from filelock import FileLock

from matrix.errors import ProvisionError
from matrix.runtimes import environment
from matrix.runtimes.environment import Environment
from tests.environments.tiny import PATIENCE, folders, is_alive, make, slow_uv, wait_until


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
    root = Path(__file__).parents[2]
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
