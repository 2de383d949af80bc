"""The interpreter of an environment: our own, another that is found, or one that is given."""

from __future__ import annotations

import sys
import sysconfig
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from matrix.errors import ProvisionError
from matrix.runtimes import environment, interpreter
from matrix.runtimes.environment import provision
from matrix.runtimes.interpreter import inspect_interpreter, own_version
from matrix.runtimes.selection import Runtime
from tests.environments.tiny import make, release


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
