"""Bodies with an If whose condition is computed from sizes; the output is ``y``, of three dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from cases.dynamic_shapes.symbolic import Body, extent, ints, scalar
from cases.model import graph, node, tensor


def if_longer_than_ten() -> Body:
    """The first ten tokens where there are more, else all."""
    cut = [
        node("Constant", [], ["zero"], value=tensor("zero", ints(0))),
        node("Constant", [], ["ten"], value=tensor("ten", ints(10))),
        node("Constant", [], ["one"], value=tensor("one", ints(1))),
        node("Slice", ["x", "zero", "ten", "one"], ["cut"]),
    ]
    condition = [*extent("x", 1, "s", rank=0), node("Greater", ["s", "limit"], ["condition"])]
    return _if(condition, cut, [node("Identity", ["x"], ["whole"])]), {"limit": scalar(10)}


def if_odd_pad() -> Body:
    """Pad the sequence by one where its length is odd."""
    pads = tensor("pads", ints(0, 0, 0, 0, 1, 0))
    padded = [node("Constant", [], ["pads"], value=pads), node("Pad", ["x", "pads"], ["padded"])]
    condition = [
        *extent("x", 1, "s", rank=0),
        node("Mod", ["s", "two"], ["rest"]),
        node("Equal", ["rest", "one"], ["condition"]),
    ]
    return _if(condition, padded, [node("Identity", ["x"], ["whole"])]), {"two": scalar(2), "one": scalar(1)}


def if_wider_transpose() -> Body:
    """Transpose the first two dimensions where twice the first is more than the second, less two."""
    condition = [
        *extent("x", 0, "n", rank=0),
        *extent("x", 1, "s", rank=0),
        node("Mul", ["n", "two"], ["n_twice"]),
        node("Sub", ["s", "two"], ["s_less"]),
        node("Greater", ["n_twice", "s_less"], ["condition"]),
    ]
    turned = [node("Transpose", ["x"], ["turned"], perm=[1, 0, 2])]
    return _if(condition, turned, [node("Identity", ["x"], ["straight"])]), {"two": scalar(2)}


def if_either() -> Body:
    """Double x where the batch is 1 or the sequence longer than 20, else halve it."""
    condition = [
        *extent("x", 0, "n", rank=0),
        *extent("x", 1, "s", rank=0),
        node("Equal", ["n", "one"], ["single"]),
        node("Greater", ["s", "twenty"], ["long"]),
        node("Or", ["single", "long"], ["condition"]),
    ]
    two, half = (tensor(name, np.array(value, np.float32)) for name, value in (("two", 2), ("half", 0.5)))
    doubled = [node("Constant", [], ["two"], value=two), node("Mul", ["x", "two"], ["doubled"])]
    halved = [node("Constant", [], ["half"], value=half), node("Mul", ["x", "half"], ["halved"])]
    return _if(condition, doubled, halved), {"one": scalar(1), "twenty": scalar(20)}


def _if(
    condition: Sequence[onnx.NodeProto], then: Sequence[onnx.NodeProto], otherwise: Sequence[onnx.NodeProto]
) -> list[onnx.NodeProto]:
    """Return an If whose branches give three dimensions of floats; they read x from outside."""
    branches = {
        key: graph(nodes, {}, {nodes[-1].output[0]: (np.float32, [None, None, 4])}, name=key)
        for key, nodes in (("then_branch", then), ("else_branch", otherwise))
    }
    return [*condition, node("If", ["condition"], ["y"], **branches)]
