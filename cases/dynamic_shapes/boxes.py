"""NonMaxSuppression: its opsets, box formats and inputs, alone and as detectors end.

Scores have no ties, and no overlap of two boxes comes near a threshold, so that nothing is left to the implementation:
every result is exact. ONNX names no order of the result; in an image every score of a class is higher than those of the
next, so that class by class, as ONNX Runtime answers, and by score alone, as TensorRT does, are the same order. In the
variants with ``empty`` in their id no score is high enough at the point ``inside``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import onnx

from cases.case import Array, Case, Shape
from cases.dynamic_shapes.fills import at_points, blank_at
from cases.dynamic_shapes.symbolic import Body, Fill, dynamic_case, extent, f32, i64, ints
from cases.inputs import integers, permutation
from cases.model import Signature, node

CLASSES = 2
MOST_BOXES = 5  # of a class
OVERLAP = 0.47  # boxes have sides of 4 to 7: an intersection over union that is 47/100 needs a union of 100 at least
SCORE = 0.3  # scores are multiples of a power of two
BOXES: Mapping[str, Signature] = {"boxes": f32("N", "S", 4), "scores": f32("N", CLASSES, "S")}
CONSTANTS: Mapping[str, Array] = {
    "most": ints(MOST_BOXES),
    "overlap": np.array([OVERLAP], np.float32),
    "score": np.array([SCORE], np.float32),
}
EVERY = ("most", "overlap", "score")


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for opset in (10, 11, 13, 17):
        yield _case("float32", partial(_suppression, EVERY), opset=opset)
        yield _case("center_point_box", partial(_suppression, EVERY, center_point_box=1), opset=opset, centered=True)
    yield _case("empty", partial(_suppression, EVERY), blank=True)
    yield _case("without_score_threshold", partial(_suppression, ("most", "overlap")))
    yield _case("without_overlap_threshold", partial(_suppression, ("most", "", "score")))
    yield _case("most_boxes_computed", _suppression_of_half)
    given: Mapping[str, Signature] = {"most": i64(1)}
    numbers = at_points({"min": 1, "opt": 4, "inside": 2, "max": 9}, np.int64)
    yield _case("most_boxes_input", partial(_suppression, EVERY, ("most",)), more=given, fill={"most": numbers})
    none = at_points({"min": 2, "opt": 4, "inside": 0, "max": 9}, np.int64)
    yield _case("most_boxes_zero", partial(_suppression, EVERY, ("most",)), more=given, fill={"most": none})
    thresholds: Mapping[str, Signature] = {"overlap": f32(1), "score": f32(1)}
    fill = {
        "overlap": at_points({"min": 0.0, "opt": 0.47, "inside": 0.23, "max": 0.99}, np.float32),
        "score": at_points({"min": 0.1, "opt": 0.3, "inside": 0.6, "max": 0.45}, np.float32),
    }
    yield _case("thresholds_input", partial(_suppression, EVERY, ("overlap", "score")), more=thresholds, fill=fill)
    for word, blank in (("", False), ("_empty", True)):
        yield _case(f"boxes_gathered{word}", _boxes_gathered, y=f32("count", 4), blank=blank)
        yield _case(f"best_scores{word}", _scores_gathered, y=f32("count"), blank=blank)


def _case(
    axes: str,
    body: Callable[[], Body],
    *,
    opset: int = 17,
    y: Signature | None = None,
    more: Mapping[str, Signature] | None = None,
    fill: Mapping[str, Fill] | None = None,
    centered: bool = False,
    blank: bool = False,
) -> Case:
    return dynamic_case(
        f"nonmaxsuppression-{axes}",
        "NonMaxSuppression",
        body,
        {**BOXES, **(more or {})},
        {"y": y or i64("count", 3)},
        opset=opset,
        fill={
            "boxes": centers if centered else corners,
            "scores": blank_at("inside", scores) if blank else scores,
            **(fill or {}),
        },
        tags=["data_dependent"],
    )


def corners(key: str, shape: Shape) -> Array:
    """Return boxes [..., 4] as two opposite corners, with whole sides of 4 to 7."""
    low, side = _places(key, shape)
    found: Array = np.concatenate([low, low + side], axis=-1).astype(np.float32)
    return found


def centers(key: str, shape: Shape) -> Array:
    """Return the boxes of `corners` as center and size: x, y, width, height, in halves."""
    low, side = _places(key, shape)
    found: Array = np.concatenate([low + side / 2, side], axis=-1).astype(np.float32)
    return found


def scores(key: str, shape: Shape) -> Array:
    """Return pairwise different scores [..., classes, boxes] from 0 to 1, spread evenly, each class above the next."""
    count = int(np.prod(shape))
    ranks = permutation(key, count).reshape(*shape[:-2], -1)
    by_class = np.sort(ranks, axis=-1)[..., ::-1].reshape(shape)  # the highest ranks of an image are its first class's
    order = np.argsort(ranks.reshape(shape), axis=-1)
    found = np.take_along_axis(by_class, order, axis=-1)
    return ((found + 1) * 2.0 ** -count.bit_length()).astype(np.float32)


def _places(key: str, shape: Shape) -> tuple[Array, Array]:
    return integers(f"{key}/corner", (*shape[:-1], 2), 0, 8), integers(f"{key}/side", (*shape[:-1], 2), 4, 7)


def _suppression(names: Sequence[str], given: Sequence[str] = (), center_point_box: int = 0) -> Body:
    """Return the boxes that overlap no better one, a few of each class; of ``names``, ``given`` are inputs."""
    constants = {name: CONSTANTS[name] for name in names if name and name not in given}
    return [node("NonMaxSuppression", ["boxes", "scores", *names], ["y"], center_point_box=center_point_box)], constants


def _suppression_of_half() -> Body:
    """Return at most half of the boxes of each class: as many as Shape and Div say."""
    nodes, constants = _suppression(EVERY, ("most",))
    half = [*extent("boxes", 1, "s"), node("Div", ["s", "two"], ["most"])]
    return [*half, *nodes], {**constants, "two": ints(2)}


def _selected() -> tuple[list[onnx.NodeProto], dict[str, Array]]:
    """Return NonMaxSuppression with its result as ``selected`` [count, 3]."""
    nodes = [node("NonMaxSuppression", ["boxes", "scores", *EVERY], ["selected"])]
    return nodes, dict(CONSTANTS)


def _boxes_gathered() -> Body:
    """Return the selected boxes themselves: columns 0 and 2 of the result are indices for GatherND."""
    nodes, constants = _selected()
    nodes += [
        node("Gather", ["selected", "batch_box"], ["places"], axis=1),
        node("GatherND", ["boxes", "places"], ["y"]),
    ]
    return nodes, {**constants, "batch_box": ints(0, 2)}


def _scores_gathered() -> Body:
    """Return the scores of the selected boxes: the whole result is indices for GatherND."""
    nodes, constants = _selected()
    return [*nodes, node("GatherND", ["scores", "selected"], ["y"])], constants
