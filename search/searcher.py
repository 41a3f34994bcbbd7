"""Query + collection -> ranked hits, exact or marked as approximate."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.errors import InputError
from search.filters import combine_filters
from search.query import Hit, Query, SearchResult
from search.ranking import agreement, combine, order, reciprocal_rank_fusion, unseen_bound

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]

_FUSED_DEPTH = 100  # ranks of each query row that enter a fused ranking


class IndexAnswer(Protocol):
    """What a vector index returns; see ``indexer.vectors.index.Found``."""

    @property
    def ids(self) -> Ids:
        """(q, k) int64, -1 where nothing was found."""

    @property
    def scores(self) -> Floats:
        """(q, k) float32 cosines."""

    @property
    def exact(self) -> bool:
        """Whether nothing better can exist."""

    @property
    def scanned(self) -> int:
        """Vectors compared."""


class SearchIndex(Protocol):
    """The part of a vector index that a search needs."""

    def __len__(self) -> int: ...

    def search(
        self, queries: Floats, k: int, *, allowed: Ids | None = None, exact: bool = False
    ) -> IndexAnswer:
        """The k nearest rows of (q, dim) float32 unit vectors."""

    def vectors(self, ids: Ids) -> Floats:
        """(n, dim) float32 stored rows of (n,) ids."""


class SearchableCollection(Protocol):
    """The part of a collection that a search needs."""

    def index(self, space: str) -> SearchIndex:
        """The vector index of a space."""

    def allowed_ids(self, where: str) -> Ids:
        """Sorted (n,) int64 ids that a filter lets through."""

    def metadata(self, ids: Sequence[int]) -> list[dict[str, Any]]:
        """The catalog's columns of each id, in order."""


@dataclass(frozen=True, slots=True)
class _Ranking:
    ids: Ids
    scores: dict[str, Floats]
    total: Floats
    exact: bool
    scanned: int

    def top(self, k: int) -> _Ranking:
        return replace(
            self,
            ids=self.ids[:k],
            total=self.total[:k],
            scores={space: values[:k] for space, values in self.scores.items()},
        )


class Searcher:
    """Answers queries over one open collection; holds no state of its own, so threads may share it.

    Args:
        collection: an open ``indexer.collection.collection.Collection`` or anything with the same
            three methods.
    """

    def __init__(self, collection: SearchableCollection) -> None:
        self._collection = collection

    def search(self, query: Query) -> SearchResult:
        """Rank the collection's images for ``query``.

        Raises:
            InputError: the filter cannot be understood, or a vector has another width than its
                space.
        """
        started = time.perf_counter()
        allowed = self._allowed(query)
        filtered = time.perf_counter()
        ranking, row_rankings = self._rank(query, allowed)
        ranked = time.perf_counter()
        hits = self._hits(ranking, row_rankings)
        return SearchResult(
            hits=hits,
            exact=ranking.exact,
            estimated_recall=1.0 if ranking.exact else self._estimated_recall(query),
            candidates=ranking.scanned,
            allowed=None if allowed is None else len(allowed),
            agreement=agreement([row.ids.tolist() for row in row_rankings], query.k),
            seconds={
                "filter": filtered - started,
                "rank": ranked - filtered,
                "metadata": time.perf_counter() - ranked,
            },
        )

    def _allowed(self, query: Query) -> Ids | None:
        where = combine_filters(query.where, query.only)
        return None if where is None else self._collection.allowed_ids(where)

    def _rank(self, query: Query, allowed: Ids | None) -> tuple[_Ranking, list[_Ranking]]:
        indexes = {space: self._collection.index(space) for space in query.weights}
        # The mean row's product with a vector is the mean of the rows' cosines: one search serves.
        mean = {space: _mean_row(query.vectors[space]) for space in query.weights}
        want = query.k + len(query.exclude)
        rows = next(iter(query.vectors[space].shape[0] for space in query.weights))
        if rows == 1:
            return _trim(self._rank_row(indexes, mean, query, want, allowed), query), []
        depth = max(want, _FUSED_DEPTH)
        row_rankings = [
            _trim(self._rank_row(indexes, _row(query, i), query, depth, allowed), query, depth)
            for i in range(rows)
        ]
        if query.fusion == "mean":
            fused = _trim(self._rank_row(indexes, mean, query, want, allowed), query)
        else:
            fused = self._fuse(indexes, mean, query, row_rankings)
        return fused, row_rankings

    def _rank_row(
        self,
        indexes: Mapping[str, SearchIndex],
        row: Mapping[str, Floats],
        query: Query,
        want: int,
        allowed: Ids | None,
    ) -> _Ranking:
        if len(query.weights) == 1:
            return _rank_one_space(indexes, row, query, want, allowed)
        return _rank_many_spaces(indexes, row, query, want, allowed)

    def _fuse(
        self,
        indexes: Mapping[str, SearchIndex],
        mean: Mapping[str, Floats],
        query: Query,
        rows: list[_Ranking],
    ) -> _Ranking:
        fused = reciprocal_rank_fusion([row.ids.tolist() for row in rows])[: query.k]
        ids = np.array([image_id for image_id, _ in fused], dtype=np.int64)
        scores = {space: _cosines(indexes[space], mean[space], ids) for space in query.weights}
        total = combine(scores, query.weights)
        keep = np.ones(len(ids), bool) if query.min_score is None else total >= query.min_score
        return _Ranking(
            ids=ids[keep],
            scores={space: values[keep] for space, values in scores.items()},
            total=total[keep],
            exact=all(row.exact for row in rows),
            scanned=sum(row.scanned for row in rows),
        )

    def _estimated_recall(self, query: Query) -> float | None:
        known = [
            getattr(self._collection.index(space), "estimated_recall", None)
            for space in query.weights
        ]
        values = [value for value in known if value is not None]
        return min(values) if len(values) == len(known) else None

    def _hits(self, ranking: _Ranking, rows: list[_Ranking]) -> list[Hit]:
        ids = ranking.ids.tolist()
        ranks = [{image_id: i for i, image_id in enumerate(row.ids.tolist(), 1)} for row in rows]
        metadata = self._collection.metadata(ids)
        return [
            Hit(
                id=image_id,
                score=float(ranking.total[i]),
                scores={space: float(values[i]) for space, values in ranking.scores.items()},
                seed_ranks=tuple(row.get(image_id) for row in ranks),
                paths=tuple(metadata[i].get("paths", ())),
                metadata=metadata[i],
            )
            for i, image_id in enumerate(ids)
        ]


def _mean_row(rows: Floats) -> Floats:
    mean: Floats = rows.mean(axis=0, keepdims=True, dtype=np.float32)
    return mean


def _row(query: Query, i: int) -> dict[str, Floats]:
    return {space: query.vectors[space][i : i + 1] for space in query.weights}


def _direction(row: Floats) -> tuple[Floats, float]:
    """Split a row into unit direction and length: indexes take unit vectors only."""
    length = float(np.linalg.norm(row))
    if length < 1e-6:
        raise InputError("the query's vectors cancel out; ask with fewer or more similar images")
    return (row / np.float32(length)).astype(np.float32), length


def _rank_one_space(
    indexes: Mapping[str, SearchIndex],
    row: Mapping[str, Floats],
    query: Query,
    want: int,
    allowed: Ids | None,
) -> _Ranking:
    (space,) = query.weights
    unit, length = _direction(row[space])
    found = indexes[space].search(unit, want, allowed=allowed, exact=query.exact)
    real = found.ids[0] >= 0
    scores = (found.scores[0][real] * np.float32(length)).astype(np.float32)
    return _Ranking(found.ids[0][real], {space: scores}, scores, found.exact, found.scanned)


def _rank_many_spaces(
    indexes: Mapping[str, SearchIndex],
    row: Mapping[str, Floats],
    query: Query,
    want: int,
    allowed: Ids | None,
) -> _Ranking:
    """Deepen every space's ranking until no unseen image can enter the best ``want``."""
    size = max(len(index) for index in indexes.values())
    size = size if allowed is None else min(size, len(allowed))
    depth = min(size, max(4 * want, 64))
    while True:
        shown, last, exact, scanned = _candidates(indexes, row, query, depth, allowed)
        scores = {space: _cosines(indexes[space], row[space], shown) for space in query.weights}
        total = combine(scores, query.weights)
        best = order(shown, total)[:want]
        done = len(best) >= want and total[best[-1]] >= unseen_bound(last, query.weights)
        # An approximate index proves nothing by going deeper; its answer is marked as such.
        if done or depth >= size or not exact:
            picked = {space: values[best] for space, values in scores.items()}
            return _Ranking(shown[best], picked, total[best], exact, scanned)
        depth = min(size, depth * 4)


def _candidates(
    indexes: Mapping[str, SearchIndex],
    row: Mapping[str, Floats],
    query: Query,
    depth: int,
    allowed: Ids | None,
) -> tuple[Ids, dict[str, float], bool, int]:
    shown: list[Ids] = []
    last: dict[str, float] = {}
    exact, scanned = True, 0
    for space in query.weights:
        unit, length = _direction(row[space])
        found = indexes[space].search(unit, max(depth, 1), allowed=allowed, exact=query.exact)
        real = found.ids[0] >= 0
        shown.append(found.ids[0][real])
        last[space] = float(found.scores[0][real][-1]) * length if real.any() else -1.0
        exact, scanned = exact and found.exact, scanned + found.scanned
    return np.unique(np.concatenate(shown)), last, exact, scanned


def _cosines(index: SearchIndex, row: Floats, ids: Ids) -> Floats:
    if not len(ids):
        return np.zeros(0, np.float32)
    product: Floats = (index.vectors(ids) @ row[0]).astype(np.float32)
    return product


def _trim(ranking: _Ranking, query: Query, k: int | None = None) -> _Ranking:
    """Drop excluded images and those under the threshold, and keep the best ``k``."""
    keep = ~np.isin(ranking.ids, np.fromiter(query.exclude, np.int64, len(query.exclude)))
    if query.min_score is not None:
        keep &= ranking.total >= query.min_score
    kept = replace(
        ranking,
        ids=ranking.ids[keep],
        total=ranking.total[keep],
        scores={space: values[keep] for space, values in ranking.scores.items()},
    )
    return kept.top(query.k if k is None else k)
