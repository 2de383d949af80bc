"""Known messages and what to do about them: a reader of signatures.toml.

A signature only ever adds a remedy to a record. It never decides a status: the words of a runtime change from release
to release, and a status is decided by rules on structured data.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from matrix.record import Diagnostic

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = Path(__file__).with_name("signatures.toml")
SEARCHED_CHARACTERS = 10_000  # of one message; the telling words stand at its beginning
FILLED_CHARACTERS = 80  # of a name that is quoted from the message


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a message means and what to do about it, with the names that the message gave filled in."""

    id: str
    meaning: str
    remedy: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of signatures.toml; ``example`` is a message that leads to it."""

    id: str
    pattern: re.Pattern[str]
    example: str
    meaning: str
    remedy: str
    source: str

    def fill(self, match: re.Match[str], op: str) -> Signature:
        """Return the signature for one match; ``{op}`` falls back on ``op``, the operator that the parser named."""
        names = {"op": op or "this operator"} | {name: text for name, text in match.groupdict().items() if text}
        return Signature(
            id=self.id, meaning=_fill(self.meaning, names), remedy=_fill(self.remedy, names), source=self.source
        )


def find_signature(messages: Iterable[str | Diagnostic]) -> Signature | None:
    """Return the signature of the first message that any pattern matches, or None.

    Errors are looked at before warnings, as a warning seldom is the reason of a failure; a plain string counts as an
    error. A diagnostic is better than its message alone: some parsers say no more than "false", and only the function
    and the operator tell what was refused.
    """
    every = list(messages)
    errors = [message for message in every if not _is_warning(message)]
    for message in errors + [message for message in every if _is_warning(message)]:
        text, op = (_as_text(message), message.op) if isinstance(message, Diagnostic) else (message, "")
        for entry in entries():
            match = entry.pattern.search(text[:SEARCHED_CHARACTERS])
            if match:
                return entry.fill(match, op)
    return None


@lru_cache(maxsize=1)
def entries() -> tuple[Entry, ...]:
    """Return the entries of signatures.toml in the order of the file, their patterns compiled."""
    with FILE.open("rb") as file:
        tables = tomllib.load(file)["signature"]
    return tuple(Entry(**(table | {"pattern": re.compile(table["pattern"])})) for table in tables)


def _is_warning(message: str | Diagnostic) -> bool:
    return isinstance(message, Diagnostic) and message.severity != "error"


def _as_text(diagnostic: Diagnostic) -> str:
    """Write a diagnostic the way that TensorRT's parser logs it, so that one pattern serves for both."""
    function = diagnostic.function.rsplit(" > ", 1)[-1]  # before it stand the ONNX functions that led there
    place = f"In function {function}: " if function else ""
    code = f"[{diagnostic.code}] " if diagnostic.code else ""
    return f"{diagnostic.source}: {place}{code}{diagnostic.message}"


def _fill(text: str, names: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: names[found[1]][:FILLED_CHARACTERS], text)
