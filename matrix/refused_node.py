"""Which operator a parser refused, where it says no more than the number of the node: TensorRT 8 does not name it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from matrix.record import Diagnostic

NUMBER = re.compile(r"#(\d+)")
MAX_MODEL = 64 * 2**20  # bytes: what only serves to explain is not worth more memory
HAS_BODIES = frozenset({"If", "Loop", "Scan", "SequenceMap"})  # the number is theirs, whatever was refused inside


def name_operators(diagnostics: Iterable[Diagnostic], model: Path) -> tuple[Diagnostic, ...]:
    """Return the diagnostics, with the operator of the node that a parser error names by number, as ``#3``.

    The number counts the nodes of the main graph of the file ``model``. Where that cannot be read, is larger than 64
    MiB or has no such node, the diagnostics stay as they are.
    """
    found = tuple(diagnostics)
    if not any(_is_nameless(item) for item in found):
        return found
    operators = _operators(model)
    return tuple(replace(item, op=_operator(item, operators)) if _is_nameless(item) else item for item in found)


def _is_nameless(item: Diagnostic) -> bool:
    return item.source == "parser" and not item.op and NUMBER.fullmatch(item.node) is not None


def _operators(model: Path) -> list[str]:
    try:
        if model.stat().st_size > MAX_MODEL:
            return []
        return [node.op_type for node in onnx.load(model, load_external_data=False).graph.node]
    except (OSError, DecodeError, ValueError):
        return []


def _operator(item: Diagnostic, operators: list[str]) -> str:
    number = int(item.node[1:])
    op = operators[number] if number < len(operators) else ""
    return "" if op in HAS_BODIES else op
