"""Vectors laid out in the plane, near ones near one another."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError

if TYPE_CHECKING:
    from vitrail.search.maps.graph import Graph

Floats = NDArray[np.float32]
FEWEST_UMAP = 16  # images; fewer have no neighbourhoods to keep
_SPREAD, _MIN_DIST = 1.0, 0.1  # as umap-learn has them
_BLOCK = 8192


def principal(rows: Floats, dims: int) -> Floats:
    """The directions in which rows differ most, and where each lies along them.

    Args:
        rows: (n, dim) float32, n at least 1.
        dims: how many directions; where the rows have fewer, the others are 0.

    Returns:
        (n, dims) float32, centred, the widest direction first. The sign of each is such that the
        largest part of it is positive, so that the same rows give the same map.
    """
    mean = rows.mean(axis=0, dtype=np.float64)
    moment = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK] - mean
        moment += block.T @ block
    _, vectors = np.linalg.eigh(moment)
    wide = vectors[:, ::-1][:, :dims]
    wide = wide * np.sign(wide[np.abs(wide).argmax(axis=0), np.arange(wide.shape[1])])
    placed = np.zeros((len(rows), dims), np.float32)
    placed[:, : wide.shape[1]] = (rows - mean.astype(np.float32)) @ wide.astype(np.float32)
    return placed


def umap(rows: Floats, graph: Graph, dims: int, *, min_dist: float = _MIN_DIST) -> Floats:
    """Uniform manifold approximation and projection (McInnes, Healy and Melville, 2018).

    Starts from the principal directions, so that the whole keeps its shape, and from a fixed seed.

    Args:
        rows: (n, dim) float32 unit rows, n at least ``FEWEST_UMAP``.
        graph: of their nearest neighbours.
        dims: of the layout.
        min_dist: how near to one another it may lay images; 0 to find clusters in it.

    Returns:
        (n, dims) float32.

    Raises:
        InputError: umap-learn is not installed.
    """
    try:
        import umap as learn
    except ImportError as error:
        raise InputError(
            "a UMAP needs umap-learn: run pip install 'vitrail[maps]', or ask for --layout pca"
        ) from error
    start = principal(rows, dims)
    start *= 10 / max(float(np.abs(start).max()), 1e-12)
    noise = np.random.default_rng(0).normal(scale=1e-4, size=start.shape)
    reducer = learn.UMAP(
        n_neighbors=graph.neighbours.shape[1],
        n_components=dims,
        min_dist=min_dist,
        spread=_SPREAD,
        metric="euclidean",
        init=(start + noise).astype(np.float32),
        random_state=0,
        n_jobs=1,
        precomputed_knn=(graph.neighbours, graph.distances, None),
        force_approximation_algorithm=True,  # by our graph, where it would compare all again
        transform_seed=0,
    )
    with warnings.catch_warnings():
        # that nothing can be laid out later by our graph, and that one seed is one thread
        warnings.simplefilter("ignore", UserWarning)
        laid: Floats = np.asarray(reducer.fit_transform(rows), np.float32)
    return laid


def to_square(places: Floats) -> Floats:
    """(n, 2) float32 places moved and scaled as a whole into the square from 0 to 1."""
    low, high = places.min(axis=0), places.max(axis=0)
    size = max(float((high - low).max()), 1e-12)
    middle = (low + high) / 2
    moved: Floats = ((places - middle) / size + 0.5).astype(np.float32)
    return moved
