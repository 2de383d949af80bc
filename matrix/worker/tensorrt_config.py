"""A builder's configuration from a request: flags, limits, tactic sources, timing cache, profiles and calibrator.

Polygraphy's CreateConfig is not used: it takes a third of a second to import, which a run without a GPU need not pay.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import job
import tensorrt_api
from tensorrt_options import Options

FLAG_OF_TF32 = "TF32"


class Configuration:
    """A builder configuration and what it was set to, in words."""

    def __init__(self, trt: Any, config: Any) -> None:
        self._trt = trt
        self.config = config
        self.profiles: List[Any] = []
        self.settings: Dict[str, str] = {}

    def set_flags(self, options: Options, needed: Sequence[str]) -> None:
        """Set the flags of the precision, and those that the network cannot be built without; TF32 for tf32 alone."""
        config, flags = self.config, self._trt.BuilderFlag
        names = sorted({*needed, *tensorrt_api.FLAGS_OF_PRECISION.get(options.precision, ())})
        for name in names:
            config.set_flag(getattr(flags, name))
        if options.precision == "tf32":
            names.append(FLAG_OF_TF32)
            config.set_flag(getattr(flags, FLAG_OF_TF32))
        else:
            config.clear_flag(getattr(flags, FLAG_OF_TF32))
        self.settings["flags"] = " ".join(names)

    def set_options(self, options: Options, *, detailed: bool) -> None:
        """Set everything that does not depend on the network.

        Raises:
            job.RequestError: none of the tactic sources asked for is one of this release.
            AttributeError: the release cannot build for the compute capability asked for.
        """
        trt, config = self._trt, self.config
        if options.sm:
            tensorrt_api.set_target(trt, config, options.sm)
        level = options.optimization_level
        if level is not None and tensorrt_api.set_optimization_level(config, level):
            self.settings["optimization_level"] = str(level)
        if options.tactic_sources:
            self._restrict_tactic_sources(options.tactic_sources)
        if options.workspace_mib is not None:
            config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mib << 20)
            self.settings["workspace_mib"] = str(options.workspace_mib)
        if detailed:
            config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED

    def add_profiles(self, builder: Any, network: Any, wanted: Sequence[job.Profile]) -> bool:
        """Add the optimization profiles, wrong or not: TensorRT has the first word on them. Say whether it took all."""
        inputs = {network.get_input(index).name: network.get_input(index) for index in range(network.num_inputs)}
        for each in wanted:
            profile = builder.create_optimization_profile()
            for name, (low, best, high) in each.shapes.items():
                if name in each.values and name in inputs and inputs[name].is_shape_tensor:
                    profile.set_shape_input(name, *each.values[name])
                else:
                    profile.set_shape(name, low, best, high)
            if self.config.add_optimization_profile(profile) < 0:
                return False
            self.profiles.append(profile)
        return True

    def calibration_profile(self, calibration: Optional[job.Calibration]) -> Any:
        """Return the profile at whose opt shapes the builder is to calibrate, None for none.

        Raises:
            job.RequestError: there is no such profile.
        """
        if calibration is None or calibration.profile is None or not self.profiles:
            return None
        if not 0 <= calibration.profile < len(self.profiles):
            raise job.RequestError("calibration: there is no profile {}".format(calibration.profile))
        return self.profiles[calibration.profile]

    def use_timing_cache(self, path: str) -> None:
        """Start from the timing cache at ``path``, or from an empty one. TensorRT-RTX ignores it.

        A file that is none, or is of another GPU or release, is no fault of the model: it is written anew.
        """
        file, config = Path(path), self.config
        kept = config.create_timing_cache(file.read_bytes()) if file.exists() else None
        if kept is None or not config.set_timing_cache(kept, False):
            config.set_timing_cache(config.create_timing_cache(b""), False)

    def save_timing_cache(self, path: str) -> None:
        """Write the timing cache to ``path``, by write-then-rename."""
        cache = self.config.get_timing_cache()
        if cache is None:
            return
        temporary = Path("{}.{}.tmp".format(path, os.getpid()))
        temporary.write_bytes(memoryview(cache.serialize()))
        os.replace(str(temporary), path)

    def _restrict_tactic_sources(self, names: Sequence[str]) -> None:
        sources = self._trt.TacticSource
        known = [name for name in names if hasattr(sources, name)]
        if not known:
            raise job.RequestError("tactic_sources: this release has none of {}".format(", ".join(names)))
        self.config.set_tactic_sources(tensorrt_api.mask(sources, known))
        self.settings["tactic_sources"] = " ".join(known)
