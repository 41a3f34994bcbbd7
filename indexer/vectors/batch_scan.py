"""Exact nearest rows of many queries at once, by products of matrices in blocks.

A block of products is gone through three times, all of them in the processor's cache: what it is
the highest of among rows that lie apart (some k-th of which no true k-th falls short of), what is
at least that high, and where. The few that are left are scored each by itself, as a lone query's
are, since a product of matrices may round the same row differently at another place.
"""

from __future__ import annotations

import mmap
from contextlib import suppress

import numpy as np

from vitrail.indexer.vectors.exact import ROUNDING, Floats, Ids, Mask, check_scores

FEWEST = 8  # queries for which that pays
MOST = 2048  # of the best that may be wanted of a block of rows
QUERIES = 512  # of a block
_ROWS = 4096  # of a block: with as many queries 8 MB of products
_GROUPS = 4  # times k: among so many some two of the best meet seldom
_SCORED = 512  # pairs scored at a time: their rows are copied


def nearest_of_each(matrix: Floats, keep: Mask | None, queries: Floats, k: int) -> tuple[Ids, Ids]:
    """The ``k`` best rows of each query at least, ties included, in no order.

    Args:
        matrix: (n, dim) float32, unit rows.
        keep: (n,) bool, rows that may be found; ``None`` for all.
        queries: (q, dim) float32, unit rows.
        k: how many are wanted, ``MOST`` at most.

    Returns:
        (m,) int64 numbers of queries, and (m,) int64 positions of rows.

    Raises:
        ImpossibleScoreError: a row is no unit vector, as far as that shows.
    """
    found = [
        _nearest(matrix, keep, queries[start : start + QUERIES], k, start)
        for start in range(0, len(queries), QUERIES)
    ]
    which, positions = zip(*found, strict=True)
    return np.concatenate(which), np.concatenate(positions)


def score_each(matrix: Floats, positions: Ids, queries: Floats, which: Ids) -> Floats:
    """(m,) float32 cosines of (m,) rows with (m,) of the queries, each computed on its own.

    Raises:
        ImpossibleScoreError: a row is no unit vector.
    """
    scores = np.empty(len(positions), np.float32)
    for start in range(0, len(positions), _SCORED):
        part = slice(start, start + _SCORED)
        scores[part] = np.vecdot(matrix[positions[part]], queries[which[part]])
    check_scores(scores)
    return np.clip(scores, -1, 1, out=scores)


def _nearest(
    matrix: Floats, keep: Mask | None, queries: Floats, k: int, first: int
) -> tuple[Ids, Ids]:
    """As ``nearest_of_each`` of one block of queries, the numbers of which begin at ``first``."""
    floor = np.full(len(queries), -2, np.float32)
    room = _room(len(queries) * min(_ROWS, len(matrix)))
    none = np.zeros(0, np.int64)
    blocks: list[tuple[Ids, Ids, Floats]] = [(none, none, np.zeros(0, np.float32))]
    for start in range(0, len(matrix), _ROWS):
        rows, places = _searchable(matrix, keep, start)
        if not len(rows):
            continue
        scores = room[: len(queries) * len(rows)].reshape(len(queries), len(rows))
        np.matmul(queries, rows.T, out=scores)
        np.maximum(floor, _reached(scores, k), out=floor)
        found = np.flatnonzero(scores >= (floor - ROUNDING)[:, None])
        which, column = np.divmod(found, len(rows))
        positions = column if places is None else places[column]
        blocks.append((which, positions + start, scores.ravel()[found]))
    which, positions, values = (np.concatenate(part) for part in zip(*blocks, strict=True))
    kept = np.flatnonzero(values >= (floor - ROUNDING)[which])  # it has risen since
    kept = kept[np.argsort(which[kept].astype(np.int16), kind="stable")]  # so it is counted
    which, positions, values = which[kept], positions[kept], values[kept]
    kept = np.flatnonzero(values >= (_kth(which, values, len(queries), k) - ROUNDING)[which])
    return which[kept] + first, positions[kept]


def _room(size: int) -> Floats:
    """(size,) float32 that go back to the system at once when nobody uses them any more.

    What is freed otherwise a process may keep as its own for good, megabytes for each thread.
    """
    with suppress(OSError):  # otherwise memory that is kept, or the error that there is none
        return np.frombuffer(mmap.mmap(-1, max(1, 4 * size)), np.float32, size)
    return np.empty(size, np.float32)


def _kth(which: Ids, scores: Floats, count: int, k: int) -> Floats:
    """(count,) the k-th best of the scores of each query, which ascend; -2 where they are fewer."""
    sizes = np.bincount(which, minlength=count)
    place = np.arange(len(which)) - (np.cumsum(sizes) - sizes)[which]
    table = np.full((count, max(k, int(sizes.max(initial=0)))), -2, np.float32)
    table[which, place] = scores
    kth: Floats = np.partition(table, table.shape[1] - k, axis=1)[:, table.shape[1] - k]
    return np.minimum(kth, 1, out=kth)  # as they are scored


def _searchable(matrix: Floats, keep: Mask | None, start: int) -> tuple[Floats, Ids | None]:
    """The rows of a block that may be found, and their places in it where that is not all."""
    block = matrix[start : start + _ROWS]
    if keep is None or (own := keep[start : start + _ROWS]).all():
        return block, None
    places = np.flatnonzero(own)
    return block[places], places


def _reached(scores: Floats, k: int) -> Floats:
    """(q,) what ``k`` of each row of (q, n) scores reach at least, or -2 where that is not known.

    The k-th highest of what each of some groups has as its best: k rows at least are so good, and
    where the groups are many, hardly more.
    """
    columns = scores.shape[1]
    groups = min(columns, max(_GROUPS * k, -(-columns // 64)))
    highest = scores[:, :groups].copy()
    for start in range(groups, columns, groups):
        part = scores[:, start : start + groups]
        own = highest[:, : part.shape[1]]
        np.maximum(own, part, out=own)
    check_scores(highest)
    if groups < k:
        return np.full(len(scores), -2, np.float32)
    reached: Floats = np.partition(highest, groups - k, axis=1)[:, groups - k]
    return np.minimum(reached, 1, out=reached)
