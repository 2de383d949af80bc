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

from matrix.errors import OptionError
from matrix.runtimes import hardware
from matrix.runtimes.hardware import Gpu, Hardware, choose_gpus, executes, missing_hardware, probe, uses_gpu
from matrix.runtimes.releases import load
from matrix.runtimes.selection import Runtime, select_onnxruntime

H100 = Gpu(
    index=0, name="NVIDIA H100 80GB HBM3", sm="sm90", memory_mib=81559, sm_clock_mhz=1980, memory_clock_mhz=2619,
    uuid="GPU-aaaa1111",
)  # fmt: skip
RTX = replace(H100, index=1, name="NVIDIA GeForce RTX 5090", sm="sm120", memory_mib=32607, uuid="GPU-bbbb2222")
LINES = (
    "0, GPU-aaaa1111, NVIDIA H100 80GB HBM3, 81559, 570.133.20, 1980, 2619, 9.0\\n"
    "1, GPU-bbbb2222, NVIDIA GeForce RTX 5090, 32607, 570.133.20, 1980, 2619, 12.0\\n"
)


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
    say(tmp_path, f"printf '{LINES}'")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(cuDriverGetVersion=cuda_12_8))
    found = probe()
    assert found.gpus == (H100, RTX)
    assert (found.driver, found.cuda) == ("570.133.20", "12.8")


@pytest.mark.parametrize(
    ("listed", "gpus"),
    [
        ("", ()),
        ("-1", ()),
        ("1", (RTX,)),
        ("0, 1", (H100, RTX)),
        ("GPU-bbbb", (RTX,)),
        ("1,-1,0", (RTX,)),
        ("-1,0", ()),
        ("7", ()),
    ],
)
def test_only_the_gpus_that_a_program_may_see_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: str, gpus: tuple[Gpu, ...]
) -> None:
    say(tmp_path, f"printf '{LINES}'")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    assert probe().gpus == gpus


def test_gpus_are_chosen_by_number_and_have_one_architecture() -> None:
    both, one = Hardware(gpus=(H100, RTX)), Hardware(gpus=(H100,))
    assert choose_gpus(None, one) == (H100,)
    assert choose_gpus(None, Hardware()) == choose_gpus((), both) == ()
    assert choose_gpus(("1", "1"), both) == (RTX, RTX)
    with pytest.raises(OptionError, match=r"no GPU 2 here; there is 0, 1"):
        choose_gpus(("2",), both)
    with pytest.raises(OptionError, match=r"no GPU 0 here; there is none"):
        choose_gpus(("0",), Hardware())
    with pytest.raises(
        OptionError, match=r"0 is NVIDIA H100 80GB HBM3 \(sm90\), 1 is NVIDIA GeForce RTX 5090 \(sm120\)"
    ):
        choose_gpus(None, both)
    assert choose_gpus(None, both, used=False) == (H100, RTX), "a run that needs no GPU does not care"


@pytest.mark.parametrize(
    ("name", "sm", "gpu", "expected"),
    [
        ("rtx-1.7", "", RTX, True),
        ("rtx-1.7", "", H100, False),
        ("rtx-1.7", "sm120", RTX, True),
        ("rtx-1.7", "sm89", RTX, False),
        ("8.6", "", H100, True),
        ("8.6", "", None, False),
        ("ort-1.31", "", None, True),
    ],
)
def test_what_executes_where(name: str, sm: str, gpu: Gpu | None, expected: bool) -> None:
    assert executes(replace(runtime(name), sm=sm), gpu) is expected
    assert uses_gpu(runtime(name)) is (name != "ort-1.31")


def test_a_provider_of_onnxruntime_needs_a_gpu() -> None:
    (cuda,) = select_onnxruntime("1.31-cuda", "off", {})
    assert missing_hardware(cuda, Hardware()) == "ONNX Runtime 1.31-cuda needs an NVIDIA GPU; none was found"
    assert uses_gpu(cuda)
    assert executes(cuda, H100)
    assert not executes(cuda, None)


def cuda_12_8(pointer: object) -> int:
    pointer._obj.value = 12080  # type: ignore[attr-defined]
    return 0


def test_a_driver_that_does_not_know_compute_cap_still_has_a_gpu(tmp_path: Path) -> None:
    say(
        tmp_path, 'case "$1" in *compute_cap*) exit 2;; esac; echo "0, GPU-1, Tesla T4, [N/A], 450.80.02, [N/A], [N/A]"'
    )
    found = probe()
    assert found.gpus == (Gpu(index=0, name="Tesla T4", sm="", memory_mib=0, uuid="GPU-1"),)
    assert found.driver == "450.80.02"


@pytest.mark.parametrize(
    "script",
    [
        "echo 'No devices were found'",
        "exit 9",
        "echo a, b, c, d, e, f, g, h",
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
