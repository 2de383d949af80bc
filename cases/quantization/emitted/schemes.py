"""What emit.py asks the quantizers for: their arguments, and which network gets which."""

from __future__ import annotations

from copy import deepcopy
from itertools import product
from typing import Any

import numpy as np
from onnxruntime.quantization import QuantFormat, QuantType

DYNAMIC_SCHEMES: dict[str, dict[str, Any]] = {
    "int8": {"weight_type": QuantType.QInt8},
    "int8_per_channel": {"weight_type": QuantType.QInt8, "per_channel": True},
}
BOTH = {"ActivationSymmetric": True, "WeightSymmetric": True}
# 127 steps to each side, of 2**-5 and of 2**-6; left alone, the quantizer would divide the same range by 255.
UINT8_WEIGHTS = {
    exponent: [{"scale": np.array(2.0**-exponent, np.float32), "zero_point": np.array(127, np.uint8)}]
    for exponent in (5, 6)
}
STATIC_SCHEMES: dict[str, dict[str, Any]] = {
    "asymmetric": {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8},
    "symmetric": {"extra_options": BOTH},
    "symmetric_per_channel": {"extra_options": BOTH, "per_channel": True},
    "symmetric_float_bias": {"extra_options": {**BOTH, "QuantizeBias": False}},
    "asymmetric_per_channel": {
        "activation_type": QuantType.QUInt8,
        "weight_type": QuantType.QInt8,
        "per_channel": True,
    },
    "uint8_weights": {
        "activation_type": QuantType.QUInt8,
        "weight_type": QuantType.QUInt8,
        "extra_options": {"TensorQuantOverrides": {"w1": UINT8_WEIGHTS[5], "w2": UINT8_WEIGHTS[6]}},
    },
    "int16_activations": {
        "activation_type": QuantType.QInt16,
        "extra_options": {
            **BOTH,
            "TensorQuantOverrides": {
                name: [{"scale": np.array(2.0**-exponent, np.float32), "zero_point": np.array(0, np.int16)}]
                for name, exponent in {"x": 11, "hidden": 10, "active": 10, "pooled": 10, "y": 9}.items()
            },
        },
    },
}
# Scales of what comes behind a softmax, and of scores and sums whose range no power of two divides into 127.
OVERRIDES = {
    name: [{"scale": np.array(2.0**-exponent, np.float32), "zero_point": np.array(0, np.int8)}]
    for name, exponent in {"scores": 4, "probabilities": 7, "context": 3, "out": 5, "y": 3}.items()
}
for scheme in ("symmetric", "symmetric_per_channel"):
    STATIC_SCHEMES[f"overrides_{scheme}"] = deepcopy(STATIC_SCHEMES[scheme])
    STATIC_SCHEMES[f"overrides_{scheme}"]["extra_options"]["TensorQuantOverrides"] = OVERRIDES
NBITS_SCHEMES: dict[str, tuple[str, dict[str, Any]]] = {
    "bits4_block16": ("wide", {"bits": 4, "block_size": 16, "is_symmetric": False}),
    "bits4_block16_symmetric": ("wide", {"bits": 4, "block_size": 16, "is_symmetric": True}),
    "bits4_block32": ("wide", {"bits": 4, "block_size": 32, "is_symmetric": False}),
    "bits4_block32_symmetric": ("wide", {"bits": 4, "block_size": 32, "is_symmetric": True}),
    "bits8_block32": ("wide8", {"bits": 8, "block_size": 32, "is_symmetric": False}),
    "bits8_block32_symmetric": ("wide8", {"bits": 8, "block_size": 32, "is_symmetric": True}),
}
STATIC = (
    *product(
        ("mlp", "cnn"),
        (QuantFormat.QDQ,),
        (name for name in STATIC_SCHEMES if not name.startswith("overrides_")),
    ),
    *product(("mlp", "cnn"), (QuantFormat.QOperator,), ("asymmetric", "symmetric", "symmetric_per_channel")),
    *product(("mlp", "cnn"), (QuantFormat.QOperator,), ("asymmetric_per_channel", "uint8_weights")),
    *product(("attention",), (QuantFormat.QDQ,), ("overrides_symmetric", "overrides_symmetric_per_channel")),
    # Of a Gemm, QOperator makes a QGemm of com.microsoft; of a MatMul, operators that ONNX has itself.
    *product(("matmuls",), (QuantFormat.QOperator,), ("symmetric", "symmetric_per_channel")),
)
