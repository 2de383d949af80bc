"""What `--input-shapes` and `--profile` ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from cases.case import Shape
from matrix.errors import OptionError

T = TypeVar("T")
Span = tuple[Shape, Shape, Shape]  # min, opt, max

SHAPES_HOW = "--input-shapes: {!r} is not NAME:SHAPE, such as images:1x3x224x224 (NAME: alone is a scalar)"
PROFILE_HOW = "--profile: {!r} is not NAME:MIN:OPT:MAX, such as images:1x3:4x3:8x3"
MAX_EXTENT = 2**31 - 1
ENTRY = re.compile(r"[^:]*:[^,]*|[^,:]+")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The shapes that inputs are to have; an input has one shape, or a range, or neither."""

    shapes: Mapping[str, Shape] = field(default_factory=dict)
    spans: Mapping[str, Span] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.shapes, *self.spans)


def parse_asked(input_shapes: Sequence[str], profiles: Sequence[str]) -> Asked:
    """Return what the two options say, each of which may be given several times and hold a comma list.

    Raises:
        OptionError: one of them means nothing, or an input is named twice.
    """
    shapes = dict(_unique("--input-shapes", (_shape_of(entry) for entry in _entries(input_shapes, SHAPES_HOW))))
    spans = dict(_unique("--profile", (_span_of(entry) for entry in _entries(profiles, PROFILE_HOW))))
    for name in shapes.keys() & spans.keys():
        raise OptionError(f"input {name!r} is in --input-shapes and in --profile: give it one shape or one range")
    return Asked(shapes=shapes, spans=spans)


def _entries(texts: Sequence[str], how: str) -> list[str]:
    """Return the entries of comma lists; what has no colon before its comma is the beginning of a name with a comma."""
    found = []
    for text in texts:
        entries = [entry for each in ENTRY.findall(text) if (entry := each.strip(", \t\n"))]
        if not entries:
            raise OptionError(how.format(text))
        found.extend(entries)
    return found


def _unique(option: str, found: Iterable[tuple[str, T]]) -> list[tuple[str, T]]:
    entries = list(found)
    names = [name for name, _ in entries]
    for name in names:
        if names.count(name) > 1:
            raise OptionError(f"{option}: input {name!r} is named twice; leave one of the two out")
    return entries


def _shape_of(entry: str) -> tuple[str, Shape]:
    name, colon, text = entry.rpartition(":")  # a name may have colons of its own
    if not name or not colon:
        raise OptionError(SHAPES_HOW.format(entry))
    return name, _extents(text, SHAPES_HOW.format(entry))


def _span_of(entry: str) -> tuple[str, Span]:
    name, *texts = entry.rsplit(":", 3)
    if not name or len(texts) != 3:
        raise OptionError(PROFILE_HOW.format(entry))
    low, best, high = (_extents(text, PROFILE_HOW.format(entry)) for text in texts)
    if not len(low) == len(best) == len(high):
        raise OptionError(f"--profile: the shapes of {entry!r} have {len(low)}, {len(best)} and {len(high)} dimensions")
    if not all(a <= b <= c for a, b, c in zip(low, best, high, strict=True)):
        raise OptionError(f"--profile: {entry!r} does not ascend from min over opt to max in every dimension")
    return name, (low, best, high)


def _extents(text: str, how: str) -> Shape:
    parts = [part.strip() for part in text.split("x")] if text.strip() else []
    if not all(part.isdecimal() and part.isascii() and len(part) <= 10 for part in parts):
        raise OptionError(how)
    extents = tuple(int(part) for part in parts)
    if any(extent > MAX_EXTENT for extent in extents):
        raise OptionError(f"{how}; an extent is at most {MAX_EXTENT}")
    return extents
