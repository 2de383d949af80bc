"""Assembles `repro.py`: one file with the worker's own modules, the rules of the statuses and one cell's request."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from matrix.record import Record
from matrix.runtimes.releases import TITLES, Product
from reports.text import one_line

PROGRAM = Path(__file__).with_name("program")
WORKER = Path(__file__).resolve().parents[1] / "worker"
QUOTES = "'''"
BACKENDS: Mapping[str, tuple[str, ...]] = {
    Product.ONNXRUNTIME: ("onnxruntime_backend",),
    Product.TENSORRT: ("tensorrt_backend", "cudart"),
    Product.TENSORRT_RTX: ("tensorrt_backend", "cudart"),
}
FIRST = ("reproduce", "judge", "figures", "worker")


def assemble(record: Record, cell: Mapping[str, Any]) -> str:
    """Return the text of `repro.py` for the cell of ``record``, whose manifest is ``cell``."""
    product = Product(record.runtime.product)
    title = one_line(f"{record.case.id} on {TITLES[product]} {record.runtime.version}: {record.status}")
    parts = {
        "TITLE": _plain(title),
        "STATUS": str(record.status),
        "LIBRARY": TITLES[product],
        "CELL": _literal(json.dumps(cell, indent=1, ensure_ascii=True)),
        "MODULES": "\n".join(_section(name, text) for name, text in sources(product).items()),
    }
    text = (PROGRAM / "template.txt").read_text(encoding="utf-8")
    for name, value in parts.items():
        text = text.replace(f"@{name}@", value, 1)
    return text


@cache
def sources(product: Product) -> Mapping[str, str]:
    """Return the modules that `repro.py` needs for ``product``: name -> source, those to read first standing first."""
    found: dict[str, str] = {}
    waiting = [*FIRST, *BACKENDS[product]]
    while waiting:
        name = waiting.pop(0)
        path = _path(name)
        if name not in found and path.exists():
            found[name] = path.read_text(encoding="utf-8")
            waiting.extend(_imports(found[name]))
    return found


def _path(name: str) -> Path:
    if name == "worker":  # in its own room it is called __main__
        return WORKER / "__main__.py"
    own = PROGRAM / f"{name}.py"
    return own if own.exists() else WORKER / f"{name}.py"


def _imports(source: str) -> Iterator[str]:
    for statement in ast.walk(ast.parse(source)):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            yield statement.module


def _section(name: str, source: str) -> str:
    assert QUOTES not in source, f"{name} cannot stand between {QUOTES}"
    return f'\nMODULES["{name}"] = r{QUOTES}\n{source.rstrip()}\n{QUOTES}\n'


def _literal(text: str) -> str:
    """Return JSON that can stand between the quotes of a raw string."""
    return text.replace("'", "\\u0027")


def _plain(text: str) -> str:
    """Return text for a docstring: no quote and no backslash."""
    return text.replace("\\", "/").replace('"', "'")
