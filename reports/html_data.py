"""What the page shows of an opened cell, packed so that ten thousand cells make a page of a few megabytes.

Every text is stored once, and so is every diagnostic and every result that several cells share.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from matrix.record import (
    CaseInfo,
    Diagnostic,
    Drift,
    ExitInfo,
    Layer,
    OutputResult,
    PointResult,
    Record,
    RuntimeInfo,
    Status,
)
from reports.cells import Matrix
from reports.html_safety import file_link, web_link
from reports.known_issues import issue_text
from reports.placement import placement_text
from reports.references import second_text
from reports.reproduction import quoted, selection
from reports.summary import machine_text
from reports.text import plain, share

# How much of each cell is shown: all of it in a small run, less in a large one. The rest is in records.jsonl.
SHOWN_CHARACTERS = range(250, 4_001)  # of one text
SHOWN_DIAGNOSTICS = range(3, 21)  # of one cell; as many layers
SHOWN_RESULTS = range(6, 41)  # of one cell
SHOWN_POINTS = 16  # of one cell
ALL_CHARACTERS = 8_000_000
ALL_RESULTS = 60_000


class Pool:
    """Values that are stored once and referred to by number."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def __call__(self, value: Hashable) -> int:
        return self._numbers.setdefault(value, len(self._numbers))

    def values(self) -> list[Hashable]:
        return list(self._numbers)


class Details:
    """Packs the records of a matrix; texts, diagnostics and results become numbers."""

    def __init__(self, matrix: Matrix) -> None:
        self._texts, self._cases, self._runtimes = Pool(), Pool(), Pool()
        self._diagnostics, self._results, self._points = Pool(), Pool(), Pool()
        self._layers = Pool()
        cells = max(1, len(matrix.cells))
        self._told = _within(SHOWN_DIAGNOSTICS, ALL_CHARACTERS // SHOWN_CHARACTERS.start // cells - 1)
        texts = sum(1 + min(len(record.diagnostics), self._told) for record in matrix.records())
        self._limit = _within(SHOWN_CHARACTERS, ALL_CHARACTERS // max(1, texts))
        self._compared = _within(SHOWN_RESULTS, ALL_RESULTS // cells)
        columns = {column: number for number, column in enumerate(matrix.columns)}
        self._records = [self._record(record, columns[column]) for (_, column), record in matrix.cells.items()]
        self._columns = matrix.columns

    def packed(self) -> Mapping[str, Any]:
        """Return what page.js unpacks; the order of the fields is the same there."""
        return {
            "columns": [plain(column) for column in self._columns],
            "texts": self._texts.values(),
            "cases": self._cases.values(),
            "runtimes": self._runtimes.values(),
            "diagnostics": self._diagnostics.values(),
            "results": self._results.values(),
            "layers": self._layers.values(),
            "points": self._points.values(),
            "records": self._records,
        }

    def _record(self, record: Record, column: int) -> list[object]:
        text = self._text
        return [
            self._case(record.case),
            column,
            self._runtime(record.runtime),
            text(machine_text(record.machine)),
            text(record.precision.value),
            text(record.status.value),
            text(record.verdict.value if record.verdict else ""),
            text(record.baseline.value if record.baseline else ""),
            text(record.stage),
            text(record.reason),
            text(record.signature),
            text(record.remedy),
            text(web_link(record.remedy_source)),
            [self._diagnostic(diagnostic) for diagnostic in record.diagnostics[: self._told]],
            len(record.diagnostics),
            [self._result(result) for result in _problems_first(record.results)[: self._compared]],
            len(record.results),
            [self._point(point) for point in _points_that_tell(record.points)[:SHOWN_POINTS]],
            len(record.points),
            [[text(stage), _figure(seconds)] for stage, seconds in record.seconds.items()],
            record.attempts,
            text(exit_text(record.exit)),
            [[text(name), text(path), text(file_link(path))] for name, path in record.artifacts.items()],
            text(record.ran_in),
            [self._layer(layer) for layer in record.layers[: self._told]],
            len(record.layers),
            text(issue_text(record.known_issue) if record.known_issue else ""),
            text(web_link(record.known_issue.link) if record.known_issue else ""),
            text(placement_text(record)),
        ]

    def _layer(self, layer: Layer) -> int:
        text = self._text
        parts = (layer.type, layer.name, ", ".join(layer.inputs), ", ".join(layer.outputs), layer.tactic)
        return self._layers(tuple(text(part) for part in parts))

    def _case(self, case: CaseInfo) -> int:
        text = self._text
        return self._cases(
            (
                text(case.id),
                text(case.family),
                text(case.op),
                case.opset,
                text(case.summary),
                text(case.digest[:16]),
                text(", ".join(case.tags)),
                text(case.source),
                text(web_link(case.source)),
                text(f"-k {quoted(case.id)}"),
            )
        )

    def _runtime(self, runtime: RuntimeInfo) -> int:
        text = self._text
        return self._runtimes(
            (
                text(runtime.name),
                text(runtime.requested),
                text(runtime.product),
                text(runtime.version),
                text(", ".join(runtime.packages)),
                text(runtime.python),
                text(f"pytest matrix/ {selection(runtime)}"),
            )
        )

    def _diagnostic(self, diagnostic: Diagnostic) -> int:
        place = {
            "": diagnostic.code,
            "op": diagnostic.op,
            "node": diagnostic.node,
            "in": diagnostic.function,
            "line": "" if diagnostic.line is None else str(diagnostic.line),
        }
        return self._diagnostics(
            (
                self._text(diagnostic.source),
                self._text(diagnostic.severity),
                self._text(", ".join(f"{name} {value}".strip() for name, value in place.items() if value)),
                self._text(diagnostic.message),
            )
        )

    def _result(self, result: OutputResult) -> int:
        text = self._text
        return self._results(
            (
                text(result.point),
                text(result.output),
                text(_type(result.dtype, result.shape)),
                text(_type(result.expected_dtype, result.expected_shape)),
                text(result.reference),
                text(result.problem),
                _drift(result.drift),
                text(second_text(result)),
            )
        )

    def _point(self, point: PointResult) -> int:
        text = self._text
        shapes = ", ".join(f"{name} [{', '.join(map(str, shape))}]" for name, shape in point.shapes.items())
        return self._points((text(point.point), text(point.status.value), text(shapes), text(point.reason)))

    def _text(self, text: str) -> int:
        if len(text) <= self._limit:
            return self._texts(plain(text))
        left_out = len(text) - self._limit
        return self._texts(f"{plain(text[: self._limit])} … {left_out:,} more characters in records.jsonl")


def exit_text(ended: ExitInfo | None) -> str:
    """Return how the worker ended, in words."""
    if ended is None:
        return ""
    said = [f"exit status {ended.code}"] if ended.code is not None else []
    said += [f"signal {ended.signal}"] if ended.signal else []
    said += ["deadline passed"] if ended.timed_out else []
    return ", ".join(said)


def _within(bounds: range, value: int) -> int:
    return min(max(value, bounds.start), bounds.stop - 1)


def _problems_first(results: Sequence[OutputResult]) -> list[OutputResult]:
    return sorted(results, key=lambda result: not result.problem)


def _points_that_tell(points: Sequence[PointResult]) -> Sequence[PointResult]:
    """Return the points of a cell, none where none was reached: its status says so already."""
    return points if any(point.status is not Status.NOT_RUN for point in points) else ()


def _type(dtype: str, shape: Sequence[int]) -> str:
    return f"{dtype}[{', '.join(map(str, shape))}]" if dtype else ""


def _drift(drift: Drift | None) -> tuple[object, ...] | None:
    if drift is None:
        return None
    return (
        _figure(drift.max_abs),
        _figure(drift.mean_abs),
        _figure(drift.max_rel),
        _figure(drift.rmse),
        _figure(drift.cosine, 6),
        _figure(drift.sqnr_db),
        share(drift.share_off, 1),
        drift.nonfinite_mismatches,
        drift.max_steps,
        _figure(drift.max_ulp),
        _figure(drift.max_lsb),
        f"[{', '.join(map(str, drift.worst_index))}]" if drift.worst_value is not None else "",
        _figure(drift.worst_value, 9),
        _figure(drift.worst_reference, 9),
    )


def _figure(value: float | None, digits: int = 4) -> float | str | None:
    """Return ``value`` to some digits; a cosine of nearly 1 is written as it is, not as 1."""
    if value is None or not math.isfinite(value):
        return None if value is None else repr(value)
    rounded = float(f"{value:.{digits}g}")
    return value if rounded == 1 and value != 1 else rounded
