"""Reports about shapes that the network computes: Reshape, Pad, Slice, Squeeze, Resize, OneHot."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx

from cases.case import Array, Case, Shape, Tolerance
from cases.dynamic_shapes.symbolic import f32, scalar
from cases.inputs import integers
from cases.model import onnx_type, tensor
from cases.reported_bugs.blocks import FEATURES, normalized
from cases.reported_bugs.bug import INEXACT, NOT_BUILT, NOT_BUILT_OR_EXECUTED, NOT_PARSED, REFUSED, bug
from cases.reported_bugs.sketch import Sketch

CHANNELS, UNITS = 3, 8
IMAGE = f32("N", CHANNELS, "H", "W")
SCALED = f32("N", CHANNELS, None, None)
ROWS = f32("N", "C")
ROUNDED = Tolerance(absolute=2.0**-12, relative=2.0**-12)
NEAREST = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
INT64 = onnx_type(np.int64)


def cases() -> Iterator[Case]:
    """Yield the cases: Pad and Reshape, Slice and Squeeze, Resize."""
    yield from _reshaped()
    yield from _cut()
    yield from _resized()


def _reshaped() -> Iterator[Case]:
    shuffles = ("Reshape", "Slice", "Transpose", "Pad")
    yield bug("D001", "Pad", _pads_by_shape, {"x": IMAGE}, SCALED, REFUSED, operators=shuffles)
    yield bug("D002", "Pad", _pads_by_constants, {"x": IMAGE}, SCALED, REFUSED, operators=shuffles)
    yield bug(
        "D005", "Reshape", _all_but_the_batch, {"x": IMAGE}, f32("N", None), REFUSED,
        operators=("Reshape", "Concat", "Gather"), opset=9,
    )  # fmt: skip
    yield bug("D029", "Gather", _rearranged, {"x": f32("N", "S", FEATURES)}, f32("N", None, UNITS), INEXACT)
    yield bug(
        "D035", "LayerNormalization", _square_of_tokens, {"x": f32("N", "S", FEATURES)},
        f32("N", None, None, FEATURES), NOT_BUILT, sizes={"S": (4, 25, 9, 49)}, tolerance=ROUNDED,
    )  # fmt: skip
    yield bug(
        "D037", "OneHot", _one_hot_of_a_size, {"x": (np.int64, ("N", "S"))}, f32("N", "S", None), REFUSED,
        operators=("OneHot", "Range"), fill={"x": _below_three},
    )  # fmt: skip


def _cut() -> Iterator[Case]:
    yield bug("D039", "Slice", _without_the_first, {"x": ROWS}, f32(None, "C"), NOT_BUILT_OR_EXECUTED)
    yield bug("D040", "Concat", _beside_nothing, {"x": ROWS}, f32(None, "C"), REFUSED)
    yield bug(
        "D043", "Squeeze", lambda g: g.add("Squeeze", ["x"]), {"x": f32("N", 1, UNITS)}, f32("N", UNITS), NOT_PARSED,
        operators=("Squeeze",), sizes={"N": (2, 4, 3, 8)},
    )  # fmt: skip


def _resized() -> Iterator[Case]:
    resize = ("Resize",)
    yield bug("D045", "Resize", _computed_scales, {"x": IMAGE}, SCALED, NOT_PARSED, operators=resize, opset=10)
    twice = {"H2": (16, 32, 26, 48), "W2": (12, 40, 22, 56)}
    images = {"x": IMAGE, "like": f32("N", 1, "H2", "W2")}
    yield bug(
        "D047", "Resize", _scales_of_two_images, images, SCALED, NOT_PARSED, operators=resize, opset=11, sizes=twice
    )
    exact = {"H": (8, 32, 13, 64), "W": (6, 24, 11, 48)}  # no pixel of 16 x 12 lies between two of these but at 0
    yield bug("D048", "Resize", _empty_scales, {"x": IMAGE}, SCALED, REFUSED, operators=resize, opset=11, sizes=exact)


def _pads_by_shape(g: Sketch) -> None:
    """Add what an exporter writes for padding: pairs, last dimension first, filled with zeros for the rest by Shape."""
    rank = g.add("Shape", [g.add("Shape", ["x"], "sizes")], "rank")
    given = g.ints("given", 1, 2, 3, 4)
    missing = g.add("Sub", [g.add("Mul", [rank, g.ints("two", 2)], "all"), g.ints("four", 4)], "missing")
    _pad(g, given, missing)


def _pads_by_constants(g: Sketch) -> None:
    """Add the same without Shape: all of it could be folded."""
    _pad(g, g.ints("given", 0, 1, 2, 0), g.ints("missing", 4))


def _pad(g: Sketch, given: str, missing: str) -> None:
    zeros = g.add("ConstantOfShape", [missing], "zeros", value=tensor("zero", np.zeros(1, np.int64)))
    pairs = g.add("Reshape", [g.add("Concat", [given, zeros], "pads", axis=0), g.ints("pairs_shape", -1, 2)], "pairs")
    g.add(
        "Slice", [pairs, g.ints("last", -1), g.ints("stop", -(2**62)), g.ints("rows", 0), g.ints("back", -1)], "turned"
    )
    g.add("Reshape", [g.add("Transpose", ["turned"], "columns", perm=[1, 0]), g.ints("flat_shape", -1)], "flat")
    g.add("Pad", ["x", g.add("Cast", ["flat"], "begins_and_ends", to=INT64)])


def _all_but_the_batch(g: Sketch) -> None:
    shape = g.add("Shape", ["x"], "shape")
    batch = g.add("Gather", [shape, g.constant("first", scalar(0))], "batch", axis=0)
    g.add("Unsqueeze", [batch], "batch_1d", axes=[0])
    g.add("Reshape", ["x", g.add("Concat", ["batch_1d", g.ints("rest", -1)], "target", axis=0)])


def _rearranged(g: Sketch) -> None:
    """Add Reshape to heads by sizes from Shape, and Gather of one of them."""
    sizes = [g.size("x", 0, "batch"), g.size("x", 1, "length"), g.ints("heads", 2, UNITS)]
    g.add("Reshape", ["x", g.add("Concat", sizes, "target", axis=0)], "split")
    g.add("Gather", ["split", g.constant("second", scalar(1))], axis=2)


def _square_of_tokens(g: Sketch) -> None:
    length = g.add("Cast", [g.size("x", 1, "length")], "length_float", to=onnx_type(np.float32))
    side = g.add("Cast", [g.add("Sqrt", [length], "root")], "side", to=INT64)
    parts = [g.size("x", 0, "batch"), side, side, g.ints("features", FEATURES)]
    g.add("Reshape", ["x", g.add("Concat", parts, "target", axis=0)], "square")
    normalized(g, "square", "y")


def _one_hot_of_a_size(g: Sketch) -> None:
    g.add("OneHot", ["x", g.size("x", 1, "depth"), g.constant("off_on", [0.0, 1.0])], axis=-1)


def _below_three(key: str, shape: Shape) -> Array:
    return integers(key, shape, 0, 2)


def _without_the_first(g: Sketch) -> None:
    """Add a Slice from the second row on: nothing is left of a batch of one."""
    g.add("Slice", ["x", g.ints("begin", 1), g.size("x", 0, "end"), g.ints("axis", 0)])


def _beside_nothing(g: Sketch) -> None:
    g.add("Slice", ["x", g.ints("begin", 0), g.ints("end", 0), g.ints("axis", 0)], "nothing")
    g.add("Concat", ["x", "nothing"], axis=0)


def _computed_scales(g: Sketch) -> None:
    """Add scales that are twice the size divided by the size."""
    g.add("Cast", [g.add("Shape", ["x"], "shape")], "sizes", to=onnx_type(np.float32))
    twice = g.add("Mul", ["sizes", g.constant("factors", [1, 1, 2, 2])], "wanted")
    g.add("Resize", ["x", g.add("Div", [twice, "sizes"], "scales")], mode="nearest")


def _scales_of_two_images(g: Sketch) -> None:
    """Add scales that make an image as large as another."""
    for name in ("x", "like"):
        shape = g.add("Shape", [name], f"{name}_shape")
        area = [g.ints(f"{name}_{word}", number) for word, number in (("from", 2), ("to", 4), ("axis", 0))]
        g.add("Cast", [g.add("Slice", [shape, *area], f"{name}_image")], f"{name}_size", to=onnx.TensorProto.FLOAT)
    image = g.add("Div", ["like_size", "x_size"], "ratio")
    scales = g.add("Concat", [g.constant("ones", [1, 1]), image], "scales", axis=0)
    g.add("Resize", ["x", g.constant("roi", np.zeros(0, np.float32)), scales], **NEAREST)


def _empty_scales(g: Sketch) -> None:
    nothing = [g.constant(name, np.zeros(0, np.float32)) for name in ("roi", "scales")]
    parts = [g.size("x", 0, "batch"), g.ints("image", CHANNELS, 16, 12)]
    g.add("Resize", ["x", *nothing, g.add("Concat", parts, "sizes", axis=0)], **NEAREST)
