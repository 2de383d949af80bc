"""The options of the user's own models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from matrix.errors import OptionError
from matrix.models.asked import Asked, parse_asked


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Where the models are, and which shapes they are to have."""

    path: Path
    asked: Asked


def add_model_options(group: pytest.OptionGroup) -> None:
    """Declare --model, --input-shapes and --profile."""
    group.addoption(
        "--model",
        metavar="PATH",
        help="run this model and no case of the catalogue: an .onnx file, a folder in ONNX's test-data layout, or a "
        "tree of them; the project's own baselines and known issues then do not apply (docs/own-models.md)",
    )
    group.addoption(
        "--input-shapes",
        metavar="NAME:1x3x224x224,...",
        action="append",
        default=[],
        help="of --model: the shapes of inputs; may be given several times",
    )
    group.addoption(
        "--profile",
        metavar="NAME:MIN:OPT:MAX",
        action="append",
        default=[],
        help="of --model: the range of a dynamic input's shape, such as x:1x3:4x3:8x3; may be given several times",
    )


def read_model_options(config: pytest.Config) -> ModelOptions | None:
    """Return the options' values, None without --model.

    Raises:
        OptionError: they mean nothing; the message says what would.
    """
    path = config.getoption("--model")
    asked = parse_asked(config.getoption("--input-shapes"), config.getoption("--profile"))
    if path == "":
        raise OptionError("--model is empty; give an .onnx file or a folder that holds some")
    if path is not None:
        return ModelOptions(path=Path(path), asked=asked)
    if asked.names:
        raise OptionError("--input-shapes and --profile are for the inputs of --model PATH, which is missing")
    return None
