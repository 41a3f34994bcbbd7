"""The true nearest rows of queries, found once by comparing all, and how much of them was found."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from benchmarks.vectors import Floats, Halves, blocks, cache_folder

Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]
_NONE = -2.0  # below any cosine


def nearest(rows: Halves, queries: Floats, k: int, allowed: Mask | None = None) -> Ids:
    """(q, k) ids of the true nearest rows, best first; -1 where fewer are allowed."""
    best = np.full((len(queries), k), _NONE, np.float32)
    ids = np.full((len(queries), k), -1, np.int64)
    for start, block in blocks(rows):
        inside = None if allowed is None else np.flatnonzero(allowed[start : start + len(block)])
        places = np.arange(len(block)) if inside is None else inside
        if not len(places):
            continue
        scores = queries @ (block if inside is None else block[inside]).T
        few = min(k, len(places))
        near = np.argpartition(-scores, few - 1, axis=1)[:, :few]
        both = np.concatenate([best, np.take_along_axis(scores, near, 1)], axis=1)
        numbers = np.concatenate([ids, places[near] + start], axis=1)
        keep = np.argsort(-both, axis=1, kind="stable")[:, :k]
        best, ids = np.take_along_axis(both, keep, 1), np.take_along_axis(numbers, keep, 1)
    return ids


def cached_nearest(rows: Halves, queries: Floats, k: int) -> Ids:
    """``nearest`` among all rows, computed once for all engines."""
    digest = hashlib.sha256(np.ascontiguousarray(queries).tobytes())
    digest.update(np.ascontiguousarray(rows[:: max(1, len(rows) // 1000)]).tobytes())
    path = cache_folder() / f"nearest-{len(rows)}-{k}-{digest.hexdigest()[:16]}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, nearest(rows, queries, k))
    truth: Ids = np.load(path)
    return truth


def recall_of(found: Ids, truth: Ids) -> float:
    """The share of (q, k) true ids that are among (q, m) found ones; -1 in the truth is none."""
    hits = sum(np.isin(a[a >= 0], b).sum() for a, b in zip(truth, found, strict=True))
    return float(hits / max(1, np.count_nonzero(truth >= 0)))
