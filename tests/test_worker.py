"""The worker with real runtimes: ONNX Runtime and TensorRT-RTX as they are installed beside the tests."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cases.case import Case, Profile, ShapePoint
from tests.models import case, counting, relu, single_node
from tests.real_workers import Run

STATIC = (ShapePoint(name="static", shapes={"x": (2, 3)}),)


def quantize(name: str, zero_point: int | None, dtype: Any = np.int8, elem_type: int = TensorProto.INT8) -> Case:
    initializers = [numpy_helper.from_array(np.array(0.5, np.float32), "scale")]
    if zero_point is not None:
        initializers.append(numpy_helper.from_array(np.array(zero_point, dtype), "zero_point"))

    def build() -> onnx.ModelProto:
        names = ("x", *(item.name for item in initializers))
        return single_node(
            "QuantizeLinear", x_shape=(2, 3), y_shape=(2, 3), y=elem_type, opset=19, ir_version=9, inputs=names,
            initializers=tuple(initializers),
        )  # fmt: skip

    return case(name, build, points=STATIC, profiles=())


def test_onnxruntime_runs_every_shape_point(ort: Run) -> None:
    reply, outputs = ort(relu())
    assert (reply.failed, reply.executed, reply.stage) == (None, True, "run:max")
    assert [point.point for point in reply.points] == ["min", "opt", "inside", "max"]
    assert outputs["max"]["y"].shape == (4, 3)
    assert outputs["opt"]["y"].reshape(-1).tolist() == [0, 0, 0, 1, 2, 3]
    assert set(reply.seconds) == {"load", "run"}


@pytest.mark.parametrize(
    ("dtype", "elem_type", "opset", "ir_version"),
    [
        (np.float16, TensorProto.FLOAT16, 17, 8),
        (ml_dtypes.bfloat16, TensorProto.BFLOAT16, 17, 8),
        (ml_dtypes.float8_e4m3fn, TensorProto.FLOAT8E4M3FN, 19, 9),
        (ml_dtypes.int4, TensorProto.INT4, 21, 10),
        (ml_dtypes.uint4, TensorProto.UINT4, 21, 10),
        (np.bool_, TensorProto.BOOL, 17, 8),
        (np.uint16, TensorProto.UINT16, 17, 8),
    ],
)
def test_every_element_type_goes_in_and_comes_out_of_onnxruntime(
    ort: Run, dtype: Any, elem_type: int, opset: int, ir_version: int
) -> None:
    def build() -> onnx.ModelProto:
        return single_node("Cast", x=elem_type, y=elem_type, opset=opset, ir_version=ir_version, to=elem_type)

    item = case(f"cast-{np.dtype(dtype).name}", build, inputs=counting(dtype))
    reply, outputs = ort(item)
    assert reply.failed is None, reply.diagnostics
    for point in item.points:
        want = item.inputs(point)["x"]
        got = outputs[point.name]["y"]
        assert got.dtype == want.dtype
        assert got.tobytes() == want.tobytes()


def test_strings_sequences_and_absent_optionals_come_out_of_onnxruntime(ort: Run) -> None:
    def build() -> onnx.ModelProto:
        graph = helper.make_graph(
            [
                helper.make_node("Identity", ["x"], ["y"]),
                helper.make_node("SplitToSequence", ["n"], ["s"], axis=1),
                helper.make_node("Optional", [], ["o"], type=helper.make_tensor_type_proto(TensorProto.FLOAT, [2])),
            ],
            "case",
            [
                helper.make_tensor_value_info("x", TensorProto.STRING, ["N", 3]),
                helper.make_tensor_value_info("n", TensorProto.FLOAT, ["N", 3]),
            ],
            [
                helper.make_tensor_value_info("y", TensorProto.STRING, ["N", 3]),
                helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, ["N", 1]),
                onnx.ValueInfoProto(
                    name="o",
                    type=helper.make_optional_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, [2])),
                ),
            ],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    words = np.array([["a", "b", "ü"], ["", "d", "e"]], dtype=object)
    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    points = (ShapePoint(name="static", shapes={"x": (2, 3), "n": (2, 3)}),)
    whole = Profile(shapes=dict.fromkeys(("x", "n"), ((1, 3), (2, 3), (4, 3))))
    item = case("mixed", build, inputs=lambda _: {"x": words, "n": numbers}, points=points, profiles=(whole,))
    reply, _ = ort(item)
    assert reply.failed is None, reply.diagnostics
    outputs = {output.name: output for output in reply.points[0].outputs}
    assert list(outputs) == ["y", "s[0]", "s[1]", "s[2]", "o"]
    assert outputs["y"].dtype == "string"
    assert outputs["s[1]"].shape == (2, 1)
    assert outputs["o"].dtype == "none"


def test_a_sequence_comes_out_of_onnxruntime_without_a_string_beside_it(ort: Run) -> None:
    def build() -> onnx.ModelProto:
        model = single_node("SplitToSequence", axis=1)
        model.graph.output[0].CopyFrom(helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, ["N", 1]))
        return model

    reply, outputs = ort(case("sequence", build))
    assert reply.failed is None, reply.diagnostics
    assert [array.shape for array in outputs["max"].values()] == [(4, 1)] * 3


def test_onnxruntime_refuses_at_load_with_its_own_status(ort: Run) -> None:
    reply, _ = ort(case("unknown", lambda: single_node("NoSuchOp"), tags=frozenset({"invalid_on_purpose"})))
    assert (reply.failed, reply.stage, reply.executed) == ("load", "load", False)
    assert reply.diagnostics[0].code in ("Fail", "InvalidGraph")
    assert "NoSuchOp" in reply.diagnostics[0].message


def test_onnxruntime_fails_at_one_point_and_goes_on_to_the_next(ort: Run) -> None:
    def build() -> onnx.ModelProto:
        shape = numpy_helper.from_array(np.array([2, 3], np.int64), "s")
        return single_node("Reshape", y_shape=(2, 3), inputs=("x", "s"), initializers=(shape,))

    reply, outputs = ort(case("baked", build))
    assert reply.failed == "run:min"
    assert [bool(point.error) for point in reply.points] == [True, False, True, True]
    assert outputs["opt"]["y"].shape == (2, 3)


def test_onnxruntime_optimizations_can_be_switched_on(ort: Run) -> None:
    assert ort(relu("relu-optimized"), optimization="all")[0].failed is None


def test_tensorrt_rtx_parses_and_builds_without_a_gpu(rtx: Run) -> None:
    reply, _ = rtx(relu())
    assert (reply.failed, reply.stage, reply.executed) == (None, "build", False)
    assert reply.network is not None
    assert [(t.name, t.dtype, t.shape) for t in reply.network.outputs] == [("y", "float32", (-1, 3))]
    assert reply.network.dtypes == ("float32",)
    assert set(reply.seconds) == {"parse", "build"}


def test_tensorrt_rtx_keeps_the_whole_parser_error(rtx: Run) -> None:
    reply, _ = rtx(quantize("non-zero", 5))
    first = reply.diagnostics[0]
    assert reply.failed == "parse"
    assert (first.source, first.severity, first.op) == ("parser", "error", "QuantizeLinear")
    assert first.code == "INVALID_NODE"
    assert "zero" in first.message
    assert first.function
    assert first.line
    assert first.line > 0
    assert first.node


def test_tensorrt_rtx_shows_what_it_made_of_an_output(rtx: Run) -> None:
    reply, _ = rtx(quantize("uint8", None, elem_type=TensorProto.UINT8))
    assert reply.network is not None
    assert reply.network.outputs[0].dtype == "int8"


def test_tensorrt_rtx_names_what_it_quantizes(rtx: Run) -> None:
    def build() -> onnx.ModelProto:
        nodes = [
            helper.make_node("QuantizeLinear", ["x", "scale"], ["codes"]),
            helper.make_node("DequantizeLinear", ["codes", "scale"], ["mid"]),
            helper.make_node("QuantizeLinear", ["mid", "scale", "zero"], ["c" * 1001]),
            helper.make_node("DequantizeLinear", ["c" * 1001, "scale", "zero"], ["y"]),
        ]
        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3]) for name in "xy"]
        constants = {"scale": np.float32(0.5), "zero": np.int8(0)}
        initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
        graph = helper.make_graph(nodes, "pair", values[:1], values[1:], initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    reply, _ = rtx(case("pair", build, points=STATIC, profiles=()))
    assert reply.failed is None
    assert reply.network is not None
    assert reply.network.quantized == {"codes": "int8"}  # and not the name that is too long to be told


def test_tensorrt_rtx_refuses_garbage_that_its_parser_accepts(rtx: Run) -> None:
    reply, _ = rtx(case("empty", onnx.ModelProto, tags=frozenset({"invalid_on_purpose"}), points=STATIC, profiles=()))
    assert reply.failed == "parse"
    assert reply.diagnostics


def test_tensorrt_rtx_says_which_profile_is_missing(rtx: Run) -> None:
    reply, _ = rtx(case("no-profile", lambda: single_node("Relu"), profiles=()))
    assert reply.failed == "build"
    assert any("profile" in item.message for item in reply.diagnostics)


def test_tensorrt_rtx_takes_the_values_of_a_shape_tensor(rtx: Run) -> None:
    def build() -> onnx.ModelProto:
        graph = helper.make_graph(
            [helper.make_node("Expand", ["x", "s"], ["y"])],
            "case",
            [
                helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3]),
                helper.make_tensor_value_info("s", TensorProto.INT64, [2]),
            ],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["A", "B"])],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    shapes = {"x": (1, 3), "s": (2,)}
    points = (ShapePoint(name="opt", shapes=shapes, values={"s": (4, 3)}),)
    profile = Profile(shapes={name: (s, s, s) for name, s in shapes.items()}, values={"s": ((1, 3), (4, 3), (8, 3))})

    def inputs(point: ShapePoint) -> dict[str, Any]:
        return {"x": np.ones((1, 3), np.float32), "s": np.array(point.values["s"], np.int64)}

    reply, _ = rtx(case("expand", build, points=points, profiles=(profile,), inputs=inputs))
    assert reply.failed is None, reply.diagnostics


def test_tensorrt_rtx_builds_for_the_architecture_asked_for(rtx: Run) -> None:
    assert rtx(relu("relu-sm89"), sm="sm89")[0].failed is None
    refused, _ = rtx(relu("relu-sm10"), sm="sm10")
    assert refused.failed == "build"
    assert refused.diagnostics[0].code == "AttributeError"


def test_a_provider_that_is_not_there_is_not_the_runtimes_fault(ort: Run) -> None:
    reply, outputs = ort(relu("provider"), provider="cuda")
    assert reply.failed is None
    assert not outputs
    assert "built without CUDAExecutionProvider" in reply.machine
