"""Resize and Upsample on both sides of every change: scales, sizes, modes, coordinates, regions, antialiasing, axes.

Scales are powers of two wherever samples are chosen and not blended (mode nearest), so that no coordinate is near a
tie that rounding would decide; what blends has the tolerance of rounding.py. Height and width are scaled differently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np

from cases.case import EXACT, Array, Case, Tolerance
from cases.dynamic_shapes.rounding import cubic_rounding, interpolation_rounding
from cases.dynamic_shapes.single_node import Operand, node_case, vector
from cases.dynamic_shapes.symbolic import SIZES, Values, f32, ints
from cases.model import Signature

IMAGE = f32("N", 2, "H", "W")
SCALED = f32("N", 2, "H_scaled", "W_scaled")
FACTORS = (1.0, 1.0, 2.0, 4.0)
LONGEST = 4 * SIZES["W"][-1]
FIRST = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
SHAPES = tuple(zip(SIZES["N"], SIZES["H"], SIZES["W"], strict=True))
LINEAR, CUBIC = interpolation_rounding(LONGEST), cubic_rounding(LONGEST)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _upsample()
    yield from _resize_10()
    yield from _scales()
    yield from _sizes()
    yield from _coordinates()
    yield from _nearest_modes()
    yield from _region()
    yield from _opset_18()
    yield from _given()


def _upsample() -> Iterator[Case]:
    for mode, tolerance in (("nearest", EXACT), ("linear", LINEAR)):
        attributes = {"mode": mode, "scales": list(FACTORS)}
        yield _case("Upsample", f"scales_attribute-{mode}", {}, opset=7, tolerance=tolerance, attributes=attributes)
        scales: dict[str, Operand] = {"scales": _floats(*FACTORS)}
        yield _case("Upsample", f"scales-{mode}", scales, opset=9, tolerance=tolerance, attributes={"mode": mode})


def _resize_10() -> Iterator[Case]:
    down = _floats(1, 1, 0.5, 1)
    for mode, tolerance in (("nearest", EXACT), ("linear", LINEAR)):
        yield _case(
            "Resize",
            f"scales-{mode}",
            {"scales": _floats(*FACTORS)},
            opset=10,
            tolerance=tolerance,
            attributes={"mode": mode},
        )
    yield _case("Resize", "scales-mode_default", {"scales": _floats(*FACTORS)}, opset=10)
    yield _case("Resize", "scales_half-nearest", {"scales": down}, opset=10, attributes={"mode": "nearest"})


def _scales() -> Iterator[Case]:
    for opset in (11, 13, 18, 19):
        for mode, tolerance in (("nearest", EXACT), ("linear", LINEAR), ("cubic", CUBIC)):
            if opset in (11, 19) or mode != "cubic":
                attributes = {"mode": mode, **(FIRST if mode == "nearest" else {})}
                yield _resize(f"scales-{mode}", _by_scales(*FACTORS, opset=opset), attributes, tolerance, opset=opset)
        yield _resize("scales-mode_default", _by_scales(*FACTORS, opset=opset), FIRST, EXACT, opset=opset)
    half = {"mode": "linear"}
    yield _resize("scales_half-linear", _by_scales(1, 1, 0.5, 0.5), half, LINEAR)
    yield _resize("scales_fraction-linear", _by_scales(1, 1, 1.5, 0.75), half, LINEAR)


def _sizes() -> Iterator[Case]:
    sizes = ints(2, 2, 20, 9)
    x, y = f32(2, 2, "H", "W"), f32(2, 2, 20, 9)
    for opset in (11, 13, 18, 19):
        for mode, tolerance in (("linear", LINEAR), ("cubic", CUBIC)):
            if opset in (13, 19) or mode == "linear":
                operands = _by_sizes(sizes, opset=opset)
                yield _resize(f"sizes_fixed-{mode}", operands, {"mode": mode}, tolerance, opset=opset, x=x, y=y)


def _coordinates() -> Iterator[Case]:
    for mode, opset in (
        ("half_pixel", 13),
        ("pytorch_half_pixel", 13),
        ("align_corners", 13),
        ("asymmetric", 13),
        ("half_pixel_symmetric", 19),
    ):
        linear = {"mode": "linear", "coordinate_transformation_mode": mode}
        yield _resize(f"linear-{mode}", _by_scales(*FACTORS, opset=opset), linear, LINEAR, opset=opset)
        if mode != "asymmetric":
            cubic = {"mode": "cubic", "coordinate_transformation_mode": mode}
            yield _resize(f"cubic-{mode}", _by_scales(*FACTORS, opset=opset), cubic, CUBIC, opset=opset)
    for rounds in ("floor", "round_prefer_floor"):
        nearest = {"mode": "nearest", "nearest_mode": rounds, "coordinate_transformation_mode": "tf_half_pixel_for_nn"}
        operands = _by_scales(*FACTORS, opset=11)
        yield _resize(f"nearest-tf_half_pixel_for_nn-{rounds}", operands, nearest, EXACT, opset=11)
    default = {"mode": "nearest", "coordinate_transformation_mode": "tf_half_pixel_for_nn"}
    yield _resize("nearest-tf_half_pixel_for_nn-default", _by_scales(*FACTORS, opset=11), default, EXACT, opset=11)
    x, y = f32(2, 2, "H", "W"), f32(2, 2, 1, 9)  # to a length of one, the only one at which pytorch's differ
    for mode, tolerance in (("linear", LINEAR), ("cubic", CUBIC)):
        one = {"mode": mode, "coordinate_transformation_mode": "pytorch_half_pixel"}
        yield _resize(f"{mode}-pytorch_half_pixel-to_one", _by_sizes(ints(2, 2, 1, 9)), one, tolerance, x=x, y=y)
    symmetric = {"mode": "linear", "coordinate_transformation_mode": "half_pixel_symmetric"}
    yield _resize("linear-half_pixel_symmetric-fraction", _by_scales(1, 1, 1.25, 0.75), symmetric, LINEAR, opset=19)
    for name, attributes in (("cubic_coeff_a", {"cubic_coeff_a": -0.5}), ("exclude_outside", {"exclude_outside": 1})):
        yield _resize(f"cubic-{name}", _by_scales(*FACTORS), {"mode": "cubic", **attributes}, CUBIC)


def _nearest_modes() -> Iterator[Case]:
    for mode, coordinates in product(
        ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"), ("half_pixel", "asymmetric")
    ):
        attributes = {"mode": "nearest", "nearest_mode": mode, "coordinate_transformation_mode": coordinates}
        if not attributes.items() >= FIRST.items():  # FIRST with nearest is among the opsets above
            yield _resize(f"nearest-{mode}-{coordinates}", _by_scales(*FACTORS), attributes, EXACT, opset=13)
    down = {"mode": "nearest", "nearest_mode": "round_prefer_ceil", "coordinate_transformation_mode": "asymmetric"}
    yield _resize("nearest-scales_half", _by_scales(1, 1, 0.5, 0.25), down, EXACT)


def _region() -> Iterator[Case]:
    crop = {"coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": -7.5, "mode": "linear"}
    inside, beyond = _floats(0, 0, 0.25, 0, 1, 1, 0.75, 0.5), _floats(0, 0, -0.5, 0.25, 1, 1, 0.5, 1.5)
    sizes = ints(2, 2, 10, 9)
    x, y = f32(2, 2, "H", "W"), f32(2, 2, 10, 9)
    for name, roi, opset in (
        ("inside", inside, 11),
        ("inside", inside, 13),
        ("inside", inside, 19),
        ("beyond", beyond, 13),
    ):
        operands: dict[str, Operand] = {"roi": roi, "scales": _floats() if opset < 13 else None, "sizes": sizes}
        yield _resize(f"roi_{name}-linear", operands, crop, LINEAR, opset=opset, x=x, y=y)
    given: dict[str, Operand] = {"roi": f32(8), "scales": None, "sizes": sizes}
    yield node_case(
        "roi_given-linear", "Resize", {"x": x, **given}, y, attributes=crop, fill={"roi": _roi}, tolerance=LINEAR
    )


def _opset_18() -> Iterator[Case]:
    down = _by_scales(1, 1, 0.5, 0.75)
    for mode, tolerance in (("linear", LINEAR), ("cubic", CUBIC)):
        yield _resize(f"antialias-{mode}", down, {"mode": mode, "antialias": 1}, tolerance, opset=18)
    for opset in (18, 19):
        for axes in ([2, 3], [-1, 2]):
            name = "axes_" + "_".join(map(str, axes)).replace("-", "minus_")
            factors = (2.0, 4.0) if axes[0] == 2 else (4.0, 2.0)
            for mode, tolerance in (("linear", LINEAR), ("cubic", CUBIC)):
                attributes = {"mode": mode, "axes": axes}
                words = "scales" if mode == "linear" else "scales-cubic"
                yield _resize(f"{name}-{words}", _by_scales(*factors), attributes, tolerance, opset=opset)
    for policy in ("stretch", "not_larger", "not_smaller"):
        attributes = {"mode": "linear", "axes": [2, 3], "keep_aspect_ratio_policy": policy}
        y = f32("N", 2, 12, 12) if policy == "stretch" else SCALED
        yield _resize(f"keep_aspect_ratio-{policy}", _by_sizes(ints(12, 12)), attributes, LINEAR, opset=18, y=y)


def _given() -> Iterator[Case]:
    doubled: Values = tuple((n, 2, 2 * h, 4 * w) for n, h, w in SHAPES)
    for opset in (11, 13, 19):
        operands = {**_by_sizes(ints(), opset=opset), "sizes": vector(4)}
        attributes = {"mode": "linear"}
        yield _resize("sizes_given-linear", operands, attributes, LINEAR, opset=opset, values={"sizes": doubled})
    plane: Values = tuple((2 * h, 4 * w) for _, h, w in SHAPES)
    two = {**_by_sizes(ints()), "sizes": vector(2)}
    on_axes = {"mode": "linear", "axes": [2, 3]}
    yield _resize("sizes_given-axes_2_3-linear", two, on_axes, LINEAR, opset=18, values={"sizes": plane})
    for opset in (10, 13):
        scales: dict[str, Operand] = {"scales": f32(4)} if opset == 10 else {"roi": None, "scales": f32(4)}
        yield node_case(
            "scales_given-nearest",
            "Resize",
            {"x": IMAGE, **scales},
            SCALED,
            opset=opset,
            attributes={"mode": "nearest", **(FIRST if opset > 10 else {})},
            fill={"scales": _factors},
        )


def _roi(_key: str, _shape: tuple[int, ...]) -> Array:
    return _floats(0, 0, 0.25, 0, 1, 1, 0.75, 0.5)


def _factors(_key: str, _shape: tuple[int, ...]) -> Array:
    return _floats(*FACTORS)


def _by_scales(*factors: float, opset: int = 17) -> Mapping[str, Operand]:
    """Return the operands of Resize by scales; up to opset 12 the region could not be left out."""
    return {"roi": _floats() if opset < 13 else None, "scales": _floats(*factors)}


def _by_sizes(sizes: Array, *, opset: int = 17) -> Mapping[str, Operand]:
    """Return the operands of Resize to sizes; up to opset 12 neither region nor scales could be left out."""
    return {"roi": _floats() if opset < 13 else None, "scales": _floats() if opset < 13 else None, "sizes": sizes}


def _resize(
    name: str,
    operands: Mapping[str, Operand],
    attributes: Mapping[str, Any],
    tolerance: Tolerance,
    *,
    opset: int = 17,
    x: Signature = IMAGE,
    y: Signature = SCALED,
    values: Mapping[str, Values] | None = None,
) -> Case:
    return node_case(
        name,
        "Resize",
        {"x": x, **operands},
        y,
        opset=opset,
        attributes=attributes,
        values=values,
        tolerance=tolerance,
    )


def _case(op: str, name: str, operands: Mapping[str, Operand], *, tolerance: Tolerance = EXACT, **given: Any) -> Case:
    return node_case(name, op, {"x": IMAGE, **operands}, SCALED, tolerance=tolerance, **given)


def _floats(*numbers: float) -> Array:
    return np.array(numbers, np.float32)
