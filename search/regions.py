"""Pure: a part of an image as the patches that lie in it, pooled as the whole is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.spaces import GEM_FLOOR, GEM_P, Pooling

Floats = NDArray[np.float32]
POOLED: tuple[Pooling, ...] = ("mean", "gem")
"""Poolings of patches; the class token is of no part of an image."""


def shares_inside(
    shape: tuple[int, int], grid: tuple[float, float, float, float], edges: tuple[int, ...]
) -> Floats:
    """Which share of each patch lies inside of a rectangle: (gh, gw) float32 from 0 to 1.

    Args:
        shape: (gh, gw), rows and columns of patches.
        grid: (left, top, right, bottom) of all of them, in pixels of the upright image.
        edges: likewise of the rectangle.
    """
    left, top, right, bottom = grid
    rows = _overlap(shape[0], (top, bottom), (edges[1], edges[3]))
    columns = _overlap(shape[1], (left, right), (edges[0], edges[2]))
    return np.outer(rows, columns).astype(np.float32)


def pool(tokens: Floats, inside: Floats, pooling: Pooling) -> Floats:
    """The (dim,) float32 unit row of (gh, gw, dim) patch tokens, each weighed by (gh, gw) shares.

    Of all patches, wholly inside, it is the row that the encoder makes of the image, but for
    rounding.

    Args:
        tokens: of the layer of the space.
        inside: not all 0.
        pooling: one of ``POOLED``.
    """
    weights = (inside / inside.sum(dtype=np.float64)).reshape(-1, 1)
    rows = tokens.reshape(-1, tokens.shape[-1]).astype(np.float64)
    if pooling == "gem":
        row = (weights * np.maximum(rows, GEM_FLOOR) ** GEM_P).sum(axis=0) ** (1 / GEM_P)
    else:
        row = (weights * rows).sum(axis=0)
    unit: Floats = (row / np.linalg.norm(row)).astype(np.float32)
    return unit


def _overlap(count: int, span: tuple[float, float], chosen: tuple[float, float]) -> Floats:
    """(count,) shares of equal parts of a span that lie within another one."""
    bounds = np.linspace(*span, count + 1)
    inside = np.minimum(bounds[1:], chosen[1]) - np.maximum(bounds[:-1], chosen[0])
    shares: Floats = np.clip(inside / np.diff(bounds), 0, 1).astype(np.float32)
    return shares
