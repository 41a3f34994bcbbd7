"""What a search of vectors answers, and the parts it is put together from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vitrail.indexer.vectors.exact import Floats, Ids, best


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


class CandidateRows(NamedTuple):
    """Rows that may be among the nearest of some queries, in no order.

    Attributes:
        queries: (m,) int64 numbers of the queries, from 0.
        ids: (m,) int64 of the rows.
        scores: (m,) float32 exact cosines of both.
    """

    queries: Ids
    ids: Ids
    scores: Floats

    @classmethod
    def of(cls, each: Sequence[tuple[Ids, Floats]]) -> CandidateRows:
        """The ids and scores of one query after the other, at least one."""
        if len(each) == 1:
            ((own, cosines),) = each
            return cls(np.zeros(len(own), np.int64), own, cosines)
        sizes = [len(ids) for ids, _ in each]
        ids, scores = zip(*each, strict=True)
        return cls(np.repeat(np.arange(len(each)), sizes), np.concatenate(ids), _joined(scores))

    @classmethod
    def joined(cls, parts: Sequence[CandidateRows]) -> CandidateRows:
        """Those of several parts of the rows, at least one."""
        queries, ids, scores = zip(*parts, strict=True)
        return cls(np.concatenate(queries), np.concatenate(ids), np.concatenate(scores))

    def each(self, count: int) -> list[tuple[Ids, Floats]]:
        """As ``of`` took them, of ``count`` queries."""
        order = np.argsort(self.queries, kind="stable")
        ends = np.searchsorted(self.queries[order], np.arange(1, count))
        ids, scores = np.split(self.ids[order], ends), np.split(self.scores[order], ends)
        return list(zip(ids, scores, strict=True))


class Part(NamedTuple):
    """What one part of an index contributes to an answer; ``recall`` is 1 for all of it."""

    candidates: CandidateRows
    scanned: int
    recall: float = 1.0


def answer(parts: list[Part], count: int, k: int) -> Neighbours:
    """The best ``k`` of all parts for each of ``count`` queries, equal scores by ascending id."""
    if len(parts) == count == 1 and len(parts[0].candidates.ids) >= k:  # nothing fills up
        (((_, found, values), scanned, recall),) = parts
        order = best(found, values, k)
        return Neighbours(found[order][None], values[order][None], recall, scanned)
    recall = min((part.recall for part in parts), default=1.0)
    scanned = sum(part.scanned for part in parts)
    ids = np.full((count, k), -1, np.int64)
    scores = np.full((count, k), -np.inf, np.float32)
    if parts:
        columns = zip(*(part.candidates for part in parts), strict=True)
        queries, found, values = (_joined(column) for column in columns)
        order, rank = _in_order(queries, found, values, k)
        at = queries[order], rank
        ids[at], scores[at] = found[order], values[order]
    return Neighbours(ids, scores, recall, scanned)


def joined(answers: Sequence[Neighbours]) -> Neighbours:
    """The answer to queries of which some were asked after others, at least once."""
    if len(answers) == 1:
        return answers[0]
    return Neighbours(
        np.concatenate([one.ids for one in answers]),
        np.concatenate([one.scores for one in answers]),
        min(one.recall for one in answers),
        sum(one.scanned for one in answers),
    )


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _in_order(queries: Ids, ids: Ids, scores: Floats, k: int) -> tuple[Ids, Ids]:
    """Places of each query's ``k`` best, query after query, and the rank of each from 0."""
    order = np.lexsort((ids, -scores, queries))
    sorted_queries = queries[order]
    rank = np.arange(len(order)) - np.searchsorted(sorted_queries, sorted_queries)
    kept = rank < k
    return order[kept], rank[kept]
