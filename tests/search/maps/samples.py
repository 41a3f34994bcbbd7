"""Unit rows to draw maps of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def unit(count: int, dim: int, seed: int = 0) -> NDArray[np.float32]:
    return _units(np.random.default_rng(seed).normal(size=(count, dim)))


def blobs(kinds: int, each: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Rows round so many directions at right angles, and which of them each is round."""
    rows = np.repeat(np.eye(kinds, 16), each, axis=0)
    noise = np.random.default_rng(0).normal(scale=0.05, size=rows.shape)
    return _units(rows + noise), np.repeat(np.arange(kinds), each)


def _units(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("f4")
    return unit
