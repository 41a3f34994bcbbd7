"""Groups of images that lie together, and those that lie by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError

if TYPE_CHECKING:
    from vitrail.search.maps.graph import Graph

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
ALONE = -1  # the cluster of those that are in none
LARGE = 20_000  # images, above which clusters are made by k-means
_ROUNDS, _TRIES = 25, 3  # of k-means
_SEED = 0
_SMALLEST = 0.1  # of a neighbourhood, beside the median
_NEARLY_ALL = 0.75  # share of the images in one cluster, which then says hardly anything
_MOST = 0.6  # share that is in clusters where there are some; of evenly spread images half is


@dataclass(frozen=True, slots=True)
class Clustering:
    """Which cluster each image is in.

    Attributes:
        members: (n,) int64: 0 is the largest cluster, then by size; ``ALONE`` for none.
        method: ``hdbscan`` or ``k-means``.
    """

    members: Ints
    method: str

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return int(self.members.max(initial=ALONE)) + 1


def by_density(places: Floats, fewest: int) -> Clustering:
    """Clustering as dense as they happen to be, and as many (HDBSCAN; Campello et al., 2013).

    Where one cluster would take in nearly all, because a few images lie far from all the others, it
    is parted into those that it is made of.

    Args:
        places: (n, d) float32 of few dimensions, such as a UMAP's.
        fewest: images of a cluster, at least 2.

    Raises:
        InputError: scikit-learn is not installed.
    """
    try:
        from sklearn.cluster import HDBSCAN
    except ImportError as error:
        raise InputError(
            "clusters by density need scikit-learn: run pip install 'vitrail[maps]', or say how "
            "many there shall be with --clusters N"
        ) from error
    if len(places) < 2 * fewest:
        return Clustering(np.full(len(places), ALONE, np.int64), "hdbscan")

    def found(most: int | None) -> Clustering:
        model = HDBSCAN(min_cluster_size=fewest, max_cluster_size=most, copy=True)
        labels = model.fit_predict(places.astype(np.float64))
        return Clustering(_by_size(np.asarray(labels, np.int64)), "hdbscan")

    whole = found(None)
    if np.count_nonzero(whole.members == 0) <= _NEARLY_ALL * len(places):
        return whole
    parted = found(len(places) // 2)
    told = np.count_nonzero(parted.members != ALONE) / len(places)
    return parted if parted.count > whole.count and told >= _MOST else whole


def by_means(rows: Floats, count: int) -> Clustering:
    """So many clusters round their means (spherical k-means, by FAISS).

    Args:
        rows: (n, dim) float32 unit rows.
        count: of clusters, from 1 to n; empty ones are left out.
    """
    import faiss

    rows = np.ascontiguousarray(rows)
    means = faiss.Kmeans(
        rows.shape[1],
        count,
        niter=_ROUNDS,
        spherical=True,
        seed=_SEED,
        nredo=_TRIES,
        init_method=faiss.ClusteringInitMethod_KMEANS_PLUS_PLUS,
        min_points_per_centroid=1,
        max_points_per_centroid=max(256, -(-len(rows) // count)),
    )
    means.train(rows)
    _, nearest = means.index.search(rows, 1)
    return Clustering(_by_size(nearest[:, 0].astype(np.int64)), "k-means")


def _by_size(labels: Ints) -> Ints:
    """The same clusters, numbered by falling size; what is in none stays so."""
    own, sizes = np.unique(labels[labels >= 0], return_counts=True)
    number = {int(label): i for i, label in enumerate(own[np.argsort(-sizes, kind="stable")])}
    return np.array([number.get(int(label), ALONE) for label in labels], np.int64)


def typical(rows: Floats, members: Ints, cluster: int, count: int) -> Ints:
    """The images nearest to a cluster's mean, the nearest first.

    Args:
        rows: (n, dim) float32 unit rows.
        members: (n,) clusters of them.
        cluster: which one, with at least one image.
        count: how many at most.

    Returns:
        (min(count, size),) int64 positions.
    """
    own = np.flatnonzero(members == cluster)
    scores = rows[own] @ rows[own].mean(axis=0)
    best: Ints = own[np.argsort(-scores, kind="stable")[:count]].astype(np.int64)
    return best


def loneliness(graph: Graph) -> NDArray[np.float32]:
    """How far each image is from those round it, beside how far these are from theirs.

    The local outlier factor (Breunig et al., 2000): about 1 within a cluster however dense it is,
    more for images that lie apart from all others. Images of which there are many copies have a
    density without bounds, beside which all round them would be alone: so no neighbourhood is
    taken to be smaller than a tenth of the usual one.

    Returns:
        (n,) float32, above 0.
    """
    near, far = graph.neighbours[:, 1:], graph.distances[:, 1:].astype(np.float64)
    reach = np.maximum(far, far[:, -1][near])  # no nearer than that one's own neighbourhood
    least = max(_SMALLEST * float(np.median(far[:, -1])), 1e-9)
    density = 1 / np.maximum(reach.mean(axis=1), least)
    factor: NDArray[np.float32] = (density[near].mean(axis=1) / density).astype(np.float32)
    return factor
