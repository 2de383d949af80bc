"""Profiles and requests that are at fault on purpose: each must be refused, by every runtime, with an error.

The models are valid ONNX. A profile at fault is refused before anything runs; a shape point at fault is refused alone,
and the points beside it must run as if it were not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import onnx

from cases.case import EXACT, Array, Case, Profile, Shape, ShapePoint
from cases.catalogue import INVALID_ON_PURPOSE, INVALID_REQUEST
from cases.dynamic_shapes.layers import FEATURES, binary, unary
from cases.dynamic_shapes.profiled import Layer, at, batches, one_profile, profile, spanning, with_profiles
from cases.dynamic_shapes.profiles import CONV, MATMUL, RELU, ROWS
from cases.dynamic_shapes.symbolic import Body, Values, f32
from cases.inputs import floats
from cases.model import Signature, node

TAGS = frozenset({INVALID_ON_PURPOSE, INVALID_REQUEST})
OTHER = f32("B", FEATURES)
PAIR: Layer = (
    *("concat", "Concat", partial(binary, "Concat", axis=0), {"a": ROWS, "b": OTHER}),
    *({"y": f32("N_plus_B", FEATURES)}, EXACT),
)
TOKENS = f32("N", "S", FEATURES)
SEQUENCE: Layer = ("relu_of_tokens", "Relu", partial(unary, "Relu"), {"x": TOKENS}, {"y": TOKENS}, EXACT)
TARGETS: Values = ((1, 3), (4, 12), (2, 7), (8, 24))
COLUMNS: Mapping[str, Signature] = {"x": f32("N", 1)}


def cases() -> Iterator[Case]:
    """Yield the cases: faults of profiles, then faults of requests."""
    yield from _one_input()
    yield from _names()
    yield from _values()
    yield from _requests_of_one_input()
    yield from _requests_by_name()
    yield from _requests_beside_several_profiles()
    yield from _requested_values()


def _base(layer: Layer) -> Case:
    """Return a case without fault, to be broken in one place."""
    values = {name: TARGETS for name in layer[3] if name == "target"}
    return one_profile("base", layer, sizes={"B": (1, 3, 2, 6)}, values=values)


def _broken(fault: str, layer: Layer, *profiles: Profile) -> Case:
    """Return the case of a profile at fault, or of none."""
    base = _base(layer)
    summary = f"{layer[1]} whose profile must be refused: {fault.replace('_', ' ')}"
    return _named(base, f"invalid_profile-{fault}-{layer[0]}", summary, profiles=profiles)


def _asking(fault: str, layer: Layer, shapes: Mapping[str, Shape], target: tuple[int, ...] | None = None) -> Case:
    """Return the case of a shape point at fault between points that are not."""
    return _with_request(_base(layer), fault, layer, shapes, {} if target is None else {"target": target})


def _with_request(
    base: Case, fault: str, layer: Layer, shapes: Mapping[str, Shape], values: Mapping[str, tuple[int, ...]]
) -> Case:
    low, best, *others = base.points
    bad = ShapePoint(name="at_fault", shapes=shapes, values=values, allowed=False)
    summary = f"{layer[1]} asked for a shape point that must be refused: {fault.replace('_', ' ')}"
    return _named(base, f"invalid_request-{fault}-{layer[0]}", summary, points=(low, best, bad, *others))


def _named(base: Case, axes: str, summary: str, **changes: object) -> Case:
    case = replace(base, id=f"{axes}-opset{base.opset}", summary=summary, tags=base.tags | TAGS)
    return replace(case, inputs=partial(_inputs, base), **changes)  # type: ignore[arg-type]


def _inputs(base: Case, point: ShapePoint) -> Mapping[str, Array]:
    """Return what the point asks for, inputs that the model does not have among them."""
    known = {name: point.shapes.get(name, shape) for name, shape in base.points[0].shapes.items()}
    values = {**base.points[0].values, **point.values}
    arrays = base.inputs(replace(point, shapes=known, values=values))
    return {
        name: arrays[name] if name in arrays else floats(f"{base.id}/{point.name}/{name}", shape)
        for name, shape in point.shapes.items()
    }


def _one_input() -> Iterator[Case]:
    faults = {  # min, opt and max of the batch
        "opt_above_max": (1, 9, 8),
        "opt_below_min": (2, 1, 8),
        "min_above_max": (8, 4, 1),
        "negative_min": (-1, 4, 8),
        "negative_throughout": (-8, -4, -1),
        "max_of_zero": (0, 0, 0),
    }
    images = [at(N=number, H=8, W=6) for number in (1, 4, 8)]
    for fault, sizes in faults.items():
        for layer in (RELU, MATMUL):
            yield _broken(fault, layer, profile(layer[3], *batches(*sizes)))
        spans = [replace(image, sizes={**image.sizes, "H": size}) for image, size in zip(images, sizes, strict=True)]
        yield _broken(f"{fault}_of_height", CONV, profile(CONV[3], *spans))
    ranks: Mapping[str, tuple[int, ...]] = {"rank_too_high": (FEATURES, 1), "rank_too_low": ()}
    for fault, rest in ranks.items():
        yield _broken(fault, RELU, Profile(shapes={"x": ((1, *rest), (4, *rest), (8, *rest))}))
    other = FEATURES + 1
    yield _broken("another_static_extent", RELU, Profile(shapes={"x": ((1, other), (4, other), (8, other))}))
    good = profile(RELU[3], *batches(1, 4, 8))
    yield _broken("the_second_of_two", RELU, good, profile(RELU[3], *batches(8, 4, 1)))
    for layer in (RELU, CONV, PAIR):
        yield _broken("no_profile", layer)


def _names() -> Iterator[Case]:
    span = ((1, FEATURES), (4, FEATURES), (8, FEATURES))
    yield _broken("another_name", RELU, Profile(shapes={"X": span}))
    yield _broken("a_further_name", RELU, Profile(shapes={"x": span, "X": span}))
    yield _broken("one_input_left_out", PAIR, Profile(shapes={"a": span}))
    yield _broken("no_input_at_all", RELU, Profile(shapes={}))
    yield _broken("a_name_exchanged", PAIR, Profile(shapes={"a": span, "B": span}))


def _targets(dtype: type[np.signedinteger]) -> Layer:
    name = np.dtype(dtype).name
    inputs: Mapping[str, Signature] = {**COLUMNS, "target": (dtype, (2,))}
    return f"expand_{name}", "Expand", _expand, inputs, {"y": f32("N", "M")}, EXACT


def _expand() -> Body:
    """Expand x to a target of either integer type."""
    nodes = [node("Cast", ["target"], ["long"], to=onnx.TensorProto.INT64), node("Expand", ["x", "long"], ["y"])]
    return nodes, {}


def _values() -> Iterator[Case]:
    faults: Mapping[str, tuple[tuple[int, ...], ...]] = {
        "value_opt_above_max": ((1, 3), (4, 25), (8, 24)),
        "value_min_above_max": ((8, 24), (4, 12), (1, 3)),
        "too_few_values": ((1,), (4,), (8,)),
    }
    shapes = {"x": ((1, 1), (4, 1), (8, 1)), "target": ((2,), (2,), (2,))}
    for dtype in (np.int32, np.int64):
        layer = _targets(dtype)
        for fault, (low, best, high) in faults.items():
            yield _broken(fault, layer, Profile(shapes=shapes, values={"target": (low, best, high)}))
        yield _broken("no_values", layer, Profile(shapes=shapes))


def _requests_of_one_input() -> Iterator[Case]:
    for layer in (RELU, MATMUL):
        yield _asking("above_max", layer, {"x": (9, FEATURES)})
        yield _asking("below_min", layer, {"x": (0, FEATURES)})
        yield _asking("another_static_extent", layer, {"x": (4, FEATURES + 1)})
    yield _asking("rank_too_high", RELU, {"x": (4, FEATURES, 1)})
    yield _asking("rank_too_low", RELU, {"x": (FEATURES,)})
    yield _asking("one_of_two_dimensions_above_max", SEQUENCE, {"x": (4, 25, FEATURES)})
    yield _asking("one_of_two_inputs_above_max", PAIR, {"a": (4, FEATURES), "b": (7, FEATURES)})


def _requests_by_name() -> Iterator[Case]:
    rows = (4, FEATURES)
    yield _asking("another_name", RELU, {"X": rows})
    yield _asking("a_further_name", RELU, {"x": rows, "X": rows})
    yield _asking("one_input_left_out", PAIR, {"a": rows})
    yield _asking("a_name_exchanged", PAIR, {"a": rows, "B": (3, FEATURES)})
    yield _asking("no_input_at_all", RELU, {})


def _requests_beside_several_profiles() -> Iterator[Case]:
    gap = spanning((at(N=1), at(N=2), at(N=4)), (at(N=8), at(N=12), at(N=16)))
    further = {"second_min": at(N=8), "second_max": at(N=16)}
    rows = with_profiles(_base(RELU), RELU[3], gap(RELU[3]), batches(1, 2, 3, 4), further)
    yield _with_request(rows, "between_two_profiles", RELU, {"x": (6, FEATURES)}, {})
    small, large = (at(N=1, B=1), at(N=2, B=2), at(N=4, B=4)), (at(N=8, B=8), at(N=12, B=12), at(N=16, B=16))
    points, further = (*small[:2], at(N=3, B=2), small[2]), {"second_min": large[0], "second_max": large[2]}
    pair = with_profiles(_base(PAIR), PAIR[3], spanning(small, large)(PAIR[3]), points, further)
    mixed = {"a": (4, FEATURES), "b": (8, FEATURES)}
    yield _with_request(pair, "each_input_in_another_profile", PAIR, mixed, {})


def _requested_values() -> Iterator[Case]:
    shapes = {"x": (4, 1), "target": (2,)}
    for dtype in (np.int32, np.int64):
        layer = _targets(dtype)
        yield _asking("value_above_max", layer, shapes, (4, 25))
        yield _asking("value_below_min", layer, shapes, (4, 2))
        yield _asking("too_many_values", layer, {**shapes, "target": (3,)}, (1, 4, 12))
