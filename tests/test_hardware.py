"""The machine: what nvidia-smi says, in all its ways, and which runtimes cannot be used without what."""

from __future__ import annotations

import ctypes
import os
import platform
import sysconfig
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from matrix.runtimes import hardware
from matrix.runtimes.hardware import Gpu, Hardware, missing_hardware, probe
from matrix.runtimes.releases import load
from matrix.runtimes.selection import Runtime

H100 = Gpu(index=0, name="NVIDIA H100 80GB HBM3", sm="sm90", memory_mib=81559)


@pytest.fixture(autouse=True)
def no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the programs of this machine, so that only what a test puts into tmp_path is found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def say(folder: Path, script: str) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def runtime(name: str) -> Runtime:
    return Runtime(next(release for release in load() if release.name == name))


def test_no_nvidia_smi_is_no_gpu() -> None:
    found = probe()
    assert (found.gpus, found.driver, found.cuda) == ((), "", "")
    assert platform.machine() in found.os
    assert found.cpu.endswith(f"{os.cpu_count()} cores")
    assert platform.node() not in (found.os, found.cpu)


def test_every_gpu_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "0, NVIDIA H100 80GB HBM3, 81559, 570.133.20, 9.0\\n1, NVIDIA GeForce RTX 5090, 32607, 570.133.20, 12.0\\n"
    say(tmp_path, f"printf '{lines}'")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(cuDriverGetVersion=cuda_12_8))
    found = probe()
    assert found.gpus == (H100, Gpu(index=1, name="NVIDIA GeForce RTX 5090", sm="sm120", memory_mib=32607))
    assert (found.driver, found.cuda) == ("570.133.20", "12.8")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert probe().gpus == ()


def cuda_12_8(pointer: object) -> int:
    pointer._obj.value = 12080  # type: ignore[attr-defined]
    return 0


def test_a_driver_that_does_not_know_compute_cap_still_has_a_gpu(tmp_path: Path) -> None:
    say(tmp_path, 'case "$1" in *compute_cap*) exit 2;; esac; echo "0, Tesla T4, [N/A], 450.80.02"')
    found = probe()
    assert found.gpus == (Gpu(index=0, name="Tesla T4", sm="", memory_mib=0),)
    assert found.driver == "450.80.02"


@pytest.mark.parametrize(
    "script",
    [
        "echo 'No devices were found'",
        "exit 9",
        "echo a, b, c, d, e",
        "kill -SEGV $$",
        "printf '\\377\\376'",
        "exec /bin/sleep 60",
    ],
)
def test_a_useless_nvidia_smi_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(hardware, "DEADLINE", 0.3)
    say(tmp_path, script)
    assert probe().gpus == ()


def test_an_nvidia_smi_that_cannot_be_started_is_no_gpu(tmp_path: Path) -> None:
    say(tmp_path, "")
    (tmp_path / "nvidia-smi").write_text("#!/nonexistent\n")
    assert probe().gpus == ()


def test_what_cannot_be_read_is_left_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert hardware._cuda() == ""
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(cuDriverGetVersion=lambda _: 100))
    assert hardware._cuda() == ""
    monkeypatch.setattr(platform, "freedesktop_os_release", missing)
    assert hardware._os() == f"{platform.system()}, {platform.machine()}"
    monkeypatch.setattr(Path, "read_text", missing)
    assert hardware._cpu().startswith(platform.processor() or platform.machine())


def test_a_tensorrt_that_needs_a_gpu_says_so_where_none_is() -> None:
    assert (
        missing_hardware(runtime("10.0"), Hardware())
        == "TensorRT 10.0 needs an NVIDIA GPU even to parse; none was found"
    )
    assert missing_hardware(runtime("10.0"), Hardware(gpus=(H100,))) == ""


def test_the_default_runtimes_miss_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_platform", lambda: "linux-x86_64")
    assert [missing_hardware(Runtime(release), Hardware()) for release in load() if release.default] == [""] * 5


def test_a_platform_without_packages_is_told_unless_an_interpreter_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_platform", lambda: "linux-aarch64")
    rtx = runtime("rtx-1.7")
    assert missing_hardware(rtx, Hardware()) == (
        "TensorRT-RTX 1.7 has packages for linux-x86_64, win-amd64; this is linux-aarch64"
    )
    assert missing_hardware(replace(rtx, python=Path("/opt/python")), Hardware()) == ""
    assert missing_hardware(runtime("ort-1.31"), Hardware()) == ""
