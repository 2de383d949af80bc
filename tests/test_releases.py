"""The facts about releases, and what the words of the options select among them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from matrix.errors import MatrixError, OptionError, ReleasesError, UnknownRuntimeError
from matrix.runtimes import installed
from matrix.runtimes.installed import installed_release
from matrix.runtimes.releases import FILE, Product, Release, load, parse
from matrix.runtimes.selection import Runtime, parse_runtime_pythons, select_onnxruntime, select_tensorrt

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


def names(runtimes: tuple[Runtime, ...]) -> list[str]:
    return [runtime.name for runtime in runtimes]


def release_named(name: str) -> Release:
    return next(release for release in load() if release.name == name)


# --- the file


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


# --- --trt-version


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        (None, ["rtx-1.4", "rtx-1.5", "rtx-1.6", "rtx-1.7"]),
        ("rtx-1.7", ["rtx-1.7"]),
        ("rtx", ["rtx-1.7"]),
        ("rtx-1", ["rtx-1.7"]),
        ("1.7.1.116", ["rtx-1.7"]),
        ("rtx-1.7.1.116", ["rtx-1.7"]),
        ("10", ["10.16"]),
        ("10.0", ["10.0"]),
        ("10.0.1", ["10.0"]),
        ("10.1", ["10.1"]),
        ("10.7.0", ["10.7"]),
        ("10.13.3.9.post1", ["10.13"]),
        ("8.6.1.6", ["8.6"]),
        ("trt", ["11.4"]),
        ("8.6,10.0,rtx-1.7", ["8.6", "10.0", "rtx-1.7"]),
        (" RTX-1.7 ,, 8.6,rtx-1.7.1.116,", ["rtx-1.7", "8.6"]),
        ("rtx-1.7:sm89,rtx-1.7,RTX:SM120", ["rtx-1.7:sm89", "rtx-1.7", "rtx-1.7:sm120"]),
        ("none", []),
    ],
)
def test_tensorrt_selection(text: str | None, selected: list[str]) -> None:
    runtimes = select_tensorrt(text, {})
    assert names(runtimes) == selected
    assert all(runtime.by_name == (text is not None) for runtime in runtimes)


def test_all_is_every_tensorrt_and_not_by_name_unless_named_too() -> None:
    runtimes = select_tensorrt("all,10.0", {})
    assert names(runtimes) == [release.name for release in load() if release.product is not Product.ONNXRUNTIME]
    assert [runtime.name for runtime in runtimes if runtime.by_name] == ["10.0"]


@pytest.mark.parametrize(
    "text", ["9.3", "10.99", "8.6.9", "10.7.0.post9", "ort-1.31", "1.31", "latest", "10.", "-", "1.2.3.4.5"]
)
def test_an_unknown_tensorrt_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(UnknownRuntimeError, match=r"--trt-version.*rtx-1\.4.*8\.5.*10\.16.*11\.4") as caught:
        select_tensorrt(text, {})
    assert "ort-" not in str(caught.value).split("Known:")[1]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "names nothing"),
        (" , ", "names nothing"),
        ("none,8.6", "'none' cannot be mixed"),
        ("8.6:sm89", "only TensorRT-RTX"),
        ("rtx-1.4:sm121", "it can for sm75, sm80, sm86, sm89, sm120"),
        ("rtx-1.7:", "cannot build for ''"),
        ("rtx-1.7:sm90", "rtx-1.7 cannot build for 'sm90'"),
    ],
)
def test_a_tensorrt_selection_that_cannot_be_used_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(OptionError, match=re.escape(complaint)):
        select_tensorrt(text, {})


@given(st.text(alphabet="0123456789.rtxo-:smalnep, ", max_size=20))
def test_any_text_selects_something_or_is_refused_in_words(text: str) -> None:
    try:
        runtimes = select_tensorrt(text.replace("installed", ""), {})
    except MatrixError as error:
        runtimes, words = (), str(error)
    else:
        words = ""
    assert runtimes or "--trt-version" in words or text.replace(",", "").strip() == "none"
    assert len(set(names(runtimes))) == len(runtimes)


@given(
    st.sampled_from([release for release in load() if release.product is not Product.ONNXRUNTIME]), st.integers(1, 4)
)
def test_a_prefix_selects_the_newest_release_that_has_it(release: Release, length: int) -> None:
    prefix = release.number[:length]
    (runtime,) = select_tensorrt(".".join(map(str, prefix)), {})
    same = [other for other in load() if other.product is release.product and other.number[:length] == prefix]
    assert runtime.release == same[-1]


def test_names_of_runtimes_can_be_files() -> None:
    (runtime,) = select_tensorrt("rtx-1.7:sm89", {})
    assert (runtime.name, runtime.file_name, runtime.sm) == ("rtx-1.7:sm89", "rtx-1.7-sm89", "sm89")
    off, optimized = select_onnxruntime(None, "off,all", {})
    assert [off.name, off.file_name, off.optimization] == ["ort-1.31", "ort-1.31", "off"]
    assert [optimized.name, optimized.file_name, optimized.optimization] == ["ort-1.31:all", "ort-1.31-all", "all"]
    assert len({off, optimized, runtime}) == 3


# --- installed


def test_the_installed_tensorrt_is_asked_for_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "_version", {"tensorrt": "10.0.1", "tensorrt_rtx": "1.7.1.116"}.get)
    (runtime,) = select_tensorrt("installed", {})
    assert (runtime.name, runtime.release.version, runtime.python) == ("10.0", "10.0.1", Path(sys.executable))
    assert runtime.by_name
    monkeypatch.setattr(installed, "_version", {"tensorrt": "", "tensorrt_rtx": "1.9.0.1"}.get)
    (runtime,) = select_tensorrt("installed,rtx-1.4", {})[:1]
    assert (runtime.name, runtime.release.version, runtime.release.module) == ("rtx-1.9", "1.9.0.1", "tensorrt_rtx")


@pytest.mark.parametrize(
    ("version", "name", "like"), [("9.3.0", "9.3", "8.6"), ("8.4.1.5", "8.4", "8.5"), ("12.0.1.2", "12.0", "11.4")]
)
def test_an_installed_release_that_is_not_listed_is_described_by_its_neighbour(
    monkeypatch: pytest.MonkeyPatch, version: str, name: str, like: str
) -> None:
    monkeypatch.setattr(installed, "_version", {"tensorrt": version}.get)
    release = installed_release(load())
    assert (release.name, release.version, release.documented_opset) == (name, version, None)
    assert release.precision_flags == release_named(like).precision_flags


def test_no_installed_tensorrt_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "_version", {}.get)
    with pytest.raises(OptionError, match="neither tensorrt nor tensorrt_rtx; run pytest with"):
        select_tensorrt("installed", {})


def test_the_version_is_what_the_module_itself_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed._version("packaging").split(".")[0].isdecimal()
    assert installed._version("no_such_module") == ""
    with pytest.raises(OptionError, match=r"textwrap could not be imported: AttributeError"):
        installed._version("textwrap")
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    with pytest.raises(OptionError, match="packaging could not be imported"):
        installed._version("packaging")


# --- --ort-version


@pytest.mark.parametrize(
    ("text", "optimization", "selected"),
    [
        (None, "off", ["ort-1.31"]),
        (None, "all", ["ort-1.31:all"]),
        ("1.31", "off,all", ["ort-1.31", "ort-1.31:all"]),
        ("1.18,1.23", "off", ["ort-1.18", "ort-1.23"]),
        ("ORT-1.31 , 1.31.1", " All ", ["ort-1.31:all"]),
        ("ort-1.31:all,1.20", "off", ["ort-1.31:all", "ort-1.20"]),
        ("1", "off", ["ort-1.31"]),
        ("none", "off", []),
    ],
)
def test_onnxruntime_selection(text: str | None, optimization: str, selected: list[str]) -> None:
    runtimes = select_onnxruntime(text, optimization, {})
    assert names(runtimes) == selected
    assert all(runtime.by_name == (text is not None) for runtime in runtimes)


def test_all_onnxruntimes_are_not_by_name() -> None:
    runtimes = select_onnxruntime("all", "off", {})
    assert len(runtimes) == 17
    assert not any(runtime.by_name for runtime in runtimes)


@pytest.mark.parametrize(
    ("text", "optimization", "complaint"),
    [
        ("2.0", "off", "no release is called '2.0'. Known: ort-1.15"),
        ("default", "off", "no release is called 'default'"),
        ("rtx-1.7", "off", "no release is called 'rtx-1.7'"),
        ("1.31", "fast", "'fast' is not one of off, all or off,all"),
        ("1.31:fast", "off", "'fast' is not one of off, all or off,all"),
        ("1.31", "none", "'none' is not one of off, all or off,all"),
        ("1.31", "", "--ort-optimization: '' names nothing"),
        ("", "off", "--ort-version: '' names nothing"),
    ],
)
def test_an_onnxruntime_selection_that_cannot_be_used_is_refused(text: str, optimization: str, complaint: str) -> None:
    with pytest.raises(MatrixError, match=re.escape(complaint)):
        select_onnxruntime(text, optimization, {})


# --- --runtime-python


def test_interpreters_go_to_their_runtimes_by_any_name(tmp_path: Path) -> None:
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    pythons = parse_runtime_pythons([f"8.5={link}", f" RTX ={link}", f"ort-1.31.1={link}", f"8.5.3.1={link}"])
    assert pythons == {"8.5": link, "rtx-1.7": link, "ort-1.31": link}
    runtimes = select_tensorrt("8.5,rtx-1.7:sm89,10.0", pythons) + select_onnxruntime(None, "off,all", pythons)
    assert [runtime.python for runtime in runtimes] == [link, link, None, link, link]
    assert select_tensorrt(None, pythons)[-1].python == link


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        (["rtx-1.7"], "'rtx-1.7' is not NAME=PATH"),
        (["=/bin/sh"], "is not NAME=PATH"),
        (["rtx-1.7="], "is not NAME=PATH"),
        (["9.3=/bin/sh"], "no release is called '9.3'"),
        (["1=/bin/sh"], "fits releases of several products"),
        (["8.5=/nonexistent/python"], "/nonexistent/python is not a program"),
        (["8.5=/etc/passwd"], "is not a program"),
        (["8.5=/usr"], "is not a program"),
        (["8.5=/bin/sh", "8.5=/bin/ls"], "8.5 is given two interpreters"),
    ],
)
def test_an_interpreter_that_cannot_be_used_is_refused(values: list[str], complaint: str) -> None:
    with pytest.raises(MatrixError, match=re.escape(complaint)):
        parse_runtime_pythons(values)
