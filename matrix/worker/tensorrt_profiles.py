"""Optimization profiles: made from a request, and chosen for a shape point."""

from __future__ import annotations

from typing import Any, List, Sequence

import job
import tensors


def make(builder: Any, network: Any, wanted: job.Profile) -> Any:
    """Return an optimization profile.

    Raises:
        ValueError: it names an input that the network does not have; TensorRT ignores that.
    """
    profile = builder.create_optimization_profile()
    inputs = {network.get_input(index).name: network.get_input(index) for index in range(network.num_inputs)}
    for name, (low, best, high) in wanted.shapes.items():
        if name not in inputs:
            raise ValueError("the profile names an input {!r} that the network does not have".format(name))
        if name in wanted.values and inputs[name].is_shape_tensor:
            profile.set_shape_input(name, *wanted.values[name])
        else:
            profile.set_shape(name, low, best, high)
    return profile


def choose(point: job.Point, profiles: Sequence[job.Profile]) -> int:
    """Return the index of the first profile that contains ``point``; 0 where none does, for TensorRT to refuse."""
    return next((index for index, profile in enumerate(profiles) if contains(profile, point)), 0)


def contains(profile: job.Profile, point: job.Point) -> bool:
    """Say whether all shapes of ``point``, and the values of its shape tensors, lie from min to max of ``profile``."""
    return all(_is_inside(profile, tensor) for tensor in point.inputs)


def _is_inside(profile: job.Profile, tensor: job.Tensor) -> bool:
    if tensor.name in profile.values:
        low, _, high = profile.values[tensor.name]
        return _lies_between(low, tensors.integers(tensor.file.read_bytes(), tensor.dtype), high)
    if tensor.name in profile.shapes:
        low, _, high = profile.shapes[tensor.name]
        return _lies_between(low, tensor.shape, high)
    return True


def _lies_between(low: Sequence[int], values: List[int], high: Sequence[int]) -> bool:
    return len(low) == len(values) and all(a <= value <= b for a, value, b in zip(low, values, high))
