"""Weights in few bytes: 8-bit whole numbers with one scale per column, in plain numpy archives."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_SCALE = "|scale"
Any8 = NDArray[np.generic]
Floats = NDArray[np.float32]


def packed(
    tensors: Mapping[str, Floats], *, by_row: frozenset[str] = frozenset()
) -> dict[str, Any8]:
    """Matrices as int8 with a scale per column (per row for those in `by_row`); vectors stay float16."""
    out: dict[str, Any8] = {}
    for name, tensor in tensors.items():
        if tensor.ndim < 2:
            out[name] = tensor.astype(np.float32)
            continue
        axis = 1 if name in by_row else 0
        scale = np.maximum(np.abs(tensor).max(axis=axis, keepdims=True) / 127, 1e-12)
        out[name] = np.clip(np.rint(tensor / scale), -127, 127).astype(np.int8)
        out[name + _SCALE] = scale.astype(np.float32)
    return out


def unpacked(tensors: Mapping[str, Any8]) -> dict[str, Floats]:
    """The matrices again, as 32-bit numbers."""
    out: dict[str, Floats] = {}
    for name, tensor in tensors.items():
        if not name.endswith(_SCALE):
            scale = tensors.get(name + _SCALE)
            out[name] = tensor.astype(np.float32)
            if scale is not None:
                out[name] *= scale.astype(np.float32)
    return out
