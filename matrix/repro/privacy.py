"""Takes out of a text what says where it was written: paths of this machine, its name and the name of its user."""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys
import tempfile
from functools import cache
from pathlib import Path

PATH = "<path>"
# An absolute path of two parts or more; what follows a word, a colon or a slash is part of an address or of a name.
POSIX = re.compile(r"(?<![\w.:/~-])/[\w.+@~-]+(?:/[\w.+@~-]+)+/?")
WINDOWS = re.compile(r"(?<!\w)[A-Za-z]:\\[^\s'\"<>|]+")
COMMON_NAMES = frozenset(
    {"root", "user", "users", "admin", "administrator", "build", "builder", "nobody", "localhost", "worker", "runner"}
)  # words that a runtime uses as well, and that name nobody
SHORTEST = 3  # characters of a name that is looked for


def scrub(text: str) -> str:
    """Return ``text`` without local paths, host name and user name; a file keeps its last name where it has a suffix.

    A path is local if this machine has its first folder: `/conv/Relu_0` may be the name of a node.
    """
    for folder in _folders():
        text = re.sub(re.escape(folder) + r"(?=[/\\\s'\":;,)\]]|$)", PATH, text)
    text = POSIX.sub(_shorten, text)
    text = WINDOWS.sub(PATH, text)
    for name, instead in _names():
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", instead, text)
    return text


def _shorten(found: re.Match[str]) -> str:
    path = Path(found[0])
    if not Path("/", path.parts[1]).exists():
        return found[0]
    return f"{PATH}/{path.name}" if path.suffix and not path.is_dir() else PATH


@cache
def _folders() -> tuple[str, ...]:
    """Return the folders that may have characters in their names that no pattern expects, the longest first."""
    folders = {str(Path.home()), str(Path.cwd()), sys.prefix, sys.base_prefix, tempfile.gettempdir()}
    folders.add(str(Path(__file__).resolve().parents[2]))
    return tuple(sorted((folder for folder in folders if len(folder) > 1), key=len, reverse=True))


@cache
def _names() -> tuple[tuple[str, str], ...]:
    host = socket.gethostname()
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without an entry in the password file
        user = os.environ.get("USER", "")
    found = [(user, "<user>"), (host, "<host>"), (host.split(".")[0], "<host>")]
    return tuple((name, word) for name, word in found if len(name) >= SHORTEST and name.lower() not in COMMON_NAMES)
