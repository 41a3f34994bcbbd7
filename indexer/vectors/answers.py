"""What a search of vectors answers, and the parts it is put together from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vitrail.indexer.vectors.exact import Floats, Ids, best

Candidates = list[tuple[Ids, Floats]]  # of each query: ids and their exact scores, unordered


class Found(NamedTuple):
    """The answer to a search.

    Attributes:
        ids: (q, k) int64, best first, -1 where there were fewer than k.
        scores: (q, k) float32 cosines from the stored vectors; -inf beside an id of -1.
        exact: whether no better row can exist.
        scanned: stored rows compared with a query, all queries together.
    """

    ids: Ids
    scores: Floats
    exact: bool
    scanned: int


class Part(NamedTuple):
    """What one part of an index contributes to an answer."""

    candidates: Candidates
    scanned: int


def answer(parts: list[Part], count: int, k: int, *, exact: bool) -> Found:
    """The best ``k`` of all parts for each of ``count`` queries, equal scores by ascending id."""
    ids = np.full((count, k), -1, np.int64)
    scores = np.full((count, k), -np.inf, np.float32)
    for i in range(count if parts else 0):
        found = np.concatenate([part.candidates[i][0] for part in parts])
        values = np.concatenate([part.candidates[i][1] for part in parts])
        order = best(found, values, k)
        ids[i, : len(order)] = found[order]
        scores[i, : len(order)] = np.clip(values[order], -1, 1)
    return Found(ids, scores, exact, sum(part.scanned for part in parts))
