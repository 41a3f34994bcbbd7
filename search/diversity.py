"""Hits that differ from one another: maximal marginal relevance (Carbonell and Goldstein, 1998)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
LEAST_POOL, POOL_SHARE = 100, 5
"""Candidates that hits are chosen from: at least so many, and so many times the hits wanted."""


def pool_size(k: int) -> int:
    """How many of the nearest images are candidates for ``k`` hits."""
    return max(LEAST_POOL, POOL_SHARE * k)


def diversify(
    relevance: Floats,
    vectors: Mapping[str, Floats],
    weights: Mapping[str, float],
    k: int,
    diversity: float,
) -> NDArray[np.intp]:
    """Choose ``k`` candidates one by one: near the query, and unlike those that were chosen.

    Each time it is the one with the highest ``(1 - d) * relevance - d * s``, where d is the
    diversity and s the highest cosine to those chosen before; the first is the most relevant.

    Args:
        relevance: (n,) float32 scores, best first.
        vectors: space name -> (n, dim) float32 unit rows of the candidates.
        weights: of the spaces, summing to 1.
        k: how many at most.
        diversity: from 0, the nearest, to 1, the most different.

    Returns:
        (min(k, n),) positions, in the order chosen; of equal ones the more relevant first.
    """
    chosen: list[int] = []
    alike = np.full(len(relevance), -np.inf, np.float32)
    left = np.ones(len(relevance), np.bool_)
    for _ in range(min(k, len(relevance))):
        marginal = (1 - diversity) * relevance
        if chosen:
            marginal = marginal - diversity * alike
        best = int(np.argmax(np.where(left, marginal, -np.inf)))
        chosen.append(best)
        left[best] = False
        cosines = sum(weight * (vectors[s] @ vectors[s][best]) for s, weight in weights.items())
        alike = np.maximum(alike, np.asarray(cosines, np.float32))
    return np.array(chosen, np.intp)
