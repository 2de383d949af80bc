"""What goes wrong in an installation, and the remedy that is told."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from matrix.errors import ProvisionError, UvMissingError
from matrix.runtimes.refusal import excerpt, package_remedy, python_remedy
from matrix.runtimes.uv import find_uv
from tests.environments.tiny import folders, make


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
