"""Every attribute of TensorRT that the worker names is there in every release, or the worker asks first."""

from __future__ import annotations

import ast
import csv
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from packaging.version import Version

from matrix.runtimes.releases import Product, load

WORKER = Path(__file__).parents[1] / "matrix" / "worker"
TABLES = Path(__file__).with_name("data") / "api"
SOURCES = sorted(path for path in WORKER.glob("*.py") if not path.name.startswith("onnxruntime_"))
MODULE = "<module>"

# What the worker calls the objects of TensorRT. Leading underscores do not count: self._builder is a builder.
CLASSES = {
    "trt": MODULE, "builder": "Builder", "config": "IBuilderConfig", "network": "INetworkDefinition",
    "parser": "OnnxParser", "runtime": "Runtime", "engine": "ICudaEngine", "context": "IExecutionContext",
    "inspector": "EngineInspector", "profile": "IOptimizationProfile", "layer": "ILayer",
}  # fmt: skip
# The same words stand for something else in these files.
OTHERWISE = {
    ("tensorrt_layers.py", "layer"), ("tensorrt_execution.py", "profile"), ("tensorrt_listeners.py", "parser"),
    ("profiles.py", "profile"), ("job.py", "profile"),
}  # fmt: skip
ALSO = {("tensorrt_network.py", "tensor"): "ITensor", ("tensorrt_api.py", "error"): "ParserError"}
# What the worker calls objects that are not TensorRT's, beside the modules that it imports.
OURS = frozenset({"self", "options", "memory", "array", "stream", "stdout", "inside"})

Lifetime = tuple[Version, Version | None]  # first and last version that has it; None: it is still there


@cache
def tables() -> Mapping[Product, Mapping[tuple[str, str], Lifetime]]:
    return {
        product: read_table(TABLES / f"{product}_python_api.csv")
        for product in (Product.TENSORRT, Product.TENSORRT_RTX)
    }


def read_table(path: Path) -> Mapping[tuple[str, str], Lifetime]:
    """Return the lifetimes; a class is a member of the module."""
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (row["class"], row["member"]) if row["member"] else (MODULE, row["class"]): (
                Version(row["first_version"].removeprefix("RTX-")),
                Version(row["last_version_present"].removeprefix("RTX-")) if row["last_version_present"] else None,
            )
            for row in csv.DictReader(file)
        }


def where_missing(owner: str, member: str) -> list[str]:
    """Return the releases that lack ``member``, of those that can be selected; ``unknown`` where none ever had it.

    Of an object whose class is not known (``owner`` is empty), a release lacks what none of its classes has; what no
    class of any release has is no member of TensorRT's objects.
    """
    owners = [owner] if owner else sorted(classes_with(member))
    if not any((name, member) in table for table in tables().values() for name in owners):
        return ["unknown to every release"] if owner else []
    return [
        f"{release.name} ({version})" if version == release.fallback_version else release.name
        for release in load()
        if release.product in tables()
        for version in filter(None, (release.version, release.fallback_version))
        if not any(has(tables()[release.product], (name, member), Version(version)) for name in owners)
    ]


@cache
def classes_with(member: str) -> frozenset[str]:
    return frozenset(name for table in tables().values() for name, found in table if found == member)


def has(table: Mapping[tuple[str, str], Lifetime], item: tuple[str, str], version: Version) -> bool:
    if item not in table:
        return False
    first, last = table[item]
    return first.release <= version.release and (last is None or last.release >= version.release[: len(last.release)])


def problems(source: str, name: str = "") -> list[str]:
    """Return the attributes in ``source`` that a release lacks and that are named without asking."""
    return [
        f"{name}:{line}: {owner or '?'}.{member} is missing in {', '.join(missing)}"
        for owner, member, line in sorted(named_without_asking(ast.parse(source), name))
        if (missing := where_missing(owner, member))
    ]


def named_without_asking(tree: ast.AST, name: str) -> Iterator[tuple[str, str, int]]:
    """Yield class, member and line of each attribute, the class being empty where our names do not tell it."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    asked = {id(node): set(asked_for(node, name)) for node in functions}
    inside = {id(child): id(function) for function in functions for child in ast.walk(function)}
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        named = attribute_of(node)
        if named and not named[1].startswith("__"):  # the tables leave those out
            owner = class_of(named[0], name)
            ours = isinstance(named[0], ast.Constant) or word_of(named[0]) in OURS | imported
            known = asked.get(inside.get(id(node), 0), set())
            if (owner or not ours) and (owner, named[1]) not in known:
                yield owner, named[1], named[2]


def attribute_of(node: ast.AST) -> tuple[ast.expr, str, int] | None:
    """Return object, name and line of ``object.name`` and of ``getattr(object, "name")``, which asks for nothing."""
    if isinstance(node, ast.Attribute):
        return node.value, node.attr, node.lineno
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        named = node.args[1] if (node.func.id, len(node.args)) == ("getattr", 2) else None
        if isinstance(named, ast.Constant) and isinstance(named.value, str):
            return node.args[0], named.value, node.lineno
    return None


def asked_for(function: ast.FunctionDef, name: str) -> Iterator[tuple[str, str]]:
    """Yield what ``hasattr`` or a ``getattr`` with a default asks for in a function."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if (node.func.id, len(node.args)) in (("hasattr", 2), ("getattr", 3)):
            owner, member = class_of(node.args[0], name), node.args[1]
            if isinstance(member, ast.Constant) and isinstance(member.value, str):
                yield owner, member.value


def word_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def class_of(node: ast.expr, name: str) -> str:
    """Return the class of TensorRT that an expression stands for by our names, empty if it stands for none."""
    word = word_of(node)
    plain = word.lstrip("_")
    if (name, plain) in OTHERWISE:
        return ""
    if (name, plain) in ALSO:
        return ALSO[name, plain]
    if isinstance(node, ast.Attribute) and class_of(node.value, name) == MODULE:
        return word  # trt.BuilderFlag
    return CLASSES.get(plain, "")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_attribute_is_in_every_release_or_asked_for(path: Path) -> None:
    assert problems(path.read_text(encoding="utf-8"), path.name) == []


def test_the_worker_names_enough_for_this_to_mean_something() -> None:
    trees = [(ast.parse(path.read_text(encoding="utf-8")), path.name) for path in SOURCES]
    named = {(owner, member) for tree, name in trees for owner, member, _ in named_without_asking(tree, name)}
    asked = {
        item
        for tree, name in trees
        for f in ast.walk(tree)
        if isinstance(f, ast.FunctionDef)
        for item in asked_for(f, name)
    }
    assert {owner for owner, _ in named} >= {*CLASSES.values(), "ITensor", "ParserError"} - {"IOptimizationProfile"}
    assert {("IBuilderConfig", "int8_calibrator"), ("IBuilderConfig", "builder_optimization_level")} <= asked
    told = [item for item in asked if item[0]]
    assert all(any(item in table for table in tables().values()) for item in told), "asked for what never was"


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("def f(config): config.int8_calibrator = None", "11.0"),
        ("def f(config): config.max_workspace_size = 1", "10.0"),
        ("def f(self): self._config.builder_optimization_level = 0", "8.5"),
        ("def f(engine): return engine.num_bindings", "rtx-1.7"),
        ("def f(trt): return trt.BuilderFlag.FP16", "11.4"),
        ("def f(trt): return trt.DataType.INT64", "8.6"),
        ("def f(trt): return trt.IInt8EntropyCalibrator2", "rtx-1.5"),
        ("def f(made): made.config.no_such_thing()", "unknown to every release"),
        ("def f(config):\n    hasattr(config, 'avg_timing_iterations')\n    config.int8_calibrator = None", "11.0"),
        ("def f(inputs): inputs['x'].dynamic_range = 1", "11.0"),
        ("def f(network): return network.get_layer(0).precision", "11.0"),
        ("def f(parser): return parser.flags", "8.6 (8.6.0)"),
        ("def f(trt): return trt.OnnxParserFlag", "8.5"),
        ("def f(config): return getattr(config, 'int8_calibrator')", "11.0"),
        ("def f(thing):\n    thing().build_engine(1)", "10.0"),
        ("def f(made): made.binding_is_input(0)", "10.0"),
        ("def f(config): hasattr(config, 'int8_calibrator')\ndef g(config): config.int8_calibrator = None", "11.0"),
    ],
)
def test_what_a_release_lacks_is_found(source: str, missing: str) -> None:
    assert missing in problems(source)[0]


@pytest.mark.parametrize(
    "source",
    [
        "def f(config):\n    if hasattr(config, 'int8_calibrator'):\n        config.int8_calibrator = None",
        "def f(context): return getattr(context, 'all_shape_inputs_specified', True)",
        "def f(config, trt): config.clear_flag(trt.BuilderFlag.TF32)",
        "def f(job): return job.no_such_thing",
    ],
)
def test_what_is_everywhere_or_asked_for_is_fine(source: str) -> None:
    assert problems(source) == []


def test_flags_and_classes_that_are_looked_up_by_name_exist_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(WORKER))
    before = set(sys.modules)
    api = import_module("tensorrt_api")
    flags = {*api.FLAG_OF_TYPE.values(), *(flag for flags in api.FLAGS_OF_PRECISION.values() for flag in flags)}
    classic = tables()[Product.TENSORRT]
    assert {("BuilderFlag", flag) for flag in flags} <= classic.keys()
    assert {(MODULE, name) for name in api.CALIBRATORS.values()} <= classic.keys()
    for name in set(sys.modules) - before:  # the worker's modules have common names
        del sys.modules[name]
