"""Which row of an operator table a case is about: its operator, and the types in the words of NVIDIA's tables.

The tables name the type of an operator's input. QuantizeLinear's row therefore says nothing of what it quantizes to;
that type is looked up where the tables do name it, in the row of DequantizeLinear.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from matrix.record import CaseInfo

# A type in a case's words, or as ml_dtypes has it without its underscore -> in the tables' words. TensorRT's FP8 is
# E4M3FN; what they have no word for keeps its own.
NAMES = {
    "float": "FP32", "float32": "FP32", "float16": "FP16", "bfloat16": "BF16", "double": "DOUBLE", "float64": "DOUBLE",
    "bool": "BOOL", "float8e4m3fn": "FP8", "float4e2m1": "FP4", "float4e2m1fn": "FP4", "float6e2m3fn": "FLOAT6E2M3",
    "float6e3m2fn": "FLOAT6E3M2",
    **{f"{sign}int{bits}": f"{sign}int{bits}".upper() for sign in ("", "u") for bits in (2, 4, 8, 16, 32, 64)},
    **{name: name.upper() for name in ("float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "float6e2m3", "float6e3m2")},
}  # fmt: skip
BOOLEAN = frozenset({"And", "Or", "Xor", "Not"})  # operators that take nothing else
SHAPE_VALUES = "shape_values"  # the first word of cases whose types are those of arithmetic on shapes
OF_OPERATOR = re.compile(r"(?:add|div|max|f?mod|maxpool\dd)_([a-z]+\d+)")  # words that say operator and type
QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
# Tags of cases without ONNX's own operator: theirs only shares its name, or is spelled out in other operators.
NOT_THE_OPERATOR = frozenset({"contrib", "trt", "function_body"})


@dataclass(frozen=True, kw_only=True, order=True)
class Subject:
    """What a case is about: an operator, and the types that its row (and DequantizeLinear's) must list."""

    op: str
    types: tuple[str, ...]
    quantized: tuple[str, ...] = ()

    @property
    def type_text(self) -> str:
        """``FP32``, ``FP32 to INT8``."""
        return " to ".join(filter(None, (", ".join(self.types), ", ".join(self.quantized))))


def subject(case: CaseInfo) -> Subject:
    """Return what ``case`` is about: by the types that its operator reads, or makes where it reads no data.

    A record of a run that did not write them down is about the types that the words of its case name.
    """
    if not (case.reads or case.writes):
        return _subject_of_words(case)
    quantized = _table_names(case.writes) if case.op == QUANTIZE else ()
    return Subject(op=case.op, types=_table_names(case.reads or case.writes), quantized=quantized)


def _table_names(types: tuple[str, ...]) -> tuple[str, ...]:
    plain = (name.replace("_", "") for name in types)
    return tuple(sorted(NAMES.get(name, name.upper()) for name in plain))


def _subject_of_words(case: CaseInfo) -> Subject:
    """Return what the words of ``case`` say; where they name no type it is about FP32, or BOOL."""
    first, *others = case.id.split("-")
    if first == SHAPE_VALUES:
        return Subject(op=case.op, types=("INT64" if case.op == "Range" else "FP32",))
    words = dict.fromkeys((first, *others, *case.tags))
    found = {OF_OPERATOR.sub(r"\1", word) for word in words}
    plain = tuple(sorted({NAMES[word] for word in found if word in NAMES}))
    if case.op == QUANTIZE:
        prefixed = [word.split("_", 1) for word in words if word.startswith(("x_", "scale_"))]
        reals = {kind: NAMES[name] for kind, name in prefixed if name in ("float", "float16", "bfloat16", "int32")}
        return Subject(op=case.op, types=(reals.get("x") or reals.get("scale", "FP32"),), quantized=plain)
    return Subject(op=case.op, types=plain or ("BOOL" if case.op in BOOLEAN else "FP32",))
