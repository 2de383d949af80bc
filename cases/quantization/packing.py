"""Codes of a few bits packed into bytes, the first code in the lowest bits, each row padded to a whole byte."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def pack(codes: npt.NDArray[np.integer], bits: int) -> npt.NDArray[np.uint8]:
    """Return unsigned ``codes`` of ``bits`` (1, 2, 4 or 8) each, packed along the last axis."""
    per_byte = 8 // bits
    missing = -codes.shape[-1] % per_byte
    padded = np.concatenate([codes, np.zeros((*codes.shape[:-1], missing), codes.dtype)], axis=-1)
    grouped = padded.reshape(*codes.shape[:-1], -1, per_byte).astype(np.uint32)
    packed = np.left_shift(grouped, np.arange(per_byte, dtype=np.uint32) * bits).sum(axis=-1)
    return np.asarray(packed, np.uint8)
