"""The shapes at which a user's model runs: asked for, or sensible."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix.errors import OptionError
from matrix.models.asked import Asked, parse_asked
from matrix.models.interface import Dim, GraphValue, ModelError
from matrix.models.seeded import seeded
from matrix.models.shapes import FIXED, chosen_shapes, point_of, profiles_over, shape_values


def value(name: str, *shape: Dim, dtype: str = "float32") -> GraphValue:
    return GraphValue(name=name, kind="tensor", dtype=dtype, shape=shape)


def test_shapes_and_ranges_are_read() -> None:
    asked = parse_asked(["images:1x3x224x224,input:0:2", "s:"], ["x:1x3:4x3:8x3"])
    assert asked.shapes == {"images": (1, 3, 224, 224), "input:0": (2,), "s": ()}
    assert parse_asked(["a,b:1x3, c:2,"], []).shapes == {"a,b": (1, 3), "c": (2,)}
    assert asked.spans == {"x": ((1, 3), (4, 3), (8, 3))}


@pytest.mark.parametrize(
    ("shapes", "profiles", "words"),
    [
        (["x"], [], "is not NAME:SHAPE"),
        ([""], [], "'' is not NAME:SHAPE"),
        (["x:1,y"], [], "'y' is not NAME:SHAPE"),
        ([], [","], "',' is not NAME:MIN:OPT:MAX"),
        ([":1x3"], [], "is not NAME:SHAPE"),
        (["x:1x-3"], [], "is not NAME:SHAPE"),
        (["x:1xN"], [], "is not NAME:SHAPE"),
        (["x:99999999999"], [], "is not NAME:SHAPE"),
        (["x:4294967296"], [], "at most 2147483647"),
        (["x:1", "x:2"], [], "named twice"),
        ([], ["x:1:2"], "is not NAME:MIN:OPT:MAX"),
        ([], ["x:1:2x1:3"], "1, 2 and 1 dimensions"),
        ([], ["x:1:5:3"], "does not ascend"),
        (["x:1"], ["x:1:1:1"], "give it one shape or one range"),
    ],
)
def test_what_means_nothing_is_refused_in_words(shapes: list[str], profiles: list[str], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        parse_asked(shapes, profiles)


@given(st.lists(st.text(max_size=20), max_size=3), st.lists(st.text(max_size=20), max_size=3))
def test_any_text_is_read_or_refused(shapes: list[str], profiles: list[str]) -> None:
    with suppress(OptionError):
        parse_asked(shapes, profiles)


def test_a_static_model_has_one_point() -> None:
    assert chosen_shapes([value("x", 2, 3)], Asked()) == {FIXED: {"x": (2, 3)}}


def test_dynamic_dimensions_are_1_2_3_and_4_by_default_and_equal_symbols_are_equal() -> None:
    found = chosen_shapes([value("x", "N", 3), value("mask", "N", None)], Asked())
    assert {name: shapes["x"] for name, shapes in found.items()} == {
        "min": (1, 3), "opt": (2, 3), "inside": (3, 3), "max": (4, 3),
    }  # fmt: skip
    assert all(shapes["mask"] == (shapes["x"][0],) * 2 for shapes in found.values())


def test_what_is_asked_for_one_input_holds_for_the_symbols_of_the_others() -> None:
    found = chosen_shapes([value("x", "N", 3), value("mask", "N", "S")], parse_asked([], ["x:1x3:4x3:8x3"]))
    assert {name: shapes["mask"] for name, shapes in found.items()} == {
        "min": (1, 1), "opt": (4, 2), "inside": (6, 3), "max": (8, 4),
    }  # fmt: skip
    one = chosen_shapes([value("x", "N", 3), value("mask", "N")], parse_asked(["x:5x3"], []))
    assert one == {FIXED: {"x": (5, 3), "mask": (5,)}}


@pytest.mark.parametrize(
    ("inputs", "shapes", "words"),
    [
        ([value("x", "N", 3)], ["x:1x4"], "'x' is Nx3 in the model; 1x4 does not fit"),
        ([value("x", "N", 3)], ["x:1x3x1"], "does not fit"),
        ([value("x", "N"), value("z", "N")], ["x:2", "z:3"], "give them the same"),
        (
            [GraphValue(name="x", kind="tensor", dtype="float32")],
            [],
            "unknown rank; give its shape with --input-shapes",
        ),
        ([value("x", "N", "M")], ["x:2000000x2000000"], "give smaller shapes"),
        ([value("x", 10**12)], [], "give smaller shapes"),
    ],
)
def test_what_does_not_fit_the_model_is_said_with_the_remedy(
    inputs: list[GraphValue], shapes: list[str], words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        chosen_shapes(inputs, parse_asked(shapes, []))


def test_the_profile_spans_all_points_and_holds_the_values_of_possible_shape_tensors() -> None:
    inputs = [value("x", "N", 3), value("to", 2, dtype="int64"), value("ids", "N", dtype="int64")]
    arrays = {
        name: {item.name: seeded(f"{name}/{item.name}", item.dtype, shapes[item.name]) for item in inputs}
        for name, shapes in chosen_shapes(inputs, Asked()).items()
    }
    assert shape_values(inputs, arrays) == ("to",)
    points = [point_of(name, found, ("to",)) for name, found in arrays.items()]
    (profile,) = profiles_over(inputs, points)
    assert profile.shapes == {"x": ((1, 3), (2, 3), (4, 3)), "to": ((2,),) * 3, "ids": ((1,), (2,), (4,))}
    low, best, high = profile.values["to"]
    assert best == points[1].values["to"]
    assert all(a <= b <= c for a, b, c in zip(low, best, high, strict=True))
    assert profiles_over([value("x", 2)], [point_of("static", {"x": seeded("", "float32", (2,))}, ())]) == ()


def test_a_profile_has_room_for_data_where_all_that_was_recorded_is_empty() -> None:
    inputs = [value("x", "N", 0)]
    (profile,) = profiles_over(inputs, [point_of("test_data_set_0", {"x": seeded("", "float32", (0, 0))}, ())])
    assert profile.shapes == {"x": ((0, 0), (0, 0), (1, 0))}
    several = [point_of(name, {"x": seeded("", "float32", shape)}, ()) for name, shape in (("a", (2,)), ("b", (2, 3)))]
    unknown = GraphValue(name="x", kind="tensor", dtype="float32")
    assert [each.shapes["x"][2] for each in profiles_over([unknown], several)] == [(2,), (2, 3)]
