"""A record as one line of strict JSON, and back; a line from elsewhere is checked before it is believed."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import Any

import cattrs

from matrix.record import Precision, Record, Status, Symptom, Verdict


class RecordError(ValueError):
    """A line that is not a record of a known schema."""


def to_json(record: Record) -> str:
    """Return ``record`` as one line of strict JSON; infinities and NaN become the strings "inf", "-inf" and "nan"."""
    return json.dumps(_converter().unstructure(record), allow_nan=False, ensure_ascii=True, separators=(",", ":"))


def from_json(line: str) -> Record:
    """Return the record that ``line`` holds; fields that a later schema added are ignored.

    Raises:
        RecordError: the line is not JSON, lacks a field, or holds a value of another type.
    """
    try:
        return _converter().structure(json.loads(line), Record)
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise RecordError(f"not a record: {error}") from error


@lru_cache(maxsize=1)
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(omit_if_default=False, detailed_validation=False)
    converter.register_unstructure_hook(float, lambda value: value if math.isfinite(value) else repr(value))
    converter.register_structure_hook(float, lambda value, _: _number(value))
    converter.register_structure_hook(int, lambda value, _: _integer(value))
    converter.register_structure_hook(bool, lambda value, _: _flag(value))
    converter.register_structure_hook(str, lambda value, _: _text(value))
    for words in (Status, Verdict, Precision, Symptom):  # or the hook for str would serve them: they are its subclasses
        converter.register_structure_hook(words, lambda value, kind: kind(_text(value)))
    return converter


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError(f"{value!r} is not a number")
    number = float(value)
    return value if isinstance(value, int) and number != value else number  # a 64-bit integer keeps all its digits


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is not an integer")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is not true or false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a string")
    return value
