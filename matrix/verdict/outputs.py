"""Compares what a runtime returned with the reference, output by output and shape point by shape point. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cases.case import Array, Tolerance
from matrix.case_folder import DeclaredOutput
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

    The dtype is judged by the model's own declaration, values and shapes by the reference. Without a reference the
    results carry dtypes and shapes only. ``steps`` are the quantization steps of those outputs whose scale is known.
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
    for name, array in got.items():
        yield _compare(
            point, name, array, want.get(name), reference.name, dtypes.get(name, ""), tolerance, steps.get(name)
        )
    for name in want.keys() - got.keys():
        yield OutputResult(point=point, output=name, reference=reference.name, problem="the runtime did not return it")


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
    """Return the name of the dtype as ONNX would have it: every kind of text is "string"."""
    return "string" if array.dtype.kind in TEXT_KINDS else str(array.dtype.name)
