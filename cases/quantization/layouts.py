"""The shapes of the products and convolutions that the integer operators are tried on.

Nothing is square and pads are uneven, so that exchanged axes show. All shapes are those behind the batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cases.case import Shape


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Shapes and attributes of one product; ``name`` stands in the id, the unnamed layout is the usual one."""

    name: str = ""
    x: Shape
    weight: Shape
    y: Shape
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def channels(self, conv: bool) -> int:
        """Return how many output channels the weight has: its first dimension for a convolution, else its last."""
        return self.weight[0 if conv else -1]


def _conv(name: str, x: Shape, weight: Shape, y: Shape, **attributes: Any) -> Layout:
    return Layout(name=name, x=x, weight=weight, y=y, attributes={"kernel_shape": list(weight[2:]), **attributes})


CONVOLUTIONS = (
    _conv("no_pads", (3, 7, 6), (4, 3, 3, 2), (4, 5, 5)),
    _conv("pointwise", (5, 4, 6), (3, 5, 1, 1), (3, 4, 6)),
    _conv("group", (6, 7, 6), (4, 3, 3, 2), (4, 7, 5), group=2, pads=[1, 0, 1, 0]),
    _conv("depthwise", (5, 7, 6), (5, 1, 3, 2), (5, 6, 6), group=5, pads=[1, 1, 0, 0]),
    _conv("dilations", (3, 9, 8), (4, 3, 3, 2), (4, 6, 6), dilations=[2, 3], pads=[1, 1, 0, 0]),
    _conv("same_upper", (3, 7, 6), (4, 3, 3, 2), (4, 4, 6), auto_pad="SAME_UPPER", strides=[2, 1]),
    _conv("same_lower", (3, 7, 6), (4, 3, 3, 2), (4, 4, 6), auto_pad="SAME_LOWER", strides=[2, 1]),
    _conv("valid", (3, 7, 6), (4, 3, 3, 2), (4, 3, 5), auto_pad="VALID", strides=[2, 1]),
    _conv("conv1d", (3, 11), (4, 3, 3), (4, 6), pads=[1, 1], strides=[2]),
    _conv("conv1d_dilations", (4, 13), (6, 2, 3), (6, 11), group=2, dilations=[2], pads=[0, 2]),
    _conv("conv3d", (2, 5, 6, 4), (3, 2, 3, 2, 2), (3, 5, 6, 2), pads=[1, 0, 0, 1, 1, 0], strides=[1, 1, 2]),
)
PRODUCTS = (
    Layout(name="matrix", x=(16,), weight=(16, 6), y=(6,)),
    Layout(name="stacked", x=(3, 5, 16), weight=(3, 16, 6), y=(3, 5, 6)),
    Layout(name="broadcast", x=(1, 5, 16), weight=(3, 16, 6), y=(3, 5, 6)),
    Layout(name="vector", x=(5, 16), weight=(16,), y=(5,)),
    Layout(name="long", x=(3, 300), weight=(300, 7), y=(3, 7)),
)
