"""Query + collection -> ranked hits, exact or marked as approximate."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Any, Protocol

import numpy as np

from search.filters import combine_filters
from search.query import Hit, Query, SearchResult
from search.ranking import agreement
from search.retrieval import Floats, Ids, Ranking, Retrieval, Row, SearchIndex

_FUSED_DEPTH = 100  # ranks of each query row that enter a fused ranking


class SearchableCollection(Protocol):
    """The part of a collection that a search needs."""

    def index(self, space: str) -> SearchIndex:
        """The vector index of a space."""

    def allowed_ids(self, where: str) -> Ids:
        """Sorted (n,) int64 ids that a filter lets through."""

    def metadata(self, ids: Sequence[int], where: str | None = None) -> list[dict[str, Any]]:
        """The catalog's columns of each id, in order; files that fulfil a filter come first."""


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
        where = combine_filters(query.where, query.only)
        allowed = None if where is None else self._collection.allowed_ids(where)
        filtered = time.perf_counter()
        indexes = {space: self._collection.index(space) for space in query.weights}
        ranking, row_rankings = _rank(Retrieval(query, indexes, allowed))
        ranked = time.perf_counter()
        hits = self._hits(ranking, row_rankings, where)
        return SearchResult(
            hits=hits,
            exact=ranking.exact,
            estimated_recall=1.0 if ranking.exact else _estimated_recall(indexes.values()),
            candidates=ranking.scanned,
            allowed=None if allowed is None else len(allowed),
            agreement=agreement([row.ids.tolist() for row in row_rankings], query.k),
            seconds={
                "filter": filtered - started,
                "rank": ranked - filtered,
                "metadata": time.perf_counter() - ranked,
            },
        )

    def _hits(self, ranking: Ranking, rows: list[Ranking], where: str | None) -> list[Hit]:
        ids = ranking.ids.tolist()
        ranks = [{image_id: i for i, image_id in enumerate(row.ids.tolist(), 1)} for row in rows]
        metadata = self._collection.metadata(ids, where)
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


def _rank(retrieval: Retrieval) -> tuple[Ranking, list[Ranking]]:
    """The answer, and the rankings of the query's single rows where it has several."""
    query = retrieval.query
    # The mean row's product with a vector is the mean of the rows' cosines: one search serves.
    mean = {space: _mean_row(query.vectors[space]) for space in query.weights}
    if query.rows == 1:
        return retrieval.rank(mean, query.k), []
    depth = max(query.k, _FUSED_DEPTH)
    row_rankings = [retrieval.rank(_row(query, i), depth) for i in range(query.rows)]
    if query.fusion == "mean":
        return retrieval.rank(mean, query.k), row_rankings
    return retrieval.fuse(mean, row_rankings), row_rankings


def _mean_row(rows: Floats) -> Floats:
    mean: Floats = rows.mean(axis=0, keepdims=True, dtype=np.float32)
    return mean


def _row(query: Query, i: int) -> Row:
    return {space: query.vectors[space][i : i + 1] for space in query.weights}


def _estimated_recall(indexes: Collection[SearchIndex]) -> float | None:
    """The least of the indexes' own estimates; ``None`` if one has none."""
    known = [getattr(index, "estimated_recall", None) for index in indexes]
    values = [value for value in known if value is not None]
    return min(values) if len(values) == len(known) else None
