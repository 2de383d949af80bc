"""Environments made by the real uv from a folder of tiny packages, found again, and made again when spoilt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from matrix.runtimes.environment import default_cache
from tests.environments.tiny import folders, make


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
