"""What is tested: generators of small ONNX models, one case per combination of axes."""
