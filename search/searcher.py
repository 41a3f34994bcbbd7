"""Query + collection -> ranked hits, exact or marked as approximate."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat

import numpy as np

from vitrail.indexer.collection.readers import SnapshotReader
from vitrail.indexer.errors import InputError
from vitrail.indexer.image_info import ImageInfo
from vitrail.search.calibration.judging import (
    Calibrations,
    Judge,
    Judged,
    judge_of,
    least_score,
    uncalibrated,
)
from vitrail.search.evidence import weigh
from vitrail.search.filters import combine_filters
from vitrail.search.query import (
    NO_EVIDENCE,
    Evidence,
    Hit,
    Origin,
    Query,
    ScoreSpread,
    SearchResult,
)
from vitrail.search.reasons import why_nothing
from vitrail.search.retrieval import Floats, Ids, Ranking, Retrieval
from vitrail.search.selecting import Selection, select
from vitrail.search.sorting import read_keys, sort_hits

_FUSED_DEPTH = 100  # ranks of each query row that enter a fused ranking


class Searcher:
    """Answers queries over one commit; holds no state of its own, so threads may share it.

    Args:
        commit: what is searched, such as a ``vitrail.indexer.collection.snapshot.Snapshot``. Of
            what moves on meanwhile, an answer may mix two commits.
        calibrations: tell what its scores mean; without, hits have no rates.
        origin: what answers say that they are of.
    """

    def __init__(
        self,
        commit: SnapshotReader,
        calibrations: Calibrations = uncalibrated,
        origin: Origin | None = None,
    ) -> None:
        self._commit, self._calibrations, self._origin = commit, calibrations, origin

    def search(self, query: Query) -> SearchResult:
        """Rank the collection's images for ``query``.

        Raises:
            InputError: the filter cannot be understood, or a vector has another width than its
                space.
        """
        times = _Times()
        judge = judge_of(query, self._calibrations)
        retrieval = self._retrieval(query, judge, times)
        keys = read_keys(self._commit, query.options.sort_keys)
        rows = _rank_rows(retrieval)
        chosen = select(self._commit, retrieval, rows, self._calibrations)
        times.end("rank")
        evidence = weigh(retrieval, rows)
        times.end("evidence")
        if query.background is not None:  # which tells of a prompt's hits what rates would
            judge = None
        (result,) = self._results(retrieval, [chosen], rows, judge, times, evidence)
        return replace(result, hits=sort_hits(result.hits, keys)) if keys else result

    def search_each(self, query: Query) -> list[SearchResult]:
        """Rank the images for each of the query's rows as if it were asked alone.

        The filter is evaluated, and metadata read, once for all; the times are those of the whole.

        Raises:
            InputError: as ``search``.
        """
        if query.options.after is not None:
            raise InputError("a cursor is of one query; ask by it alone, or begin without one")
        if not query.options.plain:  # each is chosen from more images than it gives
            return [self.search(query.alone(i)) for i in range(query.rows)]
        times = _Times()
        judge = judge_of(query, self._calibrations, single=True)
        retrieval = self._retrieval(query, judge, times)
        rankings = retrieval.rank_each(query.options.k)
        times.end("rank")
        return self._results(retrieval, [Selection(one) for one in rankings], [], judge, times)

    def spread(self, query: Query, most: int) -> ScoreSpread:
        """The scores of all images that the filter lets through, or of some drawn at random.

        Args:
            query: whose cutoff, number of hits, groups and order do not count.
            most: images that are looked at.

        Raises:
            InputError: as ``search``.
        """
        judge = judge_of(query, self._calibrations)
        retrieval = self._retrieval(query, None, _Times())
        ids = retrieval.all_ids() if retrieval.allowed is None else retrieval.allowed
        ids = np.setdiff1d(ids, np.fromiter(query.exclude, np.int64, len(query.exclude)))
        chosen = ids
        if len(ids) > most:
            chosen = np.sort(np.random.default_rng(0).choice(ids, most, replace=False))
        scores = retrieval.score_all(chosen)[1] if len(chosen) else np.zeros(0, np.float32)
        scale = None if judge is None or query.background is not None else judge.scale
        return ScoreSpread(scores, len(ids), scale, self._origin)

    def _retrieval(self, query: Query, judge: Judge | None, times: _Times) -> Retrieval:
        least = least_score(query, judge)
        times.end("calibration")
        allowed = self._allowed(query)
        times.end("filter")
        indexes = {space: self._commit.index(space) for space in query.weights}
        return Retrieval(query, indexes, allowed, least)

    def _allowed(self, query: Query) -> Ids | None:
        where = combine_filters(query.options.where, query.options.only)
        return None if where is None else self._commit.allowed_ids(where)

    def _results(
        self,
        retrieval: Retrieval,
        chosen: Sequence[Selection],
        rows: Sequence[Ranking],
        judge: Judge | None,
        times: _Times,
        evidence: Evidence = NO_EVIDENCE,
    ) -> list[SearchResult]:
        where = combine_filters(retrieval.query.options.where, retrieval.query.options.only)
        metadata = self._metadata([one.ranking.ids for one in chosen], where)
        ranks = [{image_id: i for i, image_id in enumerate(row.ids.tolist(), 1)} for row in rows]
        times.end("metadata")
        empty = where is not None and retrieval.allowed is not None and not len(retrieval.allowed)
        guesses = empty and retrieval.all_ids().size  # an empty collection has nothing to guess by
        hints = tuple(self._commit.suggest(str(where))) if guesses else ()
        allowed = retrieval.allowed
        told = _judged(chosen, judge)
        results = [
            SearchResult(
                hits=_hits(one, ranks, known, told),
                exact=one.ranking.exact,
                estimated_recall=one.ranking.recall,
                candidates=one.ranking.scanned,
                allowed=None if allowed is None else len(allowed),
                evidence=evidence,
                seconds=dict(times.seconds),
                hints=hints,
                reason="" if len(one.ranking.ids) else why_nothing(retrieval, one.ranking),
                scale=None if judge is None else judge.scale,
                weights=dict(retrieval.query.weights),
                origin=self._origin,
            )
            for one, known in zip(chosen, metadata, strict=True)
        ]
        for one, result in zip(chosen, results, strict=True):
            if one.next is not None:
                result.followed_by(one.next)
        return results

    def _metadata(self, ids: Sequence[Ids], where: str | None) -> list[list[ImageInfo]]:
        """What is known of the images of each answer, each image read once for all of them."""
        if len(ids) == 1:
            return [self._commit.metadata(ids[0].tolist(), where)]
        each = np.unique(np.concatenate(ids)).tolist()
        known = dict(zip(each, self._commit.metadata(each, where), strict=True))
        return [[known[one] for one in own.tolist()] for own in ids]


class _Times:
    """How long the stages of an answer took, one after the other."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def end(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage], self._last = now - self._last, now


def _judged(chosen: Sequence[Selection], judge: Judge | None) -> Iterator[Judged]:
    """What is told of each hit's score, of all answers one after the other."""
    if judge is None:
        return repeat((None, None))
    return iter(judge(np.concatenate([one.ranking.total for one in chosen])))


def _hits(
    chosen: Selection,
    ranks: Sequence[Mapping[int, int]],
    metadata: Sequence[ImageInfo],
    told: Iterator[Judged],
) -> list[Hit]:
    ranking = chosen.ranking
    ids = ranking.ids.tolist()
    seeds: Iterable[tuple[int | None, ...]] = repeat(())
    if ranks:
        seeds = [tuple(row.get(image_id) for row in ranks) for image_id in ids]
    return [  # of a thousand answers there are tens of thousands: nothing is made that nobody gets
        Hit(image_id, score, scores, known, seed_ranks, group, fpr, closeness)
        for image_id, score, scores, known, seed_ranks, group, (fpr, closeness) in zip(
            ids,
            ranking.total.tolist(),
            _by_space(ranking.scores),
            metadata,
            seeds,
            chosen.groups or repeat(None),
            told,
            strict=False,
        )
    ]


def _by_space(scores: Mapping[str, Floats]) -> list[dict[str, float]]:
    """Of n images the scores by space, from (n,) scores of each space."""
    if len(scores) == 1:
        ((space, own),) = scores.items()
        return [{space: score} for score in own.tolist()]
    each = zip(*(values.tolist() for values in scores.values()), strict=True)
    return [dict(zip(scores, one, strict=True)) for one in each]


def _rank_rows(retrieval: Retrieval) -> list[Ranking]:
    """The rankings of the query's single rows, where it has several."""
    query = retrieval.query
    if query.rows == 1:
        return []
    depth = max(query.options.k, _FUSED_DEPTH)
    return [retrieval.rank(query.row(i), depth) for i in range(query.rows)]
