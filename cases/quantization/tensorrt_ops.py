"""TensorRT's own quantization operators, domain trt: no schema, and known to TensorRT's ONNX parser alone.

Attributes are those that the parser's source reads (onnx-tensorrt, onnxOpImporters.cpp of release 10.16) and what the
release notes call their limits: block_size 32 of MXFP8 and 16 of FP4, scales of FP8 or E8M0 type. Combinations beyond
that are tagged ``undocumented``: what a release makes of them, its baseline says. Scales are powers of two, so what
NVIDIA's documentation says is exact; of the operators that compute their scales it does not say how, and they are
compared with nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from cases.case import Case, Shape
from cases.model import dtype_named, onnx_type
from cases.quantization import extents
from cases.quantization.tensorrt_chain import FLOATS, INNER, UNITS, Chain, Step, chain_case

FP8, FP4, E8M0 = "float8e4m3fn", "float4e2m1", "float8e8m0"
OPSETS = {FP4: 23, E8M0: 24}


def cases() -> Iterator[Case]:
    """Yield the cases of the domain trt."""
    for chain in (*_fp8(), *_int4(), *_mxfp8(), *_fp4(), *_dynamic(), *_block()):
        yield chain_case(chain)


def _fp8() -> Iterator[Chain]:
    for real in FLOATS:
        yield _round_trip("fp8", FP8, real, "per_tensor", "zp_absent")
    yield _round_trip("fp8", FP8, "float", "per_tensor", "zp_zero")
    yield _round_trip("fp8", FP8, "float", "per_axis", "zp_absent")
    yield _round_trip("fp8", FP8, "float", "blocked", "zp_absent")
    yield _round_trip("fp8", FP8, "float", "per_tensor", "zp_absent", extents.BATCH)
    for granularity in ("per_tensor", "per_axis"):
        yield _weight("TRT_FP8DequantizeLinear", FP8, granularity, "float")


def _int4() -> Iterator[Chain]:
    yield _round_trip("int4", "int4", "float", "per_tensor", "zp_absent")
    yield _round_trip("int4", "int4", "float", "blocked", "zp_absent")
    for real, granularity in product(FLOATS, ("per_tensor", "blocked")):
        yield _weight("TRT_INT4DequantizeLinear", "int4", granularity, real)
    yield _weight("TRT_INT4DequantizeLinear", "int4", "per_axis", "float")
    yield _weight("TRT_INT4DequantizeLinear", "int4", "blocked", "float16", extents.BATCH)


def _mxfp8() -> Iterator[Chain]:
    for real, kind in (*product(FLOATS, (extents.STATIC,)), ("float16", extents.BATCH)):
        yield _mx_dynamic(real, "last", 32, kind)
    yield _mx_dynamic("float", "1", 32, extents.STATIC)
    yield _mx_dynamic("float", "absent", 0, extents.STATIC)
    yield _mx_dynamic("float", "last", 16, extents.STATIC, documented=False)
    yield _mx_dynamic("float", "last", 64, extents.STATIC, documented=False)
    block = {"axis": 0, "block_size": 32}
    for scale in ("uint8", E8M0):
        yield Chain(
            words=("trt_mxfp8dequantizelinear", f"scale_{scale}", "weight"),
            steps=(
                Step(op="TRT_MXFP8DequantizeLinear", operands=("w", "s"), results=("wd",), attributes=block),
                Step(op="MatMul", operands=("x", "wd"), results=("y",)),
            ),
            constants={"w": (FP8, (INNER, UNITS)), "s": (scale, (INNER // 32, UNITS))},
            outputs={"y": ("float", ("batch", UNITS))},
            opset=OPSETS.get(scale, 21),
            documented=scale == "uint8",
        )
    yield Chain(
        words=("trt_mxfp8quantizelinear", "scale_uint8", "weight"),
        steps=(
            Step(op="TRT_MXFP8QuantizeLinear", operands=("w", "s"), results=("q",), attributes=block),
            Step(op="TRT_MXFP8DequantizeLinear", operands=("q", "s"), results=("wd",), attributes=block),
            Step(op="MatMul", operands=("x", "wd"), results=("y",)),
        ),
        constants={"w": ("float", (INNER, UNITS)), "s": ("uint8", (INNER // 32, UNITS))},
        outputs={"y": ("float", ("batch", UNITS))},
    )


def _fp4() -> Iterator[Chain]:
    for real, kind in (*product(FLOATS, (extents.STATIC,)), ("float16", extents.BATCH)):
        yield _fp4_dynamic(real, 16, kind)
    yield _fp4_dynamic("float", 32, extents.STATIC, documented=False)
    yield Chain(
        words=("trt_fp4dynamicquantize", "float", "block16", "scale_fed"),
        steps=_fp4_steps(16),
        fed={"g": ("float", ())},
        outputs={"y": ("float", ("batch", INNER))},
        opset=23,
        documented=False,
    )


def _dynamic() -> Iterator[Chain]:
    """Blocks of several axes; -1 is a whole axis."""
    for block, shape in (("1x16", (2, 4)), ("2x32", (1, 2)), ("wholex32", (1, 2)), ("1x64", (2, 1)), ("1x32", (2, 2))):
        sizes = [-1 if size == "whole" else int(size) for size in block.split("x")]
        yield _dynamic_quantize(
            FP8, "float", block, sizes, shape, documented=not block.startswith("1x") or block == "1x16"
        )
    yield _dynamic_quantize(FP8, "float", "1x16", [1, 16], ("batch", 4), kind=extents.BATCH)
    for scale in (FP8, E8M0):
        yield _dynamic_quantize(FP4, scale, "1x16", [1, 16], (2, 4), documented=False)
    yield _dynamic_quantize("int8", "float", "1x16", [1, 16], (2, 4), documented=False)
    yield _dynamic_quantize("int4", "float", "1x16", [1, 16], (2, 4), documented=False)


def _block() -> Iterator[Chain]:
    for dtype, (block, shape) in product(
        (FP8, "int8", FP4, "int4"), (([1, 32], (2, 2)), ([2, 16], (1, 4)), ([1, 16], (2, 4)))
    ):
        spelled = "x".join(map(str, block))
        scale = {"s": ("float", shape)}
        yield Chain(
            words=("trt_blockquantize", dtype, f"block{spelled}"),
            steps=(
                Step(
                    op="TRT_BlockQuantize",
                    operands=("x", "s"),
                    results=("q",),
                    attributes={"block_shape": block, "output_dtype": onnx_type(dtype_named(dtype))},
                ),
                Step(op="TRT_BlockDequantize", operands=("q", "s"), results=("y",), attributes={"block_shape": block}),
            ),
            constants=scale,
            outputs={"y": ("float", ("batch", INNER))},
            opset=OPSETS.get(dtype, 21),
            documented=dtype in (FP8, "int8"),
        )


def _round_trip(
    name: str, dtype: str, real: str, granularity: str, zero_point: str, kind: str = extents.STATIC
) -> Chain:
    """Return Q and DQ of an activation of 2 x 64."""
    shape: Shape = {"per_tensor": (), "per_axis": (INNER,), "blocked": (2, INNER // 32)}[granularity]
    attributes = {"per_tensor": {}, "per_axis": {"axis": 1}, "blocked": {"axis": 1, "block_size": 32}}[granularity]
    zero = ("z",) if zero_point == "zp_zero" else ()
    upper = f"TRT_{name.upper()}"
    return Chain(
        words=(f"trt_{name}quantizelinear", real, granularity, zero_point),
        steps=(
            Step(op=f"{upper}QuantizeLinear", operands=("x", "s", *zero), results=("q",), attributes=attributes),
            Step(op=f"{upper}DequantizeLinear", operands=("q", "s", *zero), results=("y",), attributes=attributes),
        ),
        constants={"s": (real, shape), **({"z": (dtype, shape)} if zero else {})},
        outputs={"y": (real, ("batch", INNER))},
        real=real,
        kind=kind,
    )


def _weight(op: str, dtype: str, granularity: str, real: str, kind: str = extents.STATIC) -> Chain:
    """Return MatMul with a weight of 64 x 6 that is stored small."""
    shape: Shape = {"per_tensor": (), "per_axis": (UNITS,), "blocked": (INNER // 32, UNITS)}[granularity]
    attributes = {"per_tensor": {}, "per_axis": {"axis": 1}, "blocked": {"axis": 0, "block_size": 32}}[granularity]
    return Chain(
        words=(op.lower(), real, granularity, "weight"),
        steps=(
            Step(op=op, operands=("w", "s"), results=("wd",), attributes=attributes),
            Step(op="MatMul", operands=("x", "wd"), results=("y",)),
        ),
        constants={"w": (dtype, (INNER, UNITS)), "s": (real, shape)},
        outputs={"y": (real, ("batch", UNITS))},
        real=real,
        kind=kind,
    )


def _mx_dynamic(real: str, axis: str, block: int, kind: str, *, documented: bool = True) -> Chain:
    attributes: dict[str, Any] = {} if axis == "absent" else {"axis": -1 if axis == "last" else int(axis)}
    attributes |= {"block_size": block} if block else {}
    back = {} if real == "float" else {"output_dtype": onnx_type(dtype_named(real))}
    return Chain(
        words=("trt_mxfp8dynamicquantize", real, f"axis_{axis}", f"block{block}" if block else "block_absent"),
        steps=(
            Step(op="TRT_MXFP8DynamicQuantize", operands=("x",), results=("q", "s"), attributes=attributes),
            Step(
                op="TRT_MXFP8DequantizeLinear", operands=("q", "s"), results=("y",), attributes={**attributes, **back}
            ),
        ),
        outputs={"y": (real, ("batch", INNER))},
        real=real,
        kind=kind,
        documented=documented,
    )


def _fp4_dynamic(real: str, block: int, kind: str, *, documented: bool = True) -> Chain:
    return Chain(
        words=("trt_fp4dynamicquantize", real, f"block{block}"),
        steps=_fp4_steps(block),
        constants={"g": (real, ())},
        outputs={"y": (real, ("batch", INNER))},
        real=real,
        kind=kind,
        opset=23,
        documented=documented,
    )


def _fp4_steps(block: int) -> tuple[Step, ...]:
    """Return quantizing in blocks, and dequantizing twice: the scales by the global scale, the codes by the scales."""
    blocked = {"axis": -1, "block_size": block}
    kind = {"scale_type": onnx_type(dtype_named(FP8))}
    return (
        Step(op="TRT_FP4DynamicQuantize", operands=("x", "g"), results=("q", "s"), attributes={**blocked, **kind}),
        Step(op="DequantizeLinear", operands=("s", "g"), results=("sd",)),
        Step(op="DequantizeLinear", operands=("q", "sd"), results=("y",), attributes=blocked),
    )


def _dynamic_quantize(
    dtype: str,
    scale: str,
    block: str,
    sizes: list[int],
    shape: tuple[int | str, ...],
    kind: str = extents.STATIC,
    *,
    documented: bool = True,
) -> Chain:
    types = {"output_type": onnx_type(dtype_named(dtype)), "scale_type": onnx_type(dtype_named(scale))}
    double = scale == FP8
    return Chain(
        words=("trt_dynamicquantize", dtype, f"scale_{scale}", f"block{block}"),
        steps=(
            Step(
                op="TRT_DynamicQuantize",
                operands=("x", "g") if double else ("x",),
                results=("q", "s"),
                attributes={"block_shape": sizes, **types},
            ),
        ),
        constants={"g": ("float", ())} if double else {},
        outputs={"q": (dtype, ("batch", INNER)), "s": (scale, shape)},
        kind=kind,
        opset=max(OPSETS.get(name, 21) for name in (dtype, scale)),
        documented=documented,
    )
