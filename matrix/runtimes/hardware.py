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
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from matrix.errors import OptionError
from matrix.runtimes.releases import Product
from matrix.runtimes.selection import Runtime

DEVICE = re.compile(r"\d+|GPU-.*", re.ASCII)  # in CUDA_VISIBLE_DEVICES
DEADLINE = 30.0  # seconds: nvidia-smi wakes every GPU, one after the other
COLUMNS = "index,uuid,name,memory.total,driver_version,clocks.max.sm,clocks.max.memory"


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One NVIDIA GPU; ``sm`` is its architecture, as in ``sm89``, and the clocks are the highest that it can have."""

    index: int
    name: str
    sm: str
    memory_mib: int
    sm_clock_mhz: int = 0
    memory_clock_mhz: int = 0
    uuid: str = ""


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
        purpose = "" if release.product is Product.ONNXRUNTIME else " even to parse"
        return f"{release.title} needs an NVIDIA GPU{purpose}; none was found"
    if runtime.python is None and release.platforms and sysconfig.get_platform() not in release.platforms:
        return f"{release.title} has packages for {', '.join(release.platforms)}; this is {sysconfig.get_platform()}"
    return ""


def uses_gpu(runtime: Runtime) -> bool:
    """Say whether a worker of ``runtime`` is given a GPU where there is one: TensorRT also builds on it."""
    return runtime.release.product is not Product.ONNXRUNTIME or bool(runtime.provider)


def executes(runtime: Runtime, gpu: Gpu | None) -> bool:
    """Say whether ``runtime`` can execute on ``gpu`` what it builds: TensorRT-RTX knows few architectures."""
    if gpu is None:
        return not uses_gpu(runtime)
    if not uses_gpu(runtime):
        return True
    known = runtime.release.executes_on
    return (not known or gpu.sm in known) and runtime.sm in ("", gpu.sm)


def choose_gpus(numbers: Sequence[str] | None, hardware: Hardware, *, used: bool = True) -> tuple[Gpu, ...]:
    """Return the GPU of each worker that uses one; None chooses every GPU once.

    Where no runtime of the run has a use for one (``used``), it does not matter what they are.

    Raises:
        OptionError: a number is that of no GPU here, or the GPUs have different architectures.
    """
    known = {str(gpu.index): gpu for gpu in hardware.gpus}
    unknown = [number for number in numbers or () if number not in known]
    if unknown:
        raise OptionError(f"--gpu: there is no GPU {unknown[0]} here; there is {', '.join(known) or 'none'}")
    chosen = hardware.gpus if numbers is None else tuple(known[number] for number in numbers)
    if used and len({gpu.sm for gpu in chosen}) > 1:
        listed = ", ".join(f"{gpu.index} is {gpu.name} ({gpu.sm or 'unknown architecture'})" for gpu in chosen)
        raise OptionError(f"--gpu: a run uses GPUs of one architecture, and {listed}; choose with --gpu")
    return chosen


def _gpus() -> tuple[tuple[Gpu, ...], str]:
    """Return the GPUs that a program may use, and the driver's version."""
    rows = _query(f"{COLUMNS},compute_cap")
    if not rows:  # drivers before 510 do not know compute_cap
        rows = [[*row, ""] for row in _query(COLUMNS)]
    gpus = [_gpu(*row) for row in rows if len(row) == 8 and row[0].isdecimal()]
    visible = tuple(gpu for gpu in gpus if _is_visible(gpu))
    return visible, rows[0][4] if visible else ""


def _gpu(
    index: str, uuid: str, name: str, memory: str, _driver: str, sm_clock: str, memory_clock: str, capability: str
) -> Gpu:
    return Gpu(
        index=int(index),
        name=name,
        sm=f"sm{capability.replace('.', '')}" if re.fullmatch(r"\d+\.\d+", capability) else "",
        memory_mib=_number(memory),
        sm_clock_mhz=_number(sm_clock),
        memory_clock_mhz=_number(memory_clock),
        uuid=uuid,
    )


def _number(text: str) -> int:
    """Return a number, 0 where nvidia-smi says that there is none: "[N/A]"."""
    return int(text) if text.isdecimal() else 0


def _is_visible(gpu: Gpu) -> bool:
    """Say whether CUDA_VISIBLE_DEVICES lets a program see ``gpu``: it holds numbers, or beginnings of UUIDs.

    What stands behind an item that is neither is not seen: "-1,0" hides all.
    """
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        return True
    items = list(takewhile(DEVICE.fullmatch, map(str.strip, listed.split(","))))
    return str(gpu.index) in items or any(item.startswith("GPU-") and gpu.uuid.startswith(item) for item in items)


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
