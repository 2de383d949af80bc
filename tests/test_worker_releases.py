"""The backend walked through on the API of every release: objects that have the members of its table and no other.

What no reading of the source sees, names in variables among them, is seen here. Nothing is said of what a release does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import count
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from packaging.version import Version

from matrix.record import Precision
from matrix.runtimes.releases import Product, Release, load
from tests.made_up_engine import Engine, HostMemory, IoTensor, array_at
from tests.test_worker_api import MODULE, WORKER, has, tables

RELEASES = [
    pytest.param(release, version, id=f"{release.name}-{version}")
    for release in load()
    if release.product in tables()
    for version in filter(None, (release.version, release.fallback_version))
]
SETTINGS = {"optimization_level": "3", "tactic_sources": "EDGE_MASK_CONVOLUTIONS", "workspace_mib": "64"}


class Thing:
    """An object of a class of one release; what its table has is answered by ``answers``, the rest is not there."""

    def __init__(self, members: frozenset[tuple[str, str]], owner: str, answers: object) -> None:
        object.__setattr__(self, "_of", (members, owner, answers))

    def __getattr__(self, name: str) -> Any:
        members, owner, answers = object.__getattribute__(self, "_of")
        if (owner, name) not in members:
            raise AttributeError(f"{owner} has no {name} in this release")
        return getattr(answers, name)

    def __setattr__(self, name: str, value: object) -> None:
        members, owner, answers = object.__getattribute__(self, "_of")
        if (owner, name) not in members:
            raise AttributeError(f"{owner} has no {name} in this release")
        setattr(answers, name, value)


class Base:
    """Stands for a class that the worker derives from."""


class Api:
    """The module of one release."""

    def __init__(self, product: Product, version: str) -> None:
        table = tables()[product]
        self.members = frozenset(item for item in table if has(table, item, Version(version)))
        self.set_flags: list[str] = []
        module = {name: self._made(name) for owner, name in self.members if owner == MODULE}
        self.module = Thing(self.members, MODULE, SimpleNamespace(**module, __version__=version))
        object.__setattr__(self.module, "__version__", version)

    def enumerator(self, owner: str, name: str) -> Any:
        return getattr(getattr(self.module, owner), name)

    def _made(self, name: str) -> Any:
        makers = {"Builder": self._builder, "OnnxParser": self._parser, "Runtime": self._runtime}
        if name in makers:
            return lambda *_: self.thing(name, makers[name]())
        if name.startswith(("ILogger", "IErrorRecorder", "IOutputAllocator", "IInt8")):
            return type(name, (Base,), {})
        numbers = count()
        inside = sorted(member for owner, member in self.members if owner == name)
        return SimpleNamespace(**{member: Enumerator(member, next(numbers)) for member in inside})

    def thing(self, owner: str, answers: object) -> Thing:
        return Thing(self.members, owner, answers)

    def _builder(self) -> Any:
        return SimpleNamespace(
            create_network=self._network,
            create_builder_config=self._config,
            create_optimization_profile=lambda: self.thing(
                "IOptimizationProfile", SimpleNamespace(set_shape=lambda *_: None, set_shape_input=lambda *_: None)
            ),
            build_serialized_network=lambda network, config: b"plan",
        )

    def _network(self, flags: int) -> Thing:
        kind = self.enumerator("DataType", "FLOAT")
        tensors = [
            self.thing("ITensor", SimpleNamespace(name=name, dtype=kind, shape=(-1,), is_shape_tensor=False))
            for name in "xy"
        ]
        layer = SimpleNamespace(
            type=self.enumerator("LayerType", "QUANTIZE"), num_inputs=1, get_input=lambda index: tensors[0],
            num_outputs=1, get_output=lambda index: tensors[1],
        )  # fmt: skip
        return self.thing(
            "INetworkDefinition",
            SimpleNamespace(
                num_inputs=1, num_outputs=1, num_layers=1, get_input=lambda index: tensors[0],
                get_output=lambda index: tensors[1], get_layer=lambda index: self.thing("ILayer", layer),
            ),
        )  # fmt: skip

    def _config(self) -> Thing:
        cache = SimpleNamespace(serialize=lambda: b"")
        return self.thing(
            "IBuilderConfig",
            SimpleNamespace(
                set_flag=lambda flag: self.set_flags.append(flag.name), clear_flag=lambda flag: None,
                add_optimization_profile=lambda profile: 0, set_tactic_sources=lambda mask: True,
                set_memory_pool_limit=lambda pool, size: None, create_timing_cache=lambda content: cache,
                set_timing_cache=lambda cache, ignore: True, get_timing_cache=lambda: cache,
                set_calibration_profile=lambda profile: True, int8_calibrator=None, builder_optimization_level=3,
            ),
        )  # fmt: skip

    def _parser(self) -> Any:
        return SimpleNamespace(parse_from_file=lambda path: True, num_errors=0)

    def _runtime(self) -> Any:
        engine = Engine([IoTensor("x"), IoTensor("y", output=True)], lambda given: {"y": array_at(*given["x"], "f4")})
        context = self.thing("IExecutionContext", engine)
        told = SimpleNamespace(get_engine_information=lambda form: '{"Layers": ["y"]}')
        more = {
            "all_shape_inputs_specified": True,
            "create_execution_context": lambda: context,
            "create_engine_inspector": lambda: self.thing("EngineInspector", told),
        }
        vars(engine).update(more)
        engine.get_tensor_mode = lambda name: self.enumerator("TensorIOMode", "OUTPUT" if name == "y" else "INPUT")  # type: ignore[method-assign]
        engine.get_tensor_location = lambda name: self.enumerator("TensorLocation", "DEVICE")  # type: ignore[method-assign]
        return SimpleNamespace(deserialize_cuda_engine=lambda plan: self.thing("ICudaEngine", engine))


class Enumerator:
    def __init__(self, name: str, number: int) -> None:
        self.name, self._number = name, number

    def __int__(self) -> int:
        return self._number


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, Any]]:
    """Give the worker's modules, which have common names, for the time of one test; the GPU is memory of the host."""
    monkeypatch.syspath_prepend(str(WORKER))
    before = set(sys.modules)
    found = {name: import_module(name) for name in ("device", "job", "tensorrt_backend")}
    monkeypatch.setattr(found["device"], "is_present", lambda: True)
    monkeypatch.setattr(found["device"], "is_poisoned", lambda: False)
    monkeypatch.setattr(found["device"], "Memory", HostMemory)
    yield found
    for name in set(sys.modules) - before:
        if isinstance(sys.modules[name], ModuleType) and str(WORKER) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def run(modules: Mapping[str, Any], api: Api, release: Release, folder: Path, precision: str) -> Any:
    job = modules["job"]
    (folder / "x.bin").write_bytes(np.ones(2, np.float32).tobytes())
    tensor = job.Tensor("x", "float32", [2], folder / "x.bin")
    profile = job.Profile({"x": [[1], [2], [4]]}, {})
    calibration = job.Calibration("minmax", "right", [[tensor]], None, 0)
    options = {"precision": precision, "timing_cache": str(folder / "timing"), **SETTINGS}
    request = job.Request(
        folder, folder / "model.onnx", [job.Point("opt", [tensor], [])], [profile], options, calibration
    )
    reply = job.Reply()
    modules["tensorrt_backend"].Backend(str(release.product)).run(request, job.Stages(folder, reply), reply)
    return reply


@pytest.mark.parametrize(("release", "version"), RELEASES)
def test_every_precision_walks_through_the_api_of_every_release(
    release: Release, version: str, modules: Mapping[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Api(release.product, version)
    monkeypatch.setitem(sys.modules, str(release.product), api.module)
    strong = has(tables()[release.product], ("NetworkDefinitionCreationFlag", "STRONGLY_TYPED"), Version(version))
    for precision in Precision:
        api.set_flags.clear()
        reply = run(modules, api, release, tmp_path, str(precision))
        flag = {Precision.FP16: "fp16", Precision.BF16: "bf16", Precision.INT8_CALIBRATED: "int8"}.get(precision)
        can = (flag is None or flag in release.precision_flags) and (flag != "int8" or release.calibrators)
        assert bool(reply.not_applicable) is not can, f"{precision}: the facts and the release differ"
        assert (reply.failed, reply.executed, reply.machine) == (None, can, ""), f"{precision}: {reply.diagnostics}"
        weak = flag is not None or not strong
        wanted = {name for name in (flag, "tf32" if precision is Precision.TF32 else None) if name}
        assert set(api.set_flags) == (
            {name.upper() for name in wanted | ({"int8"} if weak else set())} if can else set()
        )
        assert not can or reply.layers[0]["name"] == "y"
        assert not can or reply.network["quantized"] == {"y": "float32"}
