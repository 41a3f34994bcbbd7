"""Which rows stand for all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def evenly_spaced(count: int, most: int) -> NDArray[np.int64]:
    """Positions of up to ``most`` of ``count`` rows, (n,) int64, ascending.

    From the first to the last one and evenly spaced, so that whatever is told by a sample is told
    again by the same rows.
    """
    return np.linspace(0, count - 1, min(most, count)).astype(np.int64)
