"""What happened in one cell: the only thing that crosses from running to reporting; its JSON: record_json.py.

Schema history:
    1: first version.
    2: a status per shape point, two references, ULP and LSB, known issues, what the engine really ran, placement,
        the digest of the outputs and how they differ from those of other runtimes, the report of a reported bug, the
        types that the case's operator reads and writes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

if sys.version_info >= (3, 11):
    from enum import StrEnum
else:
    from backports.strenum import StrEnum

SCHEMA = 2


class Status(StrEnum):
    """What happened: a fact, decided by rules on structured data (docs/architecture.md, "Statuses")."""

    MATCH = "match"
    DRIFT = "drift"
    WRONG = "wrong"
    BUILDS = "builds"
    UNSUPPORTED = "unsupported"
    BUILD_FAILED = "build_failed"
    RUN_FAILED = "run_failed"
    CRASH = "crash"
    TIMEOUT = "timeout"
    UNVERIFIED = "unverified"
    NOT_APPLICABLE = "not_applicable"
    NOT_RUN = "not_run"
    INVALID_CASE = "invalid_case"


FINE = frozenset({Status.MATCH, Status.BUILDS})  # as good as it can be on this machine
SILENT = frozenset({Status.NOT_RUN, Status.NOT_APPLICABLE})  # nothing was observed, and nothing had to be
REFUSED = frozenset({Status.UNSUPPORTED, Status.BUILD_FAILED, Status.RUN_FAILED})  # in the runtime's own words


class Verdict(StrEnum):
    """What we think of it: the status against the runtime's baseline."""

    SAME = "same"
    REGRESSION = "regression"
    PROGRESSION = "progression"
    NEW = "new"
    FLAKY = "flaky"


class Precision(StrEnum):
    """The numeric types that a cell asks for; ``explicit`` is what the model's own types and Q/DQ nodes say."""

    EXPLICIT = "explicit"
    FP32 = "fp32"
    TF32 = "tf32"
    FP16 = "fp16"
    BF16 = "bf16"
    INT8_CALIBRATED = "int8-calibrated"


class Symptom(StrEnum):
    """How a reported bug shows itself."""

    NOT_PARSED = "not_parsed"  # refused at load or parse
    NOT_BUILT = "not_built"  # refused at build or for its profiles
    NOT_EXECUTED = "not_executed"  # refused at a shape point
    DIED = "died"  # a crash or a hang, in whatever stage
    WRONG_ANSWER = "wrong_answer"
    INEXACT_ANSWER = "inexact_answer"  # wrong, or outside tolerance


@dataclass(frozen=True, kw_only=True)
class ReportedBug:
    """What a public report says; the link is ``CaseInfo.source``. Fields as in cases.case.Report, and one more."""

    product: str
    versions: str
    symptom: str
    shown_by: tuple[Symptom, ...]
    operators: tuple[str, ...] = ()
    control: str = ""
    precision: Precision = Precision.EXPLICIT
    fixed_in: str = ""
    rightly_refused: bool = False  # the reporter's model, profile, request or calibration is at fault


@dataclass(frozen=True, kw_only=True)
class CaseInfo:
    """Which case; ``digest`` is the SHA-256 of model, inputs and profiles, empty where the case could not be made."""

    id: str
    family: str
    op: str
    opset: int
    summary: str = ""
    digest: str = ""
    tags: tuple[str, ...] = ()
    source: str = ""
    report: ReportedBug | None = None
    reads: tuple[str, ...] = ()  # element types that its operator really takes as data; empty: not known, or none
    writes: tuple[str, ...] = ()  # and those of what it makes of them


@dataclass(frozen=True, kw_only=True)
class RuntimeInfo:
    """Which runtime: the name asked for, and the version that the loaded library reported (empty if none loaded)."""

    name: str
    requested: str
    product: str  # "tensorrt", "tensorrt_rtx" or "onnxruntime"
    version: str = ""
    packages: tuple[str, ...] = ()
    python: str = ""


@dataclass(frozen=True, kw_only=True)
class MachineInfo:
    """Where it ran; no host name and no path."""

    os: str
    cpu: str = ""
    gpu: str = ""
    sm: str = ""
    driver: str = ""
    cuda: str = ""
    gpu_memory_mib: int = 0
    sm_clock_mhz: int = 0  # the highest that the GPU can have, as the next
    memory_clock_mhz: int = 0


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One message of a runtime, with whatever structure the runtime gave it."""

    source: (
        str  # "checker", "parser", "builder", "session", "execution", "engine", "binding", "network", "log", "harness"
    )
    message: str
    severity: str = "error"
    code: str = ""
    op: str = ""
    node: str = ""
    function: str = ""
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How far one output is from its reference, in float64; what each figure means: docs/accuracy.md."""

    max_abs: float
    mean_abs: float
    max_rel: float
    rmse: float
    cosine: float
    sqnr_db: float
    share_off: float
    nonfinite_mismatches: int
    max_steps: int | None = None  # of an integer output, in its own integers
    max_ulp: float | None = None  # of a float output, in units in the last place of its type
    max_lsb: float | None = None  # of a dequantized output whose scale is known, in quantization steps
    worst_index: tuple[int, ...] = ()
    worst_value: float | None = None  # a whole number where the output holds integers; None where nothing differs
    worst_reference: float | None = None


@dataclass(frozen=True, kw_only=True)
class OutputResult:
    """One output at one shape point: what came back, what was expected, and the difference."""

    point: str
    output: str
    dtype: str = ""
    shape: tuple[int, ...] = ()
    expected_dtype: str = ""
    expected_shape: tuple[int, ...] = ()
    reference: str = ""  # name of the reference, empty where none could run
    drift: Drift | None = None
    problem: str = ""  # why this output is not a match, empty where it is
    second_reference: str = ""  # name of the second reference, empty where none could run
    second_drift: Drift | None = None  # of this output against the second reference
    references_differ: Drift | None = None  # of the second reference against the first; None where they are equal
    sides_with: str = ""  # where they differ: "onnx", "onnxruntime", "both" (each within tolerance) or "neither"


@dataclass(frozen=True, kw_only=True)
class PointResult:
    """What happened at one shape point: a case may be right at opt and wrong at max."""

    point: str
    status: Status  # match, drift, wrong, run_failed, unverified; not_run where a failure before kept it from running
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # of the inputs
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class KnownIssue:
    """An entry of known_issues.toml that names the cell; ``expires`` is the release that should no longer need it."""

    reason: str
    link: str
    expires: str = ""
    name: str = ""
    expired: bool = False  # the release that ran is the one in ``expires``, or a later one


@dataclass(frozen=True, kw_only=True)
class OutputDifference:
    """How the outputs differ from those that another runtime of the same product returned in the same run."""

    against: str  # ``outputs_digest`` of the other, which ran before
    differ: int  # outputs that differ, over all shape points
    compared: int  # outputs that both returned
    point: str = ""  # where the difference is worst
    output: str = ""
    drift: Drift | None = None  # there, with the other runtime's output as the reference; None where it has no figures
    problem: str = ""  # why there are no figures


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer of the built engine, as the engine inspector tells it."""

    name: str
    type: str
    inputs: tuple[str, ...] = ()  # precision and format of each input, such as "int8 kCHW32"
    outputs: tuple[str, ...] = ()
    tactic: str = ""


@dataclass(frozen=True, kw_only=True)
class ExitInfo:
    """How the worker process ended, where it did end."""

    code: int | None = None
    signal: str = ""
    timed_out: bool = False


@dataclass(frozen=True, kw_only=True)
class Record:
    """One cell: case x runtime x precision."""

    run: str
    time: str  # ISO 8601, UTC
    case: CaseInfo
    runtime: RuntimeInfo
    machine: MachineInfo
    precision: Precision
    status: Status
    stage: str = ""  # the last stage that was entered: "load", "parse", "build", "run:<point>", ...
    reason: str = ""  # one sentence; why the status is what it is
    diagnostics: tuple[Diagnostic, ...] = ()
    results: tuple[OutputResult, ...] = ()
    signature: str = ""
    remedy: str = ""
    remedy_source: str = ""
    points: tuple[PointResult, ...] = ()
    known_issue: KnownIssue | None = None  # explains the status
    absent_issues: tuple[KnownIssue, ...] = ()  # name this cell, and it does not show what they say
    outputs_digest: str = ""  # SHA-256 of all outputs by value; equal digests are equal answers; empty: no full answer
    differences: tuple[OutputDifference, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)  # of the builder: flags, level, sources, libraries
    ran_in: str = ""  # the type in which the engine runs the case's quantized operator, empty where that is not known
    layers: tuple[Layer, ...] = ()
    no_second_reference: str = ""  # why there is none, where something was compared or could not be
    placement: Mapping[str, int] = field(default_factory=dict)  # execution provider -> nodes that it took
    verdict: Verdict | None = None  # None: nothing was observed that could be judged (not_run)
    baseline: Status | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    attempts: int = 1
    exit: ExitInfo | None = None
    artifacts: Mapping[str, str] = field(default_factory=dict)  # name -> path relative to the run folder
    schema: int = SCHEMA
