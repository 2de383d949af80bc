"""Execution providers of ONNX Runtime: which a session is to use, whether it got it, and what ran where.

ONNX Runtime goes on without a provider that it cannot load, and gives the CPU what a provider does not take: without a
look at the session, a result from the CPU would pass for one from the GPU.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List

import onnxruntime as ort

CPU = "CPUExecutionProvider"
# In the order of preference; whatever the first does not take goes to the next.
PROVIDERS = {
    "cpu": [CPU],
    "cuda": ["CUDAExecutionProvider", CPU],
    "tensorrt": ["TensorrtExecutionProvider", "CUDAExecutionProvider", CPU],
}
# cuBLAS and cuDNN read it; the provider option use_tf32 only came with 1.18, and the tensorrt provider has none.
# Source: "cudnnMathType_t" in https://docs.nvidia.com/deeplearning/cudnn/api/cudnn-graph-library.html.
TF32 = "NVIDIA_TF32_OVERRIDE"
MAX_PROFILE = 64 * 2**20  # bytes
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
REMEDY = (
    "install what https://onnxruntime.ai/docs/execution-providers/ asks for, or give an interpreter that has it with "
    "--runtime-python"
)


def prepare(name: str, options: Any) -> List[str]:
    """Return the providers of a session for ``name``, and have it note where each node runs.

    TF32 is off, as with TensorRT, unless whoever started this process says otherwise.
    """
    if name != "cpu":
        os.environ.setdefault(TF32, "0")
        if hasattr(ort, "preload_dlls"):  # from 1.21 on: finds CUDA and cuDNN in packages beside it
            ort.preload_dlls()
        options.enable_profiling = True
        options.profile_file_prefix = "nodes"
    return PROVIDERS[name]


def settings(name: str) -> Dict[str, str]:
    """Return what a session for ``name`` was set to, for the record."""
    return {} if name == "cpu" else {TF32: os.environ[TF32]}


def why_missing(name: str, session: Any) -> str:
    """Return why ``session`` runs without the provider ``name``, empty where it has it."""
    wanted = PROVIDERS[name][0]
    if wanted in session.get_providers():
        return ""
    if wanted not in ort.get_available_providers():
        return "this package of onnxruntime {} was built without {}".format(ort.__version__, wanted)
    why = _why_not_loadable(name) or _last_words()
    return "onnxruntime {} could not load {}: {}; {}".format(ort.__version__, wanted, why, REMEDY)


def placement(name: str, session: Any) -> Dict[str, int]:
    """Return how many nodes of the model each provider ran, nothing where no other than the CPU was asked for.

    What ONNX Runtime adds to copy a tensor from one provider to another is none of them. Ends the noting.
    """
    if name == "cpu":
        return {}
    file = Path(session.end_profiling())
    if file.stat().st_size > MAX_PROFILE:
        return {}
    nodes = {}
    for event in json.loads(file.read_text(encoding="utf-8")):
        about = event.get("args", {})
        provider = about.get("provider")
        if event.get("cat") == "Node" and provider and not about.get("op_name", "").startswith("Memcpy"):
            nodes[event["name"]] = provider
    file.unlink()
    return dict(Counter(nodes.values()))


def _why_not_loadable(name: str) -> str:
    """Return what the system's loader says of the provider's library, empty where it loads: "libcudnn.so.9: ..."."""
    folder = Path(ort.__file__).parent / "capi"
    try:
        ctypes.CDLL(str(folder / "libonnxruntime_providers_{}.so".format(name)))
    except OSError as error:
        return str(error).replace(str(folder) + "/", "")
    return ""


def _last_words() -> str:
    """Return what the library printed: it goes to the log of the job, which is the present directory."""
    log = Path("log.txt")
    text = COLOURS.sub("", log.read_text(encoding="utf-8", errors="replace")) if log.exists() else ""
    lines = [line.strip() for line in text.splitlines() if re.search(r"\w", line)]
    return lines[-1][:1000] if lines else "it gave no reason"
