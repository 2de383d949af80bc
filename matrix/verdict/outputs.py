"""Compares what a runtime returned with the reference, output by output and shape point by shape point. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cases.case import Array, Tolerance
from matrix.case_folder import ABSENT, DeclaredOutput, is_absent
from matrix.record import Drift, OutputResult
from matrix.verdict.comparison import TEXT_KINDS, measure
from matrix.verdict.outcome import describe_problem
from matrix.verdict.quantization_step import QuantizationStep
from matrix.verdict.reference import Outputs, Reference

TEXT_CHARACTERS = 40  # of one string that is quoted


def compare_outputs(
    got: Outputs,
    reference: Reference,
    declared: Sequence[DeclaredOutput],
    tolerance: Tolerance,
    steps: Mapping[str, QuantizationStep] | None = None,
) -> tuple[OutputResult, ...]:
    """Return one result per output of every shape point in ``got`` (shape point -> output -> array).

    The dtype is judged by the model's own declaration, values and shapes by the reference. The second reference judges
    nothing; results only say how far from it they are. Without a reference they carry dtypes and shapes only. ``steps``
    are the quantization steps of those outputs whose scale is known.
    """
    dtypes = {output.name: output.dtype for output in declared}
    return tuple(
        result
        for point, arrays in got.items()
        for result in _compare_point(point, arrays, reference, dtypes, tolerance, steps or {})
    )


def _compare_point(
    point: str,
    got: Mapping[str, Array],
    reference: Reference,
    dtypes: Mapping[str, str],
    tolerance: Tolerance,
    steps: Mapping[str, QuantizationStep],
) -> Iterator[OutputResult]:
    want = (reference.outputs or {}).get(point, {})
    other = (reference.second.outputs or {}).get(point, {})
    for name, array in got.items():
        result = _compare(
            point, name, array, want.get(name), reference.name, dtypes.get(name, ""), tolerance, steps.get(name)
        )
        if name not in dtypes and _is_beyond(name, want):
            result = replace(result, reference=reference.name, problem="the reference's sequence ends before it")
        if name in other:
            result = hold_against_second(result, array, want.get(name), other[name], reference.second.name, tolerance)
        yield result
    for name in want.keys() - got.keys():
        yield OutputResult(point=point, output=name, reference=reference.name, problem="the runtime did not return it")


def _is_beyond(name: str, want: Mapping[str, Array]) -> bool:
    """Say whether ``name`` is an element of a sequence, ``y[3]``, that the reference has with fewer elements."""
    return name not in want and name.endswith("]") and f"{name.rpartition('[')[0]}[0]" in want


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


def agree(one: Mapping[str, Array], other: Mapping[str, Array], tolerance: Tolerance) -> bool:
    """Say whether two answers have the same outputs, each within tolerance of the other answer's."""
    return one.keys() == other.keys() and all(_distance(one[name], other[name], tolerance).within for name in one)


@dataclass(frozen=True, kw_only=True)
class _Distance:
    """Two arrays: their drift where they can be compared, and whether one is within tolerance of the other."""

    drift: Drift | None
    within: bool


def _distance(got: Array, want: Array, tolerance: Tolerance) -> _Distance:
    if dtype_name(got) != dtype_name(want) or got.shape != want.shape:
        return _Distance(drift=None, within=False)
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
    point: str,
    name: str,
    got: Array,
    want: Array | None,
    reference: str,
    declared: str,
    tolerance: Tolerance,
    step: QuantizationStep | None,
) -> OutputResult:
    drift, problem = None, ""
    dtype = dtype_name(got)
    expected = declared or (dtype_name(want) if want is not None else "")
    if expected and dtype != expected:
        problem = f"dtype {dtype}, expected {expected}"
    elif want is not None and got.shape != want.shape:
        problem = f"shape {list(got.shape)}, expected {list(want.shape)}"
    elif want is not None:
        drift = measure(got, want, tolerance, step)
        problem = _describe_text(drift, got, want) if dtype == "string" else describe_problem(drift)
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


def _describe_text(drift: Drift, got: Array, want: Array) -> str:
    if not drift.share_off:
        return ""
    one, other = (f"{str(side[drift.worst_index])[:TEXT_CHARACTERS]!r}" for side in (got, want))
    return f"the strings differ, first at {list(drift.worst_index)}: got {one}, expected {other}"


def dtype_name(array: Array) -> str:
    """Return the name of the dtype as ONNX would have it: every kind of text is "string"; "none" of what is absent."""
    if is_absent(array):
        return ABSENT
    return "string" if array.dtype.kind in TEXT_KINDS else str(array.dtype.name)
