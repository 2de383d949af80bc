"""Recorded tensors: `test_data_set_N/input_M.pb` and `output_M.pb`, as the ONNX project lays them out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from cases.case import Array
from matrix.models.inside import lies_inside
from matrix.models.interface import STRING, GraphValue, ModelError, spell
from matrix.verdict.outputs import dtype_name

FILE = re.compile(r"(input|output)_(0|[1-9][0-9]{0,8})\.pb")  # one spelling for each number
MAX_FILE = 256 * 2**20  # bytes of one recorded tensor
MESSAGES: Mapping[str, type[Any]] = {
    "tensor": onnx.TensorProto,
    "sequence": onnx.SequenceProto,
    "optional": onnx.OptionalProto,
}


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """One folder of recorded tensors; nothing may lie outside ``root``."""

    folder: Path
    root: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def has_outputs(self) -> bool:
        return bool(self._files("output"))

    def is_usable(self, declared: Sequence[GraphValue]) -> bool:
        """Say whether there are recorded inputs, or the model has none and there are recorded outputs."""
        return bool(self._files("input")) or (self.has_outputs and not declared)

    def inputs(self, declared: Sequence[GraphValue]) -> dict[str, Array]:
        """Return the recorded inputs by name, in the order of ``declared``.

        Raises:
            ModelError: one is missing, not what a .pb file must be, or of another type or shape than declared.
        """
        files = self._files("input")
        if sorted(files) != list(range(len(declared))):
            have = ", ".join(path.name for _, path in sorted(files.items())) or "none"
            raise ModelError(
                f"{self.name}: the model has {len(declared)} inputs, recorded are {have}; record input_0.pb to "
                f"input_{len(declared) - 1}.pb, or remove the folder"
            )
        messages = [self._message(files[number], "tensor") for number in range(len(declared))]
        order = _by_name([message.name for message in messages], [item.name for item in declared])
        found = {}
        for item, number in zip(declared, order, strict=True):
            found[item.name] = self._array(messages[number], files[number])
            self._check("input", item, found[item.name], files[number])
        return found

    def outputs(self, declared: Sequence[GraphValue]) -> dict[str, Array]:
        """Return the recorded outputs by name, a sequence as one entry per element: ``name[0]``, ``name[1]``, ...

        Raises:
            ModelError: as for `inputs`.
        """
        files = self._files("output")
        for number, path in sorted(files.items()):
            if number >= len(declared):
                raise ModelError(f"{self.name}: the model has {len(declared)} outputs, remove {path.name}")
        found: dict[str, Array] = {}
        for number, path in sorted(files.items()):
            item, kind = declared[number], declared[number].kind or "tensor"
            if kind not in MESSAGES:
                raise ModelError(f"{self.name}/{path.name}: an output of kind {kind} cannot be read")
            found.update(self._spread(item.name, self._message(path, kind), path))
        return found

    def check_outputs(self, declared: Sequence[GraphValue]) -> None:
        """Hold the recorded outputs against those that a valid model declares, sequences and optionals aside.

        Raises:
            ModelError: one has another type or shape: no runtime could give it.
        """
        found, files = self.outputs(declared), self._files("output")
        for number, item in enumerate(declared):
            if number in files and item.kind == "tensor":
                self._check("output", item, found[item.name], files[number])

    def _files(self, kind: str) -> dict[int, Path]:
        found = ((FILE.fullmatch(path.name), path) for path in self.folder.iterdir())
        return {int(match[2]): path for match, path in found if match and match[1] == kind}

    def _message(self, path: Path, kind: str) -> Any:
        where = f"{self.name}/{path.name}"
        if not lies_inside(path, self.root):
            raise ModelError(f"{where} is a link to a file elsewhere; copy the file itself there (cp -L)")
        if not path.is_file() or path.stat().st_size > MAX_FILE:
            raise ModelError(f"{where} is not a file of at most {MAX_FILE >> 20} MiB; record a smaller tensor")
        message = MESSAGES[kind]()
        try:
            message.ParseFromString(path.read_bytes())
        except DecodeError:
            message.Clear()
            kind = ""
        if kind != "optional" and not (message.data_type if kind == "tensor" else kind and message.elem_type):
            raise ModelError(
                f"{where} is not a {type(message).__name__}; write it with onnx.numpy_helper.from_array(...) "
                "and SerializeToString()"
            )
        return message

    def _spread(self, name: str, message: Any, path: Path) -> dict[str, Array]:
        if isinstance(message, onnx.TensorProto):
            return {name: self._array(message, path)}
        if isinstance(message, onnx.SequenceProto):
            if message.elem_type != onnx.SequenceProto.TENSOR:
                raise ModelError(f"{self.name}/{path.name} is a sequence of something else than tensors")
            return {f"{name}[{index}]": self._array(each, path) for index, each in enumerate(message.tensor_values)}
        if message.HasField("tensor_value"):
            return {name: self._array(message.tensor_value, path)}
        if message.HasField("sequence_value"):
            return self._spread(name, message.sequence_value, path)
        return {name: np.array(None, dtype=object)}

    def _array(self, message: onnx.TensorProto, path: Path) -> Array:
        where = f"{self.name}/{path.name}"
        if message.data_location == onnx.TensorProto.EXTERNAL:
            raise ModelError(f"{where} refers to another file; record the tensor with its data inside")
        try:
            return np.asarray(numpy_helper.to_array(message))
        except (ValueError, TypeError, KeyError, OverflowError, UnicodeDecodeError) as error:
            raise ModelError(f"{where} does not hold the tensor that it declares ({error}); record it again") from error

    def _check(self, kind: str, item: GraphValue, array: Array, path: Path) -> None:
        where = f"{self.name}/{path.name}"
        if dtype_name(array) != (item.dtype or STRING):
            raise ModelError(f"{where} holds {dtype_name(array)}, and {kind} {item.name!r} is {item.dtype}")
        if not fits(array.shape, item):
            raise ModelError(f"{where} has shape {spell(array.shape)}, and {kind} {item.name!r} is {spell(item.shape)}")


def fits(shape: Sequence[int], item: GraphValue) -> bool:
    """Say whether an input or output may have ``shape``."""
    if item.shape is None:
        return True
    return len(shape) == len(item.shape) and all(
        want == got for want, got in zip(item.shape, shape, strict=True) if isinstance(want, int)
    )


def _by_name(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Return which file is whose: by the tensors' own names where these are the inputs', else by number."""
    if len(set(names)) == len(names) and set(names) == set(wanted):
        return [names.index(name) for name in wanted]
    return list(range(len(wanted)))
