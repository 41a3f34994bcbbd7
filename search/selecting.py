"""Which images become the hits of a question: the nearest, a page, different ones, or groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vitrail.indexer.collection.readers import SnapshotReader
from vitrail.search.calibration.calibration import SAME
from vitrail.search.calibration.judging import Calibrations, uncalibrated
from vitrail.search.diversity import diversify, pool_size
from vitrail.search.group_members import COPIES, NearCopies, SharedValue, best_version
from vitrail.search.grouping import find_groups
from vitrail.search.paging import rank_page
from vitrail.search.query import Group
from vitrail.search.retrieval import Ranking, Retrieval
from vitrail.search.sorting import column_name

_VERSIONS = 10_000  # copies of one image that the best version is chosen from


@dataclass(frozen=True, slots=True)
class Selection:
    """What is answered with.

    Attributes:
        ranking: the hits, in the order in which they are given.
        next: gives the cursor of the page that follows; ``None`` where there is none.
        groups: of each hit its group; empty where hits are not grouped.
    """

    ranking: Ranking
    next: Callable[[], str] | None = None
    groups: tuple[Group, ...] = ()


def select(
    commit: SnapshotReader,
    retrieval: Retrieval,
    rows: Sequence[Ranking],
    calibrations: Calibrations = uncalibrated,
) -> Selection:
    """Choose the hits of a question.

    Args:
        commit: what is searched.
        retrieval: what is asked of which of its indexes.
        rows: the rankings of the query's single rows where it has several.
        calibrations: tell how near copies are.

    Raises:
        InputError: the cursor is none of this query's, or there is no column to group by.
    """
    query = retrieval.query
    options = query.options
    if options.fusion == "rrf" and rows:
        return Selection(retrieval.fuse(query.mean, rows))
    if options.group_by is not None and options.group_by.lower() == COPIES:
        return _best_versions(commit, retrieval, _least_of_copies(retrieval, calibrations))
    if options.group_by is not None:
        return _grouped(commit, retrieval, options.group_by)
    if options.diverse is not None:
        return Selection(_diverse(retrieval, options.diverse))
    ranking, cursor = rank_page(
        retrieval.rank_all, query, retrieval.reachable, cut=retrieval.least is not None
    )
    # sorted hits are no page that another follows: its cursor would be refused beside the order
    ends = cursor is None or options.sort is not None
    return Selection(ranking, None if ends else cursor)


def _diverse(retrieval: Retrieval, diversity: float) -> Ranking:
    query = retrieval.query
    pool = retrieval.rank_all(pool_size(query.options.k))
    vectors = {space: retrieval.indexes[space].vectors(pool.ids) for space in query.weights}
    return pool.keep(diversify(pool.total, vectors, query.weights, query.options.k, diversity))


def _grouped(commit: SnapshotReader, retrieval: Retrieval, by: str) -> Selection:
    shared = SharedValue(commit, retrieval, column_name(commit, by))
    found, ranking = find_groups(retrieval, shared)
    groups = (
        Group(shared.column, shared.value(one.image_id), len(one.members) - 1, one.image_id)
        for one in found
    )
    return Selection(ranking, groups=tuple(groups))


def _least_of_copies(retrieval: Retrieval, calibrations: Calibrations) -> float:
    """The cosine from which on two images are copies."""
    weights = retrieval.query.weights
    calibration = calibrations(tuple(weights))
    return SAME if calibration is None else calibration.copies_from(weights)


def _best_versions(commit: SnapshotReader, retrieval: Retrieval, least: float) -> Selection:
    """Groups of copies, each shown by its best version, in the place of the nearest."""
    found, ranking = find_groups(retrieval, NearCopies(retrieval, least))
    shown = [best_version(commit.metadata(one.members[:_VERSIONS].tolist())) for one in found]
    scores, total = retrieval.score_all(np.array(shown, np.int64))
    groups = (Group(COPIES, None, len(one.members) - 1, one.image_id) for one in found)
    ids = np.array(shown, np.int64)
    return Selection(replace(ranking, ids=ids, scores=scores, total=total), groups=tuple(groups))
