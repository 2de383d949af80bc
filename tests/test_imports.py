"""The arrows of docs/architecture.md: who may import whom."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Importer -> the rooms of ours that it may import. A module belongs to the room with the longest matching prefix.
ARROWS: dict[str, set[str]] = {
    "cases": set(),
    "matrix.record": set(),
    "matrix.record_json": {"matrix.record"},
    "matrix.errors": set(),
    "matrix.worker": set(),
    "matrix.case_folder": {"cases"},
    "matrix.runtimes": {"matrix.errors"},
    "matrix.plan": {"cases", "matrix.record", "matrix.runtimes"},
    "matrix.applicability": {"matrix.plan", "matrix.record", "matrix.runtimes"},
    "matrix.execution": {
        "cases", "matrix.applicability", "matrix.case_folder", "matrix.errors", "matrix.plan", "matrix.record",
        "matrix.runtimes",
    },
    "matrix.models": {
        "cases", "matrix.case_folder", "matrix.errors", "matrix.record", "matrix.verdict",
    },
    "matrix.verdict": {"cases", "matrix.case_folder", "matrix.errors", "matrix.record"},
    "reports": {"matrix.record", "matrix.record_json"},
    "matrix": {
        "cases", "matrix.applicability", "matrix.case_folder", "matrix.errors", "matrix.execution", "matrix.models",
        "matrix.plan", "matrix.record", "matrix.record_json", "matrix.runtimes", "matrix.verdict", "reports",
    },
}  # fmt: skip

# What each room may import from outside the standard library.
OUTSIDE: dict[str, set[str]] = {
    "cases": {"ml_dtypes", "numpy", "onnx"},
    "matrix.record": {"backports"},
    "matrix.record_json": {"cattrs"},
    "matrix.worker": {
        "numpy",
        "onnxruntime",
        "polygraphy",
        *(path.stem for path in (ROOT / "matrix/worker").glob("*.py")),
    },
    "reports": {"jinja2", "markupsafe", "pandas", "rich"},
}

# A program and its parts that run in ONNX Runtime's environment and are imported by nothing of ours.
PROGRAMS = set((ROOT / "cases/quantization/emitted").glob("*.py"))


def modules() -> Iterator[tuple[Path, str]]:
    for pattern in ("cases/**/*.py", "matrix/**/*.py", "reports/*.py"):  # reports/out may be large, and changes
        for path in sorted(ROOT.glob(pattern)):
            if path not in PROGRAMS:
                yield path, ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room(module: str) -> str:
    return max((name for name in ARROWS if f"{module}.".startswith(f"{name}.")), key=len, default="")


def imported(path: Path) -> Iterator[str]:
    for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            assert not statement.level, f"{path.name} has a relative import"
            yield statement.module or ""
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


@pytest.mark.parametrize(("path", "module"), [pytest.param(*item, id=item[1]) for item in modules()])
def test_a_module_imports_only_what_its_room_may(path: Path, module: str) -> None:
    mine = room(module)
    for name in imported(path):
        other = room(name)
        if other:
            assert other in {mine, *ARROWS[mine]}, f"{module} may not import {name}"
        elif mine in OUTSIDE:
            top = name.split(".")[0]
            assert top in sys.stdlib_module_names | OUTSIDE[mine], f"{module} may not import {name}"


def test_the_worker_is_a_program_of_its_own() -> None:
    for path, module in modules():
        if room(module) != "matrix.worker":
            assert not any(name.startswith("matrix.worker") for name in imported(path)), module


def test_nothing_unpickles_and_no_shell_is_started() -> None:
    for path, module in modules():
        text = path.read_text(encoding="utf-8")
        assert "pickle" not in set(imported(path)), module
        assert "shell=True" not in text, module
        assert "allow_pickle=True" not in text, module
