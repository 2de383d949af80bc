"""The machine: its GPUs, driver, operating system and processor, without the name of the host or of anybody."""

from __future__ import annotations

import csv
import ctypes
import os
import platform
import re
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from matrix.runtimes.selection import Runtime

DEADLINE = 30.0  # seconds: nvidia-smi wakes every GPU, one after the other


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One NVIDIA GPU; ``sm`` is its architecture, as in ``sm89``."""

    index: int
    name: str
    sm: str
    memory_mib: int


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """A machine; a text is empty where it is not known."""

    gpus: tuple[Gpu, ...] = ()
    driver: str = ""  # version of the NVIDIA driver
    cuda: str = ""  # the newest CUDA version that the driver serves
    os: str = ""
    cpu: str = ""


def probe() -> Hardware:
    """Return what this machine has. It never raises: what cannot be found out is not there, or left empty."""
    gpus, driver = _gpus()
    return Hardware(gpus=gpus, driver=driver, cuda=_cuda() if gpus else "", os=_os(), cpu=_cpu())


def missing_hardware(runtime: Runtime, hardware: Hardware) -> str:
    """Return why this machine cannot use ``runtime`` at all, empty where it may.

    Only what is certain counts. A GPU that a release may be too old or too new for is not: the release itself says so.
    """
    release = runtime.release
    if release.needs_gpu and not hardware.gpus:
        return f"{release.title} needs an NVIDIA GPU even to parse; none was found"
    if runtime.python is None and release.platforms and sysconfig.get_platform() not in release.platforms:
        return f"{release.title} has packages for {', '.join(release.platforms)}; this is {sysconfig.get_platform()}"
    return ""


def _gpus() -> tuple[tuple[Gpu, ...], str]:
    """Return the GPUs that a program may use, and the driver's version."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return (), ""
    rows = _query("index,name,memory.total,driver_version,compute_cap")
    if not rows:  # drivers before 510 do not know compute_cap
        rows = [[*row, ""] for row in _query("index,name,memory.total,driver_version")]
    gpus, driver = [], ""
    for row in rows:
        if len(row) == 5 and row[0].isdecimal():
            index, name, memory, driver, capability = row
            sm = f"sm{capability.replace('.', '')}" if re.fullmatch(r"\d+\.\d+", capability) else ""
            gpus.append(Gpu(index=int(index), name=name, sm=sm, memory_mib=int(memory) if memory.isdecimal() else 0))
    return tuple(gpus), driver


def _query(columns: str) -> list[list[str]]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        done = subprocess.run(
            [program, f"--query-gpu={columns}", "--format=csv,noheader,nounits"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=DEADLINE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    if done.returncode:
        return []
    return [[field.strip() for field in row] for row in csv.reader(done.stdout.splitlines())]


def _cuda() -> str:
    """Ask the driver's own library, which is quicker than nvidia-smi and needs no GPU to be woken."""
    version = ctypes.c_int(0)
    try:
        failed = ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(version))
    except (OSError, AttributeError):
        return ""
    return "" if failed else f"{version.value // 1000}.{version.value % 1000 // 10}"


def _os() -> str:
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        name = platform.system()
    return f"{name}, {platform.machine()}"


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    named = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    name = named.group(1).strip() if named else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores"
