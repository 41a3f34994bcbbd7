"""Pure ranking arithmetic: fusing rankings, their overlap, bounds on what is unseen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

RRF_CONSTANT = 60  # Cormack, Clarke and Büttcher (2009); damps the weight of the very first ranks


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[int]], *, constant: int = RRF_CONSTANT
) -> list[tuple[int, float]]:
    """Fuse rankings of ids, best first, by the sum of 1 / (constant + rank).

    Returns:
        (id, fused score) pairs, best first, ties by the smaller id.
    """
    totals: dict[int, float] = {}
    for ranking in rankings:
        for rank, image_id in enumerate(ranking, start=1):
            totals[image_id] = totals.get(image_id, 0.0) + 1.0 / (constant + rank)
    return sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))


def overlap(rankings: Sequence[Sequence[int]], k: int) -> float | None:
    """Mean Jaccard overlap of the top k over all pairs of rankings, in [0, 1].

    Returns:
        1 when every ranking has the same top k, 0 when no two share any; ``None`` for fewer than
        two rankings.
    """
    tops = [set(ranking[:k]) for ranking in rankings]
    if len(tops) < 2:
        return None
    overlaps = [len(a & b) / len(a | b) if a | b else 1.0 for a, b in combinations(tops, 2)]
    return float(np.mean(overlaps))


def cosines(vectors: NDArray[np.float32], row: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) float32 products of (n, dim) unit vectors with a (dim,) row of length 1 or less.

    None is above the row's length, as rounding would have it, so that copies are equal, and come by
    their ids.
    """
    # each by itself: a matrix product may round the same row differently at another place
    found = np.vecdot(vectors, row).astype(np.float32, copy=False)
    most = min(np.float32(np.linalg.norm(row)), np.float32(1))
    clipped: NDArray[np.float32] = np.clip(found, -most, most, out=found)
    return clipped


def combine(
    scores: Mapping[str, NDArray[np.float32]], weights: Mapping[str, float]
) -> NDArray[np.float32]:
    """Weighted sum of cosines over spaces: each (n,) float32 -> (n,) float32, none above 1."""
    parts = [np.float32(weight) * scores[space] for space, weight in weights.items()]
    total: NDArray[np.float32] = np.sum(parts, axis=0, dtype=np.float32)
    return np.clip(total, -1, 1, out=total)


def unseen_bound(last_scores: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """The best combined score an image can have that no space's ranking has shown yet.

    An unseen image scores in each space at most what that space's last shown image scores, so the
    weighted sum of those bounds it (Fagin, Lotem and Naor's threshold algorithm, 2001).
    """
    return float(sum(weight * last_scores[space] for space, weight in weights.items()))


def order(ids: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.intp]:
    """Positions that sort by falling score, ties by the smaller id."""
    positions: NDArray[np.intp] = np.lexsort((ids, -scores))
    return positions
