"""The coverage of the catalogue as text: a table, what is exempt, and what is left out on purpose."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from cases.case import Case
from cases.catalogue import INVALID_ON_PURPOSE
from cases.coverage import EXEMPTIONS, OPS, Coverage, cover, gaps, needs, standard_operators

OLD_OPSET, OLD_IR_VERSION = 13, 8
NAMES = ("op", "dtype", "granularity")
OTHER_DOMAINS = frozenset({"contrib", "trt"})
GRANULARITIES = frozenset({"per_tensor", "per_axis", "blocked"})
TYPES = re.compile(r"(?:u?int(?:2|4|8|16)|float(?:4|8)\w+|b?float16|nf4|fp4)(?:_(?:u?int(?:4|8|16)|float8\w+))*")
LEFT_OUT = (
    (
        "products of axes beyond type x granularity x opset",
        "zero point, axis, block, rank, kind and type of scale, attributes and input values vary one or two at a time: "
        "every value occurs with every operator that takes it, and their full product says nothing new",
    ),
    ("float8 with a non-zero zero point", "ONNX has it for symmetry only; its evaluator ignores or refuses it"),
    ("int32 DequantizeLinear with a zero point", "ONNX says that it is supposed to be 0"),
    ("NaN into float4 and float6", "they have no NaN, and ONNX does not say what becomes of it"),
    ("INT8 calibration", "it needs a GPU, and a backend that executes"),
)


def report(cases: Sequence[Case]) -> Iterator[str]:
    """Yield the lines of the coverage report."""
    operators = standard_operators()
    coverage = cover(cases, operators)
    yield from table(coverage)
    yield ""
    yield from others(cases)
    yield ""
    yield from _totals(cases)
    wanted = needs(operators)
    missing = gaps(wanted, coverage.met, EXEMPTIONS)
    yield ""
    yield (
        f"schemas of the {len(operators)} standard operators: {len(wanted)} types and versions, "
        f"{len(wanted & coverage.met)} with a case, {len(EXEMPTIONS)} exempt, {len(missing)} missing"
    )
    for need in missing:
        yield f"  missing: {need.op} since opset {need.since_version} {need.parameter} {need.dtype}".rstrip()
    for exemption in EXEMPTIONS:
        need = exemption.need
        yield f"  exempt: {need.op} since opset {need.since_version} {need.parameter} {need.dtype}: {exemption.reason}"
    yield ""
    yield "left out:"
    for what, why in LEFT_OUT:
        yield f"  {what}: {why}"
    yield from _without_reference(cases)


def table(coverage: Coverage) -> Iterator[str]:
    """Yield the number of cases of each operator, type and granularity, one column for each opset."""
    lines: dict[tuple[int, str, str, str], Counter[int]] = {}
    for row, count in coverage.rows.items():
        lines.setdefault((OPS.index(row.op), row.op, row.dtype, row.granularity), Counter())[row.opset] += count
    return aligned(NAMES, [(names, counts) for (_, *names), counts in sorted(lines.items())])


def others(cases: Sequence[Case]) -> Iterator[str]:
    """Yield the same of everything else in the family: operators of other domains, patterns, what quantizers emit.

    Types and granularity are those that the tags name; dtypes that ONNX Runtime's schemas allow are held against the
    cases by tests/test_coverage_contrib.py.
    """
    lines: dict[tuple[str, str, str], Counter[int]] = {}
    for case in cases:
        standard = case.op in OPS and not case.tags & OTHER_DOMAINS
        if case.family == "quantization" and not standard and INVALID_ON_PURPOSE not in case.tags:
            dtypes = "/".join(sorted(tag for tag in case.tags if TYPES.fullmatch(tag))) or "-"
            granularity = "/".join(sorted(case.tags & GRANULARITIES)) or "-"
            op = f"{case.op} (com.microsoft)" if "contrib" in case.tags else case.op
            lines.setdefault((op, dtypes, granularity), Counter())[case.opset] += 1
    return aligned(NAMES, [(names, counts) for names, counts in sorted(lines.items())])


def aligned(names: Sequence[str], lines: Sequence[tuple[Sequence[str], Counter[int]]]) -> Iterator[str]:
    """Yield a table: columns of ``names``, to the left, then a column of counts for each opset and one for all."""
    opsets = sorted({opset for _, counts in lines for opset in counts})
    cells = [[*names, *map(str, opsets), "all"]]
    for texts, counts in lines:
        cells.append([*texts, *(str(counts[opset] or "-") for opset in opsets), str(counts.total())])
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    for line in cells:
        left = [text.ljust(width) for text, width in zip(line[: len(names)], widths, strict=False)]
        right = [text.rjust(width) for text, width in zip(line[len(names) :], widths[len(names) :], strict=True)]
        yield "  ".join([*left, *right])


def _totals(cases: Sequence[Case]) -> Iterator[str]:
    for family, count in sorted(Counter(case.family for case in cases).items()):
        mine = [case for case in cases if case.family == family]
        invalid = sum(INVALID_ON_PURPOSE in case.tags for case in mine)
        old = sum(case.opset <= OLD_OPSET and case.ir_version <= OLD_IR_VERSION for case in mine)
        yield (
            f"{family}: {count} cases, {invalid} of them invalid on purpose; "
            f"{old} with opset {OLD_OPSET} or lower and IR version {OLD_IR_VERSION} or lower"
        )


def _without_reference(cases: Sequence[Case]) -> Iterator[str]:
    reasons = Counter(case.no_reference for case in cases if case.no_reference)
    if reasons:
        yield ""
        yield "without a reference:"
        for reason, count in sorted(reasons.items()):
            yield f"  {count} cases: {reason}"
