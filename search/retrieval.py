"""One query put to the vector indexes of its spaces: ranked ids, exact or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.collection.readers import IndexAnswer, SearchIndex
from vitrail.indexer.errors import InputError
from vitrail.search.query import Query
from vitrail.search.ranking import (
    combine,
    cosines,
    order,
    reciprocal_rank_fusion,
    unseen_bound,
)
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
        return Ranking(
            self.ids[chosen],
            {space: values[chosen] for space, values in self.scores.items()},
            self.total[chosen],
            self.recall,
            self.scanned,
            self.nearest,
        )


@dataclass(frozen=True, slots=True)
class Retrieval:
    """A query and what it is asked of; never changed, so any number may run at once.

    Attributes:
        query: what is asked.
        indexes: space name -> index, for the query's spaces.
        allowed: sorted ids that its filter lets through; ``None`` is all.
        least: the score that a hit has to reach; ``None`` is any.
        held: how many images the largest of the indexes holds.
    """

    query: Query
    indexes: Mapping[str, SearchIndex]
    allowed: Ids | None
    least: float | None = None
    held: int = field(init=False)

    def __post_init__(self) -> None:
        # asked for several times, while an index adds up its parts
        object.__setattr__(self, "held", max(map(len, self.indexes.values())))

    def all_ids(self) -> Ids:
        """Sorted (n,) int64 ids of the collection, whatever the filter."""
        return next(iter(self.indexes.values())).ids()

    @property
    def reachable(self) -> int:
        """How many images a ranking can have at most."""
        return self.held if self.allowed is None else min(self.held, len(self.allowed))

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
        if len(self.query.weights) == 1:
            return self._kept(self._rank_one_space(row, want), None, depth)
        (ranking,) = self._rank_many_spaces(row, want)
        return self._kept(ranking, None, depth)

    def rank_each(self, depth: int) -> list[Ranking]:
        """``rank`` for every row of the query; each index is asked once for all of them."""
        query = self.query
        own = query.own or (None,) * query.rows
        want = self._wanted(depth + any(one is not None for one in own))
        if len(query.weights) > 1:
            ranked = self._rank_many_spaces(query.vectors, want)
            return [self._kept(one, i, depth) for one, i in zip(ranked, own, strict=True)]
        (space,) = query.weights
        found, scores = self._ask(space, query.vectors[space], want)
        hits = found.ids >= 0
        if query.exclude:
            hits &= ~np.isin(found.ids, self._excluded(None))
        if query.own:
            hits &= found.ids != np.array([-1 if one is None else one for one in own])[:, None]
        return self._each_reaching(space, found, scores, hits, depth)

    def _each_reaching(
        self,
        space: str,
        found: IndexAnswer,
        scores: Floats,
        hits: NDArray[np.bool_],
        depth: int,
    ) -> list[Ranking]:
        """As ``_reaching`` and no more than ``depth``, of (q, m) images that may be hits."""
        nearest = np.where(hits, scores, -np.inf).max(axis=1).tolist()
        if self.least is not None:
            hits = hits & (scores >= self.least)
        hits = hits & (np.cumsum(hits, axis=1) <= depth)
        ids, total = found.ids[hits], scores[hits]  # one row's after the other's
        ends = np.cumsum(np.count_nonzero(hits, axis=1)).tolist()
        parts = map(slice, [0, *ends[:-1]], ends)
        each = found.scanned // len(hits)
        return [
            Ranking(
                ids[part],
                {space: total[part]},
                total[part],
                found.recall,
                each,
                best if best > -np.inf else None,
            )
            for part, best in zip(parts, nearest, strict=True)
        ]

    def _wanted(self, depth: int) -> int:
        """How many to ask an index for: no more than it holds, which it makes room for."""
        return max(1, min(depth + len(self.query.exclude), self.held))

    def _kept(self, ranking: Ranking, own: int | None, depth: int) -> Ranking:
        """The best ``depth``, without those that are left out: of the query, and of one row."""
        if self.query.exclude or own is not None:
            ranking = ranking.keep(~np.isin(ranking.ids, self._excluded(own)))
        reaching = self._reaching(ranking)
        return reaching if len(reaching.ids) <= depth else reaching.keep(slice(depth))

    def _excluded(self, own: int | None) -> Ids:
        left_out = [*self.query.exclude] if own is None else [*self.query.exclude, own]
        return np.array(left_out, np.int64)

    def _reaching(self, ranking: Ranking) -> Ranking:
        """Those whose score is high enough, and how high the best is."""
        nearest = float(ranking.total.max()) if len(ranking.total) else None
        if self.least is not None:
            ranking = ranking.keep(ranking.total >= self.least)
        if ranking.nearest == nearest:
            return ranking
        return Ranking(
            ranking.ids, ranking.scores, ranking.total, ranking.recall, ranking.scanned, nearest
        )

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
            wanted, by_space = compare(vectors, query.vectors, query.weights)
            unwanted: list[Floats] = []
            if query.negatives:
                unwanted, _ = compare(vectors, query.negatives, query.weights)
            total[part], nearest = best_scores(wanted, unwanted)
            for space, own in by_space.items():
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

    def _rank_one_space(self, row: Row, want: int) -> Ranking:
        (space,) = self.query.weights
        found, scores = self._ask(space, row[space], want)
        ids, own = found.ids[0], scores[0]
        if len(ids) and ids[-1] < 0:  # fewer than were asked for, which come first
            real = ids >= 0
            ids, own = ids[real], own[real]
        best = float(own[0]) if len(own) else None
        return Ranking(ids, {space: own}, own, found.recall, found.scanned, best)

    def _rank_many_spaces(self, rows: Row, want: int) -> list[Ranking]:
        """Deepen every space's rankings until no unseen image can enter the best ``want``.

        Args:
            rows: (m, dim) of each space.
            want: how many are asked for.
        """
        ranked: dict[int, Ranking] = {}
        left = list(range(len(next(iter(rows.values())))))
        size = self.reachable
        depth = min(size, max(4 * want, 64))
        while left:
            last_chance = depth >= size
            merged = self._merged(rows, left, depth, want)
            for i, (ranking, proven) in zip(left, merged, strict=True):
                # An approximate index proves nothing by going deeper; its answer is marked as such.
                if proven or last_chance or ranking.recall < 1:
                    ranked[i] = ranking
            left = [i for i in left if i not in ranked]
            depth = min(size, depth * 4)
        return [ranked[i] for i in range(len(ranked))]

    def _merged(
        self, rows: Row, which: Sequence[int], depth: int, want: int
    ) -> Iterator[tuple[Ranking, bool]]:
        """The best ``want`` of what any space ranks up to ``depth``, and whether that proves them.

        Args:
            rows: (m, dim) of each space.
            which: of the rows.
            depth: of each space's ranking.
            want: how many are asked for.
        """
        weights = self.query.weights
        found = {space: self._ask(space, rows[space][which], max(depth, 1)) for space in weights}
        recall = min(one.recall for one, _ in found.values())
        scanned = sum(one.scanned for one, _ in found.values()) // len(which)
        for place, number in enumerate(which):
            real = {space: one.ids[place] >= 0 for space, (one, _) in found.items()}
            shown = np.unique(
                np.concatenate([one.ids[place][real[space]] for space, (one, _) in found.items()])
            )
            last = {space: _last(own[place][real[space]]) for space, (_, own) in found.items()}
            row = {space: rows[space][number : number + 1] for space in weights}
            scores = self._scores(row, shown)
            total = combine(scores, weights)
            best = order(shown, total)[:want]
            # more than the bound: an unseen image of the same score may have a smaller id
            bound = unseen_bound(last, weights) + ROUNDING
            proven = len(best) >= want and bool(total[best[-1]] > bound)
            yield Ranking(shown, scores, total, recall, scanned).keep(best), proven

    def _ask(self, space: str, rows: Floats, k: int) -> tuple[IndexAnswer, Floats]:
        """The index's answer, and the (q, k) cosines times the lengths of the rows, 1 at most."""
        unit, lengths = _directions(rows)
        exact = self.query.options.exact
        found = self.indexes[space].search(unit, k, allowed=self.allowed, exact=exact)
        cosines = found.scores * np.minimum(lengths, 1)
        return found, cosines.astype(np.float32, copy=False)

    def _scores(self, row: Row, ids: Ids) -> dict[str, Floats]:
        return {
            space: cosines(self.indexes[space].vectors(ids), row[space][0])
            for space in self.query.weights
        }


def _last(scores: Floats) -> float:
    """What no unseen image of a space surpasses."""
    return float(scores[-1]) if len(scores) else -1.0


def _directions(rows: Floats) -> tuple[Floats, Floats]:
    """Split rows into (m, dim) unit vectors, which an index takes, and (m, 1) lengths."""
    # as np.linalg.norm, which takes twice the time for a single row
    lengths = np.sqrt(np.add.reduce(rows * rows, axis=1, keepdims=True))
    if lengths.min() < 1e-6:
        raise InputError("the query's vectors cancel out; ask with fewer or more similar images")
    return (rows / lengths).astype(np.float32, copy=False), lengths
