"""Structural similarity of two images (Wang et al. 2004) where they lie on one another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Marks = NDArray[np.bool_]
_SPREAD, _REACH = 1.5, 5  # of the window, in pixels
_K1, _K2 = 0.01, 0.03


def structural_similarity(first: Doubles, second: Doubles, there: Marks | None = None) -> float:
    """The mean of the index over all places whose window lies within both images.

    Args:
        first: (H, W) float64 greys in [0, 1].
        second: (H, W) likewise.
        there: (H, W) bool where both lie; ``None`` is everywhere.

    Returns:
        -1 to 1, where they are the same; NaN where no window of 11 pixels lies within both.
    """
    mask = np.ones(first.shape) if there is None else there.astype(np.float64)
    if min(first.shape) <= 2 * _REACH:
        return float("nan")
    whole = _blurred(mask) > 1 - 1e-9
    if not whole.any():
        return float("nan")
    mean_a, mean_b = _blurred(first), _blurred(second)
    var_a = _blurred(first**2) - mean_a**2
    var_b = _blurred(second**2) - mean_b**2
    both = _blurred(first * second) - mean_a * mean_b
    index = ((2 * mean_a * mean_b + _K1**2) * (2 * both + _K2**2)) / (
        (mean_a**2 + mean_b**2 + _K1**2) * (var_a + var_b + _K2**2)
    )
    return float(index[whole].mean())


def _blurred(values: Doubles) -> Doubles:
    """(H - 10, W - 10): each place's Gaussian mean."""
    at = np.arange(-_REACH, _REACH + 1)
    window = np.exp(-(at**2) / (2 * _SPREAD**2))
    window /= window.sum()
    height, width = values.shape
    rows = sum(w * values[i : height - 2 * _REACH + i] for i, w in enumerate(window))
    blurred: Doubles = np.asarray(
        sum(w * rows[:, i : width - 2 * _REACH + i] for i, w in enumerate(window))
    )
    return blurred
