"""A case that says it has dynamic shapes has them, or it is our bug, seen before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cases.case import Case, ShapePoint
from cases.catalogue import INVALID_ON_PURPOSE, INVALID_REQUEST
from matrix.case_folder import CaseFolders
from tests.models import DYNAMIC_POINTS, case, single_node

TAGS = frozenset({"dynamic_batch"})


def dynamic(**changes: Any) -> Case:
    return case("promised", changes.pop("build", lambda: single_node("Relu")), **{"tags": TAGS, **changes})


def fixed() -> Any:
    return single_node("Relu", x_shape=(4, 3), y_shape=(4, 3))


def at(*batches: int, **changes: Any) -> tuple[ShapePoint, ...]:
    return tuple(ShapePoint(name=f"{i}", shapes={"x": (n, 3)}, **changes) for i, n in enumerate(batches))


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (dynamic(build=fixed, points=at(4, 4)), "every input dimension of its model is fixed"),
        (dynamic(points=at(4, 4)), "all its shape points are equal"),
        (dynamic(points=at(4)), "all its shape points are equal"),
        (dynamic(points=()), "all its shape points are equal"),
        (dynamic(points=(*at(4), ShapePoint(name="9", shapes={"x": (9, 3)}, allowed=False))), "points are equal"),
        (dynamic(points=at(0, 1)), "no shape point has a batch above 1"),
        (dynamic(points=(ShapePoint(name="a", shapes={"x": (2, 4)}), *at(3))), "the model declares (None, 3)"),
        (dynamic(tags=frozenset(), family="dynamic_shapes", points=at(4, 4)), "all its shape points are equal"),
    ],
)
def test_a_broken_promise_is_our_bug(tmp_path: Path, item: Case, words: str) -> None:
    folder = CaseFolders(tmp_path).get(item)
    assert words in folder.invalid
    assert not folder.path.exists()


@pytest.mark.parametrize(
    "item",
    [
        dynamic(),
        dynamic(points=at(0, 3)),
        dynamic(build=lambda: single_node("Relu", x_shape=(None, 3), y_shape=(None, 3))),  # type: ignore[arg-type]
        case("static", fixed, points=at(4), profiles=()),
    ],
)
def test_a_promise_that_is_kept_or_not_given_is_no_fault(tmp_path: Path, item: Case) -> None:
    assert CaseFolders(tmp_path).get(item).invalid == ""


def test_shape_tensors_whose_values_differ_are_dynamic_too(tmp_path: Path) -> None:
    def tensor(*values: int) -> Case:
        points = tuple(ShapePoint(name=f"{v}", shapes={"x": (4, 3)}, values={"s": (v,)}) for v in values)
        return dynamic(build=fixed, points=points)

    assert CaseFolders(tmp_path / "a").get(tensor(1, 2)).invalid == ""
    assert "is fixed" in CaseFolders(tmp_path / "b").get(tensor(2, 2)).invalid


def test_the_model_of_an_invalid_request_is_checked_and_its_bad_point_has_no_reference(tmp_path: Path) -> None:
    tags = TAGS | {INVALID_ON_PURPOSE, INVALID_REQUEST}
    bad = ShapePoint(name="renamed", shapes={"z": (2, 3)}, allowed=False)

    def inputs(point: ShapePoint) -> dict[str, Any]:
        return {name: np.zeros(shape, np.float32) for name, shape in point.shapes.items()}

    folder = CaseFolders(tmp_path / "a").get(dynamic(tags=tags, points=(*DYNAMIC_POINTS, bad), inputs=inputs))
    assert folder.invalid == ""
    assert folder.forbidden == {"renamed"}
    broken = dynamic(tags=tags, build=lambda: single_node("NoSuchOp"))
    assert "NoSuchOp" in CaseFolders(tmp_path / "b").get(broken).invalid
