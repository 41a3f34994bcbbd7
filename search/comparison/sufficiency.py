"""How many images a measure needs before its number means anything."""

from __future__ import annotations

from math import ceil

FEWEST = 30
"""Images of a set from which on intervals hold; see docs/comparing.md."""
FEWEST_IN_BALLS = 100
"""The same of precision, recall, density and coverage, whose halves have to tell something too: of
75, so many sets are covered wholly that intervals of coverage hold the truth in 89%."""
PER_DIMENSION = 1.1
"""Images by width of the features, for the Fréchet distance: of fewer, its extrapolation fails."""
PER_SCORE = 3  # images by Vendi score: beyond, the number of images is what is scored


def needed_for_frechet(width: int) -> int:
    """Images of each set from which on its extrapolation to endless sets holds.

    Covariances of fewer images than the features are wide are singular, and what is lacking does
    not go with 1/n any more.

    Args:
        width: of the features.
    """
    return max(FEWEST, _rounded(PER_DIMENSION * width))


def needed_for_vendi(score: float) -> int:
    """Images from which on the Vendi score is of the set, and not of their number.

    Args:
        score: of as many as there are; it rises with more, so that this is the least.
    """
    return max(FEWEST, _rounded(PER_SCORE * score))


def _rounded(count: float) -> int:
    """Up, to two digits: it is no more exact."""
    step: int = 10 ** max(0, len(str(int(count))) - 2)
    return ceil(count / step) * step
