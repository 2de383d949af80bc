"""Quantization: one module per family of operators, each with a function ``cases``."""
