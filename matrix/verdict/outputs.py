"""Compares what a runtime returned with the reference, output by output and shape point by shape point. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cases.case import Array, Tolerance
from matrix.case_folder import DeclaredOutput
from matrix.record import Drift, OutputResult
from matrix.verdict.comparison import measure
from matrix.verdict.outcome import describe_problem
from matrix.verdict.reference import Outputs, Reference

TEXT_DRIFT = Drift(
    max_abs=0, mean_abs=0, max_rel=0, rmse=0, cosine=1, sqnr_db=float("inf"), share_off=0, nonfinite_mismatches=0
)


def compare_outputs(
    got: Outputs, reference: Reference, declared: Sequence[DeclaredOutput], tolerance: Tolerance
) -> tuple[OutputResult, ...]:
    """Return one result per output of every shape point in ``got`` (shape point -> output -> array).

    The dtype is judged by the model's own declaration, values and shapes by the reference. The second reference judges
    nothing; results only say how far from it they are. Without a reference they carry dtypes and shapes only.
    """
    dtypes = {output.name: output.dtype for output in declared}
    return tuple(
        result
        for point, arrays in got.items()
        for result in _compare_point(point, arrays, reference, dtypes, tolerance)
    )


def _compare_point(
    point: str, got: Mapping[str, Array], reference: Reference, dtypes: Mapping[str, str], tolerance: Tolerance
) -> Iterator[OutputResult]:
    want = (reference.outputs or {}).get(point, {})
    other = (reference.second.outputs or {}).get(point, {})
    for name, array in got.items():
        result = _compare(point, name, array, want.get(name), reference.name, dtypes.get(name, ""), tolerance)
        if name in other:
            result = hold_against_second(result, array, want.get(name), other[name], reference.second.name, tolerance)
        yield result
    for name in want.keys() - got.keys():
        yield OutputResult(point=point, output=name, reference=reference.name, problem="the runtime did not return it")


def hold_against_second(
    result: OutputResult, got: Array, first: Array | None, second: Array, name: str, tolerance: Tolerance
) -> OutputResult:
    """Return ``result`` with what the second reference says: how far off, how far from the first, whose side it is on.

    A side is taken only where the two differ at all. Figures are missing where shapes or types differ.
    """
    if first is None or result.reference == name:  # there is one reference only
        own = _distance(got, second, tolerance)
        return replace(result, second_reference=name, second_drift=own.drift)
    if _is_equal(first, second):
        return replace(result, second_reference=name, second_drift=result.drift)
    own, apart = _distance(got, second, tolerance), _distance(second, first, tolerance)
    return replace(
        result,
        second_reference=name,
        second_drift=own.drift,
        references_differ=apart.drift,
        sides_with=_side(first=_distance(got, first, tolerance).within, second=own.within),
    )


@dataclass(frozen=True, kw_only=True)
class _Distance:
    """Two arrays: their drift where they can be compared, and whether one is within tolerance of the other."""

    drift: Drift | None
    within: bool


def _distance(got: Array, want: Array, tolerance: Tolerance) -> _Distance:
    if dtype_name(got) != dtype_name(want) or got.shape != want.shape:
        return _Distance(drift=None, within=False)
    if dtype_name(want) == "string":
        off = [one != other for one, other in zip(got.reshape(-1), want.reshape(-1), strict=True)]
        return _Distance(
            drift=replace(TEXT_DRIFT, share_off=sum(off) / len(off)) if off else TEXT_DRIFT, within=not any(off)
        )
    drift = measure(got, want, tolerance)
    return _Distance(drift=drift, within=not drift.share_off)


def _is_equal(first: Array, second: Array) -> bool:
    """Say whether two arrays have the same bits, or the same text."""
    if dtype_name(first) != dtype_name(second) or first.shape != second.shape:
        return False
    if dtype_name(first) == "string":
        return bool(first.tolist() == second.tolist())
    return first.tobytes() == second.tobytes()


def _side(*, first: bool, second: bool) -> str:
    return {(True, True): "both", (True, False): "onnx", (False, True): "onnxruntime", (False, False): "neither"}[
        first, second
    ]


def _compare(
    point: str, name: str, got: Array, want: Array | None, reference: str, declared: str, tolerance: Tolerance
) -> OutputResult:
    drift, problem = None, ""
    dtype = dtype_name(got)
    expected = declared or (dtype_name(want) if want is not None else "")
    if expected and dtype != expected:
        problem = f"dtype {dtype}, expected {expected}"
    elif want is not None and got.shape != want.shape:
        problem = f"shape {list(got.shape)}, expected {list(want.shape)}"
    elif want is not None and dtype == "string":
        problem = "" if got.tolist() == want.tolist() else "the strings differ"
        drift = None if problem else TEXT_DRIFT
    elif want is not None:
        drift = measure(got, want, tolerance)
        problem = describe_problem(drift)
    return OutputResult(
        point=point,
        output=name,
        dtype=dtype,
        shape=got.shape,
        expected_dtype=expected,
        expected_shape=want.shape if want is not None else (),
        reference=reference if want is not None else "",
        drift=drift,
        problem=problem,
    )


def dtype_name(array: Array) -> str:
    """Return the name of the dtype as ONNX would have it: every kind of text is "string"."""
    return "string" if array.dtype.kind in "OUS" else str(array.dtype.name)
