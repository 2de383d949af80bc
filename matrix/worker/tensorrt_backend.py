"""TensorRT and TensorRT-RTX: parse the model, build an engine, and keep every word that was said."""

from __future__ import annotations

import importlib
from typing import Any, Dict, List

import job
import profiles
import tensorrt_network
from tensorrt_listeners import Listeners


class Backend:
    """TensorRT as a backend of the worker.

    One logger, one error recorder and one builder for the life of the process: TensorRT keeps the first logger that it
    is given, and letting a Python logger go while later builders run has been seen to segfault.
    """

    def __init__(self, product: str) -> None:
        self._trt = importlib.import_module(product)
        self.version = str(self._trt.__version__)
        self._listeners = Listeners(self._trt)
        self._builder = self._trt.Builder(self._listeners.logger)
        self._builder.error_recorder = self._listeners.recorder

    def run(self, request: job.Request, stages: job.Stages, reply: job.Reply) -> None:
        self._listeners.clear()
        try:
            self._parse_and_build(request, stages, reply)
        finally:
            stages.leave()
            for item in self._listeners.diagnostics():
                reply.add(item)

    def _parse_and_build(self, request: job.Request, stages: job.Stages, reply: job.Reply) -> None:
        stages.enter("parse")
        network = self._builder.create_network(_creation_flags(self._trt))
        if network is None:  # never `not network`: the length of a network is its number of layers
            raise RuntimeError("create_network returned None")
        # A Python error recorder that the network shares with a parser segfaults when the network is destroyed.
        network.error_recorder = None
        network.name = "case"  # engines of equal networks are equal, byte by byte
        parser = self._trt.OnnxParser(network, self._listeners.logger)
        parsed = parser.parse_from_file(request.model.name)
        errors = [_parser_error(parser.get_error(index)) for index in range(parser.num_errors)]
        if not parsed or network.num_outputs == 0:
            no_outputs = job.diagnostic("parser", "the parser made a network without outputs and reported no error")
            reply.fail(*(errors or [no_outputs]))
            return
        reply.network = tensorrt_network.describe(network)
        stages.enter("build")
        config = self._builder.create_builder_config()
        self._target(config, request.options.get("sm", ""))
        for profile in request.profiles:
            if config.add_optimization_profile(self._profile(network, profile)) < 0:
                reply.fail()  # said in the log; without that profile the build might go well
                return
        engine = self._builder.build_serialized_network(network, config)
        if engine is None:
            reply.fail()
            return
        self._hold_to_the_contract(request, stages, reply)

    def _hold_to_the_contract(self, request: job.Request, stages: job.Stages, reply: job.Reply) -> None:
        """Refuse the profiles and the shape points that TensorRT took in silence, or was not asked about."""
        inputs = [profiles.GraphInput(item["name"], item["shape"]) for item in (reply.network or {})["inputs"]]
        faults = profiles.profile_faults(request, inputs)
        if faults:
            stages.enter("profile")
            silent = "{} {} built an engine with it without an error".format(self._trt.__name__, self.version)
            profiles.refuse(reply, faults, silent)
            return
        for point in request.points:
            faults = profiles.point_faults(point, request, inputs)
            if faults:
                stages.enter("run:" + point.name)
                profiles.refuse_point(reply, point, faults, "not executed here, so the runtime was not asked")

    def _target(self, config: Any, sm: str) -> None:
        """Build for one compute capability, "sm89"; unset means every one that the release can target."""
        if sm:
            config.num_compute_capabilities = 1
            config.set_compute_capability(getattr(self._trt.ComputeCapability, sm.upper()), 0)

    def _profile(self, network: Any, wanted: job.Profile) -> Any:
        """Return an optimization profile as it was asked for, wrong or not: TensorRT has the first word on that."""
        profile = self._builder.create_optimization_profile()
        inputs = {network.get_input(index).name: network.get_input(index) for index in range(network.num_inputs)}
        for name, (low, best, high) in wanted.shapes.items():
            if name in wanted.values and name in inputs and inputs[name].is_shape_tensor:
                profile.set_shape_input(name, *wanted.values[name])
            else:
                profile.set_shape(name, low, best, high)
        return profile


def _creation_flags(trt: Any) -> int:
    """Set flags by name only: the same bit means something else in another release."""
    flags = 0
    for name in ("EXPLICIT_BATCH", "STRONGLY_TYPED"):
        flag = getattr(trt.NetworkDefinitionCreationFlag, name, None)
        if flag is not None:
            flags |= 1 << int(flag)
    return flags


def _parser_error(error: Any) -> Dict[str, Any]:
    """Keep all of a ParserError; the fields that came with TensorRT 10.0 are asked for first."""
    name = getattr(error, "node_name", None)
    operator = getattr(error, "node_operator", None)
    functions: List[str] = list(getattr(error, "local_function_stack", list)())
    return job.diagnostic(
        "parser",
        error.desc(),
        severity="error",
        code=error.code().name,
        op=operator() if operator else "",
        node=(name() if name else "") or "#{}".format(error.node()),
        function=" > ".join([*functions, error.func()]),
        line=error.line(),
    )
