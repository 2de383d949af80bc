"""The differences between TensorRT releases, in one place: what one may lack is asked for by name, never by version.

Enumerators have other numbers from release to release, so a flag is always looked up by its name. What is asked for
here and not there is the caller's to report. tests/test_worker_api.py checks every attribute that the worker names
against the tables of all releases.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Sequence, Tuple

import job

# The builder flag that lets a weakly typed network run in a type.
FLAG_OF_TYPE = {
    "float16": "FP16", "bfloat16": "BF16", "int8": "INT8", "float8_e4m3fn": "FP8", "int4": "INT4",
    "float4_e2m1fn": "FP4",
}  # fmt: skip
QUANTIZED = ("int8", "float8_e4m3fn", "int4", "float4_e2m1fn")
# The precisions that a builder chooses and a model does not spell; only a weakly typed network can have them.
FLAGS_OF_PRECISION: Dict[str, Tuple[str, ...]] = {"fp16": ("FP16",), "bf16": ("BF16",), "int8-calibrated": ("INT8",)}
# What an attention may hold beside the inputs that its boundary layer shows.
HELD_BY_ATTENTION = ("mask", "normalization_quantize_scale", "query_lengths", "key_value_lengths")
PRECISIONS = ("explicit", "fp32", "tf32", *FLAGS_OF_PRECISION)
CALIBRATORS = {
    "entropy2": "IInt8EntropyCalibrator2", "entropy": "IInt8EntropyCalibrator", "minmax": "IInt8MinMaxCalibrator",
    "legacy": "IInt8LegacyCalibrator",
}  # fmt: skip


def why_not_applicable(trt: Any, precision: str) -> str:
    """Return why this release cannot build in ``precision``, empty where it can."""
    if precision not in FLAGS_OF_PRECISION:
        return ""
    if not _takes_weak_types(trt):
        return "this release takes the types of the model as they stand, and has no builder flag for {}".format(
            precision
        )
    missing = [name for name in FLAGS_OF_PRECISION[precision] if not hasattr(trt.BuilderFlag, name)]
    return "this release has no builder flag {}".format(", ".join(missing)) if missing else ""


def is_strongly_typed(trt: Any, precision: str) -> bool:
    """Say whether a network for ``precision`` is strongly typed here: from 10.0 on, unless the builder is to choose."""
    return hasattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED") and precision not in FLAGS_OF_PRECISION


def creation_flags(trt: Any, precision: str) -> int:
    """Return the flags of a new network, as a mask."""
    names = ["EXPLICIT_BATCH"] + (["STRONGLY_TYPED"] if is_strongly_typed(trt, precision) else [])
    return mask(trt.NetworkDefinitionCreationFlag, names)


def mask(enumeration: Any, names: Iterable[str]) -> int:
    """Return the bits of those enumerators that the release has."""
    found = (getattr(enumeration, name, None) for name in names)
    return sum(1 << int(member) for member in found if member is not None)


def needed_flags(trt: Any, network: Any, dtypes: Sequence[str]) -> List[str]:
    """Return the builder flags that a weakly typed network cannot be built without: those of the types inside it.

    A Q/DQ node needs INT8 even where the parser shows its output in another type, as long as it is of no other
    quantized type.
    """
    flags = {FLAG_OF_TYPE[dtype] for dtype in dtypes if dtype in FLAG_OF_TYPE}
    kinds = {network.get_layer(index).type for index in range(network.num_layers)}
    if kinds & {trt.LayerType.QUANTIZE, trt.LayerType.DEQUANTIZE} and not set(QUANTIZED) & set(dtypes):
        flags.add("INT8")
    return sorted(name for name in flags if hasattr(trt.BuilderFlag, name))


def read_by(trt: Any, layer: Any) -> List[Any]:
    """Return the tensors that a layer reads, also those of the attention that begins with it (from 10.14 on)."""
    held = [layer.get_input(number) for number in range(layer.num_inputs)]
    if hasattr(trt, "IAttentionInputLayer") and layer.type.name == "ATTENTION_INPUT":
        boundary = layer
        boundary.__class__ = trt.IAttentionInputLayer  # this is how the binding is told what a layer is
        attention = getattr(boundary, "attention", None)
        held += [getattr(attention, name, None) for name in HELD_BY_ATTENTION]
    return [tensor for tensor in held if tensor is not None]


def set_optimization_level(config: Any, level: int) -> bool:
    """Set the builder's optimization level; return whether the release has one (from 8.6 on)."""
    if not hasattr(config, "builder_optimization_level"):
        return False
    config.builder_optimization_level = level
    return True


def set_calibrator(config: Any, calibrator: Any, profile: Any) -> None:
    """Have the builder calibrate INT8 (up to 10.16) at the opt shapes of ``profile``, if there is one.

    Raises:
        AttributeError: the release has no calibration.
    """
    if not hasattr(config, "int8_calibrator"):
        raise AttributeError("this release has no INT8 calibration")
    config.int8_calibrator = calibrator
    if profile is not None and hasattr(config, "set_calibration_profile"):
        config.set_calibration_profile(profile)


def set_target(trt: Any, config: Any, sm: str) -> None:
    """Build for one compute capability, "sm89" (TensorRT-RTX only).

    Raises:
        AttributeError: the release does not know it.
    """
    known = hasattr(trt, "ComputeCapability") and hasattr(config, "num_compute_capabilities")
    if not (known and hasattr(config, "set_compute_capability")):
        raise AttributeError("this release builds for the GPU of this machine, not for {}".format(sm))
    capability = getattr(trt.ComputeCapability, sm.upper())
    config.num_compute_capabilities = 1
    config.set_compute_capability(capability, 0)


def lacks_shape_values(context: Any) -> bool:
    """Say whether a shape tensor has no values yet; releases from 11.0 on tell that in ``infer_shapes`` alone."""
    return not getattr(context, "all_shape_inputs_specified", True)


def parser_error(error: Any) -> Dict[str, Any]:
    """Keep all of a ParserError; the fields that came with 10.0 are asked for first."""
    name = getattr(error, "node_name", None)
    operator = getattr(error, "node_operator", None)
    functions: List[str] = list(getattr(error, "local_function_stack", list)())
    return job.diagnostic(
        "parser",
        error.desc(),
        severity="error",
        code=str(error.code()).rpartition(".")[2],  # up to 8.6 this enumeration's `name` is a method
        op=operator() if operator else "",
        node=(name() if name else "") or "#{}".format(error.node()),
        function=" > ".join([*functions, error.func()]),
        line=error.line(),
    )


def _takes_weak_types(trt: Any) -> bool:
    """TensorRT-RTX 1.4 still has the flags and refuses to build with them; it never had this attribute."""
    return hasattr(trt.IBuilderConfig, "int8_calibrator")
