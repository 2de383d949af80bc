"""TensorRT and TensorRT-RTX: parse the model, build an engine, run it where there is a GPU, and keep every word."""

from __future__ import annotations

import contextlib
import importlib
import os
from typing import Any, List

import device
import job
import libraries
import profiles
import tensorrt_api
import tensorrt_calibration
import tensorrt_layers
import tensorrt_network
import tensorrt_options
from tensorrt_config import Configuration
from tensorrt_execution import Execution, run_points
from tensorrt_listeners import Listeners
from tensorrt_options import Options

LEAST_MEMORY = 256 * 2**20  # bytes: with less left to all, kernels and workspace of small models may find no room


class Backend:
    """TensorRT as a backend of the worker.

    One logger, two error recorders, one builder and one runtime for the life of the process: TensorRT keeps the first
    logger that it is given, and letting a Python logger go while later builders run has been seen to segfault.
    """

    def __init__(self, product: str) -> None:
        # Loads each kernel when it is first used: 8.6 alone would take 3 GB of host memory for all of them.
        os.environ.setdefault("CUDA_MODULE_LOADING", "LAZY")
        self._product = product
        self._trt = importlib.import_module(product)
        self.version = str(self._trt.__version__)
        self._listeners = Listeners(self._trt)
        self._builder = self._trt.Builder(self._listeners.logger)
        self._builder.error_recorder = self._listeners.of_builder
        self._runtime: Any = None

    def run(self, request: job.Request, stages: job.Stages, reply: job.Reply) -> None:
        self._listeners.clear()
        self._listeners.print_all = job.is_verbose(request)
        try:
            options = tensorrt_options.read(request.options, self._product)
            reply.not_applicable = tensorrt_api.why_not_applicable(self._trt, options.precision)
            if not reply.not_applicable:
                self._parse_build_run(request, options, stages, reply)
        finally:
            stages.leave()
            reply.poisoned = device.is_poisoned()
            for item in self._listeners.diagnostics():
                reply.add(item)
            found = libraries.loaded()
            if found:
                told = ("{} {}".format(name, number or "that does not answer") for name, number in found.items())
                reply.settings["libraries"] = ", ".join(told)
            if reply.failed is not None:
                reply.machine = self._why_the_machine_failed(request, libraries.broken(found), reply)

    def _why_the_machine_failed(self, request: job.Request, broken: str, reply: job.Reply) -> str:
        """Return why a refusal says nothing about the release, empty where it does.

        A calibrator that is at fault on purpose fails whatever the libraries are, and so does a broken CUDA context.
        """
        at_fault = tensorrt_calibration.is_at_fault(request.calibration) or reply.poisoned
        if broken and not at_fault and self._listeners.failed_below():
            return "{}, and TensorRT failed where it may have called it".format(broken)
        if self._listeners.lacked_memory():
            return "the GPU, or the host, has not enough memory"
        free = device.free_memory()
        if free is not None and free < LEAST_MEMORY and self._listeners.failed_at_work():
            return "the GPU has only {} MiB left, for whatever TensorRT needs".format(free >> 20)
        return ""

    def _parse_build_run(self, request: job.Request, options: Options, stages: job.Stages, reply: job.Reply) -> None:
        stages.enter("parse")
        network = self._parse(request, options, reply)
        if network is None:
            return
        stages.enter("build")
        will_run = options.execute == "auto" and device.is_present()
        plan = self._build(request, options, network, reply, detailed=will_run)
        if plan is None:
            reply.fail()
            return
        inputs = [profiles.GraphInput(item["name"], item["shape"]) for item in (reply.network or {})["inputs"]]
        faults = profiles.profile_faults(request, inputs)
        if faults:  # TensorRT had the first word, and took it in silence
            stages.enter("profile")
            silent = "{} {} built an engine with it without an error".format(self._product, self.version)
            profiles.refuse(reply, faults, silent)
        elif will_run:
            stages.enter("deserialize")
            with device.Memory() as memory, memory.stream() as stream:
                # Engine and context are gone when this returns: they must not outlive their stream.
                self._execute(plan, request, inputs, stages, reply, memory, stream)
        else:
            _refuse_points_unasked(request, inputs, stages, reply)

    def _parse(self, request: job.Request, options: Options, reply: job.Reply) -> Any:
        """Return the parsed network, None if the parser refused it."""
        network = self._builder.create_network(tensorrt_api.creation_flags(self._trt, options.precision))
        if network is None:  # never `not network`: the length of a network is its number of layers
            raise RuntimeError("create_network returned None")
        # A Python error recorder that the network shares with a parser segfaults when the network is destroyed.
        network.error_recorder = None
        network.name = "case"  # engines of equal networks are equal, byte by byte
        parser = self._trt.OnnxParser(network, self._listeners.logger)
        parsed = parser.parse_from_file(request.model.name)
        errors = [tensorrt_api.parser_error(parser.get_error(index)) for index in range(parser.num_errors)]
        if not parsed or network.num_outputs == 0:
            no_outputs = job.diagnostic("parser", "the parser made a network without outputs and reported no error")
            reply.fail(*(errors or [no_outputs]))
            return None
        reply.network = tensorrt_network.describe(network)
        return network

    def _build(self, request: job.Request, options: Options, network: Any, reply: job.Reply, *, detailed: bool) -> Any:
        """Return the serialized engine, None if the builder refused the network or a profile."""
        trt, builder = self._trt, self._builder
        made = Configuration(trt, builder.create_builder_config())
        reply.settings = made.settings
        made.set_options(options, detailed=detailed)
        strong = tensorrt_api.is_strongly_typed(trt, options.precision)
        dtypes = (reply.network or {})["dtypes"]
        made.set_flags(options, [] if strong else tensorrt_api.needed_flags(trt, network, dtypes))
        if not made.add_profiles(builder, network, request.profiles):
            return None  # said in the log; without that profile the build might go well
        if options.timing_cache:
            made.use_timing_cache(options.timing_cache)
        calibrator: Any = None
        with contextlib.ExitStack() as until_built:
            if options.precision == "int8-calibrated":
                memory = until_built.enter_context(device.Memory())
                profile = made.calibration_profile(request.calibration)
                calibrator = tensorrt_calibration.make(trt, request, network, profile, memory)
                tensorrt_api.set_calibrator(made.config, calibrator, profile)
            plan = builder.build_serialized_network(network, made.config)
        if plan is None:
            tensorrt_calibration.check(calibrator)
        if options.timing_cache and plan is not None:
            made.save_timing_cache(options.timing_cache)
        return plan

    def _execute(
        self,
        plan: Any,
        request: job.Request,
        inputs: List[profiles.GraphInput],
        stages: job.Stages,
        reply: job.Reply,
        memory: device.Memory,
        stream: Any,
    ) -> None:
        if self._runtime is None:
            self._runtime = self._trt.Runtime(self._listeners.logger)
            self._runtime.error_recorder = self._listeners.of_runtime
        engine = self._runtime.deserialize_cuda_engine(plan)
        context = engine.create_execution_context() if engine is not None else None
        if engine is None or context is None:
            reply.fail()
            return
        silent = "{} {} ran it without an error".format(self._product, self.version)
        execution = Execution(self._trt, engine, context, request, inputs, silent, memory, stream)
        run_points(execution, stages, reply, self._listeners)
        if not device.is_poisoned():
            self._inspect(engine, context, request, reply)

    def _inspect(self, engine: Any, context: Any, request: job.Request, reply: job.Reply) -> None:
        """Ask what the engine really runs, at the shapes of the last point: formats depend on them.

        It is evidence beside the outputs: where there is no answer, or none that can be read, they are none the worse.
        """
        try:
            inspector = engine.create_engine_inspector()
            inspector.execution_context = context
            text = inspector.get_engine_information(self._trt.LayerInformationFormat.JSON)
            (request.directory / "engine.json").write_text(text, encoding="utf-8", errors="backslashreplace")
            reply.layers = tensorrt_layers.table(text)
        except (ValueError, RuntimeError, TypeError, AttributeError) as error:
            words = "the engine inspector's answer cannot be read: {}".format(error)
            reply.add(job.diagnostic("harness", words, severity="warning"))


def _refuse_points_unasked(
    request: job.Request, inputs: List[profiles.GraphInput], stages: job.Stages, reply: job.Reply
) -> None:
    """Refuse the shape points that are at fault where nothing is executed."""
    for point in request.points:
        faults = profiles.point_faults(point, request, inputs)
        if faults:
            stages.enter("run:" + point.name)
            profiles.refuse_point(reply, point, faults, "not executed here, so the runtime was not asked")
