"""Public bug reports of TensorRT and ONNX Runtime, each as the smallest model that should show what was reported."""
