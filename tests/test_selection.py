"""What the words of --trt-version, --ort-version and --runtime-python select among the releases."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix.errors import MatrixError, OptionError, UnknownRuntimeError
from matrix.runtimes import installed
from matrix.runtimes.installed import installed_release
from matrix.runtimes.releases import Product, Release, load
from matrix.runtimes.selection import PROVIDERS, Runtime, parse_runtime_pythons, select_onnxruntime, select_tensorrt


def names(runtimes: tuple[Runtime, ...]) -> list[str]:
    return [runtime.name for runtime in runtimes]


def release_named(name: str) -> Release:
    return next(release for release in load() if release.name == name)


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
        ("rtx-1.7-sm89,rtx-1.7-SM120,1.7:sm89", ["rtx-1.7:sm89", "rtx-1.7:sm120"]),
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
    "text",
    [
        "rtx-all",
        "rtx-sm89",
        "9.3",
        "10.99",
        "8.6.9",
        "10.7.0.post9",
        "ort-1.31",
        "1.31",
        "latest",
        "10.",
        "-",
        "1.2.3.4.5",
    ],
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
        ("rtx-1.7-sm90", "rtx-1.7 cannot build for 'sm90'"),
        ("8.6-sm89", "only TensorRT-RTX"),
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
        ("ort-1.31-all,1.20-off,1.20-all", "all", ["ort-1.31:all", "ort-1.20", "ort-1.20:all"]),
        ("ort-1.31-cuda-all,1.31-cuda", "off", ["ort-1.31-cuda:all", "ort-1.31-cuda"]),
        ("none", "off", []),
    ],
)
def test_onnxruntime_selection(text: str | None, optimization: str, selected: list[str]) -> None:
    runtimes = select_onnxruntime(text, optimization, {})
    assert names(runtimes) == selected
    assert all(runtime.by_name == (text is not None) for runtime in runtimes)


@given(st.sampled_from(load()), st.sampled_from(["off", "all"]), st.sampled_from(["", *PROVIDERS]), st.integers(0, 99))
def test_what_reports_and_folders_call_a_runtime_selects_it(
    release: Release, optimization: str, provider: str, number: int
) -> None:
    if release.product is Product.ONNXRUNTIME:
        known = release.with_provider(provider) if provider and release.gpu_packages else release
        runtime = Runtime(known, optimization=optimization, provider=provider if known is not release else "")
        found = [select_onnxruntime(text, "off", {}) for text in (runtime.name, runtime.file_name)]
    else:
        targets = ("", *release.targets)
        runtime = Runtime(release, sm=targets[number % len(targets)])
        found = [select_tensorrt(text, {}) for text in (runtime.name, runtime.file_name)]
    assert [names(each) for each in found] == [[runtime.name]] * 2


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
        ("ort-all", "off", "no release is called 'ort-all'"),
        ("1.31-fast", "off", "no release is called '1.31-fast'"),
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
    ("name", "release"),
    [
        ("ort-1.31:all", "ort-1.31"), ("ort-1.31-all", "ort-1.31"), ("rtx-1.7:sm89", "rtx-1.7"),
        ("RTX-1.7-sm89", "rtx-1.7"), ("ort-1.31-cuda-all", "ort-1.31-cuda"),
    ],
)  # fmt: skip
def test_an_interpreter_goes_to_the_release_of_a_runtime_by_the_name_in_reports(name: str, release: str) -> None:
    assert parse_runtime_pythons([f"{name}={sys.executable}"]) == {release: Path(sys.executable)}


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        (["rtx-1.7:sm1=/bin/sh"], "rtx-1.7 cannot build for 'sm1'"),
        (["ort-1.31:fast=/bin/sh"], "'fast' is not one of off, all"),
        (["8.6-sm90=/bin/sh"], "--runtime-python: '8.6-sm90' asks for an architecture"),
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
