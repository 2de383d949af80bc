"""All environments of a run: shared, shown while they are made, and stopped together."""

from __future__ import annotations

import io
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from matrix.errors import ProvisionError
from matrix.runtimes.progress import Progress
from matrix.runtimes.provisioning import provision_all
from matrix.runtimes.selection import Runtime
from tests.environments.tiny import PATIENCE, folders, is_alive, make, release, slow_uv, wait_until


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
