"""ConvTranspose, Unique, NonMaxSuppression and negative pads of the first reference, worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cases.case import Array
from matrix.verdict.reference.corrections import pad
from matrix.verdict.reference.operators import OPERATORS
from matrix.verdict.reference.plug import Node

F32 = np.float32


def run(op: str, *operands: Any, outputs: int = 1, **attributes: Any) -> Any:
    arrays = tuple(None if each is None else np.asarray(each) for each in operands)
    return OPERATORS["", op](Node(operands=arrays, attributes=attributes, outputs=outputs))


def line(*values: float) -> Array:
    return np.array(values, F32).reshape(1, 1, -1)


LINE, WEIGHT = line(1, 2, 3), line(1, 10, 100)  # with strides of 2: 1 10 102 20 203 30 300


@pytest.mark.parametrize(
    ("attributes", "want"),
    [
        ({"strides": [1]}, [1, 12, 123, 230, 300]),
        ({"strides": [2]}, [1, 10, 102, 20, 203, 30, 300]),
        ({"strides": [1], "dilations": [2]}, [1, 2, 13, 20, 130, 200, 300]),
        ({"strides": [2], "pads": [1, 2]}, [10, 102, 20, 203]),
        ({"strides": [3], "output_padding": [2], "pads": [0, 1]}, [1, 10, 100, 2, 20, 200, 3, 30, 300, 0]),
        ({"strides": [2], "auto_pad": "SAME_UPPER"}, [1, 10, 102, 20, 203, 30]),
        ({"strides": [2], "auto_pad": "SAME_LOWER"}, [10, 102, 20, 203, 30, 300]),
        ({"strides": [2], "auto_pad": "VALID"}, [1, 10, 102, 20, 203, 30, 300]),
        ({"strides": [2], "output_shape": [4]}, [102, 20, 203, 30]),
        ({"strides": [2], "output_shape": [4], "auto_pad": "SAME_UPPER"}, [10, 102, 20, 203]),
        ({"strides": [2], "output_shape": [6], "pads": [3, 3]}, [10, 102, 20, 203, 30, 300]),
    ],
)
def test_transposed_convolution_of_a_line(attributes: Any, want: list[float]) -> None:
    y = run("ConvTranspose", LINE, WEIGHT, **attributes)
    assert y.reshape(-1).tolist() == want
    assert y.dtype == F32


def test_groups_of_several_filters_and_a_bias() -> None:
    """Channels 1, 2 | 4, 8 and weights of one tap: filters a, b of the first group, c, d of the second."""
    x = np.array([1, 2, 4, 8], F32).reshape(1, 4, 1, 1)
    weight = np.array([[1, 10], [100, 1000], [1, 2], [3, 4]], F32).reshape(4, 2, 1, 1)
    y = run("ConvTranspose", x, weight, np.array([0.5, 0, 0, 0], F32), group=2)
    assert y.reshape(-1).tolist() == [201.5, 2010, 4 + 24, 8 + 32]


def test_two_axes_are_not_mixed_up() -> None:
    weight = np.array([[1, 2], [3, 4], [5, 6]], F32).reshape(1, 1, 3, 2)
    y = run("ConvTranspose", np.ones((1, 1, 1, 2), F32), weight, strides=[1, 3], pads=[1, 0, 0, 1])
    assert y[0, 0].tolist() == [[3, 4, 0, 3], [5, 6, 0, 5]]


def test_an_output_shape_of_more_than_there_is_has_no_reference() -> None:
    with pytest.raises(ValueError, match="beyond"):
        run("ConvTranspose", LINE, WEIGHT, output_shape=[9])


def test_unique() -> None:
    x = np.array([[3, 1], [3, 1], [2, 1]], F32)
    flat = run("Unique", x, sorted=0, outputs=4)
    assert [each.tolist() for each in flat] == [[3, 1, 2], [0, 1, 4], [0, 1, 0, 1, 2, 1], [2, 3, 1]]
    ascending = run("Unique", x, outputs=4)
    assert [each.tolist() for each in ascending] == [[1, 2, 3], [1, 4, 0], [2, 0, 2, 0, 1, 0], [3, 1, 2]]
    rows = run("Unique", x, axis=0, sorted=0, outputs=4)
    assert [each.tolist() for each in rows] == [[[3, 1], [2, 1]], [0, 2], [0, 0, 1], [2, 1]]
    columns = run("Unique", x, axis=-1, outputs=2)
    assert [each.tolist() for each in columns] == [[[1, 3], [1, 3], [1, 2]], [1, 0]]
    assert [each.dtype for each in rows] == [F32, np.int64, np.int64, np.int64]


# Three boxes of 2 x 2 on a row: the second shares half of the first (a third of both together), the third touches it.
BOXES = np.array([[[0, 0, 2, 2], [0, 1, 2, 3], [2, 4, 0, 2]]], F32)
SCORES = np.array([[[0.5, 0.75, 0.25]]], F32)


@pytest.mark.parametrize(
    ("most", "overlap", "score", "want"),
    [
        (9, None, None, [1]),
        (9, 0.3, None, [1]),
        (9, 0.5, None, [1, 0, 2]),
        (2, 0.5, None, [1, 0]),
        (9, 0.5, 0.25, [1, 0, 2]),  # removed is a score "less than" the threshold
        (9, 0.5, 0.3, [1, 0]),
        (0, 0.5, None, []),
        (None, 0.5, None, []),
    ],
)
def test_non_max_suppression(most: int | None, overlap: float | None, score: float | None, want: list[int]) -> None:
    limits = [None if each is None else np.array([each]) for each in (most, overlap, score)]
    found = run("NonMaxSuppression", BOXES, SCORES, *limits)
    assert (found.tolist(), found.dtype) == ([[0, 0, box] for box in want], np.int64)
    assert found.shape[1] == 3


def test_boxes_by_center_and_by_class() -> None:
    centers = np.array([[[1, 1, 2, 2], [2, 1, 2, 2], [3, 1, 2, 2]]], F32)
    scores = np.array([[[0.5, 0.75, 0.25], [0.9, 0.1, 0.8]]], F32)
    found = run("NonMaxSuppression", centers, scores, np.array([9]), np.array([0.0], F32), center_point_box=1)
    assert found.tolist() == [[0, 0, 1], [0, 1, 0], [0, 1, 2]]


def test_negative_pads_cut() -> None:
    x = np.arange(6).reshape(2, 3)
    assert pad(x, np.array([0, -1, 1, 2]), np.array(9)).tolist() == [[1, 2, 9, 9], [4, 5, 9, 9], [9, 9, 9, 9]]
    assert pad(x, np.array([1, -2]), None, np.array([-1]), mode="constant").tolist() == [[0, 0], [0, 3]]
    with pytest.raises(ValueError, match="mode wrap"):
        pad(x, np.array([0, -1, 0, 2]), mode="wrap")
