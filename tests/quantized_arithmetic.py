"""The standard quantization operators in float64 as their specification words them, and with a typical mistake."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from cases.case import Array
from cases.catalogue import Generated
from cases.inputs import is_integer, representable
from cases.model import model, node

if sys.version_info >= (3, 11):
    from enum import StrEnum
else:
    from backports.strenum import StrEnum

Floats = npt.NDArray[np.float64]


class Mistake(StrEnum):
    """What implementations get wrong."""

    NONE = "none"
    HALF_AWAY = "rounds half away from zero"
    NO_ZERO_POINT = "ignores the zero point"
    OTHER_AXIS = "takes axis 0 in place of axis 1, and the other way round"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The first output of a node, and whether the mistake could have mattered to it."""

    value: Array
    applicable: bool


@dataclass(frozen=True, kw_only=True)
class Work:
    """One node with its operands by position, None where absent, and the mistake to make."""

    operands: list[Array | None]
    attributes: Mapping[str, Any]
    output: np.dtype[Any]
    mistake: Mistake

    def zero(self, at: int) -> Array:
        """Return a zero point as float64: 0 where there is none, or where the mistake leaves it out."""
        found = self.operands[at] if at < len(self.operands) else None
        if found is None or self.mistake is Mistake.NO_ZERO_POINT:
            return np.zeros(())
        return found.astype(np.float64)

    def has_zero(self, *positions: int) -> bool:
        found = (self.operands[at] for at in positions if at < len(self.operands))
        return any(zero is not None and zero.astype(np.float64).any() for zero in found)

    def number(self, at: int) -> Floats:
        found = self.operands[at]
        assert found is not None
        return found.astype(np.float64)


def answer(made: Generated, op: str, point: str, mistake: Mistake) -> Answer:
    """Return what ``op`` in the model of ``made`` gives at the shape point, with the mistake made."""
    (found,) = (each for each in made.model.graph.node if each.op_type == op)
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.model.graph.initializer}
    known.update(made.inputs[point])
    types = {value.name: value.type.tensor_type.elem_type for value in made.model.graph.output}
    kind = types.get(found.output[0]) or types["y"]
    work = Work(
        operands=[known[name] if name else None for name in found.input],
        attributes={attribute.name: helper.get_attribute_value(attribute) for attribute in found.attribute},
        output=helper.tensor_dtype_to_np_dtype(kind),
        mistake=mistake,
    )
    result = OPERATORS[op](work)
    if found.output[0] != "y":  # the weight that is dequantized, and then added to the input
        result = Answer(value=(known["x"] + result.value).astype(work.output), applicable=result.applicable)
    return result


def _quantize(work: Work) -> Answer:
    x = work.number(0)
    steps = x / _laid_out(work, work.number(1), x.shape)
    zero = _laid_out(work, work.zero(2), x.shape)
    return Answer(value=_to_codes(work, steps, zero), applicable=_applicable(work, steps, zero, zeros=(2,), laid_out=1))


def _dequantize(work: Work) -> Answer:
    x = work.number(0)
    exact = (x - _laid_out(work, work.zero(2), x.shape)) * _laid_out(work, work.number(1), x.shape)
    value = _round(exact, work.output, work.mistake).astype(work.output)
    return Answer(value=value, applicable=_applicable(work, exact, np.zeros(()), zeros=(2,), laid_out=1))


def _dynamic(work: Work) -> Answer:
    x = work.number(0)
    low, high = min(x.min(), 0.0), max(x.max(), 0.0)
    scale = np.float64(np.float32(np.float32(high - low) / np.float32(255))) or 1.0
    zero = np.clip(np.rint(-low / scale), 0, 255)
    steps = (x / scale).astype(np.float32).astype(np.float64)
    used = np.zeros(()) if work.mistake is Mistake.NO_ZERO_POINT else zero
    applicable = {
        Mistake.HALF_AWAY: _has_tie(steps, zero, work.output),
        Mistake.NO_ZERO_POINT: bool(zero) and bool((steps > -zero).any()),  # what is not the lowest code anyway
    }.get(work.mistake, False)
    return Answer(value=_to_codes(work, steps, used), applicable=applicable)


def _matmul_integer(work: Work) -> Answer:
    weight = work.number(1)
    zero = _along(work, work.zero(3), weight.ndim, right=weight.ndim - 1, wrong=max(weight.ndim - 2, 0), like=weight)
    rows = work.zero(2)
    sums = np.matmul(work.number(0) - (rows[:, None] if rows.ndim == 1 and rows.size > 1 else rows), weight - zero)
    return Answer(
        value=sums.astype(np.int32), applicable=_applicable(work, None, np.zeros(()), zeros=(2, 3), laid_out=3)
    )


def _conv_integer(work: Work) -> Answer:
    weight = work.number(1)
    zero = _along(work, work.zero(3), weight.ndim, right=0, wrong=1, like=weight)
    sums = _convolve(work.number(0) - work.zero(2), weight - zero, work.attributes)
    return Answer(
        value=sums.astype(np.int32), applicable=_applicable(work, None, np.zeros(()), zeros=(2, 3), laid_out=3)
    )


def _qlinear_matmul(work: Work) -> Answer:
    weight = work.number(3)
    right, wrong = weight.ndim - 1, max(weight.ndim - 2, 0)
    scaled = (weight - _along(work, work.zero(5), weight.ndim, right=right, wrong=wrong, like=weight)) * _along(
        work, work.number(4), weight.ndim, right=right, wrong=wrong, like=weight
    )
    sums = np.matmul(work.number(0) - work.zero(2), scaled) * (work.number(1) / work.number(6))
    value = _to_codes(work, sums, work.zero(7))
    return Answer(value=value, applicable=_applicable(work, sums, work.zero(7), zeros=(2, 5, 7), laid_out=4))


def _qlinear_conv(work: Work) -> Answer:
    weight = work.number(3)
    zero = _along(work, work.zero(5), weight.ndim, right=0, wrong=1, like=weight)
    scale = _along(work, work.number(4), weight.ndim, right=0, wrong=1, like=weight)
    sums = _convolve(work.number(0) - work.zero(2), (weight - zero) * scale, work.attributes) * work.number(1)
    if len(work.operands) > 8:
        unit = work.number(1) * np.resize(work.number(4), weight.shape[0])
        sums += (work.number(8) * unit).reshape([-1, *[1] * (weight.ndim - 2)])
    sums /= work.number(6)
    value = _to_codes(work, sums, work.zero(7))
    return Answer(value=value, applicable=_applicable(work, sums, work.zero(7), zeros=(2, 5, 7), laid_out=4))


OPERATORS = {
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _dequantize,
    "DynamicQuantizeLinear": _dynamic,
    "MatMulInteger": _matmul_integer,
    "ConvInteger": _conv_integer,
    "QLinearMatMul": _qlinear_matmul,
    "QLinearConv": _qlinear_conv,
}


def _applicable(work: Work, exact: Floats | None, zero: Floats, *, zeros: tuple[int, ...], laid_out: int) -> bool:
    if work.mistake is Mistake.HALF_AWAY:
        return exact is not None and _has_tie(exact, zero, work.output)
    if work.mistake is Mistake.NO_ZERO_POINT:
        return work.has_zero(*zeros)
    parameter = work.operands[laid_out] if laid_out < len(work.operands) else None
    if work.mistake is not Mistake.OTHER_AXIS or parameter is None or work.attributes.get("axis", 1) != 1:
        return False
    return parameter.size > 1 and (exact is None or bool(exact.any()))  # zeros are zeros at any scale


def _laid_out(work: Work, parameter: Floats, shape: tuple[int, ...]) -> Floats:
    """Return a scale or zero point of Q/DQ so that it broadcasts against ``shape``."""
    if parameter.size == 1:
        return parameter.reshape(())
    axis = int(work.attributes.get("axis", 1)) % len(shape)
    if work.mistake is Mistake.OTHER_AXIS and axis == 1:
        axis = 0
    block = int(work.attributes.get("block_size", 0))
    if block:
        wanted = [-(-extent // block) if at == axis else extent for at, extent in enumerate(shape)]
        return np.repeat(np.resize(parameter, wanted), block, axis=axis).take(range(shape[axis]), axis=axis)
    return np.resize(parameter, shape[axis]).reshape([-1 if at == axis else 1 for at in range(len(shape))])


def _along(work: Work, parameter: Floats, rank: int, *, right: int, wrong: int, like: Floats) -> Floats:
    """Return a parameter of a weight laid along its right axis, or along the wrong one."""
    if parameter.size == 1:
        return parameter.reshape(())
    axis = wrong if work.mistake is Mistake.OTHER_AXIS else right
    return np.resize(parameter, like.shape[axis]).reshape([-1 if at == axis else 1 for at in range(rank)])


def _convolve(x: Floats, weight: Floats, attributes: Mapping[str, Any]) -> Floats:
    signature = {"x": (np.float64, None), "w": (np.float64, None)}
    single = model([node("Conv", ["x", "w"], ["y"], **attributes)], signature, {"y": (np.float64, None)}, opset=11)
    (found,) = ReferenceEvaluator(single).run(None, {"x": x, "w": weight})
    return np.asarray(found, np.float64)


def _to_codes(work: Work, steps: Floats, zero: Floats) -> Array:
    if not is_integer(work.output):
        return _round(steps, work.output, work.mistake).astype(work.output)
    low, high = representable(work.output)[[0, -1]]
    return np.clip(_round(steps, work.output, work.mistake) + zero, low, high).astype(work.output)


def _round(exact: Floats, dtype: np.dtype[Any], mistake: Mistake) -> Floats:
    """Return the nearest value of ``dtype``, of an integer type without its limits; ties go to even or away."""
    if dtype.itemsize > 2 or dtype == np.int32:
        return exact.astype(dtype).astype(np.float64)
    if is_integer(dtype):
        return np.rint(exact) if mistake is not Mistake.HALF_AWAY else np.trunc(exact + np.copysign(0.5, exact))
    values = _values(dtype.name)
    clipped = np.clip(exact, values[0], values[-1])
    even = clipped.astype(dtype).astype(np.float64)
    if mistake is not Mistake.HALF_AWAY:
        return even
    return np.where(
        _ties(clipped, dtype), 2 * clipped - np.copysign(np.minimum(abs(even), abs(2 * clipped - even)), clipped), even
    )


def _ties(exact: Floats, dtype: np.dtype[Any]) -> npt.NDArray[np.bool_]:
    """Tell which numbers lie just between two neighbouring values of a float type."""
    even = exact.astype(dtype).astype(np.float64)
    other = (2 * exact - even).astype(dtype).astype(np.float64)
    return np.asarray((even != exact) & (other != even) & (other + even == 2 * exact))


def _has_tie(exact: Floats, zero: Floats, dtype: np.dtype[Any]) -> bool:
    """Tell whether there is a number in the range of ``dtype`` that goes elsewhere when halves go away from zero."""
    if dtype.itemsize > 2:
        return False
    even, away = (_round(exact, dtype, mistake) + zero for mistake in (Mistake.NONE, Mistake.HALF_AWAY))
    low, high = representable(dtype)[[0, -1]]
    return bool((np.clip(even, low, high) != np.clip(away, low, high)).any())


@cache
def _values(dtype_name: str) -> Floats:
    return representable(np.dtype(dtype_name))
