"""Which execution providers of ONNX Runtime took a cell's nodes: what the CPU computed says nothing about a GPU."""

from __future__ import annotations

from collections.abc import Iterable

from matrix.record import Record
from reports.text import count

CPU = "CPUExecutionProvider"


def placement_text(record: Record) -> str:
    """Return "CUDAExecutionProvider 2, CPUExecutionProvider 1" (nodes), empty where no provider was asked for."""
    return ", ".join(f"{provider} {nodes}" for provider, nodes in record.placement.items())


def cells_on_cpu(records: Iterable[Record]) -> tuple[int, int]:
    """Return how many cells another provider than the CPU was asked for left to the CPU: wholly, and in part."""
    providers = [record.placement.keys() for record in records if CPU in record.placement]
    wholly = sum(len(names) == 1 for names in providers)
    return wholly, len(providers) - wholly


def cpu_text(wholly: int, partly: int) -> str:
    """Return "936 cells ran on the CPU alone, 577 in part", empty where none did."""
    return f"{count(wholly, 'cell')} ran on the CPU alone, {partly:,} in part" if wholly or partly else ""
