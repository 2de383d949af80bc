"""Models with symbolic dimensions, one module per kind of pattern, each with a function ``cases``."""
