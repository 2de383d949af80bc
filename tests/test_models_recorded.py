"""Recorded tensors and seeded ones: read with suspicion, and harmless in every type."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, numpy_helper

from matrix.models.interface import GraphValue, ModelError
from matrix.models.recorded import DataSet
from matrix.models.seeded import BLOCK, seeded
from tests.own_models import record

X = GraphValue(name="x", kind="tensor", dtype="float32", shape=("N", 3))
IDS = GraphValue(name="ids", kind="tensor", dtype="int64", shape=(2,))
VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)


def data_set(tmp_path: Path, **tensors: Any) -> DataSet:
    return DataSet(folder=record(tmp_path, **tensors), root=tmp_path.resolve())


def test_inputs_are_found_by_number_and_by_their_own_names_where_they_are_the_models(tmp_path: Path) -> None:
    found = data_set(tmp_path / "numbers", input_0=VALUES, input_1=np.array([4, 5])).inputs([X, IDS])
    assert np.array_equal(found["x"], VALUES)
    named = {
        "input_0": numpy_helper.from_array(np.array([4, 5]), "ids"),
        "input_1": numpy_helper.from_array(VALUES, "x"),
    }
    swapped = {name: tensor.SerializeToString() for name, tensor in named.items()}
    assert list(data_set(tmp_path / "names", **swapped).inputs([X, IDS])["ids"]) == [4, 5]


def test_sequences_and_optionals_among_the_outputs_are_spread(tmp_path: Path) -> None:
    sequence = numpy_helper.from_list([VALUES, VALUES[:1]], "s").SerializeToString()
    nothing = onnx.OptionalProto(elem_type=onnx.OptionalProto.TENSOR).SerializeToString()
    found = data_set(tmp_path, output_0=sequence, output_1=nothing).outputs(
        [GraphValue(name="s", kind="sequence"), GraphValue(name="o", kind="optional")]
    )
    assert {name: array.shape for name, array in found.items()} == {"s[0]": (2, 3), "s[1]": (1, 3), "o": ()}
    assert found["o"].item() is None


def too_short() -> bytes:
    return bytes(TensorProto(data_type=TensorProto.FLOAT, dims=[2, 3], raw_data=b"\0" * 20).SerializeToString())


def elsewhere() -> bytes:
    tensor = TensorProto(data_type=TensorProto.FLOAT, dims=[2, 3], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="/etc/passwd")
    return bytes(tensor.SerializeToString())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a TensorProto; write it with"),
        (b"\xff\xff not protobuf", "is not a TensorProto; write it with"),
        (too_short(), "does not hold the tensor that it declares"),
        (elsewhere(), "refers to another file"),
        (TensorProto(data_type=TensorProto.FLOAT, dims=[2**40, 2**40]).SerializeToString(), "does not hold"),
        (TensorProto(data_type=99, dims=[2]).SerializeToString(), "does not hold"),
        (VALUES.astype(np.int32), "holds int32, and input 'x' is float32"),
        (VALUES.T, "has shape 3x2, and input 'x' is Nx3"),
    ],
)
def test_what_is_no_tensor_for_the_input_is_said_with_the_remedy(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        data_set(tmp_path, input_0=content).inputs([X])


def test_one_spelling_of_a_number_counts_and_an_output_that_the_model_lacks_is_refused(tmp_path: Path) -> None:
    found = data_set(tmp_path, input_0=VALUES, input_00=2 * VALUES, output_1=VALUES)
    assert found.inputs([X])["x"].max() == 5
    with pytest.raises(ModelError, match=r"has 1 outputs, remove output_1\.pb"):
        found.outputs([X])


@pytest.mark.parametrize(
    ("content", "words"),
    [(VALUES.astype(np.int32), "holds int32, and output 'x' is float32"), (VALUES[0], "has shape 3, and output 'x'")],
)
def test_recorded_outputs_are_held_to_what_the_model_declares(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        data_set(tmp_path, output_0=content).check_outputs([X])
    data_set(tmp_path, output_0=VALUES).check_outputs([X])


def test_a_missing_input_and_a_link_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has 2 inputs, recorded are input_0\.pb; record"):
        data_set(tmp_path, input_0=VALUES).inputs([X, IDS])
    outside = tmp_path / "secret.pb"
    outside.write_bytes(numpy_helper.from_array(VALUES).SerializeToString())
    folder = record(tmp_path / "in")
    (folder / "input_0.pb").symlink_to(outside)
    with pytest.raises(ModelError, match="is a link"):
        DataSet(folder=folder, root=(tmp_path / "in").resolve()).inputs([X])


@given(st.binary(max_size=60))
def test_any_bytes_are_a_tensor_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    for kind in ("tensor", "sequence", "optional"):
        with suppress(ModelError):
            data_set(folder, output_0=content).outputs([GraphValue(name="y", kind=kind)])


DTYPES = [
    onnx.helper.tensor_dtype_to_np_dtype(number).name
    for number in TensorProto.DataType.values()
    if number not in (TensorProto.UNDEFINED, TensorProto.STRING)
]


@pytest.mark.parametrize("dtype", [*DTYPES, "string"])
def test_seeded_inputs_are_repeatable_finite_and_within_their_type(dtype: str) -> None:
    one, again, other = seeded("a", dtype, (4, 5)), seeded("a", dtype, (4, 5)), seeded("b", dtype, (40,))
    assert one.tolist() == again.tolist()
    assert one.shape == (4, 5)
    if dtype == "string":
        assert all(isinstance(item, str) for item in one.reshape(-1))
        return
    assert one.dtype.name == dtype
    values = other.astype(np.complex128)
    assert np.isfinite(values).all()
    assert len(np.unique(values)) > 1
    if dtype in ("int32", "int64", "bool"):
        assert set(values.real) == {0, 1}
    if dtype in ("int4", "int2"):
        assert values.real.min() == -(2 ** (int(dtype.removeprefix("int")) - 1))


def test_large_and_empty_inputs_are_drawn_too() -> None:
    large = seeded("a", "float32", (BLOCK, 3))
    assert large.shape == (BLOCK, 3)
    assert not np.array_equal(large[0], large[1])
    assert seeded("a", "int8", (0, 3)).shape == (0, 3)
    assert seeded("a", "float32", ()).shape == ()
