"""Rows turned at random, by which each of their numbers comes to be spread like the others.

A direction in which rows are spread widely, or a few numbers that are large, lies in all numbers
then. So a byte or two bits of each tell about as much, and what they are off by is normally
distributed. Cosines stay what they are.
"""

from __future__ import annotations

import numpy as np

from vitrail.indexer.vectors.exact import Floats

_LEAST_BLOCK = 96  # numbers of a row that are turned together, at least


def random_axes(dim: int, rng: np.random.Generator) -> Floats:
    """(b, dim / b, dim / b) float32 by which rows of ``dim`` numbers are turned.

    All of them by one would be four times as much to read for a query, and no better.
    """
    count = max(b for b in range(1, max(1, dim // _LEAST_BLOCK) + 1) if dim % b == 0)
    axes = np.linalg.qr(rng.standard_normal((count, dim // count, dim // count)))[0]
    return axes.astype(np.float32)


def turned(rows: Floats, axes: Floats) -> Floats:
    """(n, dim) rows turned block by block, in the order of the blocks.

    Args:
        rows: (n, dim) float32.
        axes: (b, dim / b, dim / b) float32; every b-th number of a row by the first, those
            that come after each by the next.
    """
    blocks, side, _ = axes.shape
    parts: Floats = rows.reshape(-1, side, blocks).transpose(2, 0, 1) @ axes
    return parts.transpose(1, 0, 2).reshape(len(rows), -1)
