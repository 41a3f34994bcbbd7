"""Rows of several spaces as one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def joined(rows: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """Unit rows whose cosine is the weighted sum of the spaces' cosines.

    Args:
        rows: space name -> (n, dim) float32 unit rows of the same images.
        weights: of these spaces, summing to 1.

    Returns:
        (n, sum of dims) float32.
    """
    parts = [np.float32(np.sqrt(weight)) * rows[space] for space, weight in weights.items()]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
