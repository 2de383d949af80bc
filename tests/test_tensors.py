"""The worker's packing of 4-bit and 2-bit elements, against that of the onnx package."""

from __future__ import annotations

from importlib import import_module

import ml_dtypes
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix.case_folder import decode, encode

tensors = import_module("matrix.worker.tensors")  # inside the worker its name is `tensors`, and mypy knows one name

SUB_BYTE = {
    "int4": (ml_dtypes.int4, onnx.TensorProto.INT4),
    "uint4": (ml_dtypes.uint4, onnx.TensorProto.UINT4),
    "float4_e2m1fn": (ml_dtypes.float4_e2m1fn, onnx.TensorProto.FLOAT4E2M1),
    "int2": (ml_dtypes.int2, onnx.TensorProto.INT2),
    "uint2": (ml_dtypes.uint2, onnx.TensorProto.UINT2),
}


@given(st.sampled_from(sorted(SUB_BYTE)), st.binary(max_size=33))
def test_packing_is_that_of_onnx_and_can_be_undone(name: str, content: bytes) -> None:
    dtype, elem_type = SUB_BYTE[name]
    mask = (1 << tensors.BITS[name]) - 1
    array = np.frombuffer(bytes(byte & mask for byte in content), dtype)
    packed = tensors.pack(array.tobytes(), name)
    assert packed == onnx.numpy_helper.from_array(array, "t").raw_data
    assert onnx.numpy_helper.from_array(array, "t").data_type == elem_type
    assert len(packed) == tensors.packed_size(name, [len(content)])
    assert tensors.unpack(packed, name, len(content)) == array.tobytes()


@pytest.mark.parametrize("name", sorted(tensors.BITS))
def test_every_dtype_name_is_one_that_numpy_or_ml_dtypes_gives(name: str) -> None:
    dtype = np.dtype(name)
    assert dtype.name == name
    assert dtype.itemsize == max(8, tensors.BITS[name]) // 8
    assert tensors.carrier(name).itemsize == dtype.itemsize


@pytest.mark.parametrize("name", sorted(tensors.BITS))
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_arrays_survive_the_way_to_disk(name: str, shape: tuple[int, ...]) -> None:
    array = np.ones(shape, np.float32).astype(np.dtype(name))
    dtype, content = encode(array)
    again = decode(dtype, shape, content)
    assert (again.dtype, again.shape) == (array.dtype, shape)
    assert again.tobytes() == array.tobytes()


def test_strings_survive_the_way_to_disk() -> None:
    array = np.array([["a", 'quote"'], ["", "ünï"]], dtype=object)
    dtype, content = encode(array)
    assert decode(dtype, (2, 2), content).tolist() == array.tolist()


def test_big_endian_arrays_are_turned_round() -> None:
    assert encode(np.array([1], ">i4"))[1] == b"\x01\0\0\0"


@pytest.mark.parametrize(
    ("dtype", "content"),
    [
        ("int32", b"\0\0\0"),
        ("quaternion", b"\0"),
        ("f4,f4", bytes(8)),
        (">f4", bytes(4)),
        ("M8[s]", bytes(8)),
        ("V4", bytes(4)),
        ("string", b"["),
        ("string", b'{"a": 1}'),
        ("string", b"[1]"),
        ("string", b'[["a"]]'),
    ],
)
def test_bytes_that_are_no_such_array_are_refused(dtype: str, content: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(dtype, (1,), content)
