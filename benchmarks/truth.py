"""The true nearest rows of queries, found once by comparing all, and how much of them was found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from benchmarks.vectors import Floats, Halves, blocks, cache_folder

Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]
_NONE = -2.0  # below any cosine


class Best:
    """The ``k`` nearest of ever more rows to (q, dim) queries; ids are -1 where there are fewer."""

    def __init__(self, queries: Floats, k: int) -> None:
        self._queries = queries
        self._scores = np.full((len(queries), k), _NONE, np.float32)
        self.ids: Ids = np.full((len(queries), k), -1, np.int64)

    def add(self, ids: Ids, rows: Floats) -> None:
        """Compare with (n, dim) rows more, known by (n,) ids."""
        if not len(rows):
            return
        k = self.ids.shape[1]
        scores = self._queries @ rows.T
        few = min(k, len(rows))
        near = np.argpartition(-scores, few - 1, axis=1)[:, :few]
        both = np.concatenate([self._scores, np.take_along_axis(scores, near, 1)], axis=1)
        numbers = np.concatenate([self.ids, ids[near]], axis=1)
        keep = np.argsort(-both, axis=1, kind="stable")[:, :k]
        self._scores = np.take_along_axis(both, keep, 1)
        self.ids = np.take_along_axis(numbers, keep, 1)


def nearest(rows: Halves, queries: Floats, k: int) -> Ids:
    """(q, k) ids of the true nearest rows, best first; -1 where there are fewer."""
    best = Best(queries, k)
    for start, block in blocks(rows):
        best.add(np.arange(start, start + len(block)), block)
    return best.ids


def cached_nearest(rows: Halves, queries: Floats, k: int) -> Ids:
    """``nearest`` among all rows, computed once for all engines."""
    asked = np.ascontiguousarray(queries).tobytes()
    stem = f"nearest-{len(rows)}-{k}"
    return cached(stem, [asked, sample(rows)], lambda: nearest(rows, queries, k))


def cached(stem: str, asked: Iterable[bytes], make: Callable[[], Ids]) -> Ids:
    """What ``make`` gives, kept in the cache by a name and by what was asked."""
    digest = hashlib.sha256()
    for part in asked:
        digest.update(part)
    path = cache_folder() / f"{stem}-{digest.hexdigest()[:16]}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, make())
    made: Ids = np.load(path)
    return made


def sample(rows: Halves) -> bytes:
    """By which one set of (n, dim) rows is told from another: a thousand of them."""
    return np.ascontiguousarray(rows[:: max(1, len(rows) // 1000)]).tobytes()


def recall_of(found: Ids, truth: Ids) -> float:
    """The share of (q, k) true ids that are among (q, m) found ones; -1 in the truth is none."""
    hits = sum(np.isin(a[a >= 0], b).sum() for a, b in zip(truth, found, strict=True))
    return float(hits / max(1, np.count_nonzero(truth >= 0)))
