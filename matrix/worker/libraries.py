"""The CUDA math libraries that TensorRT has brought into this process, and whether they work.

Their tactics, and some plugins, live in cuBLAS and cuDNN. A machine may have stand-ins in their place, which only serve
the linker: what fails for that is no statement about TensorRT.
"""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Dict

MAPS = Path("/proc/self/maps")  # Linux; elsewhere nothing is known
FILE = re.compile(r" (/.*/lib(cublas|cublasLt|cudnn)\.so.*)$", re.MULTILINE)  # a process with CUDA maps thousands
# What each of them has a function for that needs neither a GPU nor a handle: cublasGetProperty(type, &value).
# Source: libraryPropertyType in <library_types.h>.
MAJOR_MINOR_PATCH = (0, 1, 2)


def loaded(maps: Path = MAPS) -> Dict[str, str]:
    """Return the libraries in this process: name -> version, empty where the library cannot tell even that."""
    try:
        text = maps.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return {}
    return {name: version(name, path) for path, name in sorted(set(FILE.findall(text)))}


def version(name: str, path: str) -> str:
    """Return the version that the library ``name`` at ``path`` tells, empty where it does not answer."""
    try:
        ask = getattr(ctypes.CDLL(path), "{}GetProperty".format(name))
    except (OSError, AttributeError):
        return ""
    numbers = []
    for kind in MAJOR_MINOR_PATCH:
        number = ctypes.c_int(0)
        if ask(ctypes.c_int(kind), ctypes.byref(number)) != 0:
            return ""
        numbers.append(number.value)
    return ".".join(map(str, numbers)) if numbers[0] > 0 else ""


def broken(found: Dict[str, str]) -> str:
    """Return in words which of the libraries do not work, empty where all do."""
    names = [name for name, number in found.items() if not number]
    if not names:
        return ""
    return "{} loaded here cannot even tell {} version".format(
        " and ".join(names), "its" if len(names) == 1 else "their"
    )
