"""What the two references say about each other, and on whose side each runtime is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from matrix.record import Drift, OutputResult
from reports.cells import Matrix, column_of
from reports.text import count, one_line, share

Key = tuple[str, str]  # case, output


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """An output of which the references differ by more than the case's tolerance, at the point where it is most."""

    case: str
    output: str
    point: str
    figure: str
    sides: Mapping[str, str]  # column -> "onnx", "onnxruntime", "both" or "neither"; several where points differ


def find_disagreements(matrix: Matrix) -> tuple[Disagreement, ...]:
    """Return one entry per case and output, in the order of the cases."""
    worst: dict[Key, OutputResult] = {}
    sides: dict[Key, dict[str, list[str]]] = {}
    for record in matrix.records():
        for result in filter(_disagree, record.results):
            key = (record.case.id, result.output)
            if key not in worst or _size(result) > _size(worst[key]):
                worst[key] = result
            found = sides.setdefault(key, {}).setdefault(column_of(record), [])
            if result.sides_with not in found:
                found.append(result.sides_with)
    return tuple(
        Disagreement(
            case=case,
            output=output,
            point=result.point,
            figure=figure_text(result.references_differ),
            sides={column: " and ".join(words) for column, words in sides[case, output].items()},
        )
        for (case, output), result in worst.items()
    )


def sides_text(disagreement: Disagreement) -> str:
    """Return "onnx: ort-1.18, rtx-1.7; onnxruntime: ort-1.31"."""
    grouped: dict[str, list[str]] = {}
    for column, side in disagreement.sides.items():
        grouped.setdefault(side, []).append(column)
    return one_line("; ".join(f"{side}: {', '.join(columns)}" for side, columns in grouped.items()))


def second_reference_text(matrix: Matrix) -> str:
    """Return the second reference of a run, or why there was none; empty where nothing could be compared."""
    names = Counter(result.second_reference for record in matrix.records() for result in record.results)
    del names[""]
    if names:
        return one_line("; ".join(names))
    reasons = Counter(record.no_second_reference for record in matrix.records() if record.no_second_reference)
    return f"none: {one_line(reasons.most_common(1)[0][0])}" if reasons else ""


def second_text(result: OutputResult) -> str:
    """Return what the second reference says of one output; empty where there is none."""
    if not result.second_reference:
        return ""
    said = [f"{result.second_reference}: {figure_text(result.second_drift)}"]
    if result.sides_with:
        said.append(f"the references differ: {figure_text(result.references_differ)}")
        said.append(f"sides with {result.sides_with}")
    return "; ".join(said)


def figure_text(drift: Drift | None) -> str:
    """Return a difference in a few words."""
    if drift is None:
        return "another type or shape"
    if drift.nonfinite_mismatches:
        return f"{drift.nonfinite_mismatches:,} elements differ in NaN or infinity"
    if not drift.max_abs:
        return f"{share(drift.share_off, 1)} of the elements differ" if drift.share_off else "equal"
    size = count(drift.max_steps, "step") if drift.max_steps is not None else f"{drift.max_abs:.3g}"
    outside = f", {share(drift.share_off, 1)} of the elements outside tolerance" if drift.share_off else ""
    return f"up to {size}{outside}"


def _disagree(result: OutputResult) -> bool:
    differ = result.references_differ
    return bool(result.sides_with) and (differ is None or differ.share_off > 0)


def _size(result: OutputResult) -> float:
    return float("inf") if result.references_differ is None else result.references_differ.share_off
