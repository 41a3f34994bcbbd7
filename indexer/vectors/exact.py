"""Exact nearest rows by inner product; numpy only, so a small collection loads nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

_QUERIES = 64  # rows of one multiplication
_SCORES = 1 << 22  # products held at a time, 16 MB
# Products that one thread computes. Threads meet at a barrier, and where another program holds a
# core that costs tens of milliseconds: 68 instead of 1.2 for 10,000 rows of 384, measured.
_ALONE = 1 << 26
_ALONE_BATCH = 1 << 21
_GATHER = 4096  # rows copied at a time for scoring
# A matrix product may round the same row differently at another place; rows nearer than this to the
# k-th are kept until they are scored again, each by itself.
ROUNDING = np.float32(4e-6)
UNIT = 1e-3  # how far from 1 a vector's length may be
_HIGHEST = (1 + UNIT) ** 2 + 1e-5  # what such vectors' product may be, rounding included


class ImpossibleScoreError(ArithmeticError):
    """A score that no unit vectors have: what was stored is not what was added."""


def _nobody(_rows: int, /) -> None:
    """Looks away."""


def nearest(
    matrix: Floats,
    keep: Mask | None,
    queries: Floats,
    k: int,
    *,
    together: int = _QUERIES,
    on_rows: Callable[[int], None] = _nobody,
) -> Iterator[Ids]:
    """For each query the positions of at least its ``k`` best rows, ties included, unordered.

    Args:
        matrix: (n, dim) float32, unit rows.
        keep: (n,) bool, rows that may be found; None for all.
        queries: (q, dim) float32, unit rows.
        k: how many are wanted.
        together: queries by which all rows are multiplied at once. More of them read a matrix
            less often that has to come from a disk; in memory they bring nothing.
        on_rows: told of so many more rows that were met by so many queries.

    Raises:
        ImpossibleScoreError: a row is no unit vector, as far as that shows.
    """
    for start in range(0, len(queries), together):
        yield from _nearest_batch(matrix, keep, queries[start : start + together], k, on_rows)


def score(matrix: Floats, positions: Ids, query: Floats) -> Floats:
    """(n,) float32 cosines of rows with a (dim,) query, each computed on its own.

    None is above 1, as rounding would have it, so that copies are equal, and come by their ids.

    Raises:
        ImpossibleScoreError: a row is no unit vector.
    """
    if len(positions) <= _GATHER:
        scores: Floats = np.vecdot(matrix[positions], query)
    else:
        scores = np.empty(len(positions), np.float32)
        for start in range(0, len(positions), _GATHER):
            part = slice(start, start + _GATHER)
            scores[part] = np.vecdot(matrix[positions[part]], query)
    check_scores(scores)
    return clipped(scores, -1, 1)


def clipped(numbers: Floats, least: float, most: float) -> Floats:
    """The same array, with no number beyond these: ``np.clip`` takes ten times as long for few."""
    np.minimum(numbers, np.float32(most), out=numbers)
    return np.maximum(numbers, np.float32(least), out=numbers)


def best(ids: Ids, scores: Floats, k: int) -> Ids:
    """Positions of the ``k`` highest scores, best first; equal scores by ascending id."""
    order: Ids = np.lexsort((ids, -scores))[:k]
    return order


def _nearest_batch(
    matrix: Floats,
    keep: Mask | None,
    queries: Floats,
    k: int,
    on_rows: Callable[[int], None] = _nobody,
) -> list[Ids]:
    floor = np.full(len(queries), -2.0, np.float32)
    step = max(1024, _SCORES // len(queries))
    blocks: list[list[tuple[Ids, Floats]]] = [[] for _ in queries]
    for start in range(0, len(matrix), step):
        scores = products(matrix[start : start + step], queries)
        check_scores(scores)
        if keep is not None:
            scores[:, ~keep[start : start + step]] = -3.0
        floor = np.maximum(floor, _kth(scores, k))
        for i, row in enumerate(scores):
            found = np.flatnonzero(row >= floor[i] - ROUNDING)
            blocks[i].append((found + start, row[found]))
        on_rows(scores.shape[1])
    return [_above(found, floor[i]) for i, found in enumerate(blocks)]


def products(rows: Floats, queries: Floats) -> Floats:
    """(q, n) float32 inner products of (n, dim) rows and (q, dim) queries."""
    if rows.size * len(queries) <= (_ALONE if len(queries) == 1 else _ALONE_BATCH):
        return np.stack([np.vecdot(rows, query) for query in queries])
    # A matrix-vector product reads the rows once, a matrix product copies them.
    product: Floats = (rows @ queries[0])[None] if len(queries) == 1 else queries @ rows.T
    return product


def check_scores(scores: Floats) -> None:
    """Raise ``ImpossibleScoreError`` where a score is none that unit vectors have."""
    highest = scores.max(initial=0)
    if not highest <= _HIGHEST:  # true for NaN as well, which a comparison would lose in silence
        raise ImpossibleScoreError(f"a score of {highest:.6g} is none that unit vectors have")


def _kth(scores: Floats, k: int) -> Floats:
    """(q,) the k-th best score of each row, or -2 where fewer than k are searchable."""
    if scores.shape[1] < k:
        return np.full(len(scores), -2.0, np.float32)
    kth: Floats = np.partition(scores, scores.shape[1] - k, axis=1)[:, scores.shape[1] - k]
    return np.clip(kth, np.float32(-2.0), np.float32(1.0))  # as they are scored


def _above(blocks: list[tuple[Ids, Floats]], floor: np.float32) -> Ids:
    if not blocks:
        return np.zeros(0, np.int64)
    positions = np.concatenate([found for found, _ in blocks])
    scores = np.concatenate([values for _, values in blocks])
    kept: Ids = positions[scores >= floor - ROUNDING]
    return kept
