"""A case that says it has dynamic shapes has them, or it is our bug, seen before anything runs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from cases.case import Case, ShapePoint
from cases.catalogue import INVALID_ON_PURPOSE, INVALID_REQUEST, catalogue
from cases.model import Signature, model, node
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
        (dynamic(build=fixed, points=at(4, 4)), "every input dimension that its model reads is fixed"),
        (dynamic(points=at(4, 4)), "all its shape points are equal"),
        (dynamic(points=at(4)), "all its shape points are equal"),
        (dynamic(points=()), "all its shape points are equal"),
        (dynamic(points=(*at(4), ShapePoint(name="9", shapes={"x": (9, 3)}, allowed=False))), "points are equal"),
        (dynamic(points=at(0, 1)), "no shape point has a batch above 1"),
        (dynamic(points=(ShapePoint(name="a", shapes={"x": (2, 4)}), *at(3))), "the model declares ('N', 3)"),
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


def expansion(*targets: tuple[int, int], holds: tuple[int, int] | None = None) -> Case:
    """Expand of a fixed x to shapes that a shape tensor gives, or says that it gives while it holds another."""
    points = tuple(
        ShapePoint(name=f"{at}", shapes={"x": (4, 1), "shape": (2,)}, values={"shape": target})
        for at, target in enumerate(targets)
    )

    def inputs(point: ShapePoint) -> dict[str, Any]:
        return {"x": np.zeros((4, 1), np.float32), "shape": np.array(holds or point.values["shape"], np.int64)}

    signatures: dict[str, Signature] = {"x": (np.float32, (4, 1)), "shape": (np.int64, (2,))}
    build = partial(
        model, [node("Expand", ["x", "shape"], ["y"])], signatures, {"y": (np.float32, ["N", None])}, opset=17
    )
    return dynamic(build=build, points=points, inputs=inputs)


def test_shape_tensors_whose_values_differ_are_dynamic_too(tmp_path: Path) -> None:
    assert CaseFolders(tmp_path / "a").get(expansion((4, 2), (4, 3))).invalid == ""
    assert "is fixed" in CaseFolders(tmp_path / "b").get(expansion((4, 2), (4, 2))).invalid


def test_values_that_only_the_points_say_are_a_static_case_in_disguise(tmp_path: Path) -> None:
    folder = CaseFolders(tmp_path).get(expansion((4, 2), (4, 3), holds=(4, 2)))
    assert folder.invalid == "at point '1' shape tensor shape holds [4, 2], the point says (4, 3)"


def pair(a: tuple[int | str, ...], b: tuple[int | str, ...], *sizes: tuple[int, int], op: str = "Add") -> Case:
    """An Add of two inputs, or a Relu of the first, at shape points with these first extents."""
    points = tuple(
        ShapePoint(name=f"{at}", shapes={"a": (one, 3), "b": (other, 3)}) for at, (one, other) in enumerate(sizes)
    )
    nodes = [node(op, ["a", "b"] if op == "Add" else ["a"], ["y"])]
    return dynamic(
        build=partial(
            model, nodes, {"a": (np.float32, a), "b": (np.float32, b)}, {"y": (np.float32, [None, 3])}, opset=17
        ),
        points=points,
        inputs=lambda point: {name: np.zeros(shape, np.float32) for name, shape in point.shapes.items()},
    )


def test_one_symbol_has_one_size_at_a_point(tmp_path: Path) -> None:
    sizes = (2, 2), (4, 1)
    assert CaseFolders(tmp_path / "a").get(pair(("N", 3), ("M", 3), *sizes)).invalid == ""
    words = "at point '1' input b has shape (1, 3), the model declares ('N', 3)"
    assert CaseFolders(tmp_path / "b").get(pair(("N", 3), ("N", 3), *sizes)).invalid == words


def test_an_input_that_nothing_reads_makes_no_case_dynamic(tmp_path: Path) -> None:
    frozen = pair((4, 3), ("M", 3), (4, 1), (4, 2), op="Relu")
    assert "that its model reads is fixed" in CaseFolders(tmp_path / "a").get(frozen).invalid
    still = pair(("N", 3), ("M", 3), (4, 1), (4, 2), op="Relu")
    assert "all its shape points are equal" in CaseFolders(tmp_path / "b").get(still).invalid
    small = pair(("N", 3), ("M", 3), (0, 8), (1, 8), op="Relu")
    assert "no shape point has a batch" in CaseFolders(tmp_path / "c").get(small).invalid


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"x": (np.int64, True)}, "input x is int64, the model takes FLOAT"),
        ({}, "input x of the model is given nothing"),
        ({"x": (np.float32, True), "z": (np.float32, True)}, "the model has no input z"),
    ],
)
def test_inputs_that_are_not_those_of_the_model_are_our_bug(tmp_path: Path, given: Any, words: str) -> None:
    """Also where nothing is dynamic: a runtime would refuse them, and be blamed."""
    points = tuple(ShapePoint(name=str(n), shapes=dict.fromkeys(given, (n, 3))) for n in (2, 3))
    item = dynamic(
        tags=frozenset(),
        points=points,
        inputs=lambda point: {name: np.zeros(point.shapes[name], dtype) for name, (dtype, _) in given.items()},
    )
    assert words in CaseFolders(tmp_path).get(item).invalid


SAMPLE = [case for case in catalogue() if case.family == "dynamic_shapes" and INVALID_ON_PURPOSE not in case.tags][::31]


@pytest.mark.parametrize("item", SAMPLE, ids=lambda item: item.id)
def test_a_case_of_the_catalogue_that_is_made_static_is_found_out(item: Case, tmp_path: Path) -> None:
    """Its dimensions frozen at one point, all its points made that one, or both."""
    (_, best, *_) = item.points
    same = tuple(replace(best, name=point.name) for point in item.points)

    def at_best(point: ShapePoint) -> Any:
        return item.inputs(best)

    frozen = partial(freeze, item, best)
    changes: list[dict[str, Any]] = [{"points": same, "inputs": at_best}]
    if frozen() != item.build():  # some have shape tensors alone
        changes += [{"build": frozen}, {"build": frozen, "points": same, "inputs": at_best}]
    for number, change in enumerate(changes):
        assert CaseFolders(tmp_path / str(number)).get(replace(item, **change)).invalid


def freeze(item: Case, point: ShapePoint) -> onnx.ModelProto:
    changed = item.build()
    for value in changed.graph.input:
        for dim, size in zip(value.type.tensor_type.shape.dim, point.shapes[value.name], strict=False):
            dim.dim_value = size
    return changed


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
