"""Takes out of a text what says where it was written: paths of this machine, its name and the name of its user."""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
import sys
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

PATH = "<path>"
# What follows a word or a slash is part of an address or of a name, but for that of a file or of a compiler's option.
START = r"(?:(?<![\w./~-])|(?<=-[A-Z])|(?<=file://))"
PART = r"[\w.+@~-]+"
POSIX = re.compile(rf"{START}/{PART}(?:/{PART})+/?")  # two parts or more
WINDOWS = re.compile(r"(?<!\w)[A-Za-z]:\\[^\s'\"<>|]+")
COMMON_NAMES = frozenset(
    {"root", "user", "users", "admin", "administrator", "build", "builder", "nobody", "localhost", "worker", "runner"}
)  # words that a runtime uses as well, and that name nobody
SHORTEST = 3  # characters of a name that is looked for


def scrub(text: str, folders: Iterable[Path] = ()) -> str:
    """Return ``text`` without local paths, host name and user name; a file keeps its last name where it has a suffix.

    A path is local if this machine has its first folder: `/conv/Relu_0` may be the name of a node. ``folders`` are
    known to be in the text, and may have characters in their names that no pattern expects.
    """
    for folder in sorted({*map(str, folders), *_folders()} - {"/"}, key=len, reverse=True):
        text = re.sub(rf"{START}{re.escape(folder)}(?![\w+@~-]|\.\w)(?:/{PART})*/?", _path, text)
    text = POSIX.sub(_shorten, text)
    text = WINDOWS.sub(PATH, text)
    for name, instead in _names():
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", instead, text)
    return text


def scrub_json(text: str, folders: Iterable[Path] = ()) -> str:
    """Return a JSON text with every string in it scrubbed: in the text itself, characters are escaped."""

    def each(value: Any) -> Any:
        if isinstance(value, str):
            return scrub(value, folders)
        if isinstance(value, list):
            return [each(item) for item in value]
        return {key: each(item) for key, item in value.items()} if isinstance(value, dict) else value

    return json.dumps(each(json.loads(text)))


def _shorten(found: re.Match[str]) -> str:
    return _path(found) if Path("/", Path(found[0]).parts[1]).exists() else found[0]


def _path(found: re.Match[str]) -> str:
    path = Path(found[0])
    return f"{PATH}/{path.name}" if path.suffix and not path.is_dir() else PATH


@cache
def _folders() -> tuple[str, ...]:
    """Return the folders of this machine that every text may name."""
    folders = {str(Path.home()), str(Path.cwd()), sys.prefix, sys.base_prefix, tempfile.gettempdir()}
    folders.add(str(Path(__file__).resolve().parents[2]))
    return tuple(folders)


@cache
def _names() -> tuple[tuple[str, str], ...]:
    host = socket.gethostname()
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without an entry in the password file
        user = os.environ.get("USER", "")
    found = [(user, "<user>"), (host, "<host>"), (host.split(".")[0], "<host>")]
    return tuple((name, word) for name, word in found if len(name) >= SHORTEST and name.lower() not in COMMON_NAMES)
