"""What a search of vectors answers, and the parts it is put together from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vitrail.indexer.vectors.exact import Floats, Ids, best

Candidates = list[tuple[Ids, Floats]]  # of each query: ids and their exact scores, unordered


class Neighbours(NamedTuple):
    """The answer to a search.

    Attributes:
        ids: (q, k) int64, best first, -1 where there were fewer than k.
        scores: (q, k) float32 cosines from the stored vectors; -inf beside an id of -1.
        recall: the share of the true k nearest that is found, as was measured for this k and this
            share of allowed rows when the index was built, or as the answer's own candidates let
            expect where a filter leads away from the query; 1 if no better row can exist.
        scanned: stored rows compared with a query, all queries together.
    """

    ids: Ids
    scores: Floats
    recall: float
    scanned: int

    @property
    def exact(self) -> bool:
        """Whether no better row can exist."""
        return self.recall == 1


class Part(NamedTuple):
    """What one part of an index contributes to an answer; ``recall`` is 1 for all of it."""

    candidates: Candidates
    scanned: int
    recall: float = 1.0


def answer(parts: list[Part], count: int, k: int) -> Neighbours:
    """The best ``k`` of all parts for each of ``count`` queries, equal scores by ascending id."""
    ids = np.full((count, k), -1, np.int64)
    scores = np.full((count, k), -np.inf, np.float32)
    for i in range(count if parts else 0):
        found = np.concatenate([part.candidates[i][0] for part in parts])
        values = np.concatenate([part.candidates[i][1] for part in parts])
        order = best(found, values, k)
        ids[i, : len(order)] = found[order]
        scores[i, : len(order)] = np.clip(values[order], -1, 1)
    recall = min((part.recall for part in parts), default=1.0)
    return Neighbours(ids, scores, recall, sum(part.scanned for part in parts))
