"""The quantization steps that a model gives its outputs, and the errors that are counted in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cases.case import EXACT, Array
from cases.catalogue import catalogue, select
from matrix.verdict.comparison import measure
from matrix.verdict.quantization_step import QuantizationStep, quantization_steps, read_steps

INT8, FLOAT = TensorProto.INT8, TensorProto.FLOAT


def dequantize(
    scale: Array,
    *,
    x_type: int = INT8,
    zero_point: Array | None = None,
    domain: str = "",
    opset: int = 21,
    scale_is: str = "initializer",
    tail: str = "",
    **attributes: Any,
) -> onnx.ModelProto:
    """Return a model of one DequantizeLinear from x to y."""
    tensor = numpy_helper.from_array(scale, "s")
    inputs = [helper.make_tensor_value_info("x", x_type, ("a", "b"))]
    initializers, nodes = [], []
    if scale_is == "constant":
        nodes.append(helper.make_node("Constant", [], ["s"], value=tensor))
    elif scale_is == "float":
        nodes.append(helper.make_node("Constant", [], ["s"], value_float=float(scale)))
    elif scale_is == "renamed":
        initializers.append(numpy_helper.from_array(scale, "t"))
        nodes.append(helper.make_node("Identity", ["t"], ["s"]))
    else:
        initializers.append(tensor)
    if scale_is == "input":
        inputs.append(helper.make_tensor_value_info("s", FLOAT, scale.shape))
    operands = ["x", "s"]
    if zero_point is not None:
        initializers.append(numpy_helper.from_array(zero_point, "z"))
        operands.append("z")
    result = "d" if tail else "y"
    nodes.append(helper.make_node("DequantizeLinear", operands, [result], domain=domain, **attributes))
    if tail:
        nodes.append(helper.make_node(tail, ["d"], ["y"]))
    outputs = [helper.make_tensor_value_info("y", FLOAT, ("a", "b"))]
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid(domain, 1)])


@pytest.mark.parametrize("scale_is", ["initializer", "constant", "float", "renamed"])
def test_a_constant_scale_is_found(scale_is: str) -> None:
    step = quantization_steps(dequantize(np.array(0.5, np.float32), scale_is=scale_is))["y"]
    assert step.scale == 0.5
    assert (step.axis, step.block) == (1, 0)


def test_what_renames_an_output_changes_nothing() -> None:
    assert "y" in quantization_steps(dequantize(np.array(0.5, np.float32), tail="Identity"))
    assert quantization_steps(dequantize(np.array(0.5, np.float32), tail="Relu")) == {}


def test_a_scale_that_is_fed_is_not_known() -> None:
    assert quantization_steps(dequantize(np.array(0.5, np.float32), scale_is="input")) == {}


@pytest.mark.parametrize("x_type", [TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT4E2M1])
def test_floats_have_no_steps_of_one_size(x_type: int) -> None:
    assert quantization_steps(dequantize(np.array(0.5, np.float32), x_type=x_type, opset=23)) == {}


def test_an_operator_without_type_inference_is_told_by_its_zero_point() -> None:
    scale = np.array(0.5, np.float32)
    model = dequantize(scale, zero_point=np.array(0, ml_dtypes.int4), domain="com.microsoft")
    model.graph.input[0].type.tensor_type.elem_type = 0
    assert "y" in quantization_steps(model)
    assert quantization_steps(dequantize(scale, domain="somebody.else")) == {}


def test_models_that_are_invalid_on_purpose_are_read_as_well() -> None:
    circle = dequantize(np.array(0.5, np.float32), tail="Identity")
    circle.graph.node[0].op_type = "Identity"
    circle.graph.node[0].input[:] = ["y"]
    assert quantization_steps(circle) == {}
    clash = dequantize(np.array(0.5, np.float32))
    del clash.opset_import[:]
    assert "y" in quantization_steps(clash)
    short = dequantize(np.array(0.5, np.float32))
    del short.graph.node[0].input[1:]
    assert quantization_steps(short) == {}


def test_a_constant_of_another_kind_is_no_scale() -> None:
    model = dequantize(np.array([0.5, 0.25], np.float32), scale_is="constant")
    attribute = helper.make_attribute("value_floats", [0.5, 0.25])
    model.graph.node[0].attribute[0].CopyFrom(attribute)
    assert quantization_steps(model)["y"].scale.tolist() == [0.5, 0.25]
    model.graph.node[0].attribute[0].CopyFrom(helper.make_attribute("value_string", "0.5"))
    assert quantization_steps(model) == {}


def test_a_scale_that_is_a_signaling_nan_makes_no_steps_and_no_noise() -> None:
    scale = np.array([0x7FA00001], np.uint32).view(np.float32).reshape(())
    step = quantization_steps(dequantize(scale))["y"]
    want = np.array([[1.0, 2.0]], np.float32)
    assert measure(want + np.float32(0.5), want, EXACT, step).max_lsb == 0


def test_errors_are_counted_in_steps_of_the_tensor() -> None:
    want = np.array([[1.0, 2.0]], np.float32)
    drift = measure(want + np.float32(0.5), want, EXACT, QuantizationStep(scale=np.array(0.25)))
    assert drift.max_lsb == 2.0
    assert measure(want, want, EXACT, QuantizationStep(scale=np.array(0.25))).max_lsb == 0.0
    assert measure(want, want, EXACT).max_lsb is None


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_each_channel_has_its_own_step(axis: int) -> None:
    shape = (3, 5)
    scale = np.arange(1, 1 + shape[axis]).astype(np.float64)
    error = np.expand_dims(scale * 7, 1 - axis % 2)
    want = np.zeros(shape)
    drift = measure(want + error, want, EXACT, QuantizationStep(scale=scale, axis=axis))
    assert drift.max_lsb == pytest.approx(7.0)
    one = np.zeros(shape)
    one.flat[-1] = 12.0
    assert measure(one, want, EXACT, QuantizationStep(scale=scale, axis=axis)).max_lsb == pytest.approx(12 / scale[-1])


@pytest.mark.parametrize(("shape", "axis", "block"), [((4, 6), 1, 3), ((4, 6), 0, 2), ((2, 7, 3), 1, 3), ((5,), 0, 2)])
def test_each_block_has_its_own_step(shape: tuple[int, ...], axis: int, block: int) -> None:
    blocks = -(-shape[axis] // block)
    scale = np.random.default_rng(0).uniform(1, 9, (*shape[:axis], blocks, *shape[axis + 1 :]))
    every = np.repeat(scale, block, axis).take(range(shape[axis]), axis)
    want = np.random.default_rng(1).uniform(-1, 1, shape)
    steps = np.random.default_rng(2).integers(-3, 4, shape)
    drift = measure(want + steps * every, want, EXACT, QuantizationStep(scale=scale, axis=axis, block=block))
    assert drift.max_lsb == pytest.approx(abs(steps).max())
    over = QuantizationStep(scale=scale, axis=axis, block=block).over(shape)
    assert over is not None
    assert np.array_equal(over(1, every.size - 1), every.reshape(-1)[1:-1])


@pytest.mark.parametrize(
    "step",
    [
        QuantizationStep(scale=np.ones(3), axis=1),
        QuantizationStep(scale=np.ones(3), axis=7),
        QuantizationStep(scale=np.ones((2, 2)), axis=1, block=1),
        QuantizationStep(scale=np.ones((2, 2)), axis=0),
    ],
)
def test_a_scale_that_does_not_fit_is_left_out(step: QuantizationStep) -> None:
    assert measure(np.ones((2, 4)), np.zeros((2, 4)), EXACT, step).max_lsb is None


def test_a_scale_of_zero_makes_any_error_endless() -> None:
    step = QuantizationStep(scale=np.array(0.0))
    assert measure(np.ones(2), np.zeros(2), EXACT, step).max_lsb == np.inf
    assert measure(np.ones(2), np.ones(2), EXACT, step).max_lsb == 0


def test_models_without_a_dequantizer_are_not_even_parsed(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model at all")
    assert read_steps(tmp_path / "model.onnx") == {}
    (tmp_path / "model.onnx").write_bytes(dequantize(np.array(0.5, np.float32)).SerializeToString())
    assert read_steps(tmp_path / "model.onnx")["y"].scale == 0.5


@pytest.mark.parametrize("granularity", ["per_tensor", "per_axis", "blocked"])
def test_every_granularity_of_the_catalogue_is_read(granularity: str) -> None:
    (case,) = select(catalogue(), glob=f"dequantizelinear-int8-{granularity}-opset21-zp_zero")
    (step,) = quantization_steps(case.build()).values()
    assert (step.scale.size == 1, step.block > 0) == (granularity == "per_tensor", granularity == "blocked")
