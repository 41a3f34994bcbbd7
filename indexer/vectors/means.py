"""Spherical k-means, in steps that are told: what FAISS's own does in one go, for minutes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.building import OnStep, no_step
from vitrail.indexer.vectors.exact import Floats

_ROUNDS = 8
_PRODUCTS = 1 << 33  # multiplied between two steps that are told
_APART = np.float32(1 / 1024)  # by which halves of a cluster are moved from each other


def spherical_means(rows: Floats, count: int, seed: int, on_step: OnStep = no_step) -> Floats:
    """(count, dim) float32 means of length 1 around which (n, dim) unit rows lie.

    Args:
        rows: float32, at least ``count``.
        count: at least 1.
        seed: of which rows it begins with.
        on_step: told of ``training``, all rows once in each round.
    """
    rng = np.random.default_rng(seed)
    means = rows[np.sort(rng.choice(len(rows), count, replace=False))]
    for done in range(_ROUNDS):
        nearest = _nearest(rows, means, on_step, done)
        means = _moved(rows, nearest, means)
    return means


def rows_at_once(means: int, dim: int) -> int:
    """How many rows are held against so many means in about half a second."""
    return max(256, min(1 << 16, _PRODUCTS // (means * dim)))


def _nearest(rows: Floats, means: Floats, on_step: OnStep, done: int) -> NDArray[np.int64]:
    """(n,) which mean each row is nearest to."""
    index = _flat(means)
    nearest = np.empty(len(rows), np.int64)
    size = rows_at_once(*means.shape)
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        nearest[part] = index.search(rows[part], 1)[1][:, 0]
        met = done * len(rows) + min(start + size, len(rows))
        on_step("training", met, _ROUNDS * len(rows))
    return nearest


def _flat(means: Floats) -> Any:
    import faiss

    index = faiss.IndexFlatIP(means.shape[1])
    index.add(means)
    return index


def _moved(rows: Floats, nearest: NDArray[np.int64], means: Floats) -> Floats:
    """Each mean where its rows are now; one without any takes half of the largest's."""
    sizes = np.bincount(nearest, minlength=len(means))
    order = np.argsort(nearest, kind="stable")
    starts = np.cumsum(sizes) - sizes
    held = np.flatnonzero(sizes)
    moved = means.copy()
    for number in held:  # one at a time: all rows in order would be as many again
        own = order[starts[number] : starts[number] + sizes[number]]
        moved[number] = rows[own].sum(axis=0)
    for number in np.flatnonzero(sizes == 0):
        largest = int(sizes.argmax())
        signs = np.where(np.arange(means.shape[1]) % 2, -_APART, _APART)
        moved[number], moved[largest] = moved[largest] * (1 + signs), moved[largest] * (1 - signs)
        sizes[number], sizes[largest] = sizes[largest] // 2, sizes[largest] - sizes[largest] // 2
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.where(lengths > 0, moved / np.maximum(lengths, 1e-12), means).astype(np.float32)
