"""How the scores of unrelated images and of copies are spread, to be drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrail.search.calibration.calibration import Calibration

Floats = NDArray[np.float64]
_BINS = 72
_LOWEST = 0.001  # share of unrelated pairs that may lie below what is drawn


@dataclass(frozen=True, slots=True)
class Histogram:
    """Shares of scores by how high they are.

    Attributes:
        edges: (b + 1,) float64 scores, ascending, the last one 1.
        unrelated: (b,) float64 shares of the pairs of unrelated images.
        copies: (b,) float64 shares of the planted copies; none where there are none.
        found: kind of copy -> share of them that reach the score from which on a hit is a copy.
    """

    edges: Floats
    unrelated: Floats
    copies: Floats
    found: Mapping[str, float]


def spread(calibration: Calibration, weights: Mapping[str, float]) -> Histogram:
    """Count the scores of a weighting in steps as wide as each other.

    Raises:
        InputError: a space that was not sampled.
    """
    survival = calibration.survival(weights)
    planted = calibration.total(calibration.copies, weights)
    pairs = calibration.unrelated
    lowest = survival.value(1 - _LOWEST)
    low = min([0.9 if lowest is None else lowest, *planted.tolist(), 0.99])
    edges = np.linspace(low, 1.0, _BINS + 1)
    scores = calibration.total(pairs.scores, weights)
    unrelated, _ = np.histogram(np.clip(scores, low, 1.0), edges, weights=pairs.counts)
    copies, _ = np.histogram(np.clip(planted, low, 1.0), edges)
    return Histogram(
        edges,
        unrelated / unrelated.sum(),
        copies / max(1, len(planted)),
        _found(calibration, planted, calibration.scale(weights).copy),
    )


def _found(
    calibration: Calibration, planted: NDArray[np.float32], least: float
) -> dict[str, float]:
    kinds = np.array(calibration.kinds)
    return {kind: float(np.mean(planted[kinds == kind] >= least)) for kind in dict.fromkeys(kinds)}
