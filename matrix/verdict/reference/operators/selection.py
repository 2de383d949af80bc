"""Unique and NonMaxSuppression of ONNX, all versions.

Ours take the place of the evaluator's because of what the latter refuses or does beside the specification
(https://onnx.ai/onnx/operators/onnx__Unique.html, https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html):

* Unique fails on most inputs where it must not sort and there are an axis or several dimensions;
* NonMaxSuppression needs an iou_threshold, which is 0 where it is left out, and removes a box whose score is the
  threshold; the specification removes scores "less than" it.
"""

from __future__ import annotations

import numpy as np

from cases.case import Array
from matrix.verdict.reference.plug import Floats, Node


def unique(node: Node) -> tuple[Array, ...]:
    """Return the unique values or slices, where each stands first, which one each is, and how often it is there."""
    x, axis = node.array(0), node.get("axis", None)
    x, along = (x.reshape(-1), 0) if axis is None else (x, int(axis))
    values, first, inverse, counts = np.unique(
        x, return_index=True, return_inverse=True, return_counts=True, axis=along if x.ndim > 1 else None
    )
    order = np.arange(first.size) if node.get("sorted", 1) else np.argsort(first)
    places = np.argsort(order)[inverse.reshape(-1)]
    whole = (each.astype(np.int64) for each in (first[order], places, counts[order]))
    return (np.take(values, order, axis=along), *whole)[: node.outputs]


def non_max_suppression(node: Node) -> Array:
    """Return rows of batch, class and box: of each class the boxes by falling score that overlap none before them."""
    boxes, scores = _corners(node), node.number(1)
    most, overlap = (node.number(at).reshape(-1)[0] for at in (2, 3))
    lowest = node.number(4, -np.inf).reshape(-1)[0]
    chosen: list[tuple[int, int, int]] = []
    for batch, kind in np.ndindex(scores.shape[:2]):
        kept: list[int] = []
        for box in np.argsort(-scores[batch, kind], kind="stable").tolist():
            if scores[batch, kind, box] < lowest or len(kept) >= most:
                break
            if all(_share(boxes[batch, box], boxes[batch, other]) <= overlap for other in kept):
                kept.append(box)
        chosen += [(batch, kind, box) for box in kept]
    return np.array(chosen, np.int64).reshape(-1, 3)


def _corners(node: Node) -> Floats:
    """Return boxes (batch, box, 4) as their lower and then their upper corner, whichever corners they are given by."""
    left, right = np.split(node.number(0), 2, axis=-1)
    if node.get("center_point_box", 0):
        left, right = left - right / 2, left + right / 2
    return np.concatenate([np.minimum(left, right), np.maximum(left, right)], axis=-1)


def _share(one: Floats, other: Floats) -> float:
    """Return the intersection of two boxes over their union, 0 where they have no area in common."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    if (sides <= 0).any():
        return 0.0
    areas = [np.prod(each[2:] - each[:2]) for each in (one, other)]
    return float(np.prod(sides) / (sum(areas) - np.prod(sides)))


OPERATORS = {"Unique": unique, "NonMaxSuppression": non_max_suppression}
