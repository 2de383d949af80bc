"""The operators of ours against values worked out by hand; test_contrib_values.py holds them against ONNX Runtime."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from cases.case import Array
from cases.inputs import representable
from matrix.verdict.reference.arithmetic import laid_out, to_codes, unpacked
from matrix.verdict.reference.operators import CONTRIB, OPERATORS, TENSORRT
from matrix.verdict.reference.plug import Node

I8, U8, F32 = np.int8, np.uint8, np.float32
FP8 = ml_dtypes.float8_e4m3fn


def run(op: str, *operands: Any, domain: str = "", outputs: int = 1, **attributes: Any) -> Any:
    arrays = tuple(None if each is None else np.asarray(each) for each in operands)
    return OPERATORS[domain, op](Node(operands=arrays, attributes=attributes, outputs=outputs))


def f(*values: float) -> Array:
    return np.array(values, F32)


def one(value: float, dtype: Any = F32) -> Array:
    return np.array(value, dtype)


def test_quantize_rounds_half_to_even_then_adds_the_zero_point_then_saturates() -> None:
    x = f(-1000, -1.25, -0.25, 0.25, 0.75, 1000, math.inf, -math.inf)
    assert run("QuantizeLinear", x, one(0.5), one(3, I8)).tolist() == [-128, 1, 3, 3, 5, 127, 127, -128]
    assert run("QuantizeLinear", f(1e30, -1e30), one(1e-3)).tolist() == [255, 0]  # beyond int32; uint8 by default
    assert run("QuantizeLinear", x[3:5], one(0.5), output_dtype=TensorProto.INT16).dtype == np.int16


def test_quantize_divides_in_the_type_of_the_scale_or_as_precision_says() -> None:
    x = f(0.5 + 2**-12)  # a tie in float16
    assert run("QuantizeLinear", x, one(1), one(0, I8)).tolist() == [1]
    assert run("QuantizeLinear", x, one(1, np.float16), one(0, I8)).tolist() == [0]
    assert run("QuantizeLinear", x, one(1), one(0, I8), precision=TensorProto.FLOAT16).tolist() == [0]
    power = one(0.5, ml_dtypes.float8_e8m0fnu)
    assert run("QuantizeLinear", f(1.5), power, one(0, FP8)).tolist() == [3]


def test_quantize_to_float8_saturates_unless_it_must_not() -> None:
    x = f(449, 464, 480, math.inf)  # 464 is the tie between 448 and what would be 480
    assert run("QuantizeLinear", x, one(1), one(0, FP8)).tolist() == [448, 448, 448, 448]
    kept = run("QuantizeLinear", x, one(1), one(0, FP8), saturate=0)
    assert [str(value) for value in kept.tolist()] == ["448.0", "448.0", "nan", "nan"]


def test_per_axis_and_blocked_scales_are_laid_out() -> None:
    x = np.arange(6, dtype=F32).reshape(2, 3)
    assert run("QuantizeLinear", x, f(1, 2, 4), np.zeros(3, I8)).tolist() == [[0, 0, 0], [3, 2, 1]]
    assert run("QuantizeLinear", x, f(1, 2), np.zeros(2, I8), axis=0).tolist() == [[0, 1, 2], [2, 2, 2]]
    blocks = np.array([[1, 2], [4, 8]], F32)
    assert run("QuantizeLinear", x, blocks, axis=1, block_size=2).tolist() == [[0, 1, 1], [1, 1, 1]]
    with pytest.raises(ValueError, match="does not fit"):
        laid_out(np.ones(4), (2, 3), axis=1)
    with pytest.raises(ValueError, match="does not fit"):
        laid_out(np.ones((1, 2)), (2, 3), axis=1, block=2)


def test_dequantize() -> None:
    q = np.array([-128, 0, 127], I8)
    assert run("DequantizeLinear", q, one(0.5), one(-3, I8)).tolist() == [-62.5, 1.5, 65]
    assert run("DequantizeLinear", q, one(0.5, np.float16)).dtype == np.float16
    assert run("DequantizeLinear", q, one(0.5), output_dtype=TensorProto.BFLOAT16).dtype == ml_dtypes.bfloat16
    large = np.array([2**24 + 1], np.int32)
    assert run("DequantizeLinear", large, one(1)).tolist() == [2**24]


@given(
    x=st.lists(st.floats(-300, 300, width=32), min_size=6, max_size=6),
    scale=st.sampled_from([0.5, 0.1, 3.0, 1e-2]),
    zero=st.integers(-128, 127),
)
@settings(max_examples=50, deadline=None)
def test_linear_operators_are_the_evaluators_where_that_is_right(x: list[float], scale: float, zero: int) -> None:
    operands = {"x": np.array(x, F32).reshape(2, 3), "s": np.array(scale, F32), "z": np.array(zero, I8)}
    theirs = ReferenceEvaluator(helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"]))
    (found,) = theirs.run(None, operands)
    codes = np.asarray(found)
    ours = run("QuantizeLinear", *operands.values())
    assert ours.dtype == codes.dtype
    assert ours.tolist() == codes.tolist()
    back = ReferenceEvaluator(helper.make_node("DequantizeLinear", ["x", "s", "z"], ["y"]))
    (found,) = back.run(None, {**operands, "x": codes})
    assert run("DequantizeLinear", codes, operands["s"], operands["z"]).tolist() == np.asarray(found).tolist()


@given(st.floats(width=64, allow_nan=True), st.sampled_from([I8, U8, np.int16, ml_dtypes.int4, ml_dtypes.uint4]))
@settings(max_examples=100, deadline=None)
def test_codes_never_leave_their_type(value: float, dtype: Any) -> None:
    low, high = representable(np.dtype(dtype))[[0, -1]]
    (code,) = to_codes(np.array([value]), 0.0, np.dtype(dtype)).astype(int)
    assert low <= code <= high


def test_a_zero_point_is_added_after_rounding() -> None:
    """2.5 + 1 is 3 by the specification, 3.5 rounded to 4 by the evaluator."""
    half = (one(0.5), one(0, U8))
    found = run("QLinearMatMul", [[5]], *half, np.array([[1]], U8), one(1), one(0, U8), one(1), one(1, U8))
    assert found.tolist() == [[3]]
    x, w = np.full((1, 1, 1), 5, U8), np.ones((1, 1, 1), U8)
    assert run("QLinearConv", x, *half, w, one(1), one(0, U8), one(1), one(1, U8)).tolist() == [[[3]]]


def test_matmul_takes_parameters_per_row_and_per_column() -> None:
    a, b = np.array([[1, 2], [3, 4]], U8), np.array([[1, 0], [0, 1]], I8)
    assert run("MatMulInteger", a, b, np.array([1, 2], U8), np.array([0, 1], I8)).tolist() == [[0, 0], [1, -1]]
    assert run("MatMulInteger", a, b).dtype == np.int32
    columns = run("QLinearMatMul", a, one(1), one(0, U8), b, f(1, 2), np.zeros(2, I8), one(1), one(0, U8))
    assert columns.tolist() == [[1, 4], [3, 8]]
    rows = run("QLinearMatMul", a, f(1, 10), np.zeros(2, U8), b, one(1), one(0, I8), one(1), one(0, U8))
    assert rows.tolist() == [[1, 2], [30, 40]]


def test_matmul_of_float8() -> None:
    a = np.array([[1.5, -2]], FP8)
    found = run("QLinearMatMul", a, one(1), one(0, FP8), a.T, one(1), one(0, FP8), one(0.5), one(0, FP8))
    assert (found.dtype, found.tolist()) == (np.dtype(FP8), [[12]])  # 6.25 / 0.5 = 12.5, a tie between 12 and 13


def test_sums_beyond_32_bits_wrap() -> None:
    a = np.full((1, 2**17), 255, U8)
    assert run("MatMulInteger", a, a.T).tolist() == [[255 * 255 * 2**17 - 2**33]]


def test_convolution_takes_channels_in_any_number_of_dimensions() -> None:
    x, w = np.array([[[1, 2, 3]]], U8), np.array([[[1]], [[2]]], U8)
    assert run("ConvInteger", x, w, one(1, U8), np.array([0, 1], U8)).tolist() == [[[0, 1, 2], [0, 1, 2]]]
    scales, zeros = f(1, 2), np.zeros(2, U8)
    bias = np.array([10, -1], np.int32)
    found = run("QLinearConv", x, one(1), one(0, U8), w, scales, zeros, one(1), one(0, U8), bias)
    assert found.tolist() == [[[11, 12, 13], [2, 6, 10]]]


def test_batch_normalization_of_an_old_opset_takes_what_it_is_given() -> None:
    x = np.array([[[1.0], [2.0]]], F32)
    parameters = (f(2, 1), f(0, 5), f(1, 0), f(3, 4))
    (found,) = run("BatchNormalization", x, *parameters, epsilon=1.0, momentum=0.9)
    assert found == pytest.approx(np.array([[[0], [2 / math.sqrt(5) + 5]]]))
    with pytest.raises(ValueError, match="training_mode"):
        run("BatchNormalization", x, *parameters, outputs=5)


def test_batch_normalization_in_training_takes_the_statistics_of_the_batch() -> None:
    """Means 2 and 10, population variances 1 and 16."""
    x = np.array([[[1.0], [14.0]], [[3.0], [6.0]]], F32)
    parameters = (f(2, 1), f(0, 5), f(1, 0), f(3, 4))
    y, mean, variance = run(
        "BatchNormalization", x, *parameters, outputs=3, epsilon=9.0, momentum=0.75, training_mode=1
    )
    root = math.sqrt(10)
    assert y.reshape(-1) == pytest.approx([-2 / root, 4 / 5 + 5, 2 / root, -4 / 5 + 5])
    assert (mean.tolist(), variance.tolist()) == ([1.25, 2.5], [2.5, 7.0])


def contrib(op: str, *operands: Any, **attributes: Any) -> Any:
    return run(op, *operands, domain=CONTRIB, **attributes)


A = (np.array([10, 20], U8), one(0.5), one(12, U8))  # -1, 4
B = (np.array([0, 3], U8), one(2), one(1, U8))  # -2, 4


def test_elementwise() -> None:
    y = (one(0.5), one(100, U8))
    assert contrib("QLinearAdd", *A, *B, *y).tolist() == [94, 116]
    assert contrib("QLinearMul", *A, *B, *y).tolist() == [104, 132]
    assert contrib("QLinearWhere", np.array([True, False]), *A, *B, *y).tolist() == [98, 108]
    assert contrib("QLinearConcat", *y, *A, *B, axis=0).tolist() == [98, 108, 96, 108]
    assert contrib("QLinearLeakyRelu", *A, *y, alpha=0.5).tolist() == [99, 108]
    assert contrib("QLinearLeakyRelu", *A, one(0.5)).tolist() == [0, 8]  # alpha 0.01, no zero point
    assert contrib("QLinearSigmoid", *A, one(2**-8), one(0, U8)).tolist() == [69, 251]


def test_softmax_of_both_opsets() -> None:
    x = np.zeros((1, 2, 2), U8)
    operands = (x, one(1), one(0, U8), one(2**-8), one(0, U8))
    assert contrib("QLinearSoftmax", *operands, axis=1, opset=13).tolist() == [[[128, 128], [128, 128]]]
    assert contrib("QLinearSoftmax", *operands, axis=1, opset=12).tolist() == [[[64, 64], [64, 64]]]


def test_means() -> None:
    x = np.array([[[[0, 2], [4, 10]]]], U8)
    y = (one(1), one(0, U8), one(0.5), one(1, U8))
    assert contrib("QLinearGlobalAveragePool", x, *y).tolist() == [[[[9]]]]
    assert contrib("QLinearGlobalAveragePool", np.moveaxis(x, 1, -1), *y, channels_last=1).tolist() == [[[[9]]]]
    assert contrib("QLinearReduceMean", x, *y, axes=[3], keepdims=0).tolist() == [[[3, 15]]]
    assert contrib("QLinearReduceMean", x, *y).shape == (1, 1, 1, 1)
    assert contrib("QLinearAveragePool", x, *y, kernel_shape=[1, 2]).tolist() == [[[[3], [15]]]]


def test_gemm_and_its_float_output() -> None:
    a, b = np.array([[1, 2]], U8), np.array([[1, 3], [2, 4]], U8)
    scaled = (a, one(0.5), one(0, U8), b, f(1, 2), np.zeros(2, U8))
    assert contrib("QGemm", *scaled, np.array([1, 1], np.int32)).tolist() == [[3, 12]]
    assert contrib("QGemm", *scaled, None, one(2), one(1, U8), transB=1, alpha=2.0).tolist() == [[5, 11]]
    assert contrib("MatMulIntegerToFloat", a, b, one(0.5), f(1, 2), one(1, U8)).tolist() == [[1, 4]]


def test_dynamic_quantization_takes_its_scale_from_the_input() -> None:
    x = np.array([[-1.0, 0.5, 254.0]], F32)  # 255 steps of 1; 0.5 is a tie and goes to 0
    found = contrib("DynamicQuantizeMatMul", x, np.array([[1], [100], [1]], I8), one(0.5))
    assert found.tolist() == [[126.5]]
    assert contrib("DynamicQuantizeMatMul", np.zeros((1, 3), F32), np.ones((3, 1), I8), one(1)).tolist() == [[0]]


def test_codes_are_unpacked_from_the_lowest_bits_on() -> None:
    assert unpacked(np.array([0b11100100], U8), 2).tolist() == [0, 1, 2, 3]
    assert unpacked(np.array([0x21], U8), 4).tolist() == [1, 2]
    with pytest.raises(ValueError, match="3 bits"):
        unpacked(np.array([1], U8), 3)


def test_matmul_of_weights_of_few_bits() -> None:
    codes = np.full((1, 2, 8), 0x99, U8)  # two blocks of 16 codes 9
    codes[0, 1] = 0x88
    shape = {"K": 20, "N": 1, "bits": 4, "block_size": 16}
    x = np.ones((1, 20), F32)
    assert contrib("MatMulNBits", x, codes, f(1, 2), **shape).tolist() == [[16]]  # 16 * 1, and zeros
    zeros = np.array([[0x78]], U8)  # 8 of the first block, 7 of the second
    assert contrib("MatMulNBits", x, codes, f(1, 2), zeros, None, f(100), **shape).tolist() == [[124]]
    assert contrib("MatMulNBits", x, codes, f(1, 2), np.array([[8.5, 8]], F32), **shape).tolist() == [[8]]
    groups = np.array([1] * 20, np.int32)
    assert contrib("MatMulNBits", x, codes, f(1, 2), None, groups, **shape).tolist() == [[32]]


def test_matmul_of_four_bit_floats() -> None:
    packed = np.array([0x7F] * 8, U8)  # codes 7, 15, 7, 15, ...
    attributes = {"K": 16, "N": 1, "block_size": 16}
    x = np.ones((1, 16), F32)
    assert contrib("MatMulBnb4", x, packed, f(2), quant_type=1, **attributes).tolist() == [[16]]  # 0 and 1
    assert contrib("MatMulBnb4", x, packed, f(2), quant_type=0, **attributes).tolist() == [[0]]  # 0.25 and -0.25
    plain = contrib("MatMulBnb4", f(3)[None], packed, f(2), quant_type=1, transB=0, **attributes)
    assert plain.tolist() == [[0, 6] * 8]


def test_gathered_rows_of_a_table() -> None:
    data = np.array([[0x21] * 8, [0x43] * 8], U8)  # 1, 2, ... and 3, 4, ...
    indices = np.array([-1, 5], np.int64)
    found = contrib("GatherBlockQuantized", data, indices, np.ones((2, 1), F32), bits=4, block_size=16)
    assert found[0, :2].tolist() == [-5, -4]
    assert found[1].tolist() == [0] * 16  # out of range
    int4 = np.array([[1, -8] * 8], ml_dtypes.int4)
    whole = contrib("GatherBlockQuantized", int4, np.array([0]), np.full((1, 1), 0.5, F32), block_size=16)
    assert whole[0, :2].tolist() == [0.5, -4]


def test_attention_of_equal_keys_is_the_mean_of_what_may_be_seen() -> None:
    x = np.array([[[1], [3], [5]]], U8)
    weight = np.array([[0, 0, 1]], I8)  # query, key: 0; value: x
    operands = (x, weight, np.zeros(3, F32), one(1), one(1))
    assert contrib("QAttention", *operands, num_heads=1)[0].tolist() == [[[3], [3], [3]]]
    causal = contrib("QAttention", *operands, num_heads=1, unidirectional=1)[0]
    assert causal.tolist() == [[[1], [2], [3]]]
    for mask in (np.array([2], np.int32), np.array([[1, 1, 0]], np.int32)):
        assert contrib("QAttention", *operands, mask, num_heads=1)[0].tolist() == [[[2], [2], [2]]]
    past = np.full((2, 1, 1, 1, 1), 7, F32)
    y, present = contrib("QAttention", *operands, None, None, None, past, num_heads=1, unidirectional=1, outputs=2)
    assert y.tolist() == [[[4], [pytest.approx(11 / 3)], [4]]]
    assert present[1].reshape(-1).tolist() == [7, 1, 3, 5]
    with pytest.raises(ValueError, match="mask of shape"):
        contrib("QAttention", *operands, np.zeros((1, 3, 3), np.int32), num_heads=1)


def test_lstm_without_weights_is_a_recurrence_of_its_bias() -> None:
    steps, size = 3, 1
    bias = np.array([[0, 0, 0, 1, 0, 0, 0, 0]], F32)  # the candidate's: tanh(1)
    weights = (np.zeros((1, 2, 4), I8), np.zeros((1, 1, 4), I8))
    scales = (f(1), np.zeros(1, I8)) * 2
    x = np.zeros((steps, 2, 2), F32)
    lengths = np.array([3, 1], np.int32)
    y, last, cell = contrib("DynamicQuantizeLSTM", x, *weights, bias, lengths, None, None, None, *scales)
    assert y.shape == (steps, 1, 2, size)
    expected = [0.5 * math.tanh(1), 0.75 * math.tanh(1), 0.875 * math.tanh(1)]
    assert cell[0, :, 0].tolist() == [pytest.approx(expected[2]), pytest.approx(expected[0])]
    assert y[:, 0, 0, 0].tolist() == [pytest.approx(0.5 * math.tanh(each)) for each in expected]
    assert y[1:, 0, 1, 0].tolist() == [0, 0]
    assert last[0, 1, 0] == pytest.approx(0.5 * math.tanh(expected[0]))
    with pytest.raises(ValueError, match="clip"):
        contrib("DynamicQuantizeLSTM", x, *weights, bias, clip=1.0)


def experts(**attributes: Any) -> Any:
    """Two experts of 1 x 1 with the weights 2 and 4, then 1 and 3, on the input 1."""
    first, second = (np.array(values, U8).reshape(2, 1, 1) for values in ([130, 132], [129, 131]))
    x, logits = np.ones((1, 1), F32), np.log(np.array([[1, 3]], F32))
    ones = np.ones((2, 1), F32)
    return contrib("QMoE", x, logits, first, ones, None, second, ones, expert_weight_bits=8, **attributes)


def test_experts_are_mixed_by_normalized_weights() -> None:
    assert experts(k=2, normalize_routing_weights=1).tolist() == [[pytest.approx(0.25 * 2 + 0.75 * 12)]]
    assert experts(k=1, normalize_routing_weights=1).tolist() == [[12]]
    with pytest.raises(ValueError, match="does not say"):
        experts(k=2)


@pytest.mark.parametrize(
    ("activation", "value"),
    [("identity", 12), ("silu", 3 * 4 / (1 + math.exp(-4))), ("gelu", 3 * 2 * (1 + math.erf(4 / math.sqrt(2))))],
)
def test_activations_of_experts(activation: str, value: float) -> None:
    found = experts(k=1, normalize_routing_weights=1, activation_type=activation)
    assert found.tolist() == [[pytest.approx(value)]]


def tensorrt(op: str, *operands: Any, **attributes: Any) -> Any:
    return run(op, *operands, domain=TENSORRT, **attributes)


def test_tensorrt_float8_and_int4() -> None:
    codes = tensorrt("TRT_FP8QuantizeLinear", f(1000, -0.75), one(0.5))
    assert (codes.dtype, codes.tolist()) == (np.dtype(FP8), [448, -1.5])
    assert tensorrt("TRT_FP8DequantizeLinear", codes, one(0.5)).tolist() == [224, -0.75]
    codes = tensorrt("TRT_INT4QuantizeLinear", f(2.5, 100, -100), one(1))
    assert codes.astype(int).tolist() == [2, 7, -8]
    assert tensorrt("TRT_INT4DequantizeLinear", codes, one(2, np.float16)).tolist() == [4, 14, -16]


def test_tensorrt_scales_of_mxfp8_are_exponents() -> None:
    x = np.full((1, 64), 3, F32)
    scale = np.array([[128, 126]], U8)  # 2 and 1 / 2
    codes = tensorrt("TRT_MXFP8QuantizeLinear", x, scale)
    assert codes[0, [0, 63]].tolist() == [1.5, 6]
    assert tensorrt("TRT_MXFP8DequantizeLinear", codes, scale).tolist() == x.tolist()
    stored = scale.view(ml_dtypes.float8_e8m0fnu)
    assert tensorrt("TRT_MXFP8DequantizeLinear", codes, stored, output_dtype=10).dtype == np.float16


def test_tensorrt_blocks_of_several_axes() -> None:
    x = np.arange(8, dtype=F32).reshape(2, 4)
    scale = np.array([[1, 2]], F32)
    codes = tensorrt("TRT_BlockQuantize", x, scale, block_shape=[-1, 2], output_dtype=TensorProto.INT8)
    assert codes.tolist() == [[0, 1, 1, 2], [4, 5, 3, 4]]  # 2 / 2, 3 / 2 -> 2, 6 / 2, 7 / 2 -> 4
    assert tensorrt("TRT_BlockDequantize", codes, scale, block_shape=[2, 2]).tolist()[0] == [0, 1, 2, 4]
    with pytest.raises(ValueError, match="do not fit"):
        tensorrt("TRT_BlockDequantize", codes, scale, block_shape=[1, 2])
