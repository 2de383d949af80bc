"""What a worker is asked to do with a model, beside its inputs: the options of a request."""

from __future__ import annotations

from collections.abc import Mapping

from matrix.plan import Cell
from matrix.runtimes.hardware import Gpu, executes
from matrix.runtimes.releases import Product


def request_options(
    cell: Cell, gpu: Gpu | None, settings: Mapping[str, str], *, verbose: bool = False
) -> dict[str, str]:
    """Return the options of the request for ``cell`` on a worker that has ``gpu``.

    ``settings`` are those of the builder: ``optimization_level``, ``tactic_sources``. ``verbose``: every word of the
    runtime goes to the log of the job.
    """
    runtime, said = cell.runtime, {"verbose": "yes"} if verbose else {}
    if runtime.release.product is Product.ONNXRUNTIME:
        return {"optimization": runtime.optimization or "off", "provider": runtime.provider or "cpu", **said}
    execute = "auto" if executes(runtime, gpu) else "no"
    return {**settings, "precision": cell.precision, "sm": runtime.sm, "execute": execute, **said}
