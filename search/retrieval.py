"""One query put to the vector indexes of its spaces: ranked ids, exact or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.collection.readers import IndexAnswer, SearchIndex
from vitrail.indexer.errors import InputError
from vitrail.search.query import Query
from vitrail.search.ranking import combine, order, reciprocal_rank_fusion, unseen_bound
from vitrail.search.recommending import best_scores, compare

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]
Row = Mapping[str, Floats]
"""Space name -> (1, dim) float32: one query image, or the mean of several."""
ROUNDING = 1e-6  # by which the same product may come out differently, computed in another way
_BLOCK = 1 << 14  # vectors held at a time


@dataclass(frozen=True, slots=True)
class Ranking:
    """Images, best first.

    Attributes:
        ids: (n,) int64.
        scores: space name -> (n,) float32 cosines.
        total: (n,) float32 weighted sums of them.
        recall: the share of the true nearest that is found, as measured; 1 if no better can exist.
        scanned: vectors compared.
        nearest: the best score, also where it is too low for a hit; ``None`` where nothing was met.
    """

    ids: Ids
    scores: dict[str, Floats]
    total: Floats
    recall: float
    scanned: int
    nearest: float | None = None

    @property
    def exact(self) -> bool:
        """Whether nothing better can exist."""
        return self.recall == 1

    def keep(self, chosen: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Ranking:
        """Just the chosen images."""
        return replace(
            self,
            ids=self.ids[chosen],
            total=self.total[chosen],
            scores={space: values[chosen] for space, values in self.scores.items()},
        )


@dataclass(frozen=True, slots=True)
class Retrieval:
    """A query and what it is asked of; never changed, so any number may run at once.

    Attributes:
        query: what is asked.
        indexes: space name -> index, for the query's spaces.
        allowed: sorted ids that its filter lets through; ``None`` is all.
        least: the score that a hit has to reach; ``None`` is any.
    """

    query: Query
    indexes: Mapping[str, SearchIndex]
    allowed: Ids | None
    least: float | None = None

    def all_ids(self) -> Ids:
        """Sorted (n,) int64 ids of the collection, whatever the filter."""
        return next(iter(self.indexes.values())).ids()

    @property
    def reachable(self) -> int:
        """How many images a ranking can have at most."""
        held = max(len(index) for index in self.indexes.values())
        return held if self.allowed is None else min(held, len(self.allowed))

    def without_cutoff(self) -> Retrieval:
        """The same, but for the score that hits have to reach."""
        return replace(self, least=None)

    def rank_all(self, depth: int) -> Ranking:
        """The best ``depth`` images for all rows of the query together, by score."""
        if self.query.options.fusion == "best-score":
            return self.rank_by_best(depth)
        # The mean row's product with a vector is the mean of the rows' cosines: one search serves.
        return self.rank(self.query.mean, depth)

    def score_all(self, ids: Ids) -> tuple[dict[str, Floats], Floats]:
        """Of (n,) ids the cosines by space and the scores, as ``rank_all`` has them."""
        if self.query.options.fusion == "best-score":
            return self._best_scores(ids)
        scores = self._scores(self.query.mean, ids)
        return scores, combine(scores, self.query.weights)

    def rank(self, row: Row, depth: int) -> Ranking:
        """The best ``depth`` images for one row, those left out that the query leaves out."""
        want = self._wanted(depth)
        one = len(self.query.weights) == 1
        ranking = self._rank_one_space(row, want) if one else self._rank_many_spaces(row, want)
        return self._kept(ranking, depth)

    def rank_each(self, depth: int) -> list[Ranking]:
        """``rank`` for every row of the query; one space's index is asked once for all of them."""
        query = self.query
        alone = [replace(self, query=query.alone(i)) for i in range(query.rows)]
        if len(query.weights) > 1:
            return [one.rank(one.query.row(0), depth) for one in alone]
        (space,) = query.weights
        want = max(one._wanted(depth) for one in alone)
        found, ids, scores = self._nearest_each(space, query.vectors[space], want)
        each = found.scanned // query.rows
        return [
            one._kept(Ranking(own, {space: score}, score, found.recall, each), depth)
            for one, own, score in zip(alone, ids, scores, strict=True)
        ]

    def _wanted(self, depth: int) -> int:
        """How many to ask an index for: no more than it holds, which it makes room for."""
        held = max(len(index) for index in self.indexes.values())
        return max(1, min(depth + len(self.query.exclude), held))

    def _kept(self, ranking: Ranking, depth: int) -> Ranking:
        excluded = np.fromiter(self.query.exclude, np.int64, len(self.query.exclude))
        others = ranking.keep(~np.isin(ranking.ids, excluded))
        return self._reaching(others).keep(slice(depth))

    def _reaching(self, ranking: Ranking) -> Ranking:
        """Those whose score is high enough, and how high the best is."""
        nearest = float(ranking.total.max()) if len(ranking.total) else None
        return replace(ranking.keep(self._good_enough(ranking)), nearest=nearest)

    def rank_by_best(self, depth: int) -> Ranking:
        """The best ``depth`` images by the nearest of the query's rows; see ``recommending``.

        Each row's ranking is deepened until no image that none of them has shown can enter: it
        scores by every row at most what that row's last shown image does.
        """
        rows = self.without_cutoff()
        size = self.reachable
        deep = min(size, max(4 * depth, 64))
        while True:
            rankings = [rows.rank(self.query.row(i), deep) for i in range(self.query.rows)]
            ids = np.unique(np.concatenate([one.ids for one in rankings]))
            scores, total = self._best_scores(ids)
            best = order(ids, total)[:depth]
            bound = max((float(one.total[-1]) for one in rankings if len(one.ids)), default=-1.0)
            done = len(best) >= depth and total[best[-1]] > bound + ROUNDING
            if done or deep >= size:
                recall = min(one.recall for one in rankings)
                scanned = sum(one.scanned for one in rankings)
                return self._reaching(Ranking(ids, scores, total, recall, scanned).keep(best))
            deep = min(size, deep * 4)

    def _best_scores(self, ids: Ids) -> tuple[dict[str, Floats], Floats]:
        """Of (n,) ids the cosines to the nearest positive row, and the score by all rows."""
        query = self.query
        scores = {space: np.empty(len(ids), np.float32) for space in query.weights}
        total = np.empty(len(ids), np.float32)
        for start in range(0, len(ids), _BLOCK):
            part = slice(start, start + _BLOCK)
            vectors = {space: self.indexes[space].vectors(ids[part]) for space in query.weights}
            wanted, cosines = compare(vectors, query.vectors, query.weights)
            unwanted: list[Floats] = []
            if query.negatives:
                unwanted, _ = compare(vectors, query.negatives, query.weights)
            total[part], nearest = best_scores(wanted, unwanted)
            for space, own in cosines.items():
                scores[space][part] = np.take_along_axis(own, nearest[None], axis=0)[0]
        return scores, total

    def fuse(self, mean: Row, rankings: Sequence[Ranking]) -> Ranking:
        """The best k by reciprocal rank over the rows' rankings; scores are those of the mean."""
        fused = reciprocal_rank_fusion([ranking.ids.tolist() for ranking in rankings])
        ids = np.array([image_id for image_id, _ in fused[: self.query.options.k]], dtype=np.int64)
        scores = self._scores(mean, ids)
        ranking = Ranking(
            ids=ids,
            scores=scores,
            total=combine(scores, self.query.weights),
            recall=min(one.recall for one in rankings),
            scanned=sum(one.scanned for one in rankings),
        )
        # where no row found anything, the mean tells how near it was
        return self._reaching(ranking) if len(ids) else self.rank(mean, self.query.options.k)

    def _good_enough(self, ranking: Ranking) -> NDArray[np.bool_]:
        if self.least is None:
            return np.ones(len(ranking.ids), np.bool_)
        good: NDArray[np.bool_] = ranking.total >= self.least
        return good

    def _rank_one_space(self, row: Row, want: int) -> Ranking:
        (space,) = self.query.weights
        ids, scores, found = self._nearest(space, row, want)
        return Ranking(ids, {space: scores}, scores, found.recall, found.scanned)

    def _rank_many_spaces(self, row: Row, want: int) -> Ranking:
        """Deepen every space's ranking until no unseen image can enter the best ``want``."""
        weights = self.query.weights
        size = self.reachable
        depth = min(size, max(4 * want, 64))
        while True:
            shown, last, recall, scanned = self._candidates(row, depth)
            scores = self._scores(row, shown)
            total = combine(scores, weights)
            best = order(shown, total)[:want]
            # more than the bound: an unseen image of the same score may have a smaller id
            bound = unseen_bound(last, weights) + ROUNDING
            done = len(best) >= want and total[best[-1]] > bound
            # An approximate index proves nothing by going deeper; its answer is marked as such.
            if done or depth >= size or recall < 1:
                return Ranking(shown, scores, total, recall, scanned).keep(best)
            depth = min(size, depth * 4)

    def _candidates(self, row: Row, depth: int) -> tuple[Ids, dict[str, float], float, int]:
        """Ids that any space ranks so high, and the last score that each space showed."""
        shown: list[Ids] = []
        last: dict[str, float] = {}
        recall, scanned = 1.0, 0
        for space in self.query.weights:
            ids, scores, found = self._nearest(space, row, max(depth, 1))
            shown.append(ids)
            last[space] = float(scores[-1]) if len(scores) else -1.0
            recall, scanned = min(recall, found.recall), scanned + found.scanned
        return np.unique(np.concatenate(shown)), last, recall, scanned

    def _nearest(self, space: str, row: Row, k: int) -> tuple[Ids, Floats, IndexAnswer]:
        found, ids, scores = self._nearest_each(space, row[space], k)
        return ids[0], scores[0], found

    def _nearest_each(
        self, space: str, rows: Floats, k: int
    ) -> tuple[IndexAnswer, list[Ids], list[Floats]]:
        """The index's answer, and of each row the ids found and the cosines times its length."""
        unit, lengths = _directions(rows)
        exact = self.query.options.exact
        found = self.indexes[space].search(unit, k, allowed=self.allowed, exact=exact)
        real = found.ids >= 0
        scores = (found.scores * lengths).astype(np.float32)
        return (
            found,
            [ids[kept] for ids, kept in zip(found.ids, real, strict=True)],
            [row[kept] for row, kept in zip(scores, real, strict=True)],
        )

    def _scores(self, row: Row, ids: Ids) -> dict[str, Floats]:
        return {
            space: _cosines(self.indexes[space], row[space], ids) for space in self.query.weights
        }


def _directions(rows: Floats) -> tuple[Floats, Floats]:
    """Split rows into (m, dim) unit vectors, which an index takes, and (m, 1) lengths."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if lengths.min() < 1e-6:
        raise InputError("the query's vectors cancel out; ask with fewer or more similar images")
    return (rows / lengths).astype(np.float32), lengths


def _cosines(index: SearchIndex, row: Floats, ids: Ids) -> Floats:
    if not len(ids):
        return np.zeros(0, np.float32)
    # each by itself: a matrix product may round the same row differently at another place
    product: Floats = np.vecdot(index.vectors(ids), row[0]).astype(np.float32)
    return product
