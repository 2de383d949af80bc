"""The facts about releases: complete, consistent, each with its source, and a wrong file refused with the place."""

from __future__ import annotations

import re

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from matrix.errors import ReleasesError
from matrix.runtimes.releases import FILE, Product, Release, load, parse

PYTHONS = [f"3.{minor}" for minor in range(6, 20)]
KEYS = ["from", "to", "source"]  # in this order, before the facts

MINIMAL = """
[tensorrt]
source = "index"
releases = [{ name = "10.0", version = "10.0.1" }, { name = "10.1", version = "10.1.0" }]

[[tensorrt.facts]]
source = "measured"
module = "tensorrt"
packages = ["tensorrt-cu12"]
python = ">=3.8"
numpy = ["numpy==1.26.4"]
"""


@pytest.fixture(scope="module")
def releases() -> tuple[Release, ...]:
    return load()


def release_named(name: str) -> Release:
    return next(release for release in load() if release.name == name)


def test_every_release_that_the_matrix_promises_is_there(releases: tuple[Release, ...]) -> None:
    promised = [f"rtx-1.{minor}" for minor in range(4, 8)] + ["8.5", "8.6"]
    promised += [f"10.{minor}" for minor in range(17)] + [f"11.{minor}" for minor in range(5)]
    promised += [f"ort-1.{minor}" for minor in range(15, 32)]
    assert [release.name for release in releases] == promised


def test_the_default_runtimes_need_no_gpu(releases: tuple[Release, ...]) -> None:
    defaults = [release for release in releases if release.default]
    assert [release.name for release in defaults] == ["rtx-1.4", "rtx-1.5", "rtx-1.6", "rtx-1.7", "ort-1.31"]
    assert not any(release.needs_gpu for release in defaults)


def test_names_say_the_minor_version_and_releases_are_in_order(releases: tuple[Release, ...]) -> None:
    for product in Product:
        mine = [release for release in releases if release.product is product]
        assert mine == sorted(mine, key=lambda release: release.number)
        for release in mine:
            assert release.name.split("-")[-1] == ".".join(map(str, release.number[:2]))
            assert Version(release.fallback_version or release.version).release[:2] == release.number[:2]


def test_what_is_installed_is_pinned_for_every_python_that_a_release_takes(releases: tuple[Release, ...]) -> None:
    for release in releases:
        taken = [python for python in PYTHONS if python in SpecifierSet(release.python)]
        assert taken, release.name
        for python in taken:
            wanted = [Requirement(line) for line in release.requirements]
            active = [
                one.name for one in wanted if one.marker is None or one.marker.evaluate({"python_version": python})
            ]
            assert len(active) == len(set(active)), (release.name, python)
            assert "numpy" in active, (release.name, python)
        assert all(re.fullmatch(r"==[\w.]+", str(Requirement(line).specifier)) for line in release.requirements)


def test_facts_are_consistent(releases: tuple[Release, ...]) -> None:
    for release in releases:
        assert all(re.fullmatch(r"sm\d+", sm) for sm in (*release.targets, *release.executes_on))
        assert list(release.precision_flags) == sorted(release.precision_flags)
        assert bool(release.polygraphy) == (release.product is not Product.ONNXRUNTIME)
        assert (release.max_opset is None) == (release.max_ir_version is None)
        assert bool(release.gpu_packages) == bool(release.gpu_version)
    assert [release.name for release in releases if release.calibrators][-1] == "10.16"
    assert [release.name for release in releases if release.precision_flags][-1] == "10.16"
    assert release_named("8.6").fallback_requirements[0] == "tensorrt==8.6.0"
    assert release_named("10.0").fallback_requirements == ()
    assert release_named("rtx-1.7").title == "TensorRT-RTX 1.7"


def test_every_fact_has_a_source(releases: tuple[Release, ...]) -> None:
    choices = {"product", "sources"}
    for release in releases:
        assert all(text.strip() for text in release.sources.values())
        given_facts = {name for name, value in vars(release).items() if value not in ("", (), None, False)} - choices
        assert given_facts <= release.sources.keys(), release.name


def test_the_file_is_in_canonical_form() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\n\n\n" not in text
    assert not re.search(r"[ \t]+$|\t|'''|\"\"\"", text, re.MULTILINE)
    assert re.findall(r"^\[(\w+)\]$", text, re.MULTILINE) == [str(product) for product in Product]
    for block in text.split("\n\n"):
        lines = block.splitlines()
        if lines[0].startswith("[["):
            keys = [line.split(" = ")[0] for line in lines[1:] if re.match(r"\w+ = ", line)]
            head = [key for key in keys if key in KEYS]
            assert head == [key for key in KEYS if key in keys]
            assert keys[: len(head)] == head, block
            assert len(keys) > len(head), block


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("[tensorrt]", "[tensorrt", "matrix/runtimes/releases.toml"),
        ("[tensorrt]", "[tensorflow]\n[tensorrt]", "unknown product 'tensorflow'; known are tensorrt_rtx"),
        ('version = "10.0.1"', 'verson = "10.0.1"', "unknown key 'verson'"),
        ('source = "index"', 'sauce = "index"', "unknown key 'sauce'"),
        ('module = "tensorrt"', 'modul = "tensorrt"', "unknown key 'modul'"),
        ('module = "tensorrt"', 'sources = "tensorrt"', "unknown key 'sources'"),
        ('source = "measured"\n', "", "no source"),
        ('source = "measured"', 'source = " "', "no source"),
        ('source = "index"\n', "", "no source"),
        ('source = "measured"', 'source = "measured"\nfrom = "9.9"', "known are 10.0, 10.1"),
        ('module = "tensorrt"', "module = 1", "10.0, module: 1 is not of type str"),
        ('["numpy==1.26.4"]', '"numpy"', "is not of type tuple"),
        ('["numpy==1.26.4"]', "[1]", "is not of type tuple"),
        ('module = "tensorrt"', 'module = "tensorrt"\nneeds_gpu = 1', "is not of type bool"),
        ('module = "tensorrt"', 'module = "tensorrt"\nmax_opset = true', "is not of type int"),
        ('python = ">=3.8"\n', "", "10.0 lacks python"),
        ('name = "10.1", ', "", "a line of tensorrt lacks name"),
        (
            "[[tensorrt.facts]]",
            '[[tensorrt.facts]]\nsource = "a"\nmodule = "x"\n[[tensorrt.facts]]',
            "has module twice",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(old: str, new: str, complaint: str) -> None:
    assert parse(MINIMAL)[1].requirements == ("tensorrt-cu12==10.1.0", "numpy==1.26.4")
    assert old in MINIMAL
    with pytest.raises(ReleasesError, match=re.escape(complaint)):
        parse(MINIMAL.replace(old, new, 1))


def test_facts_hold_from_and_to_the_named_releases() -> None:
    more = '\n[[tensorrt.facts]]\nfrom = "10.1"\nto = "10.1"\nsource = "x"\nmax_opset = 20\n'
    first, second = parse(MINIMAL + more)
    assert (first.max_opset, second.max_opset) == (None, 20)
    assert second.sources["max_opset"] == "x"
    assert second.sources["version"] == "index"
