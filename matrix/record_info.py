"""What a record says of its case, its runtime and its machine."""

from __future__ import annotations

from cases.case import Case
from cases.operator_types import OperatorTypes
from matrix.execution.local import Finished
from matrix.plan import Cell
from matrix.record import CaseInfo, MachineInfo, RuntimeInfo
from matrix.reported_bug import reported_bug
from matrix.runtimes.hardware import Gpu, Hardware


def case_info(case: Case, finished: Finished) -> CaseInfo:
    """Return what a record says of the case."""
    types = finished.folder.types if finished.folder else OperatorTypes()
    return CaseInfo(
        id=case.id,
        family=case.family,
        op=case.op,
        opset=case.opset,
        summary=case.summary,
        digest=finished.folder.digest if finished.folder else "",
        tags=tuple(sorted(case.tags)),
        source=case.source,
        report=reported_bug(case),
        reads=types.reads,
        writes=types.writes,
    )


def runtime_info(cell: Cell, finished: Finished) -> RuntimeInfo:
    """Return what a record says of the runtime: what was asked for, and what was loaded."""
    ran = finished.ran
    return RuntimeInfo(
        name=cell.runtime.name,
        requested=cell.runtime.release.version,
        product=cell.runtime.release.product,
        version=ran.version if ran else "",
        packages=ran.packages if ran else (),
        python=ran.python if ran else "",
    )


def machine_info(hardware: Hardware, gpu: Gpu | None = None) -> MachineInfo:
    """Return what a record says of the machine; ``gpu`` is the one that was used, by default the first."""
    gpu = gpu or (hardware.gpus[0] if hardware.gpus else None)
    return MachineInfo(
        os=hardware.os,
        cpu=hardware.cpu,
        gpu=gpu.name if gpu else "",
        sm=gpu.sm if gpu else "",
        driver=hardware.driver,
        cuda=hardware.cuda,
        gpu_memory_mib=gpu.memory_mib if gpu else 0,
        sm_clock_mhz=gpu.sm_clock_mhz if gpu else 0,
        memory_clock_mhz=gpu.memory_clock_mhz if gpu else 0,
    )
