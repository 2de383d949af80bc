"""Patterns and com.microsoft operators that are wrong on purpose: a runtime has to refuse them in words.

Each case is one of the valid ones with one thing broken. What is broken is against the specification of the operator,
not against what some runtime happens to support, so computing anything is as wrong as crashing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, partial

import onnx

from cases.case import Case
from cases.quantization import contrib, patterns_cnn, patterns_parameters, tensorrt_ops
from cases.quantization import patterns_weight_only as weight_only
from cases.quantization.breaks import Break, reshaped, retyped, with_attribute, without_attribute, without_inputs

INVALID = "invalid_on_purpose"


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A valid case's id, what is broken, in a word and in a sentence, and how."""

    valid: str
    word: str
    summary: str
    change: Break


CONV = "qdq_conv_transpose-int8-per_axis-opset13-static"
DEPTHWISE = "qdq_depthwise_conv-int8-per_axis-opset13-static"
BIAS = "qdq_conv-int8-per_axis-opset13-bias_int32-static"
BLOCKS = "weight_only_matmul_blocks-int4-blocked-opset21-block64-static"
NBITS = "contrib_matmulnbits-4bits-block32-k64-zp_packed-float-static"
GATHER = "contrib_gatherblockquantized-uint4-block32-float-indices_int64-gather0-zp_nonzero-static"
BNB4 = "contrib_matmulbnb4-nf4-block64-float-transb-static"
ATTENTION = "contrib_qattention-uint8_int8-per_axis-float-plain-static"
LSTM = "contrib_dynamicquantizelstm-int8-per_axis-forward-plain-static"
GEMM = "contrib_qgemm-uint8_int8-per_axis-output_quantized-transb-static"
TO_FLOAT = "contrib_matmulintegertofloat-uint8_int8-per_axis-zp_nonzero-static"
MOE = "contrib_qmoe-4bits-block32-float-relu-plain-static"
BROKEN = (
    Broken(
        valid=CONV,
        word="scale_too_short",
        summary="as many scales as input channels, not output channels",
        change=reshaped("w_scale", (3,)),
    ),
    Broken(valid=CONV, word="scale_too_long", summary="one scale too many", change=reshaped("w_scale", (5,))),
    Broken(
        valid=CONV, word="scale_matrix", summary="a matrix of scales without blocks", change=reshaped("w_scale", (4, 1))
    ),
    Broken(
        valid=CONV,
        word="zero_point_shape",
        summary="a scalar zero point with a vector of scales",
        change=reshaped("w_zero_point", ()),
    ),
    Broken(
        valid=CONV,
        word="zero_point_type",
        summary="a zero point of another type than the codes",
        change=retyped("w_zero_point", "uint8"),
    ),
    Broken(
        valid=DEPTHWISE,
        word="q_dq_types",
        summary="int8 codes dequantized with a zero point of uint8",
        change=retyped("w_zero_point", "uint8"),
    ),
    Broken(
        valid=DEPTHWISE,
        word="scale_type",
        summary="a scale of integers",
        change=retyped("w_scale", "int32"),
    ),
    Broken(
        valid=DEPTHWISE,
        word="axis_beyond",
        summary="an axis that a weight of four dimensions has not",
        change=with_attribute("DequantizeLinear:w", "axis", 4),
    ),
    Broken(
        valid=DEPTHWISE,
        word="scale_missing",
        summary="QuantizeLinear with no scale",
        change=without_inputs("QuantizeLinear", 1),
    ),
    Broken(
        valid=BIAS,
        word="bias_scale",
        summary="an int32 bias whose scale has one element too few",
        change=reshaped("bias_scale", (3,)),
    ),
    Broken(
        valid=BLOCKS, word="scale_blocks", summary="three blocks of scales for two", change=reshaped("w_scale", (3, 12))
    ),
    Broken(
        valid=BLOCKS, word="scale_vector", summary="a vector of scales with blocks", change=reshaped("w_scale", (12,))
    ),
    Broken(
        valid=BLOCKS,
        word="block_negative",
        summary="a negative block_size",
        change=with_attribute("DequantizeLinear", "block_size", -64),
    ),
    *(
        Broken(
            valid=NBITS,
            word=f"without_{name.lower()}",
            summary=f"no {name}",
            change=without_attribute("MatMulNBits", name),
        )
        for name in ("K", "N", "block_size")
    ),
    Broken(valid=NBITS, word="bits3", summary="3 bits", change=with_attribute("MatMulNBits", "bits", 3)),
    Broken(
        valid=NBITS, word="block24", summary="no power of two", change=with_attribute("MatMulNBits", "block_size", 24)
    ),
    Broken(
        valid=NBITS, word="block8", summary="blocks below 16", change=with_attribute("MatMulNBits", "block_size", 8)
    ),
    Broken(valid=NBITS, word="weight_shape", summary="half of the weight", change=reshaped("b", (7, 1, 16))),
    Broken(valid=NBITS, word="scales_shape", summary="one scale for each unit", change=reshaped("scales", (7, 1))),
    Broken(
        valid=NBITS, word="zero_points_shape", summary="too many zero points", change=reshaped("zero_points", (7, 2))
    ),
    Broken(valid=NBITS, word="weight_type", summary="a weight of int8", change=retyped("b", "int8")),
    Broken(
        valid=GATHER,
        word="block8",
        summary="blocks of 8",
        change=with_attribute("GatherBlockQuantized", "block_size", 8),
    ),
    Broken(valid=GATHER, word="scales_shape", summary="too few scales", change=reshaped("scales", (11, 1))),
    Broken(
        valid=GATHER,
        word="same_axes",
        summary="gathered and quantized along the same axis, out of range",
        change=with_attribute("GatherBlockQuantized", "quantize_axis", 2),
    ),
    Broken(
        valid=BNB4,
        word="quant_type7",
        summary="an unknown kind of code",
        change=with_attribute("MatMulBnb4", "quant_type", 7),
    ),
    Broken(valid=BNB4, word="without_k", summary="no K", change=without_attribute("MatMulBnb4", "K")),
    Broken(valid=BNB4, word="absmax_shape", summary="too few constants", change=reshaped("absmax", (1,))),
    Broken(
        valid=ATTENTION,
        word="without_heads",
        summary="no num_heads",
        change=without_attribute("QAttention", "num_heads"),
    ),
    Broken(
        valid=ATTENTION,
        word="heads5",
        summary="5 heads for 8 numbers",
        change=with_attribute("QAttention", "num_heads", 5),
    ),
    Broken(valid=ATTENTION, word="bias_shape", summary="a bias of one projection only", change=reshaped("bias", (8,))),
    Broken(valid=LSTM, word="r_shape", summary="a square recurrent weight", change=reshaped("r", (1, 6, 6))),
    Broken(
        valid=LSTM,
        word="direction",
        summary="an unknown direction",
        change=with_attribute("DynamicQuantizeLSTM", "direction", "sideways"),
    ),
    Broken(valid=GEMM, word="scale_too_short", summary="too few scales", change=reshaped("b_scale", (5,))),
    Broken(valid=GEMM, word="inner", summary="19 and 20 to be multiplied", change=reshaped("b", (6, 19))),
    Broken(valid=TO_FLOAT, word="scale_too_short", summary="too few scales", change=reshaped("b_scale", (5,))),
    Broken(valid=TO_FLOAT, word="inner", summary="19 and 20 to be multiplied", change=reshaped("b", (19, 6))),
    Broken(valid=MOE, word="scales_shape", summary="too few scales", change=reshaped("fc1_scales", (4, 63, 1))),
    Broken(
        valid=MOE,
        word="activation",
        summary="an unknown activation",
        change=with_attribute("QMoE", "activation_type", "x"),
    ),
    Broken(
        valid="trt_fp4dynamicquantize-float-block16-static",
        word="scale_missing",
        summary="no global scale",
        change=without_inputs("TRT_FP4DynamicQuantize", 1),
    ),
    Broken(
        valid="trt_blockquantize-int8-block1x32-static",
        word="without_block_shape",
        summary="no block_shape",
        change=without_attribute("TRT_BlockQuantize", "block_shape"),
    ),
    Broken(
        valid="trt_dynamicquantize-float8e4m3fn-scale_float-block1x16-static",
        word="block_shape_rank",
        summary="blocks of three dimensions in a matrix",
        change=with_attribute("TRT_DynamicQuantize", "block_shape", [1, 1, 16]),
    ),
    Broken(
        valid="trt_int4dequantizelinear-float-blocked-weight-static",
        word="scale_blocks",
        summary="three blocks of scales for two",
        change=reshaped("s", (3, 6)),
    ),
)


def cases() -> Iterator[Case]:
    """Yield the cases that have to be refused."""
    valid = _valid()
    for broken in BROKEN:
        case = valid[broken.valid]
        yield replace(
            case,
            id=f"invalid-{case.id}-{broken.word}",
            summary=f"invalid: {broken.summary} ({case.summary})",
            build=partial(_build, broken, case),
            inputs=case.inputs,
            tags=case.tags | {INVALID, broken.word},
            no_reference="the model is invalid on purpose",
        )


@cache
def _valid() -> dict[str, Case]:
    modules = (contrib, patterns_cnn, patterns_parameters, tensorrt_ops, weight_only)
    return {case.id: case for module in modules for case in module.cases()}


def _build(broken: Broken, case: Case) -> onnx.ModelProto:
    model = case.build()
    broken.change(model)
    return model
