"""Answers to single cases by formulas of their own, to hold the first reference against.

They are of two kinds: cases of operators of ours, and cases that ONNX Runtime cannot run, whose answers would otherwise
rest on one implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from cases.case import Array, Case
from cases.catalogue import Generated
from cases.dynamic_shapes.boxes import MOST_BOXES, SCORE
from tests.independent_recurrent import GATES, recurrent_answer

Inputs = Mapping[str, Array]
Compute = Callable[[Inputs], tuple[Array, ...]]


def is_answered(case: Case) -> bool:
    """Tell whether there is an answer here."""
    return _name(case) in ANSWERS or (case.op in GATES and "flows_into_matmul" not in case.tags)


def independent_answer(made: Generated) -> dict[str, dict[str, Array]]:
    """Return outputs by shape point and name."""
    if made.case.op in GATES:
        return recurrent_answer(made)
    compute = ANSWERS[_name(made.case)]
    names = [output.name for output in made.model.graph.output]
    return {
        point: dict(zip(names, map(np.asarray, compute(inputs)), strict=True)) for point, inputs in made.inputs.items()
    }


def _name(case: Case) -> str:
    return case.id.rpartition("-opset")[0]


def pad_negative(inputs: Inputs) -> tuple[Array, ...]:
    _, begin, _, end = inputs["shape"].tolist()
    return (np.pad(inputs["x"][:, -begin:], ((0, 0), (0, end))),)


def unique_in_order(inputs: Inputs, axis: int | None) -> tuple[Array, ...]:
    """Return values in the order of their first occurrence: one after the other, by hand."""
    x = inputs["x"]
    items = list(x.reshape(-1)) if axis is None else list(np.moveaxis(x, axis, 0))
    first: list[int] = []
    inverse = []
    for place, item in enumerate(items):
        known = [rank for rank, seen in enumerate(first) if np.array_equal(items[seen], item)]
        if not known:
            first.append(place)
        inverse.append(known[0] if known else len(first) - 1)
    values = x.reshape(-1)[first] if axis is None else np.take(x, first, axis=axis)
    return values, np.array(first), np.array(inverse), np.bincount(inverse)


def suppress_every_overlap(inputs: Inputs) -> tuple[Array, ...]:
    """Keep the best boxes that touch no better one: an overlap of 0 is the limit where none is given."""
    selected = []
    boxes, scores = inputs["boxes"], inputs["scores"]
    for batch in range(scores.shape[0]):
        for kind in range(scores.shape[1]):
            kept: list[int] = []
            for place in np.argsort(-scores[batch, kind]):
                good = scores[batch, kind, place] > SCORE and len(kept) < MOST_BOXES
                if good and not any(overlap(boxes[batch, place], boxes[batch, other]) for other in kept):
                    kept.append(int(place))
            selected += [(batch, kind, place) for place in kept]
    return (np.array(selected, np.int64).reshape(-1, 3),)


def overlap(one: Array, other: Array) -> bool:
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    return bool((high > low).all())


def repeated_sum(inputs: Inputs) -> tuple[Array, ...]:
    x, trips = inputs["x"], int(inputs["keep"].sum())
    return (trips + 1) * x, x.sum(axis=0) * np.arange(2, trips + 2, dtype=np.float32).reshape(-1, 1)


def sums_on_the_way(inputs: Inputs) -> tuple[Array, ...]:
    x, trips = inputs["x"], int(inputs["trips"])
    return (trips + 1) * x, np.float32(x.sum()) * np.arange(2, trips + 2, dtype=np.float32).reshape(-1, 1)


def three_times(inputs: Inputs) -> tuple[Array, ...]:
    x = inputs["x"]
    return (x * np.float32(0.5**3 + 0.5**2 + 0.5 + 1),)


def running_batch(inputs: Inputs) -> tuple[Array, ...]:
    sums = inputs["start"] + np.cumsum(inputs["x"][:, None], axis=0)
    return sums[-1], sums


def running_scalars(inputs: Inputs) -> tuple[Array, ...]:
    sums = np.cumsum(inputs["x"].sum(axis=1))
    return sums[-1], sums


def running(inputs: Inputs, *, axis: int = 0, backward: bool = False) -> Array:
    """Return running sums over ``axis``, which comes first in the result."""
    x = np.moveaxis(inputs["x"], axis, 0)
    return np.cumsum(x[::-1] if backward else x, axis=0)


def scanned(axis: int = 0, *, backward: bool = False, turned: bool = False, written_back: bool = False) -> Compute:
    def compute(inputs: Inputs) -> tuple[Array, ...]:
        sums = running(inputs, axis=axis, backward=backward)
        y = sums[::-1] if written_back else sums
        return sums[-1], y.T if turned else y

    return compute


def both_directions(inputs: Inputs) -> tuple[Array, ...]:
    return (running(inputs) + running(inputs, backward=True)[::-1],)


def sequence_axis(inputs: Inputs) -> tuple[Array, ...]:
    sums = inputs["start"][:, None] + np.cumsum(inputs["x"], axis=1)
    return sums[:, -1], sums


def batched(inputs: Inputs) -> tuple[Array, ...]:
    sums = np.cumsum(inputs["x"], axis=1)
    return sums[:, -1], sums


def within_the_window(inputs: Inputs) -> tuple[Array, ...]:
    """Attend one query after the other, in two heads, from two keys before it to one behind it."""
    q, k, v = (inputs[name].astype(np.float64).reshape(*inputs[name].shape[:2], 2, -1) for name in "qkv")
    y = np.zeros_like(q)
    for batch, place, head in np.ndindex(q.shape[:3]):
        seen = slice(max(place - 2, 0), place + 2)
        weights = np.exp(k[batch, seen, head] @ q[batch, place, head] / np.sqrt(q.shape[-1]))
        y[batch, place, head] = weights @ v[batch, seen, head] / weights.sum()
    return (y.reshape(inputs["q"].shape).astype(np.float32),)


def column_row_depth(inputs: Inputs) -> tuple[Array, ...]:
    """Put the four corners of each block of one channel behind each other, then those of the next channel."""
    x = inputs["x"]
    return (np.stack([x[:, c, i::2, j::2] for c in range(x.shape[1]) for i in range(2) for j in range(2)], axis=1),)


def counted(inputs: Inputs) -> tuple[Array, ...]:
    start, limit, delta = (int(inputs[name]) for name in ("start", "limit", "delta"))
    return (inputs["x"] + np.array(range(start, limit, delta), np.float32),)


def counted_in_float32(inputs: Inputs) -> tuple[Array, ...]:
    """Multiply exact numbers of float16, and round once."""
    start, limit, delta = np.float64(0.5), np.float64(inputs["x"].shape[1]), np.float64(np.float16(0.3))
    return ((start + delta * np.arange(np.ceil((limit - start) / delta))).astype(np.float16),)


ANSWERS: Mapping[str, Compute] = {
    "attention-window": within_the_window,
    "spacetodepth-block_2_crd": column_row_depth,
    "range-int64-all_given": counted,
    "range-float16-stash_type": counted_in_float32,
    "pad-pads_input_negative": pad_negative,
    "unique-axis_1_unsorted": lambda inputs: unique_in_order(inputs, 1),
    "unique-flattened_unsorted": lambda inputs: unique_in_order(inputs, None),
    "nonmaxsuppression-without_overlap_threshold": suppress_every_overlap,
    "loop-trip_count_from_data_empty_scan_output": repeated_sum,
    "loop-scan_output_empty": sums_on_the_way,
    "loop-condition_absent": three_times,
    "loop-scan_output_matrices": running_batch,
    "loop-scan_output_scalars": running_scalars,
    "scan-batched": batched,
    "scan-input_axis_1": scanned(1),
    "scan-output_axis_1": scanned(turned=True),
    "scan-axes_negative": scanned(1, turned=True),
    "scan-sequence_axis_1": sequence_axis,
    "scan-input_reverse": scanned(backward=True),
    "scan-output_reverse": scanned(written_back=True),
    "scan-both_reverse": scanned(backward=True, written_back=True),
    "scan-two_directions": both_directions,
    "scan-axis_1_reverse": scanned(1, backward=True, turned=True),
}
