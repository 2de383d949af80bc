"""The lines of reports.csv that have no case, and why: no ONNX model shows what they report."""

from __future__ import annotations

from collections.abc import Mapping

SKIPPED: Mapping[str, str] = {
    "Q017": "about the builder flags and calibrator classes that TensorRT 11 no longer has, whatever the model",
    "Q036": "about an option of ONNX Runtime's TensorRT execution provider: a calibration table beside Q/DQ",
    "Q053": "about onnx.checker, which refuses the exporter's model before a runtime sees it",
    "Q060": "about the quantizer of ONNX Runtime, which wrote scales for another axis",
    "Q066": "about one GPU, a T4; its pattern, a convolution with Q/DQ, is in the family quantization",
    "Q069": "about a plugin of the reporter between Q and DQ",
    "Q086": "about the workspace limit of the builder; with more workspace the model builds",
    "Q091": "about the quantizer of ONNX Runtime, which wrote an attribute that DynamicQuantizeLSTM does not have",
    "Q093": "about the symbolic shape inference script of ONNX Runtime's tools, which runs no model",
    "Q095": "about the AutoCast tool of Model-Optimizer, which refuses the calibration data",
    "D011": "about ONNX Runtime's TensorRT execution provider, which handed the shape values over in another order",
    "D013": "about ONNX Runtime's TensorRT execution provider, which asks for profiles of the inputs of its own parts",
    "D024": "about Triton, which expected an output of another size; the engine itself runs",
    "D036": "about a program that executed before it had set every input shape",
    "D057": "about a program that asked for the shape of an output whose size only the execution tells",
}
