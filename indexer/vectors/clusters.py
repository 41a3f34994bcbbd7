"""Clusters of stored vectors, of which only the nearest are compared with a row.

How many of them hold a row's true neighbours is counted on a sample, whose neighbours a scan finds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vitrail.indexer.vectors.exact import Floats, Ids

_SEED = 20261129
_TRAINED_ON = 32  # rows that a centroid is the mean of
_MARGIN = 0.003  # recall aimed at beyond the wish, because the measured one is a sample


@dataclass(frozen=True, slots=True)
class Clusters:
    """Centroids, and the rows of a target that are nearest to each.

    Attributes:
        centroids: (c, dim) float32 unit rows, near ones one after another.
        members: of each, its ascending (m,) int64 positions in the target.
    """

    centroids: Floats
    members: list[Ids]

    def __len__(self) -> int:
        return len(self.centroids)

    @property
    def sizes(self) -> Ids:
        """(c,) int64 numbers of members."""
        return np.array([len(members) for members in self.members], np.int64)

    def of(self, positions: Ids) -> Ids:
        """(m,) int64 cluster of each of some positions, which are all somewhere."""
        everywhere = np.concatenate(self.members)
        cluster = np.repeat(np.arange(len(self)), self.sizes)
        order = np.argsort(everywhere)
        found: Ids = cluster[order][np.searchsorted(everywhere[order], positions)]
        return found


def sample_size(count: int) -> int:
    """How many rows ``train`` wants to see for so many centroids."""
    return count * _TRAINED_ON


def train(sample: Floats, count: int) -> Floats:
    """(c, dim) float32 centroids, near ones one after another.

    Args:
        sample: (m, dim) float32 unit rows; see ``sample_size``.
        count: how many centroids, or as many as there are rows in the sample.
    """
    centroids = _means(sample, min(count, len(sample)))
    regions = _means(centroids, max(1, round(len(centroids) ** 0.5)))
    home = nearest_centroids(regions, centroids, 1)[:, 0]
    ordered: Floats = centroids[np.lexsort((-np.vecdot(centroids, regions[home]), home))]
    return ordered


def nearest_centroids(centroids: Floats, rows: Floats, count: int) -> Ids:
    """(m, count) int64 centroids nearest to each of (m, dim) rows, nearest first."""
    import faiss

    found: Ids = faiss.knn(
        np.ascontiguousarray(rows), centroids, count, metric=faiss.METRIC_INNER_PRODUCT
    )[1]
    return found


def gather_members(centroids: Floats, blocks: Iterable[tuple[Ids, Floats]]) -> Clusters:
    """Clusters of all rows of a target.

    Args:
        centroids: (c, dim) float32.
        blocks: ascending (m,) positions with their (m, dim) rows.
    """
    positions, homes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for some, rows in blocks:
        positions.append(some)
        homes.append(nearest_centroids(centroids, rows, 1)[:, 0])
    place, home = np.concatenate(positions), np.concatenate(homes)
    order = np.argsort(home, kind="stable")
    ends = np.cumsum(np.bincount(home, minlength=len(centroids)))[:-1]
    return Clusters(centroids, np.split(place[order], ends))


def ranks(clusters: Clusters, rows: Floats, which: Ids, positions: Ids) -> Ids:
    """(m,) int64 how many clusters are nearer to a row than that of a position, for m pairs.

    Args:
        clusters: of the target.
        rows: (n, dim) float32.
        which: (m,) rows of the pairs.
        positions: (m,) the target's.
    """
    near = rows @ clusters.centroids.T
    own = near[which, clusters.of(positions)]
    return np.array(
        [np.count_nonzero(near[row] > score) for row, score in zip(which, own, strict=True)],
        np.int64,
    )


def enough(ranks: Ids, recall: float) -> int:
    """The least number of nearest clusters in which that share of true neighbours lies.

    Args:
        ranks: (m,) of a sample's true neighbours; see ``ranks``.
        recall: from 0 to 1; somewhat more is aimed at.
    """
    if not len(ranks):
        return 1
    place = int(np.ceil(min(1.0, recall + _MARGIN) * len(ranks))) - 1
    return int(np.sort(ranks)[place]) + 1


def _means(rows: Floats, count: int) -> Floats:
    import faiss

    means: Any = faiss.Kmeans(
        rows.shape[1],
        count,
        niter=5,
        spherical=True,
        seed=_SEED,
        min_points_per_centroid=1,
        max_points_per_centroid=max(1, len(rows)),
    )
    means.train(np.ascontiguousarray(rows))
    centroids: Floats = means.centroids
    return centroids
