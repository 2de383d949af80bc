"""`ISSUE.md`: a report in the form that the issue templates of NVIDIA/TensorRT and of ONNX Runtime ask for.

Templates: https://github.com/NVIDIA/TensorRT/blob/main/.github/ISSUE_TEMPLATE/bug_report.md and
https://github.com/microsoft/onnxruntime/blob/main/.github/ISSUE_TEMPLATE/08-general.yml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matrix.record import Record, Status
from matrix.runtimes.releases import TITLES, Product, load
from reports.cells import MEANINGS
from reports.text import one_line, plain

SHOWN_DIAGNOSTICS = 20
SHOWN_CHARACTERS = 2000  # of one message
OURS = frozenset({"harness", "network", "checker"})  # sources of diagnostics that are no words of a runtime
HOMES = {
    Product.TENSORRT: "https://github.com/NVIDIA/TensorRT/issues",
    Product.TENSORRT_RTX: "https://github.com/NVIDIA/TensorRT-RTX/issues",
    Product.ONNXRUNTIME: "https://github.com/microsoft/onnxruntime/issues",
}
PROVIDERS = {"cpu": "Default CPU", "cuda": "CUDA", "tensorrt": "TensorRT"}
UNKNOWN = "not used"


def write_issue(record: Record, cell: Mapping[str, Any], commands: str) -> str:
    """Return the text of `ISSUE.md` for ``record``; ``cell`` is its manifest and ``commands`` its `commands.txt`."""
    product = Product(record.runtime.product)
    body = _onnxruntime(record, cell) if product is Product.ONNXRUNTIME else _tensorrt(record, cell, product, commands)
    lines = [f"<!-- For {HOMES[product]}. Attach the zip of this bundle. -->", f"# {title(record)}", "", *body]
    return "\n".join(lines) + "\n"


def title(record: Record) -> str:
    """Return one line that says what is wrong, and with what."""
    name = f"{TITLES[Product(record.runtime.product)]} {record.runtime.version or record.runtime.requested}"
    parts = (name, record.status.replace("_", " "), record.case.op or record.case.id, record.reason)
    return one_line(": ".join(part for part in parts if part), 160)


def _tensorrt(record: Record, cell: Mapping[str, Any], product: Product, commands: str) -> Iterator[str]:
    machine = record.machine
    yield from ("## Description", "", *_description(record, cell), "", "## Environment", "")
    yield from _fields(
        {
            "TensorRT Version": f"{TITLES[product]} {record.runtime.version}",
            "NVIDIA GPU": _joined(machine.gpu, machine.sm) or "none: parsed and built on a machine without one",
            "NVIDIA Driver Version": machine.driver or "none",
            "CUDA Version": machine.cuda or _package(record, "cuda-runtime") or "none on the machine",
            "CUDNN Version": _package(record, "cudnn") or UNKNOWN,
            "Operating System": machine.os,
            "Python Version (if applicable)": record.runtime.python,
            "Tensorflow Version (if applicable)": UNKNOWN,
            "PyTorch Version (if applicable)": UNKNOWN,
            "Baremetal or Container (if so, version)": "a Python environment with the pins of requirements.txt",
        }
    )
    yield from ("", "## Relevant Files", "", *_files(cell), "", "## Steps To Reproduce", "", *_steps())
    yield from ("", "**Commands or scripts**:", "", *_fenced(commands.rstrip()))
    yield from ("", f"**Have you tried the latest release?**: {_latest(record, product)}")
    yield from ("", f"**Can this model run on other frameworks?**: {_elsewhere(cell)}")


def _onnxruntime(record: Record, cell: Mapping[str, Any]) -> Iterator[str]:
    provider = cell["options"].get("provider", "cpu")
    yield from ("### Describe the issue", "", *_description(record, cell), "", *_files(cell))
    yield from ("", "### To reproduce", "", *_steps(), "", "### Urgency", "", "None stated.")
    answers = {
        "Platform": _platform(record.machine.os.lower()),
        "OS Version": record.machine.os,
        "ONNX Runtime Installation": "Released Package",
        "ONNX Runtime Version or Commit ID": record.runtime.version,
        "ONNX Runtime API": "Python",
        "Architecture": _architecture(record),
        "Execution Provider": PROVIDERS.get(provider, provider),
        "Execution Provider Library Version": _package(record, "cuda-runtime") or record.machine.cuda or "not used",
    }
    for heading, answer in answers.items():
        yield from ("", f"### {heading}", "", answer)


def _description(record: Record, cell: Mapping[str, Any]) -> Iterator[str]:
    case = record.case
    yield f"{case.summary.rstrip('.')}." if case.summary else f"The model `{case.id}`."
    yield ""
    yield f"**Observed**: `{record.status}` ({MEANINGS[record.status]})."
    if record.reason:
        yield plain(record.reason)
    if record.stage:
        yield f"Last stage: `{record.stage}`. Precision: `{record.precision}`."
    yield ""
    yield f"**Expected**: {_expected(record.status, cell)}"
    problems = [f"{item.output} at {item.point}: {item.problem}" for item in record.results if item.problem]
    if problems:
        yield from ("", *_fenced("\n".join(problems[:SHOWN_DIAGNOSTICS])))
    ours = [item for item in record.diagnostics if item.source in OURS]
    theirs = [item for item in record.diagnostics if item.source not in OURS]
    for heading, items in {"What the runtime said:": theirs, "What the test program says of it:": ours}.items():
        if items:
            yield from ("", heading, "", *_fenced("\n".join(_words(item) for item in items[:SHOWN_DIAGNOSTICS])))


def _expected(status: Status, cell: Mapping[str, Any]) -> str:
    if cell["must_refuse"]:
        return f"a refusal: {cell['must_refuse']}."
    if cell["reference"]:
        return f"the outputs in `data/expected_*`, from the {cell['reference']}, within the tolerance in `repro.py`."
    if status is Status.WRONG:
        return "outputs as the model declares them."
    return "the model is valid ONNX and should run."


def _words(item: Any) -> str:
    place = " ".join(part for part in (item.code, item.op, item.node, item.function) if part)
    return f"[{item.source} {item.severity}] {place}{': ' if place else ''}{item.message[:SHOWN_CHARACTERS]}"


def _files(cell: Mapping[str, Any]) -> Iterator[str]:
    yield "All files are in the attached zip."
    yield ""
    yield f"**Model link**: {', '.join(f'`{file}`' for file in cell['model_files'])}"
    yield ""
    yield "* `repro.py`: runs the model and prints its status; needs numpy and the runtime alone"
    yield "* `requirements.txt`, `environment.json`: the exact versions, and the machine"
    yield "* `data/`, `test_data_set_*/`: inputs and expected outputs, as numpy archives and as ONNX test data"
    yield "* `log.txt`: every word of the runtime"
    yield "* `commands.txt`: the same with polygraphy and trtexec"


def _steps() -> Sequence[str]:
    return ("1. Unpack the zip and go into its folder.", *_fenced("pip install -r requirements.txt\npython repro.py"))


def _latest(record: Record, product: Product) -> str:
    newest = [release for release in load() if release.product is product][-1]
    if record.runtime.requested == newest.version:
        return f"yes, {newest.title} is the newest one known here."
    return f"not in this bundle; the newest one known here is {newest.title}."


def _elsewhere(cell: Mapping[str, Any]) -> str:
    return f"yes, on the {cell['reference']}." if cell["reference"] else "no reference could run it."


def _fields(values: Mapping[str, str]) -> Iterator[str]:
    for name, value in values.items():
        yield f"**{name}**: {value or 'unknown'}"
        yield ""


def _fenced(text: str) -> list[str]:
    """Return ``text`` as a block of code that nothing in it can end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence, *(plain(line) for line in text.split("\n")), fence]


def _package(record: Record, part: str) -> str:
    return ", ".join(pin for pin in record.runtime.packages if part in pin)


def _platform(name: str) -> str:
    """Return the word of the template for an operating system; every distribution of Linux has a name of its own."""
    known = {"windows": "Windows", "macos": "Mac", "darwin": "Mac"}
    found = (platform for word, platform in known.items() if word in name)
    return next(found, "Linux" if name else "Other / Unknown")


def _architecture(record: Record) -> str:
    text = record.machine.os.lower()
    return (
        "ARM64" if "aarch64" in text or "arm64" in text else "X64" if "x86_64" in text or "amd64" in text else "unknown"
    )


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
