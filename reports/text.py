"""How text and numbers are written in every report: strangers' text made harmless, no figure rounded to a lie."""

from __future__ import annotations

import re
import unicodedata

# An escape sequence of a terminal: CSI ("ESC [ ... letter"), OSC ("ESC ] ... BEL") or a two-character one.
_ESCAPES = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]?")
# Control characters, lone surrogates, and the characters that turn the direction of writing.
_UNSEEN = {"Cc", "Cs"}
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def plain(text: str) -> str:
    """Return ``text`` without terminal escape sequences and invisible characters; line breaks and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        for character in _ESCAPES.sub("", text)
        if character in "\n\t" or (unicodedata.category(character) not in _UNSEEN and character not in _TURNING)
    )


def one_line(text: str, limit: int = 300) -> str:
    """Return ``text`` plain and on one line, cut to ``limit`` characters."""
    # What is cut off is not looked at: a message may have a million characters.
    line = " ".join(plain(text[: 4 * limit]).split())
    return line if len(line) <= limit and len(text) <= 4 * limit else line[: limit - 1] + "…"


def share(count: float, total: float) -> str:
    """Return ``count`` of ``total`` as a percentage that is "0 %" or "100 %" only where it is exactly that."""
    if total == 0:
        return "none"
    percent = 100 * count / total
    if 0 < percent < 1:
        return "<1 %"
    if 99 < percent < 100:
        return ">99 %"
    return f"{percent:.0f} %"


def count(number: int, singular: str, plural: str = "") -> str:
    """Return "1 cell", "2 cells", "10,000 cells"."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
