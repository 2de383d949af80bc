"""What to tell the user when an environment could not be made: the installer's own words, and a remedy.

The remedy is guessed from the words. Nothing else is: that there is no environment is a fact, whatever the words.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator, Mapping

HEAD, TAIL = 4, 14  # lines: what failed, and the end of what the build of a package said
LINE = 240  # characters

INTERPRETER = "give an interpreter that has it already: --runtime-python {name}=PATH"
PACKAGE = "If it cannot be had here, leave {name} out, or " + INTERPRETER
PYTHON = "Install such a Python (where the network allows, `uv python install` fetches one), or " + INTERPRETER
NETWORK = "Check the network and the proxy (HTTPS_PROXY), or name a mirror (UV_DEFAULT_INDEX), or " + INTERPRETER
AGAIN = "Run it again, as what was fetched so far is kept, or " + INTERPRETER
DISK = "Free space there, or point TENSORRT_MATRIX_CACHE and UV_CACHE_DIR to a disk that has some"
FOLDER = "Make it writable, or point TENSORRT_MATRIX_CACHE to a folder on a local disk that is"

FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT)
FULL_WORDS = re.compile(r"no space left|disk quota|os error (28|122)\b", re.IGNORECASE)
NETWORK_WORDS = re.compile(
    r"error sending request|dns error|connection (refused|reset)|network (was|is) (disabled|unreachable)"
    r"|name or service not known|name resolution|tunnel error|not reachable|urlopen error|operation timed out"
    r"|network connectivity",
    re.IGNORECASE,
)


def excerpt(output: str, hidden: Mapping[str, str]) -> str:
    """Return the beginning and the end of the last error in ``output`` on one line, without paths and passwords.

    ``hidden`` maps what must not be shown, such as the path of the home folder, to what is shown instead.
    """
    for secret, shown in hidden.items():
        output = output.replace(secret, shown)
    output = re.sub(r"(https?://)[^/\s@]*@", r"\1", output)
    lines = [" ".join(line.split())[:LINE].rstrip(".") for line in _without_frames(output.splitlines())]
    errors = [number for number, line in enumerate(lines) if re.match("(error\\b|\u00d7)", line)]
    lines = lines[errors[-1] :] if errors else lines
    if len(lines) > HEAD + TAIL:
        lines = [*lines[:HEAD], "...", *lines[-TAIL:]]
    return "; ".join(lines) or "it said nothing"


def _without_frames(lines: Iterable[str]) -> Iterator[str]:
    """Leave out lines without a word, and the frames of tracebacks: a line with a file and a deeper one with code."""
    frame: int | None = None
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if re.match(r'\s*(File ".*", line \d+|Traceback )', line):
            frame = depth
        elif frame is not None and depth > frame:
            continue
        elif re.search(r"\w", line):
            frame = None
            yield line


def package_remedy(output: str, name: str) -> str:
    """Return what the user can do when uv said ``output`` instead of installing the packages of release ``name``."""
    if FULL_WORDS.search(output):
        return DISK
    return (NETWORK if NETWORK_WORDS.search(output) else PACKAGE).format(name=name)


def python_remedy(output: str, name: str) -> str:
    """Return what the user can do when uv said ``output`` instead of making a virtual environment."""
    return DISK if FULL_WORDS.search(output) else PYTHON.format(name=name)


def again(name: str) -> str:
    """Return what the user can do when uv took too long."""
    return AGAIN.format(name=name)


def folder_problem(error: OSError) -> str:
    """Return what ``error`` says about the folder of the environments, and what the user can do about it."""
    if error.errno in FULL_ERRORS:
        return f"the disk of the folder of the environments is full ({error.strerror}). {DISK}"
    return f"the folder of the environments cannot be used ({error.strerror or error}). {FOLDER}"
