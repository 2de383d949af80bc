"""The rules in `repro.py` are those of the matrix: the same evidence, however odd, gets the same status."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cases.case import Array, ShapePoint, Tolerance
from matrix.case_folder import DeclaredOutput, encode
from matrix.repro.tensor_files import tables
from matrix.verdict.outcome import Evidence, classify, compare_network
from matrix.verdict.outputs import compare_outputs
from matrix.verdict.points import PointEvidence, judge_points, ran_at_one_shape
from matrix.verdict.reference import Reference

ROOT = Path(__file__).parents[1] / "matrix"
PATHS = (str(ROOT / "repro" / "program"), str(ROOT / "worker"))
DTYPES = (
    np.float32, np.float16, np.float64, np.int8, np.uint8, np.int32, np.int64, np.uint64, np.bool_, np.complex64,
    ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.float8_e8m0fnu, ml_dtypes.int4,
    ml_dtypes.uint4, ml_dtypes.float4_e2m1fn, ml_dtypes.int2,
)  # fmt: skip
TOLERANCES = st.builds(
    Tolerance,
    absolute=st.sampled_from([0.0, 0.01, 2.0]),
    relative=st.sampled_from([0.0, 0.01, 0.5]),
    steps=st.sampled_from([0, 1]),
    peak=st.sampled_from([0.0, 0.1]),
)


@pytest.fixture(scope="module")
def judge() -> Iterator[Any]:
    """Return the module `judge`, which has a common name, as it is inside of `repro.py`."""
    before = set(sys.modules)
    sys.path[:0] = PATHS
    yield import_module("judge")
    del sys.path[: len(PATHS)]
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(PATHS):
            del sys.modules[name]


@st.composite
def arrays(draw: st.DrawFn, dtype: Any, shape: tuple[int, ...]) -> Array:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if np.dtype(dtype) == np.bool_:
        return np.frombuffer(draw(st.binary(min_size=size, max_size=size)), np.uint8).reshape(shape) > 127
    content = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), np.uint8)
    if np.dtype(dtype).name in ("int4", "uint4", "float4_e2m1fn", "int2"):
        bits = 2 if np.dtype(dtype).name == "int2" else 4
        content = content & np.uint8((1 << bits) - 1)
    return np.frombuffer(content.tobytes(), dtype).reshape(shape)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Array, Array]:
    """Return what came back and what was expected: often alike, sometimes of another shape or type."""
    dtype, shape = draw(st.sampled_from(DTYPES)), draw(st.sampled_from([(), (3,), (2, 3), (0, 2)]))
    want = draw(arrays(dtype, shape))
    how = draw(st.sampled_from(["same", "near", "one", "any", "shape", "type"]))
    if how == "same" or not want.size:
        return want, want
    if how == "any":
        return draw(arrays(dtype, shape)), want
    if how == "shape":
        return want.reshape(-1)[:1], want
    if how == "type":
        return draw(arrays(np.float32 if dtype is not np.float32 else np.int8, shape)), want
    got = want.copy()
    flat = got.reshape(-1)
    with np.errstate(all="ignore"):
        near = (flat.astype(np.float64 if flat.dtype.kind != "c" else np.complex128) * 1.005).astype(dtype)
    flat[...] = near if how == "near" else np.where(np.arange(flat.size) == 0, np.zeros_like(flat), flat)
    return got, want


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pair=pairs(), tolerance=TOLERANCES, named=st.booleans())
def test_outputs_are_compared_alike(
    judge: Any, tmp_path_factory: pytest.TempPathFactory, pair: tuple[Array, Array], tolerance: Tolerance, named: bool
) -> None:
    got, want = pair
    job = tmp_path_factory.getbasetemp()
    declared = (DeclaredOutput(name="y", dtype=want.dtype.name, shape=None),) if named else ()
    with np.errstate(all="ignore"):
        results = compare_outputs(
            {"p": {"y": got}}, Reference(name="r", outputs={"p": {"y": want}}), declared, tolerance
        )
        shapes = {"x": (1,)}
        evidence = PointEvidence(asked=[ShapePoint(name="p", shapes=shapes)], ran={"p": shapes}, results=results)
        (point,) = judge_points(evidence)
    (job / "y.bin").write_bytes(encode(got)[1])
    entry = {"name": "y", "dtype": got.dtype.name, "shape": list(got.shape), "file": "y.bin"}
    values = tables(declared, [{"dtype": want.dtype.name}])
    figures = sys.modules["figures"]
    expected = figures.decode(want.dtype.name, list(want.shape), encode(want)[1], values)
    status, reason = judge._compare(
        cell(outputs=[asdict(each) for each in declared], tables=values, tolerance=asdict(tolerance)), [entry], job,
        [("y", expected, want.dtype.name)],
    )  # fmt: skip
    assert status == point.status, (reason, point.reason)


def cell(points: Sequence[dict[str, Any]] = (), **changes: Any) -> dict[str, Any]:
    facts = {
        "outputs": [{"name": "y", "dtype": "float32", "shape": [None, 3]}], "points": list(points), "tables": {},
        "tolerance": asdict(Tolerance()), "must_refuse": "", "must_read": [], "dynamic": False, "no_reference": "",
        "must_be_unsigned": [],
        "dtypes_that_need_a_gpu": ["int8"],
    }  # fmt: skip
    return {**facts, **changes}


def reply(**changes: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "failed": None, "not_applicable": "", "machine": "", "network": None, "executed": False, "points": [],
        "diagnostics": [{"severity": "error", "message": "no"}], "stage": "build", "settings": {},
    }  # fmt: skip
    return {**facts, **changes}


STAGES = st.sampled_from([None, "load", "parse", "build", "profile", "deserialize", "run:a", "run:b"])
NETWORKS = st.sampled_from([None, ("float32", (-1, 3)), ("int8", (-1, 3)), ("float32", (3,)), ("float32", None)])


@settings(max_examples=300, deadline=None)
@given(
    failed=STAGES, network=NETWORKS, has_gpu=st.booleans(), machine=st.sampled_from(["", "", "no memory"]),
    must_refuse=st.sampled_from(["", "", "a fault"]), not_applicable=st.sampled_from(["", "", "never"]),
    how=st.lists(st.sampled_from(["ran", "refused", "absent", "elsewhere"]), max_size=2),
    dynamic=st.booleans(), allowed=st.booleans(), known=st.booleans(), same_shape=st.booleans(),
    restricted=st.booleans(), ignores=st.booleans(), signs=st.booleans(),
)  # fmt: skip
def test_evidence_is_classified_alike(
    judge: Any, failed: str | None, network: Any, has_gpu: bool, machine: str, must_refuse: str, not_applicable: str,
    how: list[str], dynamic: bool, allowed: bool, known: bool, same_shape: bool, restricted: bool,
    ignores: bool, signs: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    job = tmp_path_factory.getbasetemp()
    asked = [
        ShapePoint(name=name, shapes={"x": (1 if same_shape else index + 1,)}, allowed=allowed or index == 0)
        for index, name in enumerate("ab"[: len(how)])
    ]
    shapes = {
        point.name: {**point.shapes} if way != "elsewhere" else {"x": (9,)}
        for point, way in zip(asked, how, strict=True)
    }
    ran = [point.name for point, way in zip(asked, how, strict=True) if way in ("ran", "elsewhere")]
    refused = {point.name: "no" for point, way in zip(asked, how, strict=True) if way == "refused"}
    y = np.zeros((1, 3), np.float32)
    (job / "zeros.bin").write_bytes(y.tobytes())
    reference = (
        Reference(name="r", outputs={point.name: {"y": y} for point in asked}) if known else Reference(why="none")
    )
    declared = [DeclaredOutput(name="y", dtype="float32", shape=(None, 3))]
    results = compare_outputs({name: {"y": y} for name in ran}, reference, declared, Tolerance())
    points = judge_points(
        PointEvidence(
            asked=asked, ran={name: shapes[name] for name in ran}, refused=refused, results=results,
            no_reference=reference.why, unreached="no",
        )
    )  # fmt: skip
    parsed = [] if network is None else compare_network(declared, [("y", *network)]) + ["x is ignored"] * ignores
    inside = ["int8"] if network and network[0] == "int8" else []
    status, _ = classify(
        Evidence(
            not_applicable=not_applicable, machine=machine, failed=failed, must_refuse=must_refuse, network=parsed,
            inside=["q is signed"] * (signs and network is not None),
            not_here="it cannot" if (inside and not has_gpu) or (network and restricted) else "",
            executed=bool(ran), stage="s", words="no",
            one_shape=dynamic and ran_at_one_shape(asked, {name: shapes[name] for name in ran}), points=points,
        )
    )  # fmt: skip
    stored = {"name": "y", "dtype": "float32", "shape": [1, 3], "file": "zeros.bin"}
    no_implementation = {"severity": "error", "message": "no", "code": "UNSUPPORTED_STATE"}
    given_reply = reply(
        settings={"tactic_sources": "EDGE"} if restricted else {}, diagnostics=[no_implementation],
        failed=failed, machine=machine, not_applicable=not_applicable, executed=bool(ran),
        network=network and {
            "outputs": [{"name": "y", "dtype": network[0], "shape": network[1]}], "dtypes": inside, "unread": ["x"],
            "quantized": {"q": "int8", "r": "int8"},
        },
        points=[
            *({"point": name, "error": "", "outputs": [stored], "shapes": shapes[name]} for name in ran),
            *({"point": name, "error": "no", "outputs": []} for name in refused),
        ],
    )  # fmt: skip
    described = [
        {"name": p.name, "shapes": {k: list(v) for k, v in p.shapes.items()}, "values": {}, "allowed": p.allowed}
        for p in asked
    ]
    expected = {point.name: [("y", y, "float32")] for point in asked} if known else {}
    found, why = judge.judge(
        cell(described, must_refuse=must_refuse, must_read=["x", "w"] if ignores else ["w"], dynamic=dynamic,
             must_be_unsigned=["q", "r"] if signs else ["q", "gone"],
             no_reference=reference.why), given_reply, ("", ""), job=job, expected=expected, has_gpu=has_gpu,
    )  # fmt: skip
    assert found == status, why


def test_a_process_that_ended_without_an_answer_has_the_status_of_its_end(judge: Any, tmp_path: Path) -> None:
    for ended in (("crash", "it died"), ("timeout", "no answer"), ("not_run", "no library")):
        assert judge.judge(cell(), None, ended, job=tmp_path, expected={}, has_gpu=False) == ended


def test_text_and_what_is_absent(judge: Any) -> None:
    figures = sys.modules["figures"]
    a, b = (np.array(each, dtype=object) for each in (["a", "b"], ["a", "c"]))
    none = figures.decode("none", [], b"", {})
    exact = asdict(Tolerance())
    assert figures.compare(a, "string", a, "string", "string", exact) == ("", "")
    assert figures.compare(b, "string", a, "string", "string", exact)[0] == "wrong"
    assert figures.compare(none, "none", none, "none", "", exact) == ("", "")
    assert figures.compare(none, "none", np.zeros(1), "float64", "", exact) == (
        "wrong",
        "dtype none, expected float64",
    )


def test_a_sequence_that_goes_on_after_the_reference_is_wrong(judge: Any, tmp_path: Path) -> None:
    one = np.ones(1, np.float32)
    (tmp_path / "one.bin").write_bytes(one.tobytes())
    entries = [{"name": f"s[{index}]", "dtype": "float32", "shape": [1], "file": "one.bin"} for index in range(3)]
    expected = [(f"s[{index}]", one, "float32") for index in range(2)]
    declared = [{"name": "s", "dtype": "sequence_type", "shape": None}]
    assert judge._compare(cell(outputs=declared), entries[:2], tmp_path, expected) == ("match", "")
    assert judge._compare(cell(outputs=declared), entries, tmp_path, expected) == (
        "wrong",
        "output s[2]: the reference's sequence ends before it",
    )
