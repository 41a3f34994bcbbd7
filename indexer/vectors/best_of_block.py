"""The best of many scores for each of a block of rows, chosen in bounded memory.

Products of matrices choose, since they are quick; the chosen are scored each by itself, since a
product may round the same row differently at another place. So copies score alike, and come in the
order of their ids.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.vectors.exact import ROUNDING, Floats, Ids, check_scores

Gather = Callable[[Ids], Floats]
"""(m,) int64 positions -> their (m, dim) float32 unit rows."""

_HELD = 1 << 21  # candidates kept until the worse ones are dropped: 80 MB with the sorting
_SCORED = 1 << 14  # candidates scored at a time
_NONE = np.float32(-3)


class BestOfBlock:
    """The ``k`` best rows of a target for each of a block of queries, as they are met.

    Args:
        queries: (q, dim) float32, unit rows.
        k: how many are wanted.
    """

    def __init__(self, queries: Floats, k: int) -> None:
        self.queries = queries
        self._k = k
        # What the k-th best met so far scores, less what rounding may do to it.
        self._floor = np.full(len(queries), _NONE, np.float32)
        self._found: list[tuple[Ids, Ids, Floats]] = []
        self._held = 0

    def raise_floor(self, rows: Ids | slice, scores: Floats) -> None:
        """Tell (m, n) scores of some queries with different rows of the target, none kept of them.

        What cannot be among the best of these alone need not be kept when it is met.
        """
        if scores.shape[1] >= self._k:
            place = scores.shape[1] - self._k
            kth = np.partition(scores, place, axis=1)[:, place] - ROUNDING
            self._floor[rows] = np.maximum(self._floor[rows], kth)

    def add(self, rows: Ids, positions: Ids, scores: Floats) -> None:
        """Meet rows of the target.

        Args:
            rows: (m,) int64 queries.
            positions: (n,) int64 of the target's rows.
            scores: (m, n) float32 products of these; below -2 what shall not be found.
        """
        found = np.flatnonzero(scores >= np.maximum(self._floor[rows], -2)[:, None])
        which, column = np.divmod(found, scores.shape[1])
        self._found.append((rows[which], positions[column], scores.ravel()[found]))
        self._held += len(found)
        if self._held > _HELD:
            self._keep_best()

    def best(self, ids: Ids, gather: Gather) -> tuple[Ids, Floats]:
        """(q, k) int64 ids and float32 cosines, best first, equal ones by id; -1 and NaN fill up.

        Args:
            ids: (n,) int64 ids of the target's rows, by position.
            gather: gives those rows.
        """
        rows, positions, _ = self._keep_best()
        cosines = score_pairs(self.queries, rows, positions, gather)
        order = np.lexsort((ids[positions], -cosines, rows))
        place = _places(rows[order])
        kept = place < self._k
        rows, place, chosen = rows[order][kept], place[kept], order[kept]
        found = np.full((len(self.queries), self._k), -1, np.int64)
        scores = np.full((len(self.queries), self._k), np.nan, np.float32)
        found[rows, place] = ids[positions[chosen]]
        scores[rows, place] = cosines[chosen]
        return found, scores

    def _keep_best(self) -> tuple[Ids, Ids, Floats]:
        """Drop what is not among the best of its query, and as near to those as rounding is."""
        if not self._found:
            nothing = np.zeros(0, np.int64)
            return nothing, nothing, np.zeros(0, np.float32)
        rows, positions, scores = (np.concatenate(part) for part in zip(*self._found, strict=True))
        order = np.argsort(_falling(rows, scores), kind="stable")
        sorted_rows, sorted_scores = rows[order], scores[order]
        last = _places(sorted_rows) == self._k - 1
        floors = sorted_scores[last] - ROUNDING
        self._floor[sorted_rows[last]] = np.maximum(self._floor[sorted_rows[last]], floors)
        kept = order[sorted_scores >= self._floor[sorted_rows]]
        self._found = [(rows[kept], positions[kept], scores[kept])]
        self._held = len(kept)
        return self._found[0]


def score_pairs(queries: Floats, rows: Ids, positions: Ids, gather: Gather) -> Floats:
    """(m,) float32 cosines of queries with rows of a target, each computed on its own.

    Raises:
        ImpossibleScoreError: a row is no unit vector.
    """
    scores = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _SCORED):
        part = slice(start, start + _SCORED)
        distinct, place = np.unique(positions[part], return_inverse=True)
        scores[part] = np.vecdot(queries[rows[part]], gather(distinct)[place])
    check_scores(scores)
    clipped: Floats = np.clip(scores, -1, 1)
    return clipped


def _falling(rows: Ids, scores: Floats) -> NDArray[np.uint64]:
    """Numbers that sort by row, then by falling score: one sort of numbers is the quickest."""
    bits = (scores + np.float32(0)).view(np.int32).astype(np.int64)  # -0 becomes 0
    rising = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)  # as the floats are ordered
    key: NDArray[np.uint64] = (rows << 32 | ((1 << 31) - rising)).astype(np.uint64)
    return key


def _places(rows: Ids) -> Ids:
    """(m,) int64 place of each entry among those of its row; ``rows`` ascend."""
    starts = np.searchsorted(rows, rows, side="left")
    places: Ids = np.arange(len(rows)) - starts
    return places
